import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eraseState } from "./storage.ts";

test("a reset keeps the folder's keys and token, and nothing that was stored, copies of it included", async (t) => {
  const path = await mkdtemp(join(tmpdir(), "lambent-erase-"));
  t.after(() => rm(path, { recursive: true }));
  const kept = ["VERSION", "master.key", "root-key.json", "server.lock", "server.log", "token"];
  const state = [
    "state.db",
    "state.db-wal",
    "state.db.before-lambda-0002",
    "sqs.db",
    "sqs.db.before-sqs-0003",
  ];
  for (const name of [...kept, ...state]) await writeFile(join(path, name), "");
  await mkdir(join(path, "blobs", "ab"), { recursive: true });
  await eraseState({ path, file: (name) => join(path, name) });
  assert.deepEqual((await readdir(path)).toSorted(), kept.toSorted());
});
