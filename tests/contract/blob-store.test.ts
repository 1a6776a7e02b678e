import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createBlobStore } from "../../src/adapters/embedded/index.ts";

const folder = mkdtempSync(join(tmpdir(), "lambent-blobs-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const sha = (body: Uint8Array): string => createHash("sha256").update(body).digest("hex");

test("bytes come back under their SHA-256, whole, as a stream and in part", async () => {
  const store = await createBlobStore({ folder });
  const body = randomBytes(2_000_001); // more than one piece
  const info = await store.put(body);
  assert.deepEqual(info, { sha256: sha(body), bytes: body.length });
  assert.deepEqual(Buffer.from((await store.get(info.sha256)) ?? []), body);
  const collect = async (range?: { start: number; end: number }): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for await (const part of (await store.stream(info.sha256, range)) ?? []) parts.push(part);
    return Buffer.concat(parts);
  };
  assert.deepEqual(await collect(), body);
  assert.deepEqual(await collect({ start: 10, end: 19 }), body.subarray(10, 20));
});

test("a stream and the same bytes at once are one blob; nothing is left beside", async () => {
  const store = await createBlobStore({ folder });
  const body = Buffer.from("same bytes");
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield body.subarray(0, 4);
    yield body.subarray(4);
  }
  const infos = await Promise.all([store.put(chunks()), store.put(body), store.put(body)]);
  assert.deepEqual(new Set(infos.map(({ sha256 }) => sha256)), new Set([sha(body)]));
  const listed: string[] = [];
  for await (const each of store.list()) listed.push(each);
  assert.equal(listed.filter((each) => each === sha(body)).length, 1);
  assert.deepEqual(readdirSync(join(folder, "incoming")), []);
});

test("a source that fails stores nothing", async () => {
  const store = await createBlobStore({ folder });
  async function* failing(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("half");
    throw new Error("the client hung up");
  }
  await assert.rejects(store.put(failing()), /hung up/);
  assert.deepEqual(readdirSync(join(folder, "incoming")), []);
});

test("what is not there is undefined; deleting it is fine; a name that is no hash is a bug", async () => {
  const store = await createBlobStore({ folder });
  const none = "0".repeat(64);
  assert.equal(await store.get(none), undefined);
  assert.equal(await store.stream(none), undefined);
  assert.equal(await store.has(none), false);
  await store.delete(none);
  await assert.rejects(store.get("../../etc/passwd"), /not a SHA-256/);
  const { sha256 } = await store.put(Buffer.from("gone soon"));
  await store.delete(sha256);
  assert.equal(await store.has(sha256), false);
});

test("what a killed server left half written is swept, blobs are kept", async () => {
  const store = await createBlobStore({ folder });
  const { sha256 } = await store.put(Buffer.from("kept"));
  const half = join(folder, "incoming", "half");
  writeFileSync(half, "ha");
  const again = await createBlobStore({ folder });
  assert.equal(existsSync(half), false);
  assert.equal(await again.has(sha256), true);
});
