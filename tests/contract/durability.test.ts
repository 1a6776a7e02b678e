/** What was acknowledged is there after kill -9, and was synced before it was acknowledged. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createBlobStore, openDatabase } from "../../src/adapters/embedded/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";

const root = mkdtempSync(join(tmpdir(), "lambent-durable-"));
after(() => rmSync(root, { recursive: true, force: true }));
const writer = new URL("./durability-writer.ts", import.meta.url).pathname;
const migrations = [
  { id: "test/0001", sql: ["CREATE TABLE item (id BIGINT NOT NULL PRIMARY KEY, body TEXT NOT NULL)"] },
];

const ENOUGH = 500;

test("kill -9 in the middle of commits loses nothing that was acknowledged", async () => {
  const path = join(root, "killed.db");
  const child = spawn(process.execPath, [writer, "flood", path], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const chunk of child.stdout) {
    text += String(chunk);
    if (text.split("\n").length > ENOUGH) child.kill("SIGKILL");
  }
  const acknowledged = text.slice(0, text.lastIndexOf("\n")).split("\n").map(Number);
  assert.ok(acknowledged.length >= ENOUGH);
  const db = await openDatabase({
    path,
    synchronous: "full",
    migrations,
    log: silentLogger,
    clock: systemClock(),
  });
  const held = new Set((await db.read<{ id: number }>("SELECT id FROM item")).map(({ id }) => id));
  await db.close();
  assert.deepEqual(
    acknowledged.filter((id) => !held.has(id)),
    [],
  );
});

const strace = spawnSync("strace", ["-V"]).status === 0 ? false : "strace is not on this machine";

async function traced(kind: "one" | "later" | "blob", target: string): Promise<string[]> {
  const log = join(root, `${kind}.trace`);
  const watched = "trace=write,pwrite64,fdatasync,fsync,rename,renameat,renameat2";
  const child = spawn(
    "strace",
    ["-f", "-y", "-o", log, "-e", watched, process.execPath, writer, kind, target],
    {
      stdio: "ignore",
    },
  );
  const [code] = (await once(child, "exit")) as [number];
  assert.equal(code, 0);
  return readFileSync(log, "utf8").split("\n");
}

test("the log of the database is synced between the commit and its answer", { skip: strace }, async () => {
  const lines = await traced("one", join(root, "traced.db"));
  const asked = lines.findIndex((line) => /write\(1.*ASKED/.test(line));
  const answered = lines.findIndex((line) => /write\(1.*ANSWERED/.test(line));
  assert.ok(asked >= 0 && answered > asked);
  const between = lines.slice(asked, answered);
  const written = between.findIndex((line) => /pwrite64\(.*traced\.db-wal/.test(line));
  const synced = between.findLastIndex((line) => /f(data)?sync\(.*traced\.db-wal/.test(line));
  assert.ok(written >= 0 && synced > written, between.join("\n"));
});

test(
  "what may be taken back by a power failure is written, and not waited for",
  { skip: strace },
  async () => {
    const lines = await traced("later", join(root, "later.db"));
    const asked = lines.findIndex((line) => /write\(1.*ASKED/.test(line));
    const answered = lines.findIndex((line) => /write\(1.*ANSWERED/.test(line));
    const between = lines.slice(asked, answered);
    assert.ok(
      between.some((line) => /pwrite64\(.*later\.db-wal/.test(line)),
      between.join("\n"),
    );
    assert.ok(!between.some((line) => /f(data)?sync\(/.test(line)), between.join("\n"));
    const again = lines.slice(answered);
    assert.ok(
      again.some((line) => /f(data)?sync\(.*later\.db-wal/.test(line)),
      "the next synced commit takes it along",
    );
  },
);

test("a blob's file and folder are synced before put resolves", { skip: strace }, async () => {
  const folder = join(root, "traced-blobs");
  await createBlobStore({ folder });
  const lines = await traced("blob", folder);
  const asked = lines.findIndex((line) => /write\(1.*ASKED/.test(line));
  const answered = lines.findIndex((line) => /write\(1.*ANSWERED/.test(line));
  const between = lines.slice(asked, answered);
  const file = between.findIndex((line) => /fsync\(.*\/incoming\/[0-9a-f-]{36}>/.test(line));
  const renamed = between.findIndex((line) => /rename(at2?)?\(.*\/incoming\//.test(line));
  const parent = between.findIndex(
    (line, at) => at > renamed && /fsync\(.*traced-blobs\/[0-9a-f]{2}>/.test(line),
  );
  assert.ok(asked >= 0 && file >= 0 && renamed > file && parent > renamed, between.join("\n"));
});
