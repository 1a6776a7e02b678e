/** The hashing thread: the same digests as in line, for many bodies at once, through its own ends. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { createHasher } from "../../src/adapters/embedded/hasher.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { Hasher } from "../../src/ports/hasher.ts";

async function digestOf(hasher: Hasher, body: Uint8Array, chunkBytes: number): Promise<string> {
  const hash = hasher.start();
  for (let at = 0; at < body.length; at += chunkBytes) await hash.update(body.subarray(at, at + chunkBytes));
  return hash.digest();
}

test("bodies of every size and cut, one after the other and at once", async (t) => {
  const hasher = createHasher(systemClock());
  t.after(() => hasher.close());
  const cases = [
    [0, 1],
    [1, 1],
    [262_144, 65_536],
    [262_145, 262_145],
    [1_000_000, 999],
    [5_000_000, 5_000_000],
    [4_000_001, 65_536],
  ].map(([bytes = 0, chunk = 1]) => ({ body: randomBytes(bytes), chunk }));
  const expected = cases.map(({ body }) => createHash("md5").update(body).digest("hex"));
  for (const [at, { body, chunk }] of cases.entries()) {
    assert.equal(await digestOf(hasher, body, chunk), expected[at], String(body.length));
  }
  assert.deepEqual(
    await Promise.all(cases.map(({ body, chunk }) => digestOf(hasher, body, chunk))),
    expected,
  );
});

test("one that is given up leaves the others alone; a chunk may be written over once it was handed in", async (t) => {
  const hasher = createHasher(systemClock());
  t.after(() => hasher.close());
  const left = hasher.start();
  await left.update(randomBytes(600_000));
  const kept = hasher.start();
  const chunk = Buffer.alloc(300_000, "a");
  await kept.update(chunk);
  chunk.fill("b");
  left.abandon();
  left.abandon();
  await kept.update(chunk);
  const whole = Buffer.concat([Buffer.alloc(300_000, "a"), Buffer.alloc(300_000, "b")]);
  assert.equal(await kept.digest(), createHash("md5").update(whole).digest("hex"));
});

test("the thread ends when nobody came for a while, and begins again; whoever it leaves behind is told", async (t) => {
  const clock = systemClock();
  const hasher = createHasher(clock);
  t.after(() => hasher.close());
  const body = randomBytes(10);
  const md5 = createHash("md5").update(body).digest("hex");
  assert.equal(await digestOf(hasher, body, 10), md5);
  clock.advance(60_000);
  assert.equal(await digestOf(hasher, body, 10), md5);
  const waiting = hasher.start();
  await hasher.close();
  assert.throws(() => waiting.update(body), /the hashing thread ended/);
  await assert.rejects(waiting.digest(), /the hashing thread ended/);
  assert.equal(await digestOf(hasher, body, 10), md5);
});
