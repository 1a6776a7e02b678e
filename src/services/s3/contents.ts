import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { BlobStore } from "../../ports/blob-store.ts";

/**
 * The bytes of objects: blobs with names of their own, shared by copies, and the sweep of those that no
 * row names any more.
 *
 * 1. Who writes or reads a blob holds it (`hold` … `release`) until its row is committed, or its last
 *    byte is sent.
 * 2. A blob becomes suspect when a row that named it goes, or when an upload that made it fails; after
 *    a crash every blob is looked at once.
 * 3. The sweep deletes a suspect that nobody holds and no row names. While it does, `hold` waits.
 */
export interface Contents {
  /**
   * Stores a body and holds its blob; `release` it when the row is committed (or will not be).
   * @param body is told the blob's name
   */
  put(body: (blob: string) => AsyncIterable<Uint8Array>): Promise<string>;
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
  readonly blob: string;
  readonly bytes: number;
}

export interface ContentsDeps {
  readonly blobs: BlobStore;
  readonly log: Logger;
  readonly random: Random;
  /** Does a row name it? */
  readonly isNamed: (blob: string) => Promise<boolean>;
}

export function createContents({ blobs, log, random, isNamed }: ContentsDeps): Contents {
  const held = new Map<string, number>();
  const deleting = new Map<string, Promise<void>>();
  const suspects = new Set<string>();
  let running: Promise<void> | undefined;
  let closed = false;

  async function hold(wanted: readonly string[]): Promise<void> {
    for (const blob of wanted) held.set(blob, (held.get(blob) ?? 0) + 1);
    for (const blob of wanted) await deleting.get(blob);
  }

  function release(wanted: readonly string[]): void {
    let freed = false;
    for (const blob of wanted) {
      const left = (held.get(blob) ?? 1) - 1;
      if (left > 0) held.set(blob, left);
      else {
        held.delete(blob);
        freed ||= suspects.has(blob);
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
    for (const blob of [...suspects]) {
      if (closed) return;
      if (held.has(blob)) continue;
      suspects.delete(blob);
      await remove(blob);
    }
  }

  /** From the look at the rows to the end of the deletion nobody can begin to hold it. */
  async function remove(blob: string): Promise<void> {
    const done = (async () => {
      if (await isNamed(blob)) return;
      await blobs.delete(blob);
    })();
    deleting.set(
      blob,
      done.catch(() => undefined),
    );
    try {
      await done;
    } catch (error) {
      log.warn({ blob, error: String(error) }, "a blob that nothing names could not be deleted");
    } finally {
      deleting.delete(blob);
    }
  }

  return {
    async put(body) {
      const name = random.hex(64);
      await hold([name]);
      try {
        await blobs.put(body(name), { name });
        return name;
      } catch (error) {
        suspects.add(name);
        release([name]);
        throw error;
      }
    },
    hold,
    release,
    suspect(list) {
      for (const blob of list) suspects.add(blob);
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
      for await (const blob of blobs.list()) {
        if (closed) return;
        if (!held.has(blob) && !(await isNamed(blob))) suspects.add(blob);
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
    const stream = await blobs.stream(piece.blob, piece);
    if (stream === undefined) throw new Error(`the blob ${piece.blob} of an object is gone`);
    return stream;
  }
}

export interface Piece {
  readonly blob: string;
  readonly start: number;
  readonly end: number;
}

/** Which bytes of which blobs make up the range (both ends included). */
export function cut(parts: readonly Extent[], start: number, end: number): readonly Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  for (const { blob, bytes } of parts) {
    const from = Math.max(start, at);
    const to = Math.min(end, at + bytes - 1);
    if (from <= to) pieces.push({ blob, start: from - at, end: to - at });
    at += bytes;
  }
  return pieces;
}
