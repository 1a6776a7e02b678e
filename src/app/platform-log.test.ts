import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openPlatformLog } from "./platform-log.ts";

test("a running server sets its log aside when it has grown too large, and loses no line", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "lambent-log-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const bytesMax = 4_000;
  const path = join(folder, "server.log");
  const log = openPlatformLog(folder, "info", () => undefined, bytesMax);
  let line = 0;
  const has = (text: string): boolean =>
    [path, `${path}.1`].some((file) => existsSync(file) && readFileSync(file, "utf8").includes(text));
  while (!existsSync(`${path}.1`)) {
    line += 1;
    log.info({ line }, "something happened");
    while (!has(`"line":${String(line)},`)) await new Promise((resolve) => setImmediate(resolve));
  }
  log.info({}, "after it");
  while (!existsSync(path) || !readFileSync(path, "utf8").includes("after it"))
    await new Promise((resolve) => setImmediate(resolve));
  log.close();
  const lines = [readFileSync(`${path}.1`, "utf8"), readFileSync(path, "utf8")].join("").trim().split("\n");
  assert.equal(lines.length, line + 1);
  assert.ok(statSync(`${path}.1`).size < bytesMax + 200);
});
