import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../../src/kernel/log.ts";
import type { FunctionVersion } from "../../src/lambda/model/function.ts";
import type { FunctionControl } from "../../src/lambda/control/control.ts";
import { createFunctionControl } from "../../src/lambda/control/control.ts";
import type { SqlValue } from "../../src/ports/database.ts";
import { ARN, bench, memoryCodeCache, memoryDatabase, ROLE, SCOPE, zip } from "./lambda-fixture.ts";

const base = { functionName: "f", runtime: "python3.12", handler: "index.handler", role: ROLE };

async function create(control: FunctionControl, over: object = {}): Promise<FunctionVersion> {
  return control.functions.create(SCOPE, { ...base, zipFile: await zip(), ...over });
}

/** Waits for the state to have moved, as a waiter of the SDK would. */
async function active(control: FunctionControl, name = "f", qualifier?: string): Promise<FunctionVersion> {
  await control.whenSettled(SCOPE, name);
  const { version } = await control.functions.get(SCOPE, name, qualifier);
  assert.deepEqual([version.state, version.lastUpdateStatus], ["Active", "Successful"]);
  return version;
}

test("create answers Pending, then the function becomes Active with a new RevisionId", async () => {
  const { control, codeCache } = bench();
  const release = codeCache.hold();
  const created = await create(control);
  assert.equal(created.state, "Pending");
  assert.equal(created.stateReason, "The function is being created.");
  assert.equal(created.stateReasonCode, "Creating");
  release();
  const now = await active(control);
  assert.notEqual(now.revisionId, created.revisionId);
  assert.equal(now.environmentId, created.environmentId);
  assert.equal(now.stateReason, undefined);
});

test("an invocation right after create waits for the code, and one of a broken function conflicts", async () => {
  const { control, codeCache } = bench();
  const release = codeCache.hold();
  await create(control);
  const resolving = control.resolver.resolve(SCOPE, "f", undefined, 0);
  release();
  const resolved = await resolving;
  assert.equal(resolved.version.version, "$LATEST");
  assert.equal(resolved.invokedFunctionArn, `${ARN}:f`);
  await active(control);

  codeCache.failWith = new Error("disk broken");
  await create(control, { functionName: "broken", zipFile: await zip("other") });
  await assert.rejects(async () => control.resolver.resolve(SCOPE, "broken", undefined, 0));
  await control.close();
  await assert.rejects(
    async () => control.resolver.resolve(SCOPE, "broken", undefined, 0),
    /currently in the following state: Failed/,
  );
});

test("a resolved function is answered synchronously the next time, and anew after a change", async () => {
  const { control } = bench();
  await create(control);
  await active(control);
  await control.resolver.resolve(SCOPE, "f", undefined, 0);
  const hit = control.resolver.resolve(SCOPE, "f", undefined, 0);
  assert.ok(!(hit instanceof Promise));
  const retired: string[] = [];
  control.onChange((change) => retired.push(...change.retiredEnvironmentIds));
  await control.functions.updateConfiguration(SCOPE, { functionName: "f", memoryMb: 256 });
  const fresh = await control.resolver.resolve(SCOPE, "f", undefined, 0);
  assert.equal(fresh.version.memoryMb, 256);
  assert.notEqual(fresh.version.environmentId, hit.version.environmentId);
  assert.deepEqual(retired, [hit.version.environmentId]);
});

test("what environments are not made of keeps them", async () => {
  const { control } = bench();
  await create(control);
  const before = await active(control);
  await control.functions.updateConfiguration(SCOPE, { functionName: "f", description: "new words" });
  await control.tags.tag(SCOPE, `${ARN}:f`, { a: "b" });
  assert.equal((await active(control)).environmentId, before.environmentId);
});

test("everything survives a restart, and a state left half-way is completed", async () => {
  const first = bench();
  first.codeCache.hold();
  await create(first.control, { environment: { SECRET: "hush" }, tags: { a: "1" }, publish: true });
  const codeCache = memoryCodeCache();
  const second = createFunctionControl({ ...first.deps, codeCache });
  const before = await second.functions.get(SCOPE, "f");
  assert.equal(before.version.state, "Pending");
  assert.deepEqual(before.version.environment, { SECRET: "hush" });
  assert.deepEqual([...before.tags], [["a", "1"]]);
  await second.start();
  await active(second);
  await active(second, "f", "1");
});

