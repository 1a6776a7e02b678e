import { existsSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import type { Logger } from "../kernel/log.ts";

/** The file is set aside as server.log.1 when it has grown past this, so that both take twice as much at most. */
const BYTES_MAX = 10 * 1024 * 1024;

export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * The platform's log: JSON lines in `<dataDir>/server.log`. Warnings and errors are also handed to
 * `notice` as one readable line, for whoever watches the terminal.
 */
export function openPlatformLog(
  dataDir: string,
  level: LogLevel,
  notice: (line: string) => void,
  bytesMax: number = BYTES_MAX,
): Logger & { close(): void } {
  const path = join(dataDir, "server.log");
  let written = existsSync(path) ? statSync(path).size : 0;
  if (written > bytesMax) {
    renameSync(path, `${path}.1`);
    written = 0;
  }
  const destination = pino.destination({ dest: path, sync: false, minLength: 0, mode: 0o600 });
  destination.on("write", (bytes: number) => {
    written += bytes;
    if (written <= bytesMax) return;
    written = 0;
    // What is written until the new file is open still goes into the one that was set aside.
    renameSync(path, `${path}.1`);
    destination.reopen();
  });
  const inner = pino({ level, base: null }, destination);
  return {
    debug: (fields, message) => inner.debug(fields, message),
    info: (fields, message) => inner.info(fields, message),
    warn(fields, message) {
      inner.warn(fields, message);
      notice(`warning: ${message}${detail(fields)}`);
    },
    error(fields, message) {
      inner.error(fields, message);
      notice(`error: ${message}${detail(fields)}`);
    },
    close() {
      try {
        destination.flushSync();
      } catch {
        // Nothing was written yet: the file is not open.
      }
    },
  };
}

function detail(fields: Readonly<Record<string, unknown>>): string {
  const shown = Object.entries(fields)
    .filter(([, value]) => typeof value === "string" || typeof value === "number")
    .map(([name, value]) => `${name}=${String(value)}`);
  const error = fields["error"] ?? fields["err"];
  if (error instanceof Error) shown.push(error.message);
  return shown.length === 0 ? "" : ` (${shown.join(", ")})`;
}
