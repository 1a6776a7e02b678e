/** Code archives live as long as a version needs them, and not much longer; never shorter. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type FakeClock, fakeClock } from "../../src/testing/fake-clock.ts";
import { zip } from "../../src/testing/zip.ts";
import { type Bench, bench, memoryBlobs, ROLE, SCOPE } from "./lambda-fixture.ts";

const MINUTE_MS = 60_000;
const archive = (text: string): Uint8Array => zip({ "index.py": text });
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

interface Swept extends Bench {
  readonly clock: FakeClock;
  create(functionName: string, code: Uint8Array, publish?: boolean): Promise<void>;
  update(functionName: string, code: Uint8Array): Promise<void>;
}

async function swept(over: Parameters<typeof bench>[0] = {}): Promise<Swept> {
  const clock = fakeClock();
  const made = bench({ clock, ...over });
  const { functions } = made.control;
  await made.control.start();
  return {
    ...made,
    clock,
    async create(functionName, zipFile, publish = false) {
      await functions.create(SCOPE, {
        functionName,
        runtime: "python3.12",
        handler: "index.handler",
        role: ROLE,
        zipFile,
        publish,
      });
      await made.control.whenSettled(SCOPE, functionName);
    },
    async update(functionName, zipFile) {
      await functions.updateCode(SCOPE, { functionName, zipFile });
      await made.control.whenSettled(SCOPE, functionName);
    },
  };
}

/** Lets the event loop turn until the condition holds, some turns at most: the sweep works in the background. */
async function turns(until: () => boolean): Promise<void> {
  for (let turn = 0; turn < 50 && !until(); turn++) await new Promise((resolve) => setImmediate(resolve));
}

test("an archive goes 20 minutes after its last version, not before", async () => {
  const { blobs, clock, control, create } = await swept();
  const shared = archive("shared");
  await create("f", shared);
  await create("g", shared);
  await control.functions.delete(SCOPE, "f");
  await clock.advanceAsync(30 * MINUTE_MS);
  assert.ok(blobs.held.has(sha256(shared)), "g still runs it");
  await control.functions.delete(SCOPE, "g");
  await clock.advanceAsync(19 * MINUTE_MS);
  assert.ok(blobs.held.has(sha256(shared)), "an invocation of g may still run");
  await clock.advanceAsync(2 * MINUTE_MS);
  assert.equal(blobs.held.size, 0);
});

test("new code of $LATEST frees the old, unless a published version keeps it", async () => {
  const { blobs, clock, control, create, update } = await swept();
  const [one, two, three] = [archive("one"), archive("two"), archive("three")];
  await create("f", one, true);
  await update("f", two);
  await update("f", three);
  await clock.advanceAsync(30 * MINUTE_MS);
  assert.deepEqual([...blobs.held.keys()].toSorted(), [sha256(one), sha256(three)].toSorted());
  await control.functions.delete(SCOPE, "f", "1");
  await clock.advanceAsync(30 * MINUTE_MS);
  assert.deepEqual([...blobs.held.keys()], [sha256(three)]);
});

test("code of a function that could not be made is nobody's", async () => {
  const { blobs, clock, control, create } = await swept();
  await create("f", archive("first"));
  const twice = { functionName: "f", runtime: "python3.12", handler: "i.h", role: ROLE };
  await assert.rejects(control.functions.create(SCOPE, { ...twice, zipFile: archive("second") }));
  const racing = ["third", "fourth"].map((text) =>
    control.functions.create(SCOPE, { ...twice, functionName: "r", zipFile: archive(text) }),
  );
  const results = await Promise.allSettled(racing);
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  await control.whenSettled(SCOPE, "r");
  await clock.advanceAsync(30 * MINUTE_MS);
  assert.equal(blobs.held.size, 2, "one of f, one of r");
});

test("what an earlier process left behind goes at the next start, what rows name stays", async () => {
  const first = await swept();
  await first.create("f", archive("kept"));
  await first.blobs.put(archive("stored, then the process was killed"));
  await first.control.functions.delete(SCOPE, "none").catch(() => undefined);
  await first.control.close();
  const next = bench({ ...first.deps, blobs: first.blobs });
  await next.control.start();
  await turns(() => first.blobs.held.size === 1);
  await next.control.close();
  assert.deepEqual([...first.blobs.held.keys()], [sha256(archive("kept"))]);
});

test("code is never deleted under a function that is being made of it", async () => {
  // The store is slow where it counts: between the question to the rows and the deletion, and while putting.
  const slow = memoryBlobs();
  const steps: string[] = [];
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => (letGo = resolve));
  const blobs = {
    ...slow,
    async delete(blob: string) {
      steps.push("deleting");
      await gate;
      await slow.delete(blob);
      steps.push("deleted");
    },
    async put(body: Uint8Array | AsyncIterable<Uint8Array>) {
      steps.push("put");
      return slow.put(body);
    },
  };
  const { clock, control, create } = await swept({ blobs });
  const code = archive("comes and goes");
  await create("f", code);
  await control.functions.delete(SCOPE, "f");
  await clock.advanceAsync(21 * MINUTE_MS);
  assert.deepEqual(steps, ["put", "deleting"]);
  const again = create("g", code);
  await turns(() => steps.length > 2);
  assert.deepEqual(steps, ["put", "deleting"], "the new holder waits for the deletion");
  letGo();
  await again;
  assert.deepEqual(steps, ["put", "deleting", "deleted", "put"]);
  await clock.advanceAsync(60 * MINUTE_MS);
  assert.ok(slow.held.has(sha256(code)), "g's code is there");
});

test("a store that fails to delete is tried again at the next start, and nothing else suffers", async () => {
  const failing = memoryBlobs();
  let broken = true;
  const blobs = {
    ...failing,
    delete: (blob: string) => (broken ? Promise.reject(new Error("EIO")) : failing.delete(blob)),
  };
  const { clock, control, create, deps } = await swept({ blobs });
  await create("f", archive("stuck"));
  await control.functions.delete(SCOPE, "f");
  await clock.advanceAsync(30 * MINUTE_MS);
  assert.equal(failing.held.size, 1);
  await create("f", archive("stuck"));
  await control.functions.delete(SCOPE, "f");
  await control.close();
  broken = false;
  const next = bench(deps);
  await next.control.start();
  await turns(() => failing.held.size === 0);
  await next.control.close();
  assert.equal(failing.held.size, 0);
});
