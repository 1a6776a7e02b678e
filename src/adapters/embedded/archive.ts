/**
 * Function archives are hostile input. Names that lead outside, devices, links that leave, encrypted
 * entries, bombs and files that are no zip at all are refused; setuid bits are dropped.
 */
import { createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { Transform, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import { StorageUnavailable } from "../../ports/database.ts";
import { contentStream, smallContent } from "./archive-content.ts";

/** Far more than any real function has; a central directory with more is made to hurt. */
const ENTRIES_MAX = 200_000;
const PATH_BYTES_MAX = 4096;
const LINK_BYTES_MAX = 4096;
/** Entries looked at in one turn of the event loop: at most a few milliseconds, even of the largest small ones. */
const ENTRIES_A_TURN = 8;
/** Small files that are written at the same time. */
const WRITES_MAX = 32;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const MADE_BY_UNIX = 3;
const MADE_BY_MAC = 19;

const STORAGE_CODES = new Set(["ENOSPC", "EROFS", "EIO", "EDQUOT", "EACCES", "EMFILE", "ENFILE"]);

export type EntryKind = "file" | "folder" | "link" | "special";

/** Kind and permission bits of an entry. Without Unix attributes a file is 0644, as Lambda leaves it. */
export function attributesOf(entry: Pick<Entry, "fileName" | "versionMadeBy" | "externalFileAttributes">): {
  readonly kind: EntryKind;
  readonly mode: number;
} {
  const madeBy = entry.versionMadeBy >> 8;
  const unix = madeBy === MADE_BY_UNIX || madeBy === MADE_BY_MAC ? entry.externalFileAttributes >>> 16 : 0;
  if (entry.fileName.endsWith("/")) return { kind: "folder", mode: 0o755 };
  const type = unix & S_IFMT;
  // Readable to the sandbox's user whatever the packer's umask was; no setuid, no write bits for others.
  const mode = (unix & 0o755) | 0o444;
  if (type === S_IFDIR) return { kind: "folder", mode: 0o755 };
  if (type === S_IFLNK) return { kind: "link", mode: 0o777 };
  if (type === 0 || type === S_IFREG) return { kind: "file", mode: unix === 0 ? 0o644 : mode };
  return { kind: "special", mode: 0 };
}

const LINK_STEPS_MAX = 40;

/**
 * True when following the link at `path` never leaves the package. It is followed through the package's
 * other links as the kernel would: `a/up/..` is not `a` when `up` is a link. A loop stays inside.
 */
export function linkStaysInside(path: string, links: ReadonlyMap<string, string>): boolean {
  const at: string[] = [];
  const todo = path.split("/");
  for (let steps = 0; todo.length > 0;) {
    const part = todo.shift() ?? "";
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (at.pop() === undefined) return false;
      continue;
    }
    at.push(part);
    const target = links.get(at.join("/"));
    if (target === undefined) continue;
    if (target === "" || target.startsWith("/") || target.includes("\0")) return false;
    if ((steps += 1) > LINK_STEPS_MAX) return true;
    at.pop();
    todo.unshift(...target.split("/"));
  }
  return true;
}

function refused(hint: string): ServiceError {
  return new ServiceError(
    "InvalidParameterValueException",
    400,
    "Could not unzip uploaded file. Please check your file, then try to upload again.",
    { members: { Type: "User" }, hint },
  );
}

function tooLarge(): ServiceError {
  return new ServiceError(
    "InvalidParameterValueException",
    400,
    `Unzipped size must be smaller than ${String(LIMITS.unzippedCodeBytes)} bytes`,
    { members: { Type: "User" } },
  );
}

interface Archive {
  readonly file: ZipFile;
  readonly bytes: Buffer;
}

function openArchive(archive: Uint8Array): Promise<Archive> {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(
      bytes,
      { lazyEntries: true, autoClose: false, strictFileNames: false, validateEntrySizes: true },
      (error, file) =>
        error === null
          ? resolve({ file, bytes })
          : reject(refused(`the file is not a zip archive: ${error.message}`)),
    );
  });
}

/** Each entry in turn; `visit` is awaited before the next one is read. */
async function eachEntry(file: ZipFile, visit: (entry: Entry) => Promise<void> | void): Promise<void> {
  if (file.entryCount > ENTRIES_MAX) throw refused(`the archive has ${String(file.entryCount)} entries`);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void => {
      if (error instanceof ServiceError) return reject(error);
      const { code, message } = error as NodeJS.ErrnoException;
      // The disk's fault is not the archive's.
      if (STORAGE_CODES.has(code ?? "")) reject(new StorageUnavailable(message, { cause: error }));
      else reject(refused(message));
    };
    let seen = 0;
    file.on("error", fail);
    file.on("end", resolve);
    file.on("entry", (entry: Entry) => {
      const turn = ++seen % ENTRIES_A_TURN === 0 ? nextTurn() : Promise.resolve();
      turn.then(() => visit(entry)).then(() => file.readEntry(), fail);
    });
    file.readEntry();
  });
}

function check(entry: Entry): { readonly kind: EntryKind; readonly mode: number } {
  const { fileName } = entry;
  if (fileName.includes("\0") || Buffer.byteLength(fileName) > PATH_BYTES_MAX)
    throw refused("an entry's name is not usable");
  if ((entry.generalPurposeBitFlag & 1) !== 0) throw refused(`${fileName} is encrypted`);
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8) {
    throw refused(`${fileName} uses compression method ${String(entry.compressionMethod)}; use deflate`);
  }
  const attributes = attributesOf(entry);
  if (attributes.kind === "special") throw refused(`${fileName} is a device, socket or pipe`);
  return attributes;
}

