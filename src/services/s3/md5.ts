import { createHash } from "node:crypto";
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../kernel/clock.ts";

/**
 * MD5s of bodies. An ETag needs one, and computing it takes longer than everything else a large upload
 * does: those go to a thread of their own, which ends when nobody has needed it for a while.
 */
export interface Md5s {
  /** `bytes`: how many will come, as far as is known. */
  start(bytes: number | undefined): Md5;
  close(): Promise<void>;
}

export interface Md5 {
  /** Copies what it needs. A promise where the thread is behind: await it. */
  update(chunk: Uint8Array): void | Promise<void>;
  /** Lower-case hex. */
  digest(): string | Promise<string>;
  /** Gives up on it. */
  drop(): void;
}

export type ToMd5Thread =
  | { readonly kind: "bytes"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "end" | "drop"; readonly id: number };

export type FromMd5Thread =
  | { readonly kind: "taken"; readonly id: number; readonly bytes: number }
  | { readonly kind: "md5"; readonly id: number; readonly md5: string };

const THREAD_BYTES_MIN = 1024 * 1024;
/** Of one body, on their way to the thread. */
const BEHIND_BYTES_MAX = 2 * 1024 * 1024;
const IDLE_MS = 10_000;

interface Remote {
  behind: number;
  /** Wakes who waits for the thread to catch up. */
  caughtUp: (() => void) | undefined;
  resolve: ((md5: string) => void) | undefined;
  reject: ((error: Error) => void) | undefined;
}

export function createMd5s(clock: Clock): Md5s {
  const remotes = new Map<number, Remote>();
  let worker: Worker | undefined;
  let idle: Timer | undefined;
  let failed: Error | undefined;
  let lastId = 0;

  function thread(): Worker {
    if (worker !== undefined) return worker;
    failed = undefined;
    const extension = import.meta.url.endsWith(".ts") ? ".ts" : ".js";
    const started = new Worker(new URL(`./md5-thread${extension}`, import.meta.url));
    started.unref();
    started.on("message", receive);
    started.on("error", (error) => fail(started, error as Error));
    started.on("exit", () => fail(started, new Error("the thread that computes MD5s has ended")));
    worker = started;
    return started;
  }

  function fail(ended: Worker, error: Error): void {
    if (worker !== ended) return;
    worker = undefined;
    failed = error;
    for (const remote of remotes.values()) {
      remote.reject?.(error);
      remote.caughtUp?.();
    }
    remotes.clear();
  }

  function receive(message: FromMd5Thread): void {
    const remote = remotes.get(message.id);
    if (remote === undefined) return;
    if (message.kind === "md5") {
      remote.resolve?.(message.md5);
      finish(message.id);
      return;
    }
    remote.behind -= message.bytes;
    if (remote.behind > BEHIND_BYTES_MAX / 2) return;
    remote.caughtUp?.();
    remote.caughtUp = undefined;
  }

  function finish(id: number): void {
    remotes.delete(id);
    if (remotes.size > 0) return;
    idle = clock.timer(IDLE_MS, () => {
      const ending = worker;
      worker = undefined;
      void ending?.terminate();
    });
  }

  function startRemote(): Md5 {
    idle?.cancel();
    const id = (lastId += 1);
    const port = thread();
    const remote: Remote = { behind: 0, caughtUp: undefined, resolve: undefined, reject: undefined };
    remotes.set(id, remote);
    const tell = (message: ToMd5Thread, transfer: ArrayBuffer[] = []): void =>
      port.postMessage(message, transfer);
    return {
      update(chunk) {
        const bytes = new Uint8Array(chunk);
        remote.behind += bytes.length;
        tell({ kind: "bytes", id, bytes }, [bytes.buffer]);
        if (remote.behind < BEHIND_BYTES_MAX || failed !== undefined) return undefined;
        return new Promise((resolve) => {
          remote.caughtUp = resolve;
        });
      },
      digest() {
        if (!remotes.has(id)) return Promise.reject(failed ?? new Error("this MD5 was given up"));
        return new Promise((resolve, reject) => {
          remote.resolve = resolve;
          remote.reject = reject;
          tell({ kind: "end", id });
        });
      },
      drop() {
        if (!remotes.has(id)) return;
        tell({ kind: "drop", id });
        finish(id);
      },
    };
  }

  return {
    start(bytes) {
      if (bytes !== undefined && bytes >= THREAD_BYTES_MIN) return startRemote();
      const hash = createHash("md5");
      return {
        update: (chunk) => void hash.update(chunk),
        digest: () => hash.digest("hex"),
        drop: () => undefined,
      };
    },
    async close() {
      idle?.cancel();
      const ending = worker;
      if (ending === undefined) return;
      fail(ending, new Error("the server is closing"));
      await ending.terminate();
    },
  };
}
