import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { BlobInfo, BlobStore } from "../../ports/blob-store.ts";
import { StorageUnavailable } from "../../ports/database.ts";
import { syncFolder } from "./sync-files.ts";

const SHA256 = /^[0-9a-f]{64}$/;
/** Large enough that a file is read in few steps, small enough for a thousand readers. */
const READ_BYTES = 256 * 1024;
const STORAGE_CODES = new Set(["ENOSPC", "EROFS", "EIO", "EDQUOT", "EACCES", "EFBIG"]);

/**
 * Content-addressed files `<folder>/ab/cdef…`. A body is written to `<folder>/incoming`, synced, renamed
 * into place, and both folders are synced, before `put` resolves. What a crash left in `incoming` is
 * removed at opening.
 */
export async function createBlobStore(options: { readonly folder: string }): Promise<BlobStore> {
  const { folder } = options;
  const incoming = join(folder, "incoming");
  await rm(incoming, { recursive: true, force: true });
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await syncFolder(folder);
  /** Blobs whose folder entry is known to be on disk; one found lying there may not be yet. */
  const durable = new Set<string>();

  /** Folders of blobs whose own entry is known to be on disk. */
  const parents = new Set<string>();

  async function settle(sha256: string): Promise<void> {
    const parent = sha256.slice(0, 2);
    await syncFolder(join(folder, parent));
    if (parents.has(parent)) return;
    await syncFolder(folder);
    parents.add(parent);
  }

  function pathOf(sha256: string): string {
    if (!SHA256.test(sha256)) throw new Error(`not a SHA-256: ${sha256.slice(0, 80)}`);
    return join(folder, sha256.slice(0, 2), sha256.slice(2));
  }

  async function put(
    body: Uint8Array | AsyncIterable<Uint8Array>,
    name: string | undefined,
  ): Promise<BlobInfo> {
    const hash = name === undefined ? createHash("sha256") : undefined;
    let bytes = 0;
    if (body instanceof Uint8Array && name === undefined) {
      // Known bytes that are stored already need no second copy.
      const sha256 = await digestOf(body);
      if (existsSync(pathOf(sha256))) {
        if (!durable.has(sha256)) await settle(sha256);
        durable.add(sha256);
        return { sha256, bytes: body.length };
      }
    }
    const temporary = join(incoming, randomUUID());
    const handle = await open(temporary, "wx", 0o600);
    // One write is under way while the next chunk is awaited and hashed.
    let writing: Promise<void> = Promise.resolve();
    try {
      for await (const chunk of body instanceof Uint8Array ? pieces(body) : body) {
        hash?.update(chunk);
        bytes += chunk.length;
        await writing;
        writing = handle.writeFile(chunk);
        // It is awaited with the next chunk; until then a failure is nobody's.
        writing.catch(() => undefined);
      }
      await writing;
      await handle.sync();
    } catch (error) {
      await writing.catch(() => undefined);
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
    const sha256 = name ?? hash?.digest("hex") ?? "";
    const target = pathOf(sha256);
    const parent = join(folder, sha256.slice(0, 2));
    await mkdir(parent, { recursive: true, mode: 0o700 });
    await rename(temporary, target);
    await settle(sha256);
    // One with a name of its own is never put again.
    if (name === undefined) durable.add(sha256);
    return { sha256, bytes };
  }

  return {
    async put(body, options = {}) {
      try {
        return await put(body, options.name);
      } catch (error) {
        if (STORAGE_CODES.has((error as NodeJS.ErrnoException).code ?? "")) {
          throw new StorageUnavailable(`cannot store a blob: ${(error as Error).message}`, { cause: error });
        }
        throw error;
      }
    },
    async get(sha256) {
      try {
        return new Uint8Array(await readFile(pathOf(sha256)));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async stream(sha256, range) {
      const path = pathOf(sha256);
      if (!(await exists(path))) return undefined;
      return createReadStream(path, { ...range, highWaterMark: READ_BYTES });
    },
    has: (sha256) => exists(pathOf(sha256)),
    async delete(sha256) {
      durable.delete(sha256);
      await rm(pathOf(sha256), { force: true });
    },
    async *list() {
      for (const prefix of await readdir(folder)) {
        if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
        for (const rest of await readdir(join(folder, prefix))) yield prefix + rest;
      }
    },
  };
}

/** Small enough that hashing one does not hold up the event loop. */
const PIECE_BYTES = 512 * 1024;

function* pieces(body: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < body.length; at += PIECE_BYTES) yield body.subarray(at, at + PIECE_BYTES);
}

async function digestOf(body: Uint8Array): Promise<string> {
  const hash = createHash("sha256");
  for (const piece of pieces(body)) {
    hash.update(piece);
    if (body.length > PIECE_BYTES) await nextTurn();
  }
  return hash.digest("hex");
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
