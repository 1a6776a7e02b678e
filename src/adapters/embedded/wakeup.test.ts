import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import { createWakeup } from "./wakeup.ts";

const LONG_MS = 3_600_000;

test("a notification wakes all who wait for its topic, and nobody else", async () => {
  const clock = systemClock();
  const wakeup = createWakeup(clock);
  const woken: string[] = [];
  const a = wakeup.wait("a", LONG_MS).then(() => woken.push("a1"));
  const b = wakeup.wait("a", LONG_MS).then(() => woken.push("a2"));
  const other = new AbortController();
  const c = wakeup.wait("b", LONG_MS, other.signal).then(() => woken.push("b"));
  wakeup.notify("a");
  await Promise.all([a, b]);
  assert.deepEqual(woken, ["a1", "a2"]);
  other.abort();
  await c;
  assert.deepEqual(woken, ["a1", "a2", "b"]);
});

test("a wait ends by itself, and a waker may wait again at once", async () => {
  const clock = systemClock();
  const wakeup = createWakeup(clock);
  const waiting = wakeup.wait("a", LONG_MS);
  clock.advance(LONG_MS);
  await waiting;
  const again = wakeup.wait("a", LONG_MS).then(() => wakeup.wait("a", LONG_MS));
  wakeup.notify("a");
  await Promise.resolve();
  await new Promise(setImmediate);
  wakeup.notify("a");
  await again;
});
