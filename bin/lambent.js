#!/usr/bin/env node
// Finds a Node that Lambent supports and runs the command line in it: from src/ in a checkout, from
// dist/ in an installed package (Node does not strip types below node_modules).
import { existsSync } from "node:fs";
import module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { findNode, runUnderNode } from "./node24.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = join(root, "src/cli/main.ts");
const compiled = join(root, "dist/cli/main.js");
const entry = existsSync(source) && process.env["LAMBENT_DIST"] !== "1" ? source : compiled;

if (process.env["LAMBENT_CHILD"] !== "1") {
  try {
    findNode();
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exit(5);
  }
  process.env["LAMBENT_CHILD"] = "1";
  runUnderNode([
    "--disable-warning=ExperimentalWarning",
    fileURLToPath(import.meta.url),
    ...process.argv.slice(2),
  ]);
} else {
  delete process.env["LAMBENT_CHILD"];
  if (process.channel !== undefined) {
    // The launcher was killed: end at once, as if the same blow had hit us.
    process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
    process.channel.unref();
    // Children must not believe they have a channel to us.
    delete process.env["NODE_CHANNEL_FD"];
  }
  // Stripped and compiled sources are kept: half of the time `--help` takes.
  module.enableCompileCache?.();
  const { main } = await import(pathToFileURL(entry).href);
  process.exitCode = await main(process.argv.slice(2));
}
