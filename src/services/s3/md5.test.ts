import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { systemClock } from "../../kernel/clock.ts";
import { createMd5s } from "./md5.ts";

const MB = 1024 * 1024;

test("bodies hashed beside each other, in the thread and here; one is given up", async () => {
  const md5s = createMd5s(systemClock());
  try {
    const bodies = [0, 10, MB - 1, MB, 5 * MB, 9 * MB].map((size) => randomBytes(size));
    const hashed = bodies.map(async (body) => {
      const md5 = md5s.start(body.length);
      for (let at = 0; at < body.length; at += 65_536) await md5.update(body.subarray(at, at + 65_536));
      return md5.digest();
    });
    const dropped = md5s.start(2 * MB);
    await dropped.update(randomBytes(1000));
    dropped.drop();
    await assert.rejects(Promise.resolve(dropped.digest()), /given up/u);
    assert.deepEqual(
      await Promise.all(hashed),
      bodies.map((body) => createHash("md5").update(body).digest("hex")),
    );
  } finally {
    await md5s.close();
  }
});

test("a thread that has gone is told, and the next body gets another", async () => {
  const md5s = createMd5s(systemClock());
  try {
    const first = md5s.start(MB);
    await md5s.close();
    await assert.rejects(Promise.resolve(first.digest()));
    const second = md5s.start(MB);
    await second.update(Buffer.from("x"));
    assert.equal(await second.digest(), createHash("md5").update("x").digest("hex"));
  } finally {
    await md5s.close();
  }
});
