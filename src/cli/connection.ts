/** The server that belongs to a data folder: found by its server.json, asked over HTTP. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { http } from "../kernel/built-in.ts";
import { DATA_FILES, type ServerFile } from "../app/config-types.ts";
import { EXIT, Fault } from "./fault.ts";
import { resolveConfig } from "./flags.ts";

export interface Connection extends ServerFile {
  readonly dataDir: string;
  readonly region: string;
}

/** The data folder a command means: its flag, LAMBENT_DATA_DIR, or the default. */
export function dataFolder(flag: string | undefined): { dataDir: string; region: string } {
  const { LAMBENT_DATA_DIR, LAMBENT_REGION } = process.env;
  const { dataDir, region } = resolveConfig(
    { dataDir: flag },
    { LAMBENT_DATA_DIR, LAMBENT_REGION },
    undefined,
  );
  return { dataDir, region };
}

/** Undefined when no server runs on this folder. */
export function findServer(flag: string | undefined): Connection | undefined {
  const { dataDir, region } = dataFolder(flag);
  let file: ServerFile;
  try {
    file = JSON.parse(readFileSync(join(dataDir, DATA_FILES.server), "utf8")) as ServerFile;
  } catch {
    return undefined;
  }
  // A server that was killed outright leaves its file behind.
  return alive(file.pid) ? { ...file, dataDir, region } : undefined;
}

/** @throws Fault (exit code 2) when no server runs. */
export function connect(flag: string | undefined): Connection {
  const found = findServer(flag);
  if (found !== undefined) return found;
  const { dataDir } = dataFolder(flag);
  throw new Fault(
    EXIT.notRunning,
    `No server runs on ${dataDir}.`,
    "lambent start    (or --data-dir / LAMBENT_DATA_DIR for a server on another folder)",
  );
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What a server takes: anything, or, where policies are enforced, the account's own key. */
export function credentialsOf(server: Pick<Connection, "dataDir"> & Partial<Connection>): Credentials {
  if (server.iam !== "enforce") return { accessKeyId: "test", secretAccessKey: "test" };
  const path = join(server.dataDir, DATA_FILES.rootKey);
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Credentials;
  } catch {
    throw new Fault(
      EXIT.environment,
      `The account's access key cannot be read (${path}).`,
      "run this as the user who started the server",
    );
  }
}

export function adminToken(dataDir: string): string {
  const path = join(dataDir, DATA_FILES.token);
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    throw new Fault(
      EXIT.environment,
      `The server's token cannot be read (${path}).`,
      "run this as the user who started the server",
    );
  }
}

/** One request to `/_lambent/*`. Resolves with the JSON of the answer, or hands its lines to `onLine`. */
export function admin<T>(
  server: Connection,
  method: "GET" | "POST",
  path: string,
  options: { body?: unknown; onLine?: (line: string) => void; signal?: AbortSignal } = {},
): Promise<T> {
  const text = options.body === undefined ? undefined : JSON.stringify(options.body);
  return new Promise<T>((resolve, reject) => {
    const outgoing = http.request(
      `${server.endpoint}${path}`,
      {
        method,
        agent: false,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        headers: {
          authorization: `Bearer ${adminToken(server.dataDir)}`,
          ...(text === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        },
      },
      (incoming) => {
        const status = incoming.statusCode ?? 0;
        let rest = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          rest += chunk;
          if (options.onLine === undefined || status >= 400) return;
          const lines = rest.split("\n");
          rest = lines.pop() ?? "";
          for (const line of lines) options.onLine(line);
        });
        incoming.on("error", reject);
        incoming.on("end", () => {
          if (status >= 400) return reject(refusal(method, path, status, rest));
          if (options.onLine !== undefined) return resolve(undefined as T);
          try {
            resolve(JSON.parse(rest) as T);
          } catch {
            reject(
              new Fault(EXIT.environment, `${method} ${path} answered with something that is not JSON.`),
            );
          }
        });
      },
    );
    outgoing.on("error", (error) => {
      if (options.signal?.aborted === true) return reject(error);
      reject(
        new Fault(
          EXIT.notRunning,
          `The server of process ${server.pid} does not answer at ${server.endpoint}: ${error.message}`,
          "lambent doctor",
        ),
      );
    });
    outgoing.end(text);
  });
}

function refusal(method: string, path: string, status: number, body: string): Fault {
  let message = `${method} ${path} answered ${status}`;
  let hint: string | undefined;
  try {
    const parsed = JSON.parse(body) as { error?: string; hint?: string };
    if (parsed.error !== undefined) message = parsed.error;
    hint = parsed.hint;
  } catch {
    // The status says enough.
  }
  return new Fault(status === 404 || status === 501 ? EXIT.unsupported : EXIT.userError, message, hint);
}
