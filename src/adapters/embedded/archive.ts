/**
 * Function archives are hostile input. Names that lead outside, devices, links that leave, encrypted
 * entries, bombs and files that are no zip at all are refused; setuid bits are dropped.
 */
import { createWriteStream } from "node:fs";
import { chmod, lstat, mkdir, symlink } from "node:fs/promises";
import { dirname, join, normalize } from "node:path";
import { Transform, Writable, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import yauzl, { type Entry, type ZipFile } from "yauzl";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";

/** Far more than any real function has; a central directory with more is made to hurt. */
const ENTRIES_MAX = 200_000;
const PATH_BYTES_MAX = 4096;
const LINK_BYTES_MAX = 4096;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;
const MADE_BY_UNIX = 3;
const MADE_BY_MAC = 19;

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

/** True when a link at `path` with this text stays within the package. */
export function linkStaysInside(path: string, target: string): boolean {
  if (target === "" || target.startsWith("/") || target.includes("\0")) return false;
  const resolved = normalize(join(dirname(path), target));
  return resolved !== ".." && !resolved.startsWith("../");
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

function openArchive(bytes: Uint8Array): Promise<ZipFile> {
  return new Promise((resolve, reject) => {
    yauzl.fromBuffer(
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      { lazyEntries: true, autoClose: false, strictFileNames: false, validateEntrySizes: true },
      (error, file) =>
        error === null ? resolve(file) : reject(refused(`the file is not a zip archive: ${error.message}`)),
    );
  });
}

/** Each entry in turn; `visit` is awaited before the next one is read. */
async function eachEntry(file: ZipFile, visit: (entry: Entry) => Promise<void> | void): Promise<void> {
  if (file.entryCount > ENTRIES_MAX) throw refused(`the archive has ${String(file.entryCount)} entries`);
  await new Promise<void>((resolve, reject) => {
    const fail = (error: unknown): void =>
      reject(
        error instanceof ServiceError
          ? error
          : refused(error instanceof Error ? error.message : String(error)),
      );
    file.on("error", fail);
    file.on("end", resolve);
    file.on("entry", (entry: Entry) => {
      Promise.resolve()
        .then(() => visit(entry))
        .then(() => file.readEntry(), fail);
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
 * What CreateFunction wants to know before anything is stored. Sizes are what the archive claims; they are
 * counted again while unpacking.
 */
export async function inspectZip(bytes: Uint8Array): Promise<{ readonly unzippedBytes: number }> {
  const file = await openArchive(bytes);
  let unzippedBytes = 0;
  try {
    await eachEntry(file, (entry) => {
      check(entry);
      unzippedBytes += entry.uncompressedSize;
    });
  } finally {
    file.close();
  }
  return { unzippedBytes };
}

/** Unpacks into an empty folder. Errors: as inspectZip, and over 262,144,000 bytes counted while inflating. */
export async function unpackZip(bytes: Uint8Array, folder: string): Promise<void> {
  const file = await openArchive(bytes);
  const links = new Map<string, string>();
  const folders = new Set<string>([folder]);
  let left = LIMITS.unzippedCodeBytes;

  async function makeFolder(path: string): Promise<void> {
    if (folders.has(path)) return;
    await mkdir(path, { recursive: true, mode: 0o755 });
    folders.add(path);
  }
  const read = (entry: Entry): Promise<Readable> =>
    new Promise((resolve, reject) => {
      file.openReadStream(entry, (error, stream) => (error === null ? resolve(stream) : reject(error)));
    });
  const counting = (): Transform =>
    new Transform({
      transform(chunk: Buffer, _encoding, done) {
        left -= chunk.length;
        done(left < 0 ? tooLarge() : null, chunk);
      },
    });

  try {
    await eachEntry(file, async (entry) => {
      const { kind, mode } = check(entry);
      const name = normalize(entry.fileName);
      const path = join(folder, name);
      if (kind === "folder") return makeFolder(path);
      await makeFolder(dirname(path));
      if (kind === "link") {
        if (entry.uncompressedSize > LINK_BYTES_MAX)
          throw refused(`${entry.fileName} is a link with too long a target`);
        links.set(name, await text(await read(entry)));
        return;
      }
      links.delete(name);
      await pipeline(await read(entry), counting(), createWriteStream(path, { flags: "w", mode: 0o644 }));
      if (mode !== 0o644) await chmod(path, mode);
    });
    // Links come last: nothing can have been written through one.
    for (const [name, target] of links) {
      if (!linkStaysInside(name, target)) throw refused(`the link ${name} leads outside the package`);
      await symlink(target, join(folder, name)).catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== "EEXIST") throw error;
        throw refused(
          `${name} is in the archive as a link and as ${(await lstat(join(folder, name))).isDirectory() ? "a folder" : "a file"}`,
        );
      });
    }
  } finally {
    file.close();
  }
}

async function text(stream: Readable): Promise<string> {
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
