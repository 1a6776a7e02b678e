import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { existsSync } from "node:fs";
import type { Readable } from "node:stream";
import { createNamespacesDriver, createProcessDriver } from "../../src/adapters/sandbox/index.ts";
import type { NamespacesOptions } from "../../src/adapters/sandbox/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import type { Sandbox, SandboxDriver, SandboxSpec } from "../../src/ports/sandbox-driver.ts";

export const PYTHON = "/usr/bin/python3";
export const ENDPOINT_PORT = 4566;

export interface OpenDriver {
  readonly driver: SandboxDriver;
  close(): Promise<void>;
}

export const OPENERS: Readonly<Record<string, () => Promise<OpenDriver>>> = {
  namespaces: () => openNamespaces(),
  process: () =>
    open((dataDir) => createProcessDriver({ dataDir, log: silentLogger, clock: systemClock(), watchMs: 50 })),
};

/** What keeps this machine from a driver, found out by doing; false where nothing does. */
export async function whyNot(name: string): Promise<string | false> {
  if (!existsSync(PYTHON)) return `${PYTHON} is not here`;
  if (name === "namespaces" && process.platform !== "linux") return "namespaces exist on Linux only";
  // As root they are there, or the tests shall say what went wrong.
  if (name !== "namespaces" || process.getuid?.() === 0) return false;
  try {
    await (await OPENERS[name]?.())?.close();
    return false;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The namespaces driver with something other than the rest of the tests use. */
export function openNamespaces(more: Partial<NamespacesOptions> = {}): Promise<OpenDriver> {
  return open((dataDir) =>
    createNamespacesDriver({
      dataDir,
      instanceId: "contract",
      log: silentLogger,
      clock: systemClock(),
      spares: 1,
      ...more,
    }),
  );
}

async function open(make: (dataDir: string) => Promise<SandboxDriver>): Promise<OpenDriver> {
  const folder = await mkdtemp(join(tmpdir(), "lambent-contract-"));
  // The process driver's users must be able to reach their folders.
  const { chmod } = await import("node:fs/promises");
  await chmod(folder, 0o755);
  const driver = await make(folder);
  return {
    driver,
    async close() {
      await driver.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function specOf(program: string, more: Partial<SandboxSpec> = {}): SandboxSpec {
  return {
    id: "contract",
    argv: [PYTHON, "-S", "-c", program],
    env: { PATH: "/usr/bin:/bin", AWS_LAMBDA_RUNTIME_API: "127.0.0.1:9001" },
    cwd: "/",
    mounts: [],
    limits: { memoryMb: 128, cpus: 1, pids: 64, tmpMb: 512, openFiles: 1024 },
    network: "none",
    channel: false,
    endpointPort: ENDPOINT_PORT,
    ...more,
  };
}

export async function textOf(stream: Readable): Promise<string> {
  let text = "";
  for await (const part of stream) text += String(part);
  return text;
}

/** Resolves with the first line that a sandbox prints. */
export async function firstLine(sandbox: Sandbox): Promise<string> {
  let text = "";
  return new Promise((resolve) => {
    sandbox.stdout.on("data", (part: Buffer) => {
      text += part.toString();
      const end = text.indexOf("\n");
      if (end >= 0) resolve(text.slice(0, end));
    });
    sandbox.stdout.on("end", () => resolve(text));
  });
}

/** Runs a program to its end. */
export async function runProgram(
  driver: SandboxDriver,
  program: string,
  more: Partial<SandboxSpec> = {},
): Promise<{ stdout: string; stderr: string; exit: Awaited<Sandbox["exited"]> }> {
  const sandbox = await driver.create(specOf(program, more));
  const [stdout, stderr, exit] = await Promise.all([
    textOf(sandbox.stdout),
    textOf(sandbox.stderr),
    sandbox.exited,
  ]);
  return { stdout, stderr, exit };
}