test("environment variables do not lie in the database in the clear", async () => {
  const { control, deps } = bench();
  await create(control, { environment: { PASSWORD: "correct horse" } });
  const rows = await deps.database.read("SELECT * FROM lambda_versions");
  assert.equal(rows.length, 1);
  assert.ok(!JSON.stringify(rows).includes("correct horse"));
  const sealed = (rows[0] as Record<string, unknown>)["sealed_environment"] as Uint8Array;
  assert.ok(!Buffer.from(sealed).includes("correct horse"));
});

test("two updates at once: one wins, the other is told that an update is in progress", async () => {
  const { control } = bench({ inProgressMs: 50 });
  await create(control);
  await active(control);
  const results = await Promise.allSettled([
    control.functions.updateConfiguration(SCOPE, { functionName: "f", memoryMb: 256 }),
    control.functions.updateConfiguration(SCOPE, { functionName: "f", memoryMb: 512 }),
  ]);
  const refused = results.find((result) => result.status === "rejected");
  assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
  assert.match(
    String(refused?.reason),
    /The operation cannot be performed at this time\. An update is in progress for resource: arn:aws:lambda:us-east-1:111111111111:function:f$/,
  );
  assert.equal((await active(control)).memoryMb, 256);
});

test("concurrent changes of one function are all kept", async () => {
  const { control } = bench();
  await create(control);
  await active(control);
  await Promise.all(
    Array.from({ length: 40 }, (_, i) => control.tags.tag(SCOPE, `${ARN}:f`, { [`k${i}`]: "v" })),
  );
  assert.equal((await control.tags.list(SCOPE, `${ARN}:f`)).size, 40);
});

test("weighted aliases roll, and every qualifier knows its own ARN", async () => {
  const { control } = bench();
  await create(control, { publish: true });
  await active(control, "f", "1");
  await control.functions.updateConfiguration(SCOPE, { functionName: "f", memoryMb: 256 });
  await active(control);
  await control.versions.publish(SCOPE, { functionName: "f" });
  await control.aliases.create(SCOPE, {
    functionName: "f",
    name: "live",
    functionVersion: "1",
    weights: { "2": 0.25 },
  });
  const at = async (roll: number): Promise<string> =>
    (await control.resolver.resolve(SCOPE, "f", "live", roll)).version.version;
  assert.deepEqual([await at(0), await at(0.24), await at(0.25), await at(0.99)], ["2", "2", "1", "1"]);
  const live = await control.resolver.resolve(SCOPE, "f", "live", 0);
  assert.equal(live.invokedFunctionArn, `${ARN}:f:live`);
  assert.equal(live.alias, "live");
  const latest = await control.resolver.resolve(SCOPE, "f", "$LATEST", 0);
  assert.equal(latest.invokedFunctionArn, `${ARN}:f:$LATEST`);
  await assert.rejects(async () => control.resolver.resolve(SCOPE, "f", "gone", 0), {
    message: `Function not found: ${ARN}:f:gone`,
  });
  await assert.rejects(async () => control.resolver.resolve(SCOPE, "none", undefined, 0), {
    message: `Function not found: ${ARN}:none:$LATEST`,
  });
});

test("a reservation is seen by every function of the account and region", async () => {
  const { control } = bench();
  await create(control);
  await create(control, { functionName: "g" });
  await control.resolver.resolve(SCOPE, "g", undefined, 0);
  await control.concurrency.put(SCOPE, "f", 300);
  assert.equal((await control.resolver.resolve(SCOPE, "g", undefined, 0)).unreservedConcurrency, 700);
  assert.equal((await control.resolver.resolve(SCOPE, "f", undefined, 0)).reservedConcurrency, 300);
  const sentence =
    "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
  await assert.rejects(control.concurrency.put(SCOPE, "g", 601), { message: sentence });
  await control.concurrency.put(SCOPE, "g", 600);
  await control.concurrency.put(SCOPE, "f", 0);
  await control.functions.delete(SCOPE, "g");
  assert.equal((await control.accountSettings(SCOPE)).unreservedConcurrency, 1000);
});

test("code size is summed over every version", async () => {
  const { control } = bench();
  const size = (await zip()).byteLength;
  await create(control);
  const { quotas: _quotas, ...usage } = await control.accountSettings(SCOPE);
  assert.deepEqual(usage, { functionCount: 1, totalCodeBytes: size, unreservedConcurrency: 1000 });
  await active(control);
  await control.functions.updateCode(SCOPE, { functionName: "f", zipFile: await zip(), publish: true });
  assert.equal((await control.accountSettings(SCOPE)).totalCodeBytes, 2 * size);
  await active(control);
  await control.functions.delete(SCOPE, "f");
  assert.equal((await control.accountSettings(SCOPE)).totalCodeBytes, 0);
});

