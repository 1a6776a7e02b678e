/** The package works by itself: packed, installed into an empty folder, started from the compiled sources. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { clients } from "./client.ts";
import { findTool, freePort, ROOT, run, until } from "./server.ts";

const NPM = findTool("npm");

test(
  "npm pack, install, npx lambent start",
  { skip: NPM === undefined ? "npm is not installed" : false },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "lambent-packed-"));
    const packed = await run(NPM ?? "", ["pack", "--silent", "--pack-destination", folder], { cwd: ROOT });
    assert.equal(packed.code, 0, packed.stderr);
    const tarball = join(folder, packed.stdout.trim().split("\n").at(-1) ?? "");
    writeFileSync(join(folder, "package.json"), '{"private":true}');
    const installed = await run(
      NPM ?? "",
      ["install", "--prefer-offline", "--no-audit", "--no-fund", tarball],
      {
        cwd: folder,
        timeoutMs: 300_000,
      },
    );
    assert.equal(installed.code, 0, installed.stderr);
    const installedPackage = join(folder, "node_modules/lambent");
    assert.ok(existsSync(join(installedPackage, "dist/cli/main.js")));
    assert.ok(!existsSync(join(installedPackage, "src")), "sources are not published");
    const samples = await run("npx", ["lambent", "samples", "list"], { cwd: folder });
    assert.match(samples.stdout, /^hello +python, node /m, samples.stderr);

    const port = await freePort();
    const child = spawn(
      "npx",
      ["lambent", "start", "--port", String(port), "--data-dir", join(folder, "data"), "--sdk", "off"],
      { cwd: folder, stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      const endpoint = `http://127.0.0.1:${String(port)}`;
      await until("ready", async () => (await fetch(`${endpoint}/_lambent/health`)).status === 200, 30).catch(
        (error: unknown) => assert.fail(`${String(error)}\n${output}`),
      );
      const aws = clients({ endpoint });
      await aws.create(
        "packed",
        { "index.mjs": "export const handler = async (event) => ({ got: event });\n" },
        { Runtime: "nodejs24.x", Handler: "index.handler" },
      );
      assert.deepEqual((await aws.invoke("packed", { a: 1 })).payload, { got: { a: 1 } });
      aws.destroy();
    } finally {
      process.kill(-(child.pid ?? 0), "SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
