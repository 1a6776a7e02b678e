import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openDataDir } from "../../src/adapters/embedded/index.ts";

const root = mkdtempSync(join(tmpdir(), "lambent-data-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("a folder is made for its owner only; token and root key stay the same", async () => {
  const path = join(root, "deep", "data");
  const first = await openDataDir(path);
  first.release();
  const second = await openDataDir(path);
  second.release();
  assert.deepEqual([second.token, second.rootKey], [first.token, first.rootKey]);
  assert.match(first.rootKey.accessKeyId, /^AKIA[A-Z2-7]{16}$/);
  const mode = (name: string): string => (statSync(join(path, name)).mode & 0o777).toString(8);
  assert.deepEqual([".", "token", "root-key.json"].map(mode), ["700", "600", "600"]);
});

test("a second server is refused with the first one's process id; kill -9 frees the folder", async () => {
  const path = join(root, "shared");
  const module = new URL("../../src/adapters/embedded/index.ts", import.meta.url).href;
  const script = `import { openDataDir } from ${JSON.stringify(module)};
    await openDataDir(${JSON.stringify(path)}); process.stdout.write("held"); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(holder.stdout, "data");
  await assert.rejects(openDataDir(path), new RegExp(`process id ${String(holder.pid)};.*lambent stop`));
  holder.kill("SIGKILL");
  await once(holder, "exit");
  const own = await openDataDir(path);
  await assert.rejects(openDataDir(path), new RegExp(`process id ${String(process.pid)};`));
  own.release();
});

test("a folder of a newer version is refused, left as it was, and not kept locked", async () => {
  const path = join(root, "newer");
  (await openDataDir(path)).release();
  const version = join(path, "VERSION");
  writeFileSync(version, "99\n");
  await assert.rejects(openDataDir(path), /newer Lambent \(layout 99.*--data-dir/);
  assert.equal(readFileSync(version, "utf8"), "99\n");
  writeFileSync(version, "1\n");
  (await openDataDir(path)).release();
});

test("a place that cannot be a folder is named, with the next step", async () => {
  const file = join(root, "a-file");
  writeFileSync(file, "");
  await assert.rejects(openDataDir(join(file, "data")), /a-file\/data cannot be written.*--data-dir/);
});
