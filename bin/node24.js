#!/usr/bin/env node
// Runs a script under a Node that Lambent supports: `node bin/node24.js tools/test.ts …`.
// Plain JavaScript for any Node >= 20. With one argument list it is also the launcher's engine.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

/** The first 24.x whose node:sqlite and type stripping Lambent relies on. */
const NEEDED = [24, 16];

export function supported(version) {
  const [major, minor] = version.split(".").map(Number);
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1]);
}

/** Path of a supported Node: this one, or the binary of npm's platform package. */
export function findNode() {
  // Function sandboxes hand sockets over by an internal of Node, so the bundled version is preferred.
  const bundled = bundledNode();
  if (bundled !== undefined) return bundled;
  if (supported(process.versions.node)) return process.execPath;
  throw new Error(
    `Lambent needs Node ${NEEDED.join(".")} or newer and found ${process.versions.node}, and the package ` +
      `node-${process.platform}-${process.arch} that brings one is not installed.\n` +
      "→ next: run `npm install` without --omit=optional, or install Node 24.",
  );
}

function bundledNode() {
  const require = createRequire(import.meta.url);
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  try {
    const manifest = require.resolve(`${name}/package.json`);
    if (!supported(require(`${name}/package.json`).version)) return undefined;
    const binary = manifest.replace(
      /package\.json$/,
      process.platform === "win32" ? "bin/node.exe" : "bin/node",
    );
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Runs `args` under a supported Node and ends as it ends. The child holds an IPC channel to us: when
 * we are killed outright it sees the channel close and goes too, so no server is left behind.
 */
export function runUnderNode(args) {
  const child = spawn(findNode(), args, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  for (const signal of ["SIGTERM", "SIGHUP", "SIGINT"]) {
    // A terminal's Ctrl-C reaches the child by itself: forwarding it would send it twice.
    process.on(signal, () => (signal === "SIGINT" && process.stdin.isTTY ? undefined : child.kill(signal)));
  }
  child.on("error", (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 5;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 0);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  runUnderNode(["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)]);
}
