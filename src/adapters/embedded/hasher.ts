/**
 * MD5 in a thread of its own, which is started by the first large body and ended when none came for a while.
 *
 *   1. Bytes are copied into blocks; a full block goes to the thread and comes back to be filled again.
 *   2. A body that is ahead by more than its blocks waits for one to come back.
 *   3. The last block asks for the digest.
 */
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Hasher, RunningHash } from "../../ports/hasher.ts";
import type { FromHashThread, ToHashThread } from "./hash-protocol.ts";

const BLOCK_BYTES = 256 * 1024;
/** Of one body: enough that neither side waits for the other's turn. */
const BLOCKS_AHEAD_MAX = 8;
const SPARE_BLOCKS_MAX = 16;
const IDLE_MS = 10_000;

interface Waiting {
  ahead: number;
  /** Somebody waits for a block to come back. */
  room: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  end: { readonly resolve: (digest: string) => void; readonly reject: (error: Error) => void } | undefined;
}

export function createHasher(clock: Clock): Hasher {
  const running = new Map<number, Waiting>();
  const spare: ArrayBuffer[] = [];
  let thread: Worker | undefined;
  let idle: Timer | undefined;
  let lastId = 0;

  function open(): Worker {
    idle?.cancel();
    if (thread !== undefined) return thread;
    const made = new Worker(new URL(`./hash-thread${moduleExtension()}`, import.meta.url));
    made.unref();
    made.on("message", (message: FromHashThread) => take(message));
    made.on("error", (error: Error) => fail(made, error));
    made.on("exit", () => fail(made, new Error("the hashing thread ended")));
    thread = made;
    return made;
  }

  function take({ id, block, digest }: FromHashThread): void {
    if (spare.length < SPARE_BLOCKS_MAX) spare.push(block);
    const waiting = running.get(id);
    if (waiting === undefined) return;
    waiting.ahead -= 1;
    waiting.room?.resolve();
    waiting.room = undefined;
    if (digest === undefined) return;
    waiting.end?.resolve(digest);
    finish(id);
  }

  function fail(ended: Worker, error: Error): void {
    if (ended !== thread) return;
    thread = undefined;
    tellWaiting(error);
  }

  function tellWaiting(error: Error): void {
    for (const waiting of running.values()) {
      waiting.room?.reject(error);
      waiting.end?.reject(error);
    }
    running.clear();
  }

  function finish(id: number): void {
    running.delete(id);
    if (running.size > 0) return;
    idle?.cancel();
    idle = clock.timer(IDLE_MS, () => void stop());
  }

  async function stop(): Promise<void> {
    const ended = thread;
    thread = undefined;
    spare.length = 0;
    tellWaiting(new Error("the hashing thread ended"));
    await ended?.terminate();
  }

  function start(): RunningHash {
    const worker = open();
    const id = (lastId += 1);
    const waiting: Waiting = { ahead: 0, room: undefined, end: undefined };
    running.set(id, waiting);
    let block = spare.pop() ?? new ArrayBuffer(BLOCK_BYTES);
    let filled = 0;

    function send(isLast: boolean): void {
      const message: ToHashThread = { id, block, length: filled, isLast };
      worker.postMessage(message, [block]);
      waiting.ahead += 1;
      filled = 0;
      if (!isLast) block = spare.pop() ?? new ArrayBuffer(BLOCK_BYTES);
    }

    return {
      update(bytes) {
        if (!running.has(id)) throw new Error("the hashing thread ended");
        for (let at = 0; at < bytes.length;) {
          const part = bytes.subarray(at, at + BLOCK_BYTES - filled);
          new Uint8Array(block).set(part, filled);
          at += part.length;
          filled += part.length;
          if (filled === BLOCK_BYTES) send(false);
        }
        if (waiting.ahead <= BLOCKS_AHEAD_MAX) return undefined;
        return new Promise((resolve, reject) => (waiting.room = { resolve, reject }));
      },
      digest() {
        return new Promise((resolve, reject) => {
          if (!running.has(id)) return reject(new Error("the hashing thread ended"));
          waiting.end = { resolve, reject };
          send(true);
        });
      },
      abandon() {
        if (!running.has(id)) return;
        const message: ToHashThread = { id, block: undefined, length: 0, isLast: false };
        worker.postMessage(message);
        finish(id);
      },
    };
  }

  return {
    start,
    async close() {
      idle?.cancel();
      await stop();
    },
  };
}

/** `.ts` in a checkout, `.js` once compiled. */
function moduleExtension(): string {
  return import.meta.url.endsWith(".ts") ? ".ts" : ".js";
}
