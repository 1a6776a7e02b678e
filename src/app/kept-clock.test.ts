import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openClock } from "./kept-clock.ts";

const DAY_MS = 86_400_000;

function folder(t: TestContext): { path: string; file(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), "lambent-clock-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return { path, file: (name) => join(path, name) };
}

test("what was advanced is there again at the next start, and adds up", async (t) => {
  const dataDir = folder(t);
  const first = await openClock(dataDir);
  assert.equal(first.clock.offsetMs, 0);
  assert.deepEqual(readdirSync(dataDir.path), [], "a clock that was never moved leaves nothing behind");
  await Promise.all([first.advance(DAY_MS), first.advance(1), first.advance(2 * DAY_MS)]);
  assert.equal(first.clock.offsetMs, 3 * DAY_MS + 1);
  const shown = first.clock.now();
  const second = await openClock(dataDir);
  assert.equal(second.clock.offsetMs, 3 * DAY_MS + 1);
  assert.ok(second.clock.now() >= shown);
});

test("the file holds the new time before the clock shows it", async (t) => {
  const dataDir = folder(t);
  const kept = await openClock(dataDir);
  let atWake: unknown;
  kept.clock.timer(DAY_MS, () => (atWake = JSON.parse(readFileSync(dataDir.file("clock.json"), "utf8"))));
  const woken = kept.clock.sleep(DAY_MS);
  await kept.advance(DAY_MS);
  await woken;
  assert.deepEqual(atWake, { offsetMs: DAY_MS });
});

test("a reset gives the machine's time back, and whoever waits goes on waiting", async (t) => {
  const dataDir = folder(t);
  const kept = await openClock(dataDir);
  await kept.advance(DAY_MS);
  let early = false;
  const waiting = kept.clock.timer(DAY_MS, () => (early = true));
  const soon = kept.clock.sleep(20);
  await kept.reset();
  await soon;
  assert.equal(kept.clock.offsetMs, 0);
  assert.equal(early, false);
  waiting.cancel();
  assert.equal((await openClock(dataDir)).clock.offsetMs, 0);
});

test("the clock stays within what can be written and scheduled", async (t) => {
  const dataDir = folder(t);
  const kept = await openClock(dataDir);
  await assert.rejects(kept.advance(Number.MAX_SAFE_INTEGER), {
    status: 400,
    message: "The clock does not go beyond the year 2199.",
  });
  await kept.advance(5);
  assert.equal(kept.clock.offsetMs, 5, "a refusal stands in nobody's way");
});

test("a file that cannot be understood is told, instead of letting time step back", async (t) => {
  const dataDir = folder(t);
  for (const text of ["", "{", "null", '{"offsetMs":-1}', '{"offsetMs":"3"}']) {
    writeFileSync(dataDir.file("clock.json"), text);
    await assert.rejects(openClock(dataDir), /clock\.json does not say how far/, text);
  }
});
