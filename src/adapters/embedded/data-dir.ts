import { randomBytes } from "node:crypto";
import { closeSync, existsSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { access, constants, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeDurably } from "./sync-files.ts";

/** Raised only when an older version could no longer read the folder. */
const LAYOUT = 1;

export interface RootKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface DataDir {
  readonly path: string;
  /** For `/_lambent/*` routes that change anything. */
  readonly token: string;
  /** The account's own access key, generated once. */
  readonly rootKey: RootKey;
  file(name: string): string;
  /** Lets another server have the folder. */
  release(): void;
}

/**
 * Opens a data folder for one server: makes it (0700), checks that it can be written and is not of a newer
 * version, takes its lock, and makes the token and the root key at the first start.
 * Errors: Error with a sentence that names the folder and says what to do.
 */
export async function openDataDir(path: string): Promise<DataDir> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(
      `the data folder ${path} cannot be written (${(error as NodeJS.ErrnoException).code ?? "unknown"}); ` +
        "next: choose another with --data-dir",
      { cause: error },
    );
  }
  const file = (name: string): string => join(path, name);
  const release = lock(file("lock"), path);
  try {
    await checkLayout(file("VERSION"), path);
    return {
      path,
      file,
      release,
      token: (await once(file("token"), () => randomBytes(24).toString("hex"))).trim(),
      rootKey: JSON.parse(await once(file("root-key.json"), newRootKey)) as RootKey,
    };
  } catch (error) {
    release();
    throw error;
  }
}

function newRootKey(): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const id = [...randomBytes(16)].map((byte) => alphabet[byte & 31]).join("");
  const key: RootKey = { accessKeyId: `AKIA${id}`, secretAccessKey: randomBytes(30).toString("base64") };
  return JSON.stringify(key);
}

async function once(path: string, make: () => string): Promise<string> {
  if (!existsSync(path)) await writeDurably(path, `${make()}\n`, 0o600);
  return readFile(path, "utf8");
}

async function checkLayout(path: string, folder: string): Promise<void> {
  const layout = Number(await once(path, () => String(LAYOUT)));
  if (layout > LAYOUT) {
    throw new Error(
      `the data folder ${folder} was written by a newer Lambent (layout ${String(layout)}, this version knows ` +
        `${String(LAYOUT)}); next: use the newer version, or another --data-dir`,
    );
  }
}

/**
 * A file with the holder's process id and start time: made exclusively, taken over from a holder that is
 * gone (a process id alone could belong to somebody else by now).
 */
function lock(path: string, folder: string): () => void {
  for (let attempt = 0; attempt < 3; attempt += 1) {
    try {
      const handle = openSync(path, "wx", 0o600);
      writeSync(handle, `${String(process.pid)} ${startTimeOf(process.pid)}\n`);
      closeSync(handle);
      return () => {
        try {
          unlinkSync(path);
        } catch {
          // Already gone: a reset of the folder.
        }
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const [pid = "", started = ""] = holderOf(path).split(" ");
      if (pid !== "" && alive(Number(pid)) && startTimeOf(Number(pid)) === started) {
        throw new Error(
          `the data folder ${folder} is in use by the server with process id ${pid}; ` +
            "next: `lambent stop`, or choose another with --data-dir",
          { cause: error },
        );
      }
      unlinkSync(path);
    }
  }
  throw new Error(`the lock of ${folder} keeps changing hands; next: try again`);
}

function holderOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Clock ticks since boot at which the process started; empty where /proc does not tell. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  } catch {
    return "";
  }
}