/**
 * What CreateFunction wants to know before anything is stored: every entry is inflated once, so that an
 * archive that lies about a size or a CRC is refused as AWS refuses it, and not found out later.
 */
export async function inspectZip(archive: Uint8Array): Promise<{ readonly unzippedBytes: number }> {
  const opened = await openArchive(archive);
  const links = new Map<string, string>();
  const others = new Set<string>();
  let unzippedBytes = 0;
  try {
    await eachEntry(opened.file, async (entry) => {
      const { kind } = check(entry);
      unzippedBytes += entry.uncompressedSize;
      const name = nameOf(entry);
      if (kind === "link") return void links.set(name, await linkTarget(opened, entry));
      // What claims to be too much already is refused without a look inside.
      if (kind === "file" && unzippedBytes <= LIMITS.unzippedCodeBytes) await verify(opened, entry);
      links.delete(name);
      // What is there has its folders there.
      for (let path = name; path !== dirname(path) && !others.has(path); path = dirname(path))
        others.add(path);
    });
  } finally {
    opened.file.close();
  }
  for (const name of links.keys()) {
    if (!linkStaysInside(name, links)) throw refused(`the link ${name} leads outside the package`);
    if (others.has(name)) throw refused(`${name} is in the archive as a link and as something else`);
  }
  return { unzippedBytes };
}

async function verify({ file, bytes }: Archive, entry: Entry): Promise<void> {
  if (smallContent(bytes, entry) !== undefined) return;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  await pipeline(await contentStream(file, entry), nowhere);
}

function nameOf(entry: Entry): string {
  return normalize(entry.fileName).replace(/\/+$/, "");
}

async function linkTarget({ file, bytes }: Archive, entry: Entry): Promise<string> {
  if (entry.uncompressedSize > LINK_BYTES_MAX)
    throw refused(`${entry.fileName} is a link with too long a target`);
  const small = smallContent(bytes, entry);
  return small === undefined ? text(await contentStream(file, entry)) : small.toString("utf8");
}

/** Unpacks into an empty folder. Errors: as inspectZip, and over 262,144,000 bytes counted while inflating. */
export async function unpackZip(archive: Uint8Array, folder: string): Promise<void> {
  const opened = await openArchive(archive);
  const { file } = opened;
  const links = new Map<string, string>();
  const folders = new Set<string>([folder]);
  const files = new Set<string>();
  let left: number = LIMITS.unzippedCodeBytes;
  // A strict umask of the server must not make the code unreadable to the sandbox's user.
  await chmod(folder, 0o755);
  const probe = join(folder, ".mode");
  await mkdir(probe, { mode: 0o755 });
  const masked = ((await stat(probe)).mode & 0o777) !== 0o755;
  await rm(probe, { recursive: true });

  async function makeFolder(path: string): Promise<void> {
    if (folders.has(path)) return;
    if (masked) await makeFolder(dirname(path));
    await mkdir(path, { recursive: true, mode: 0o755 });
    if (masked) await chmod(path, 0o755);
    folders.add(path);
  }
  const counting = (): Transform =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        left -= chunk.length;
        done(left < 0 ? tooLarge() : null, chunk);
      },
    });
  const writes = new Writes();

  async function write(entry: Entry, path: string, mode: number): Promise<void> {
    const exactly = mode !== 0o644 || masked;
    const small = smallContent(opened.bytes, entry);
    if (small !== undefined) {
      if ((left -= small.length) < 0) throw tooLarge();
      return writes.add(async () => {
        await writeFile(path, small, { mode: 0o644 });
        if (exactly) await chmod(path, mode);
      });
    }
    const into = createWriteStream(path, { flags: "w", mode: 0o644 });
    await pipeline(await contentStream(file, entry), counting(), into);
    if (exactly) await chmod(path, mode);
  }

  try {
    await eachEntry(file, async (entry) => {
      const { kind, mode } = check(entry);
      const name = nameOf(entry);
      const path = join(folder, name);
      if (kind === "folder") return makeFolder(path);
      await makeFolder(dirname(path));
      if (kind === "link") return void links.set(name, await linkTarget(opened, entry));
      links.delete(name);
      // Of two entries with one name the last counts, with its own mode.
      if (files.has(name)) {
        await writes.done();
        await rm(path);
      }
      files.add(name);
      await write(entry, path, mode);
    });
    await writes.done();
    // Links come last: nothing can have been written through one.
    for (const [name, target] of links) {
      if (!linkStaysInside(name, links)) throw refused(`the link ${name} leads outside the package`);
      await symlink(target, join(folder, name)).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        throw refused(
          `${name} is in the archive as a link and as ${(await lstat(join(folder, name))).isDirectory() ? "a folder" : "a file"}`,
        );
      });
    }
  } finally {
    await writes.settled();
    file.close();
  }
}

/** Writes under way, some at a time. The first failure is thrown to whoever adds or waits next. */
class Writes {
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  async add(work: () => Promise<void>): Promise<void> {
    const running: Promise<void> = work()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
    if (this.#running.size >= WRITES_MAX) await Promise.race(this.#running);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async done(): Promise<void> {
    await this.settled();
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** Nothing is written any more; never rejects. */
  async settled(): Promise<void> {
    await Promise.all(this.#running);
  }
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  await pipeline(
    stream,
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        chunks.push(chunk);
        done();
      },
    }),
  );
  return Buffer.concat(chunks).toString("utf8");
}
