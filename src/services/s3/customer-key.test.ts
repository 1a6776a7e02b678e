import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { test } from "node:test";
import { systemRandom } from "../../kernel/random.ts";
import { ciphered, keyCheckOf, keyForReading, keyOfPart, readKey } from "./customer-key.ts";

const BYTES = Buffer.alloc(32, 7);
const HEADERS = {
  algorithm: "AES256",
  key: BYTES.toString("base64"),
  md5: createHash("md5").update(BYTES).digest("base64"),
};
const OTHER = randomBytes(32);
const OTHERS = {
  algorithm: "AES256",
  key: OTHER.toString("base64"),
  md5: createHash("md5").update(OTHER).digest("base64"),
};

function keyOf(headers: typeof HEADERS): NonNullable<ReturnType<typeof readKey>> {
  const key = readKey(headers);
  assert.ok(key);
  return key;
}

async function* chunked(body: Buffer, size: number): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  for (let at = 0; at < body.length; at += size) yield body.subarray(at, at + size);
}

async function cipher(body: Buffer, blob: string, offset = 0, size = 1000): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(ciphered(chunked(body, size), keyOf(HEADERS), blob, offset)));
}

test("what is encrypted is read again from any byte on, however it was cut", async () => {
  const body = randomBytes(10_007);
  const sealed = await cipher(body, "blob");
  assert.equal(sealed.length, body.length);
  assert.notDeepEqual(sealed, body);
  assert.deepEqual(await cipher(body, "blob", 0, 13), sealed);
  for (const offset of [0, 1, 15, 16, 17, 4096, 10_006]) {
    assert.deepEqual(await cipher(sealed.subarray(offset), "blob", offset), body.subarray(offset));
  }
});

test("no two blobs share a key stream", async () => {
  const zeros = Buffer.alloc(64);
  assert.notDeepEqual(await cipher(zeros, "one"), await cipher(zeros, "two"));
});

test("what is kept of a key is salted, and tells the key from others", () => {
  const random = systemRandom();
  const check = keyCheckOf(keyOf(HEADERS), random);
  assert.notDeepEqual(keyCheckOf(keyOf(HEADERS), random), check);
  const kept = JSON.stringify(check);
  assert.equal(kept.includes(HEADERS.key) || kept.includes(HEADERS.md5), false);
  assert.equal(keyForReading(check, HEADERS)?.md5, HEADERS.md5);
  assert.equal(keyOfPart(check, HEADERS)?.md5, HEADERS.md5);
  assert.throws(() => keyForReading(check, OTHERS), { name: "AccessDenied" });
  assert.throws(() => keyForReading(check, {}), { name: "InvalidRequest" });
  assert.throws(() => keyForReading(undefined, HEADERS), { name: "InvalidRequest" });
  assert.equal(keyForReading(undefined, {}), undefined);
  assert.throws(() => keyOfPart(check, OTHERS), { message: /did not match the ones used originally/u });
  assert.throws(() => keyOfPart(undefined, HEADERS), { message: /The multipart upload initiate requested/u });
  assert.throws(() => keyOfPart(check, {}), { message: /The multipart upload initiate requested/u });
});
