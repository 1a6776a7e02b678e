import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "../../kernel/log.ts";
import type { BlobInfo, BlobStore } from "../../ports/blob-store.ts";

/**
 * The bytes of objects: blobs by their SHA-256, shared by all who hold the same ones, and the sweep of
 * those that nobody names any more.
 *
 * 1. Who writes or reads a blob holds it (`hold` … `release`) until its row is committed, or its last
 *    byte is sent.
 * 2. A blob becomes suspect when a row that named it goes, or when an upload that made it fails; after
 *    a crash every blob is looked at once.
 * 3. The sweep deletes a suspect that nobody holds and no row names. While it does, `hold` waits.
 */
export interface Contents {
  /** Stores a body and holds the blob; `release` it when the row is committed (or will not be). */
  put(body: AsyncIterable<Uint8Array>): Promise<BlobInfo>;
  /** Resolves once none of the blobs is being deleted; look at the row again after it. */
  hold(blobs: readonly string[]): Promise<void>;
  release(blobs: readonly string[]): void;
  suspect(blobs: readonly string[]): void;
  /** The bytes from `start` to `end`, both included, of blobs laid end to end. The caller holds them. */
  read(parts: readonly Extent[], start: number, end: number): Promise<AsyncIterable<Uint8Array>>;
  /** Looks at every blob there is. */
  sweep(): Promise<void>;
  close(): Promise<void>;
}

export interface Extent {
  readonly sha256: string;
  readonly bytes: number;
}

export interface ContentsDeps {
  readonly blobs: BlobStore;
  readonly log: Logger;
  /** Does a row name it? */
  readonly isNamed: (sha256: string) => Promise<boolean>;
}

export function createContents({ blobs, log, isNamed }: ContentsDeps): Contents {
  const held = new Map<string, number>();
  const deleting = new Map<string, Promise<void>>();
  const suspects = new Set<string>();
  let running: Promise<void> | undefined;
  let closed = false;

  async function hold(wanted: readonly string[]): Promise<void> {
    for (const sha256 of wanted) held.set(sha256, (held.get(sha256) ?? 0) + 1);
    for (const sha256 of wanted) await deleting.get(sha256);
  }

  function release(wanted: readonly string[]): void {
    let freed = false;
    for (const sha256 of wanted) {
      const left = (held.get(sha256) ?? 1) - 1;
      if (left > 0) held.set(sha256, left);
      else {
        held.delete(sha256);
        freed ||= suspects.has(sha256);
      }
    }
    if (freed) start();
  }

  function start(): void {
    if (closed || running !== undefined) return;
    running = work().finally(() => {
      running = undefined;
    });
  }

  async function work(): Promise<void> {
    for (const sha256 of [...suspects]) {
      if (closed) return;
      if (held.has(sha256)) continue;
      suspects.delete(sha256);
      await remove(sha256);
    }
  }

  /** From the look at the rows to the end of the deletion nobody can begin to hold it. */
  async function remove(sha256: string): Promise<void> {
    const done = (async () => {
      if (await isNamed(sha256)) return;
      await blobs.delete(sha256);
    })();
    deleting.set(
      sha256,
      done.catch(() => undefined),
    );
    try {
      await done;
    } catch (error) {
      log.warn({ sha256, error: String(error) }, "a blob that nothing names could not be deleted");
    } finally {
      deleting.delete(sha256);
    }
  }

  return {
    async put(body) {
      let claimed: string | undefined;
      try {
        return await blobs.put(body, {
          async claim(sha256) {
            claimed = sha256;
            await hold([sha256]);
          },
        });
      } catch (error) {
        if (claimed !== undefined) {
          suspects.add(claimed);
          release([claimed]);
        }
        throw error;
      }
    },
    hold,
    release,
    suspect(list) {
      for (const sha256 of list) suspects.add(sha256);
      if (list.length > 0) start();
    },
    async read(parts, start_, end) {
      const wanted = cut(parts, start_, end);
      const [only] = wanted;
      if (wanted.length === 1 && only !== undefined) return open(only);
      return (async function* () {
        for (const piece of wanted) yield* await open(piece);
      })();
    },
    async sweep() {
      let seen = 0;
      for await (const sha256 of blobs.list()) {
        if (closed) return;
        if (!held.has(sha256) && !(await isNamed(sha256))) suspects.add(sha256);
        seen += 1;
        if (seen % 100 === 0) await nextTurn();
      }
      if (suspects.size > 0) start();
    },
    async close() {
      closed = true;
      await running;
    },
  };

  async function open(piece: Piece): Promise<AsyncIterable<Uint8Array>> {
    const stream = await blobs.stream(piece.sha256, piece);
    if (stream === undefined) throw new Error(`the blob ${piece.sha256} of an object is gone`);
    return stream;
  }
}

export interface Piece {
  readonly sha256: string;
  readonly start: number;
  readonly end: number;
}

/** Which bytes of which blobs make up the range (both ends included). */
export function cut(parts: readonly Extent[], start: number, end: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const { sha256, bytes } of parts) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + bytes - 1);
    if (from <= to) pieces.push({ sha256, start: from - at, end: to - at });
    at += bytes;
  }
  return pieces;
}
