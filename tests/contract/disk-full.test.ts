/** A small file system of its own that runs full: needs root to mount it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createBlobStore, openDatabase } from "../../src/adapters/embedded/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { StorageUnavailable } from "../../src/ports/database.ts";

const root = mkdtempSync(join(tmpdir(), "lambent-full-"));
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", root]).status === 0;
after(() => {
  if (mounted) spawnSync("umount", [root]);
  rmdirSync(root);
});
const skip = mounted ? false : "cannot mount a tmpfs here";

test("a full disk refuses new units, keeps what it holds, and recovers", { skip }, async () => {
  const db = await openDatabase({
    path: join(root, "state.db"),
    synchronous: "full",
    migrations: [{ id: "test/0001", sql: ["CREATE TABLE item (id BIGINT PRIMARY KEY, body TEXT)"] }],
    log: silentLogger,
    clock: systemClock(),
  });
  const insert = (id: number, body: string): Promise<unknown> =>
    db.commit([{ sql: "INSERT INTO item (id, body) VALUES (?, ?)", params: [id, body] }]);
  await insert(0, "held");
  const ballast = join(root, "ballast");
  assert.throws(() => writeFileSync(ballast, Buffer.alloc(8_000_000)), { code: "ENOSPC" });
  await assert.rejects(insert(1, "x".repeat(100_000)), StorageUnavailable);
  assert.deepEqual(
    (await db.read<{ id: number }>("SELECT id FROM item")).map(({ id }) => id),
    [0],
  );
  rmSync(ballast);
  await insert(2, "after");
  assert.equal((await db.read("SELECT id FROM item")).length, 2);
  await db.close();
});

test("a blob that does not fit is refused and leaves nothing", { skip }, async () => {
  const store = await createBlobStore({ folder: join(root, "blobs") });
  await assert.rejects(store.put(Buffer.alloc(8_000_000, 1)), StorageUnavailable);
  const { sha256 } = await store.put(Buffer.from("small"));
  assert.equal(await store.has(sha256), true);
});
