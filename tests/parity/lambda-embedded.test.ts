import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  createBlobStore,
  createCodeCache,
  inspectZip,
  openDatabase,
  openSecrets,
} from "../../src/adapters/embedded/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { lambdaMigrations } from "../../src/lambda/control/control.ts";
import type { Database } from "../../src/ports/database.ts";
import { lambdaApi, saw } from "./lambda-client.ts";
import { ARN, ROLE, zip } from "./lambda-fixture.ts";

const open = (path: string): Promise<Database> =>
  openDatabase({
    path,
    synchronous: "full",
    migrations: lambdaMigrations,
    log: silentLogger,
    clock: systemClock(),
  });

/** Every port as one machine has it, in one folder. */
async function machine(
  folder: string,
): Promise<NonNullable<Parameters<typeof lambdaApi>[0]> & { database: Database }> {
  const blobs = await createBlobStore({ folder: join(folder, "blobs") });
  return {
    database: await open(join(folder, "state.db")),
    secrets: await openSecrets({ keyFile: join(folder, "master.key") }),
    blobs,
    codeCache: await createCodeCache({ blobs, folder: join(folder, "code") }),
    inspectZip,
  };
}

/** Everything GetFunction and its neighbours tell of a function, to compare before and after. */
async function portrait(api: ReturnType<typeof lambdaApi>): Promise<object> {
  const f = { FunctionName: "f" };
  return {
    function: { ...(await api.call("GetFunction", f)), Code: undefined },
    versions: await api.call("ListVersionsByFunction", f),
    aliases: await api.call("ListAliases", f),
    policy: await api.call("GetPolicy", f),
    aliasPolicy: await api.call("GetPolicy", { ...f, Qualifier: "live" }),
    tags: await api.call("ListTags", { Resource: `${ARN}:f` }),
    configs: await api.call("ListFunctionEventInvokeConfigs", f),
    recursion: await api.call("GetFunctionRecursionConfig", f),
    account: await api.call("GetAccountSettings", {}),
  };
}

