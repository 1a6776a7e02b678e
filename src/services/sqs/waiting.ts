/**
 * Long polls. Who finds nothing waits for whichever comes first: a wake-up of the queue, the moment the
 * next message becomes visible, its own deadline, its caller hanging up.
 *
 * A wake-up between a look and the wait after it is not lost: each queue counts its wake-ups, and a look
 * that was overtaken by one is repeated.
 */
import type { Clock, Timer } from "../../kernel/clock.ts";

export interface Waiting {
  /** Counts the wake-ups of a queue; ask before looking. */
  version(queueId: number): number;
  /** Resolves at once if the queue was woken since `version`. */
  wait(queueId: number, version: number, ms: number, signal: AbortSignal): Promise<void>;
  /** Wakes the `count` that wait longest. */
  wake(queueId: number, count: number): void;
  /** Wakes everybody: the queue was deleted. */
  forget(queueId: number): void;
  /** Wakes everybody for good. */
  close(): void;
  readonly closed: boolean;
}

interface Line {
  version: number;
  readonly waiters: Set<() => void>;
}

export function createWaiting(clock: Clock): Waiting {
  const lines = new Map<number, Line>();
  let closed = false;

  function lineOf(queueId: number): Line {
    let line = lines.get(queueId);
    if (line === undefined) lines.set(queueId, (line = { version: 0, waiters: new Set() }));
    return line;
  }

  function wake(queueId: number, count: number): void {
    const line = lineOf(queueId);
    line.version += 1;
    let left = count;
    for (const resume of line.waiters) {
      if (left <= 0) return;
      left -= 1;
      resume();
    }
  }

  return {
    get closed() {
      return closed;
    },
    version: (queueId) => lineOf(queueId).version,
    wake,
    wait(queueId, version, ms, signal) {
      const line = lineOf(queueId);
      if (closed || signal.aborted || ms <= 0 || line.version !== version) return Promise.resolve();
      return new Promise((resolve) => {
        let timer: Timer | undefined = undefined;
        const resume = (): void => {
          timer?.cancel();
          signal.removeEventListener("abort", resume);
          line.waiters.delete(resume);
          resolve();
        };
        line.waiters.add(resume);
        signal.addEventListener("abort", resume, { once: true });
        timer = clock.timer(ms, resume);
      });
    },
    forget(queueId) {
      wake(queueId, Infinity);
      lines.delete(queueId);
    },
    close() {
      closed = true;
      for (const queueId of lines.keys()) wake(queueId, Infinity);
    },
  };
}
