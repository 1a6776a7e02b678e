/** A clock that was moved stays moved: over kill -9, until everything that it dated is deleted. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { join } from "node:path";
import { ROOT, run, until, type Ran } from "./server.ts";
import { idsOf, openStreams, SHOW, type Streams } from "./streams-fixture.ts";

const DAY_MS = 86_400_000;

let streams: Streams;
before(async () => {
  streams = await openStreams();
});
after(async () => streams?.[Symbol.asyncDispose]());

async function lambent(...args: readonly string[]): Promise<Ran> {
  const { dataDir } = streams.server;
  const ran = await run(process.execPath, [join(ROOT, "bin/lambent.js"), ...args, "--data-dir", dataDir]);
  assert.equal(ran.code, 0, ran.stderr);
  return ran;
}

async function clock(...args: readonly string[]): Promise<{ nowMs: number; offsetMs: number }> {
  const { stdout } = await lambent("clock", ...args, "--json");
  return JSON.parse(stdout) as { nowMs: number; offsetMs: number };
}

test("time does not step back over kill -9, and what began at the end of a stream misses nothing", async () => {
  const moved = await clock("advance", "3d");
  assert.equal(moved.offsetMs, 3 * DAY_MS);
  await streams.api.create("latest", { "app.py": SHOW });
  const stream = await streams.table("latest");
  await streams.map("latest", stream, { StartingPosition: "LATEST" });
  const before = await clock("advance", "1h");

  await streams.crash();

  const after = await clock();
  assert.equal(after.offsetMs, 3 * DAY_MS + 3_600_000);
  assert.ok(after.nowMs >= before.nowMs);
  await until("the banner is there", () => streams.server.output().includes("Clock"));
  assert.match(
    streams.server.output(),
    /Clock +3 d ahead of the machine; back with all data deleted: (npx )?lambent reset/,
  );
  assert.match((await lambent("status")).stdout, /clock 3 d ahead/);
  assert.match((await lambent("doctor")).stdout, /clock +73\.0 h ahead/);
  await streams.put("latest", "since");
  await until("the function saw it", async () =>
    (await streams.events("latest")).flatMap(idsOf).includes("since"),
  );
});

test("with the data goes the time", async () => {
  await lambent("reset", "--yes");
  assert.equal((await clock()).offsetMs, 0);
  assert.doesNotMatch((await lambent("status")).stdout, /ahead/);
  await streams.crash();
  assert.equal((await clock()).offsetMs, 0);
});