test("a code link downloads the archive until it expires, and cannot be forged", async () => {
  const { control, deps } = bench();
  const archive = await zip();
  const { code } = await create(control);
  const link = control.codeDownloads.location("http://127.0.0.1:4566", code.blob);
  const path = new URL(link).pathname;
  const download = await control.codeDownloads.handle(path);
  assert.ok(download !== undefined);
  const chunks: Uint8Array[] = [];
  for await (const chunk of download.stream) chunks.push(chunk);
  assert.deepEqual(Buffer.concat(chunks), Buffer.from(archive));
  const forged = path.replace(/-(\d+)-/, (_, at: string) => `-${Number(at) + 1}-`);
  assert.equal(await control.codeDownloads.handle(forged), undefined);
  (deps.clock as unknown as { advance(ms: number): void }).advance(11 * 60 * 1000);
  assert.equal(await control.codeDownloads.handle(path), undefined);
});

test("lists page by name, and through all versions of all functions", async () => {
  const { control } = bench();
  for (let i = 0; i < 7; i++) await create(control, { functionName: `f${i}`, publish: i % 2 === 0 });
  const collect = async (all: boolean): Promise<string[]> => {
    const seen: string[] = [];
    let marker: string | undefined;
    do {
      const page = await control.functions.list(SCOPE, all, marker, 2);
      assert.ok(page.items.length <= 2);
      seen.push(...page.items.map((version) => `${version.name}:${version.version}`));
      marker = page.nextMarker;
    } while (marker !== undefined);
    return seen;
  };
  assert.deepEqual(
    await collect(false),
    Array.from({ length: 7 }, (_, i) => `f${i}:$LATEST`),
  );
  assert.equal((await collect(true)).length, 11);
  assert.equal(new Set(await collect(true)).size, 11);
});

test("a function made again under its name while the old one was being settled becomes Active too", async () => {
  const { control, codeCache } = bench();
  for (let round = 0; round < 5; round++) {
    const release = codeCache.hold();
    await create(control);
    await control.functions.delete(SCOPE, "f");
    const again = create(control, { zipFile: await zip(`round ${round}`) });
    release();
    await again;
    await active(control);
    await control.functions.delete(SCOPE, "f");
  }
});

test("the other architecture: interpreted code is taken with a warning, machine code and strict mode refuse", async () => {
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
  const arm = { architecture: "arm64" as const };
  const { control } = bench({ log });
  assert.equal((await create(control, arm)).architecture, "arm64");
  assert.equal(warnings.length, 1);
  await assert.rejects(create(control, { ...arm, functionName: "g", runtime: "provided.al2023" }), {
    name: "InvalidParameterValueException",
  });
  const strict = bench({ strictArchitectures: true });
  await assert.rejects(create(strict.control, arm), /strict mode/);
});

test("sums that were read while a reservation was made are not kept", async () => {
  const database = memoryDatabase();
  const slow = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  let isSlow = false;
  const { control } = bench({
    database: {
      ...database,
      async read<R extends object>(sql: string, params?: readonly SqlValue[]) {
        const rows = await database.read<R>(sql, params);
        if (isSlow && sql.includes("lambda_accounts")) {
          isSlow = false;
          asked.resolve();
          await slow.promise;
        }
        return rows;
      },
    },
  });
  await create(control);
  isSlow = true;
  const before = control.accountSettings(SCOPE);
  await asked.promise;
  await control.concurrency.put(SCOPE, "f", 100);
  slow.resolve();
  await before;
  assert.equal((await control.accountSettings(SCOPE)).unreservedConcurrency, 900);
});

test("a list goes on behind an item that was deleted since its page was told", async () => {
  const { control } = bench();
  await create(control);
  await active(control);
  for (let number = 1; number <= 12; number += 1) {
    await control.functions.updateConfiguration(SCOPE, { functionName: "f", description: String(number) });
    await active(control);
    await control.versions.publish(SCOPE, { functionName: "f" });
  }
  const first = await control.versions.list(SCOPE, "f", undefined, 10);
  const all = await control.functions.list(SCOPE, true, undefined, 10);
  assert.equal(all.items.at(-1)?.version, "9");
  assert.equal(first.items.at(-1)?.version, "9");
  await control.functions.delete(SCOPE, "f", "9");
  const second = await control.versions.list(SCOPE, "f", first.nextMarker, 10);
  assert.deepEqual(
    second.items.map(({ version }) => version),
    ["10", "11", "12"],
  );
  assert.equal(second.nextMarker, undefined);
  const rest = await control.functions.list(SCOPE, true, all.nextMarker, 10);
  assert.deepEqual(
    rest.items.map(({ version }) => version),
    ["10", "11", "12"],
  );
});
