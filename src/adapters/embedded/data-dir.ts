import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { access, constants, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { writeDurably } from "./sync-files.ts";
import { sqliteCode } from "./writer-protocol.ts";

/** Raised only when an older version could no longer read the folder. */
const LAYOUT = 1;
const SQLITE_BUSY = 5;

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
  const release = lock(file("server.lock"), path);
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
 * The kernel's lock on a file, through SQLite: it ends with its holder, kill -9 included, so there is no
 * stale lock to judge. The file beside it only says who to name.
 */
function lock(path: string, folder: string): () => void {
  const holder = `${path}.pid`;
  const held = new DatabaseSync(path);
  try {
    held.exec("PRAGMA busy_timeout = 0");
    held.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    held.close();
    if (sqliteCode(error) !== SQLITE_BUSY) {
      throw new Error(
        `the data folder ${folder} cannot be locked (${(error as Error).message}); ` +
          "next: choose another with --data-dir",
        { cause: error },
      );
    }
    throw new Error(
      `the data folder ${folder} is in use by the server with process id ${holderOf(holder)}; ` +
        "next: `lambent stop`, or choose another with --data-dir",
      { cause: error },
    );
  }
  writeFileSync(holder, `${String(process.pid)}\n`, { mode: 0o600 });
  let released = false;
  return () => {
    if (released) return;
    released = true;
    rmSync(holder, { force: true });
    held.close();
  };
}

function holderOf(path: string): string {
  try {
    return readFileSync(path, "utf8").trim() || "unknown";
  } catch {
    return "unknown";
  }
}
