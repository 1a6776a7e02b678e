/**
 * A started server in a process of its own, and the real clients pointed at it. Nothing here knows the
 * inside of the server: tests in this folder see what a user sees.
 */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

export const ROOT: string = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface RunningServer {
  readonly endpoint: string;
  readonly port: number;
  readonly dataDir: string;
  /** The server's own process (the launcher's child). */
  readonly pid: number;
  readonly output: () => string;
  /** SIGTERM and wait. The data folder stays. Resolves with the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL to the server itself. The data folder stays. */
  kill(): Promise<void>;
  /** Stops and removes the data folder. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface StartOptions {
  readonly dataDir?: string;
  readonly port?: number;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

export async function startServer(options: StartOptions = {}): Promise<RunningServer> {
  const port = options.port ?? (await freePort());
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "lambent-e2e-"));
  const endpoint = `http://127.0.0.1:${String(port)}`;
  const child = spawn(
    process.execPath,
    [
      join(ROOT, "bin/lambent.js"),
      "start",
      "--port",
      String(port),
      "--data-dir",
      dataDir,
      ...(options.flags ?? []),
    ],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, LAMBENT_SDK: "off", ...options.env } },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", (code) => resolve(code)));
  await until(
    "the server is ready",
    async () => {
      if (child.exitCode !== null)
        throw new Ended(`the server ended with ${String(child.exitCode)}:\n${output}`);
      return (await fetch(`${endpoint}/_lambent/health`)).status === 200;
    },
    30,
  ).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`${String(error)}\n${output}`);
  });
  const pid = serverPid(dataDir, child);
  return {
    endpoint,
    port,
    dataDir,
    pid,
    output: () => output,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      return ended;
    },
    async kill() {
      process.kill(pid, "SIGKILL");
      await ended;
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function serverPid(dataDir: string, child: ChildProcess): number {
  const file = join(dataDir, "server.json");
  if (!existsSync(file)) return child.pid ?? 0;
  return (JSON.parse(readFileSync(file, "utf8")) as { pid: number }).pid;
}

class Ended extends Error {}

/** Awaits a condition of the world outside; throws after `secondsMax` with what was waited for. */
export async function until(
  what: string,
  probe: () => Promise<boolean> | boolean,
  secondsMax = 20,
): Promise<void> {
  const deadline = performance.now() + secondsMax * 1000;
  let last: unknown;
  while (performance.now() < deadline) {
    try {
      if (await probe()) return;
    } catch (error) {
      if (error instanceof Ended) throw error;
      last = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(
    `waited ${String(secondsMax)} s: ${what}${last === undefined ? "" : ` (last: ${String(last)})`}`,
  );
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export function run(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>>; timeoutMs?: number } = {},
): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      {
        cwd: options.cwd,
        env: { ...process.env, ...options.env },
        timeout: options.timeoutMs ?? 120_000,
        maxBuffer: 64 << 20,
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

/** The lambent command itself. */
export function lambent(
  server: Pick<RunningServer, "dataDir" | "port">,
  args: readonly string[],
  cwd?: string,
): Promise<Ran> {
  return run(process.execPath, [join(ROOT, "bin/lambent.js"), ...args], {
    ...(cwd === undefined ? {} : { cwd }),
    env: { LAMBENT_DATA_DIR: server.dataDir, LAMBENT_PORT: String(server.port) },
  });
}

/** Moves the server's clock; resolves with its time. */
export async function advanceClock(
  server: Pick<RunningServer, "dataDir" | "endpoint">,
  advanceMs: number,
): Promise<number> {
  const token = readFileSync(join(server.dataDir, "token"), "utf8").trim();
  const answer = await fetch(`${server.endpoint}/_lambent/clock`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ advanceMs }),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return ((await answer.json()) as { nowMs: number }).nowMs;
}

/** What `lambent env` would export, for clients started by a test. */
export function clientEnv(server: Pick<RunningServer, "endpoint">): Record<string, string> {
  return {
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_CONFIG_FILE: "/dev/null",
    AWS_SHARED_CREDENTIALS_FILE: "/dev/null",
    AWS_PAGER: "",
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

/** Path of a tool, or undefined; tests skip with `missing(name)` then. */
export function findTool(...candidates: readonly (string | undefined)[]): string | undefined {
  for (const candidate of candidates) {
    if (candidate === undefined) continue;
    if (candidate.includes("/")) {
      if (existsSync(candidate)) return candidate;
      continue;
    }
    for (const folder of (process.env["PATH"] ?? "").split(":")) {
      if (existsSync(join(folder, candidate))) return join(folder, candidate);
    }
  }
  return undefined;
}

/** AWS CLI v1, Debian's v2 and a Python with boto3, where they are installed. */
export const AWS_V1: string | undefined = findTool(process.env["LAMBENT_TEST_AWS_V1"], "aws");
export const AWS_V2: string | undefined = findTool("/usr/bin/aws");
export const PYTHON_BOTO3: string | undefined = findTool(process.env["LAMBENT_TEST_PYTHON"], "python3");

export const SDK_CONFIG = {
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
} as const;
