import { spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import type { RunningServer, ServerConfig } from "../app/config-types.ts";
import type { RuntimeInfo } from "../ports/runtime-catalog.ts";
import { admin, findServer } from "./connection.ts";
import { EXIT, Fault } from "./fault.ts";
import { parseConfigFile, resolveConfig } from "./flags.ts";
import { typed } from "./self.ts";
import { nextStep, clockLine, duration, json, note, paint, say, withProgress } from "./output.ts";

export type StartFlags = Readonly<Partial<Record<keyof ServerConfig, string>>> & {
  readonly config?: string;
  readonly detach?: boolean;
  readonly json?: boolean;
};

const DRAIN_MS = 10_000;
const DETACH_WAIT_MS = 30_000;
const RUNTIMES_WAIT_MS = 300;

/** Flags, environment and config file as one configuration. */
export function configure(flags: StartFlags): ServerConfig {
  const path = flags.config ?? process.env["LAMBENT_CONFIG"];
  let file: unknown;
  if (path !== undefined) {
    try {
      file = parseConfigFile(readFileSync(path, "utf8"), path);
    } catch (error) {
      if (error instanceof Fault) throw error;
      throw new Fault(EXIT.userError, `${path} cannot be read: ${(error as Error).message}`);
    }
  }
  return resolveConfig(flags, process.env, file);
}

/** Starts a server in this process. Its failures (port taken, folder in use, …) become Faults. */
export async function launch(config: ServerConfig): Promise<RunningServer> {
  refuseSecond(config);
  const { startServer } = await import("../app/compose-embedded.ts");
  try {
    return await withProgress("starting", () => startServer(config));
  } catch (error) {
    throw startFault(error, config);
  }
}

function refuseSecond(config: ServerConfig): void {
  const running = findServer(config.dataDir);
  if (running === undefined) return;
  throw new Fault(
    EXIT.environment,
    `A server (process ${running.pid}) already runs on ${config.dataDir}, at ${running.endpoint}.`,
    "lambent status    (or start another one with --data-dir and --port)",
  );
}

/** What to do about the usual reasons for which a server does not start. */
export function startFault(error: unknown, config: ServerConfig): unknown {
  if (!(error instanceof Error) || error instanceof Fault) return error;
  const code = "code" in error ? error.code : undefined;
  const hint = "hint" in error && typeof error.hint === "string" ? error.hint : undefined;
  if (code === "EADDRINUSE") {
    return new Fault(
      EXIT.environment,
      `Port ${config.port} of ${config.host} is taken.`,
      "lambent start --port 4567    (or stop whoever listens there)",
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new Fault(
      EXIT.environment,
      `${config.dataDir} cannot be written: ${error.message}`,
      "lambent start --data-dir <a folder of yours>",
    );
  }
  if (code === "ENOSPC") {
    return new Fault(EXIT.environment, `The disk of ${config.dataDir} is full.`, "free some space");
  }
  return hint === undefined ? error : new Fault(EXIT.environment, error.message, hint);
}

export async function startCommand(flags: StartFlags): Promise<number> {
  const config = configure(flags);
  if (flags.detach === true) return detach(config, flags);
  const server = await launch(config);
  // Heard before the banner invites a signal.
  const stopped = untilStopped(server);
  if (flags.json === true) {
    json({ endpoint: server.endpoint, pid: process.pid, dataDir: config.dataDir, ...server.summary });
  } else {
    say(banner(server, config, process.stdout.isTTY === true ? await runtimesSoon(config.dataDir) : []));
  }
  await stopped;
  return EXIT.ok;
}

/** Returns once the server is closed: by a signal, or by `lambent stop`. A second signal ends at once. */
export async function untilStopped(server: RunningServer): Promise<void> {
  let asked = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (asked) process.exit(128 + (signal === "SIGINT" ? 2 : 15));
    asked = true;
    if (process.stderr.isTTY === true) note("stopping; again to stop at once");
    void server.stop(DRAIN_MS);
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  await server.closed;
  process.off("SIGTERM", onSignal);
  process.off("SIGINT", onSignal);
}

/** Looking for interpreters takes a while the first time; the banner then does without. */
async function runtimesSoon(dataDir: string): Promise<readonly RuntimeInfo[]> {
  const server = findServer(dataDir);
  if (server === undefined) return [];
  const found = admin<{ runtimes: readonly RuntimeInfo[] }>(server, "GET", "/_lambent/runtimes").then(
    ({ runtimes }) => runtimes,
    () => [],
  );
  let patience: NodeJS.Timeout | undefined;
  const late = new Promise<readonly RuntimeInfo[]>((resolve) => {
    patience = setTimeout(() => resolve([]), RUNTIMES_WAIT_MS);
  });
  return Promise.race([found, late]).finally(() => clearTimeout(patience));
}

/** One line: those that are run by their own version; the others are run by the nearest. */
export function runtimesLine(runtimes: readonly RuntimeInfo[]): string | undefined {
  const exact = runtimes.filter((one) => one.available && one.exact).map((one) => one.runtime);
  if (runtimes.length === 0) return undefined;
  const others = exact.length < runtimes.length ? paint("dim", typed("  others: lambent runtimes")) : "";
  return `${exact.map((name) => `${name} ${paint("green", "✓")}`).join("  ")}${others}`;
}

export function banner(
  server: RunningServer,
  config: ServerConfig,
  runtimes: readonly RuntimeInfo[] = [],
): string {
  const { version, sandbox, warnings, clockAheadMs } = server.summary;
  const label = (text: string): string => paint("dim", text.padEnd(10));
  const lines = [
    ` ${paint("bold", `Lambent ${version}`)}  ready in ${duration(server.readyMs)}   ${paint("dim", `(data: ${config.dataDir}, persistent)`)}`,
    ` ${label("Endpoint")}${paint("cyan", server.endpoint)}`,
    ` ${label("Region")}${config.region}   Account ${config.accountId}   IAM ${config.iam}   Sandbox ${sandbox}`,
  ];
  const listed = runtimesLine(runtimes);
  if (listed !== undefined) lines.push(` ${label("Runtimes")}${listed}`);
  if (clockAheadMs > 0) lines.push(` ${label("Clock")}${clockLine(clockAheadMs)}`);
  for (const warning of warnings) lines.push(` ${paint("yellow", "warning")}   ${warning}`);
  lines.push(` ${label("Next")}${typed('eval "$(lambent env)" && aws lambda list-functions')}`);
  return lines.join("\n");
}

/** The same server in a session of its own; returns when it is ready. */
async function detach(config: ServerConfig, flags: StartFlags): Promise<number> {
  refuseSecond(config);
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const outputPath = join(config.dataDir, "start.out");
  const output = openSync(outputPath, "w", 0o600);
  const args = process.argv.slice(2).filter((arg) => arg !== "--detach");
  const child = spawn(process.execPath, [process.argv[1] ?? "", ...args], {
    detached: true,
    stdio: ["ignore", output, output],
  });
  await withProgress("starting in the background", async () => {
    const deadline = performance.now() + DETACH_WAIT_MS;
    while (findServer(config.dataDir) === undefined) {
      if (child.exitCode !== null || performance.now() > deadline) {
        throw new Fault(
          EXIT.environment,
          `The server did not start:\n${readFileSync(outputPath, "utf8").trim()}`,
          `less ${outputPath}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  });
  child.unref();
  const server = findServer(config.dataDir);
  if (flags.json === true) json({ endpoint: server?.endpoint, pid: server?.pid, dataDir: config.dataDir });
  else {
    say(`running at ${server?.endpoint ?? ""}, process ${server?.pid ?? ""}`);
    nextStep('eval "$(lambent env)"    (and later: lambent stop)');
  }
  return EXIT.ok;
}