test("on the embedded database everything of a function is there again after a restart, and gone after a delete", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lambent-control-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const first = await machine(folder);
  const api = lambdaApi(first);
  await api.call("CreateFunction", {
    FunctionName: "f",
    Runtime: "python3.12",
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
    Environment: { Variables: { SECRET: "hush" } },
    Tags: { a: "1", b: "2" },
    Publish: true,
  });
  await api.settled("f");
  await api.call("UpdateFunctionConfiguration", { FunctionName: "f", Timeout: 9 });
  await api.settled("f");
  await api.call("PublishVersion", { FunctionName: "f" });
  const permission = { FunctionName: "f", Action: "lambda:InvokeFunction", Principal: "s3.amazonaws.com" };
  await api.call("CreateAlias", { FunctionName: "f", Name: "live", FunctionVersion: "1" });
  await api.call("AddPermission", { ...permission, StatementId: "s1" });
  await api.call("AddPermission", { ...permission, StatementId: "s1", Qualifier: "live" });
  await api.call("PutFunctionConcurrency", { FunctionName: "f", ReservedConcurrentExecutions: 7 });
  await api.call("PutFunctionRecursionConfig", { FunctionName: "f", RecursiveLoop: "Allow" });
  await api.call("PutFunctionEventInvokeConfig", { FunctionName: "f", MaximumRetryAttempts: 0 });
  await api.call("UntagResource", { Resource: `${ARN}:f`, TagKeys: ["b"] });
  const before = await portrait(api);
  await api.control.close();
  await first.database.close();

  const second = await machine(folder);
  const again = lambdaApi(second);
  await again.control.start();
  assert.deepEqual(await portrait(again), before);
  assert.deepEqual(await again.call("GetFunctionRecursionConfig", { FunctionName: "f" }), {
    RecursiveLoop: "Allow",
  });
  const made = [
    ...["CreateFunction", "CreateAlias", "PublishVersion", "AddPermission", "PutFunctionConcurrency"],
    ...["PutFunctionEventInvokeConfig", "UntagResource", "UpdateFunctionConfiguration"],
    "PutFunctionRecursionConfig",
  ];
  for (const operation of made) saw(operation, "persistence");

  const f = { FunctionName: "f" };
  await again.call("UpdateFunctionCode", { ...f, ZipFile: await zip("changed") });
  await again.settled("f");
  await again.call("TagResource", { Resource: `${ARN}:f`, Tags: { c: "3" } });
  await again.call("UpdateAlias", { ...f, Name: "live", FunctionVersion: "2" });
  await again.call("CreateAlias", { ...f, Name: "short", FunctionVersion: "2" });
  await again.call("DeleteAlias", { ...f, Name: "short" });
  await again.call("AddPermission", { ...permission, StatementId: "s2" });
  await again.call("RemovePermission", { ...f, StatementId: "s1" });
  await again.call("UpdateFunctionEventInvokeConfig", { ...f, MaximumEventAgeInSeconds: 60 });
  await again.call("PutFunctionEventInvokeConfig", { ...f, Qualifier: "live", MaximumRetryAttempts: 1 });
  await again.call("DeleteFunctionEventInvokeConfig", { ...f, Qualifier: "live" });
  await again.call("DeleteFunctionConcurrency", f);
  const changed = await portrait(again);
  assert.notDeepEqual(changed, before);
  await again.control.close();
  await second.database.close();

  const third = await machine(folder);
  const last = lambdaApi(third);
  assert.deepEqual(await portrait(last), changed);
  const altered = [
    ...["UpdateFunctionCode", "TagResource", "UpdateAlias", "DeleteAlias", "RemovePermission"],
    ...["UpdateFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig", "DeleteFunctionConcurrency"],
  ];
  for (const operation of altered) saw(operation, "persistence");
  await last.call("DeleteFunction", { FunctionName: "f" });
  assert.deepEqual((await last.call("GetAccountSettings", {})).AccountUsage, {
    TotalCodeSize: 0,
    FunctionCount: 0,
  });
  for (const table of ["versions", "aliases", "policies", "event_invoke_configs", "tags"]) {
    assert.deepEqual(await third.database.read(`SELECT * FROM lambda_${table}`), [], table);
  }
  saw("DeleteFunction", "persistence");
  await last.control.close();
  await third.database.close();
});

test("on the embedded database a name can be taken once, by whoever comes first", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lambent-control-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ports = await machine(folder);
  t.after(() => ports.database.close());
  const api = lambdaApi(ports);
  const input = {
    FunctionName: "f",
    Runtime: "python3.12" as const,
    Handler: "index.handler",
    Role: ROLE,
    Code: { ZipFile: await zip() },
  };
  const results = await Promise.allSettled([1, 2, 3].map(() => api.call("CreateFunction", input)));
  assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
  for (const result of results) {
    if (result.status === "rejected") assert.match(String(result.reason), /Function already exist: f$/);
  }
  await api.settled("f");
  await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      api.call("TagResource", { Resource: `${ARN}:f`, Tags: { [`k${i}`]: "v" } }),
    ),
  );
  const { Tags = {} } = await api.call("ListTags", { Resource: `${ARN}:f` });
  assert.equal(Object.keys(Tags).length, 30);
  await api.control.close();
});

test("what is no archive is refused before anything is stored", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lambent-control-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const ports = await machine(folder);
  t.after(() => ports.database.close());
  const api = lambdaApi(ports);
  const whole = Buffer.from(await zip());
  for (const bytes of [Buffer.from("this is no zip"), whole.subarray(0, whole.length - 10)]) {
    const refusal = await api.refused("CreateFunction", {
      FunctionName: "f",
      Runtime: "python3.12",
      Handler: "index.handler",
      Role: ROLE,
      Code: { ZipFile: bytes },
    });
    assert.deepEqual(
      [refusal.code, refusal.message],
      [
        "InvalidParameterValueException",
        "Could not unzip uploaded file. Please check your file, then try to upload again.",
      ],
    );
  }
  assert.equal((await api.call("GetAccountSettings", {})).AccountUsage?.FunctionCount, 0);
  await api.control.close();
});
