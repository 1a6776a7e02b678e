import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface CommandResult {
  /** Undefined when it could not be started or was killed. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Why there is no code: `not found`, `took longer than 3000 ms`, … */
  readonly failure: string | undefined;
}

export interface CommandOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly onLine?: (line: string) => void;
}

const OUTPUT_CHARS_MAX = 64 * 1024;

/** Runs a program to its end. Never rejects; output beyond 64 KB is dropped from the front. */
export function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    let stdout = "";
    let stderr = "";
    let failure: string | undefined;
    const child = spawn(command, args, {
      env: { ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: options.timeoutMs,
      killSignal: "SIGKILL",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    child.stdout.on("data", (chunk: Buffer) => {
      stdout = (stdout + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-OUTPUT_CHARS_MAX);
    });
    if (options.onLine !== undefined) {
      createInterface(child.stdout).on("line", options.onLine);
      createInterface(child.stderr).on("line", options.onLine);
    }
    child.on("error", (error: NodeJS.ErrnoException) => {
      failure = error.code === "ENOENT" ? "not found" : error.message;
      resolve({ code: undefined, stdout, stderr, failure });
    });
    child.on("close", (code, signal) => {
      if (code === null) {
        failure ??= signal === "SIGKILL" ? `took longer than ${options.timeoutMs} ms` : `ended by ${signal}`;
      }
      resolve({ code: code ?? undefined, stdout, stderr, failure });
    });
  });
}
