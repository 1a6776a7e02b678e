import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { FunctionRecord } from "./record.ts";

/**
 * Longer than any invocation that began before its code lost its last version can run: its environment
 * has the unpacked archive mounted. 900 s of timeout, init twice, and some waiting.
 */
const GRACE_MS = 20 * 60_000;

/** A stored archive that is not deleted while this is held. */
export interface HeldBlob extends Disposable {
  readonly sha256: string;
}

export interface CodeBlobsDeps {
  readonly blobs: BlobStore;
  readonly codeCache: CodeCache;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whether a committed row names this blob. */
  readonly isReferenced: (sha256: string) => Promise<boolean>;
}

/**
 * Code archives, and the sweep of those that no version names any more. The store's folder is Lambda's
 * alone. An archive is deleted only when no committed row names it, nobody holds it, and its last version
 * went GRACE_MS ago:
 *
 *  1. Whoever is about to name an archive in a row holds it first, and until its commit is answered.
 *  2. The sweep marks an archive nobody holds, and only then asks the rows for it: every later holder
 *     waits until the deletion is over, and stores the bytes again.
 *  3. The unpacked folder goes first, then the archive. What a crash leaves between any of these steps is
 *     an archive that no row names: the next start looks at every stored one.
 */
export class CodeBlobs {
  readonly #deps: CodeBlobsDeps;
  readonly #holders = new Map<string, number>();
  readonly #deleting = new Map<string, Promise<void>>();
  /** When each archive lost a version or a holder (clock.now), oldest first. */
  readonly #suspects = new Map<string, number>();
  #timer: Timer | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  /** From `start` to `close`; before and after it suspects are only noted. */
  #running = false;

  constructor(deps: CodeBlobsDeps) {
    this.#deps = deps;
  }

  /** Stores an archive. Errors: StorageUnavailable. */
  async put(archive: Uint8Array): Promise<HeldBlob> {
    const sha256 = await digestOf(archive);
    const held = await this.#hold(sha256);
    try {
      await this.#deps.blobs.put(archive);
    } catch (error) {
      held[Symbol.dispose]();
      throw error;
    }
    return held;
  }

  /** A change was committed: what no version of this function names any more may be nobody's. */
  changed(before: FunctionRecord | undefined, after: FunctionRecord | undefined): void {
    const kept = blobsOf(after?.versions.values());
    for (const blob of blobsOf(before?.versions.values())) if (!kept.has(blob)) this.#suspect(blob);
  }

  /** Begins to sweep; first every stored archive, in the background: an earlier process may have left some. */
  start(): void {
    this.#running = true;
    this.#sweeping = this.#sweeping.then(() => this.#sweepStored());
  }

  /** Resolves when nothing is being deleted any more. */
  async close(): Promise<void> {
    this.#running = false;
    this.#timer?.cancel();
    await this.#sweeping;
  }

  async #hold(sha256: string): Promise<HeldBlob> {
    this.#holders.set(sha256, (this.#holders.get(sha256) ?? 0) + 1);
    await this.#deleting.get(sha256);
    let released = false;
    return {
      sha256,
      [Symbol.dispose]: () => {
        if (released) return;
        released = true;
        const left = (this.#holders.get(sha256) ?? 1) - 1;
        if (left > 0) return void this.#holders.set(sha256, left);
        this.#holders.delete(sha256);
        this.#suspect(sha256);
      },
    };
  }

  #suspect(sha256: string): void {
    this.#suspects.delete(sha256);
    this.#suspects.set(sha256, this.#deps.clock.now());
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== undefined || !this.#running) return;
    const [oldestMs] = this.#suspects.values();
    if (oldestMs === undefined) return;
    const waitMs = Math.max(0, oldestMs + GRACE_MS - this.#deps.clock.now());
    this.#timer = this.#deps.clock.timer(waitMs, () => {
      this.#timer = undefined;
      this.#sweeping = this.#sweeping.then(() => this.#sweepSuspects());
    });
  }

  async #sweepSuspects(): Promise<void> {
    const dueMs = this.#deps.clock.now() - GRACE_MS;
    for (const [sha256, sinceMs] of [...this.#suspects]) {
      if (!this.#running || sinceMs > dueMs) break;
      this.#suspects.delete(sha256);
      await this.#deleteUnlessNamed(sha256);
    }
    this.#arm();
  }

  async #sweepStored(): Promise<void> {
    try {
      for await (const sha256 of this.#deps.blobs.list()) {
        if (!this.#running) return;
        if (!this.#suspects.has(sha256)) await this.#deleteUnlessNamed(sha256);
      }
    } catch (error) {
      this.#deps.log.error({ error: String(error) }, "stored code could not be listed");
    }
    this.#arm();
  }

  async #deleteUnlessNamed(sha256: string): Promise<void> {
    // Whoever holds it puts it among the suspects again.
    if (this.#holders.has(sha256)) return;
    const work = this.#deleteMarked(sha256);
    this.#deleting.set(sha256, work);
    await work;
    this.#deleting.delete(sha256);
  }

  /** Never rejects: what could not be deleted is met again at the next start. */
  async #deleteMarked(sha256: string): Promise<void> {
    const { blobs, codeCache, isReferenced, log } = this.#deps;
    try {
      if (await isReferenced(sha256)) return;
      await codeCache.evict(sha256);
      await blobs.delete(sha256);
    } catch (error) {
      log.warn({ blob: sha256, error: String(error) }, "code of no function could not be deleted");
    }
  }
}

function blobsOf(versions: Iterable<FunctionVersion> = []): Set<string> {
  return new Set([...versions].map((version) => version.code.blob));
}

/** Lower-case hex; hashed in the thread pool. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const copy = new Uint8Array(bytes);
  return Buffer.from(await crypto.subtle.digest("SHA-256", copy)).toString("hex");
}
