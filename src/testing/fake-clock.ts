import type { AdjustableClock, Timer } from "../kernel/clock.ts";

/** A clock that stands still until it is told otherwise. */
export interface FakeClock extends AdjustableClock {
  /** Moves time timer by timer, letting promises settle and I/O callbacks run in between. */
  advanceAsync(ms: number): Promise<void>;
  readonly timers: number;
}

interface Due {
  readonly atMs: number;
  readonly order: number;
  readonly work: () => void;
}

/** `startMs` is the epoch time it shows first. */
export function fakeClock(startMs: number = Date.UTC(2026, 0, 2, 3, 4, 5)): FakeClock {
  let elapsedMs = 0;
  let order = 0;
  const due = new Set<Due>();

  function next(untilMs: number): Due | undefined {
    let first: Due | undefined;
    for (const one of due) {
      if (one.atMs > untilMs) continue;
      if (
        first === undefined ||
        one.atMs < first.atMs ||
        (one.atMs === first.atMs && one.order < first.order)
      )
        first = one;
    }
    return first;
  }

  function fire(one: Due): void {
    due.delete(one);
    elapsedMs = Math.max(elapsedMs, one.atMs);
    one.work();
  }

  function timer(ms: number, work: () => void): Timer {
    const one: Due = { atMs: elapsedMs + Math.max(0, ms), order: order++, work };
    due.add(one);
    return { cancel: () => void due.delete(one) };
  }

  return {
    now: () => startMs + elapsedMs,
    monotonic: () => elapsedMs,
    get offsetMs() {
      return elapsedMs;
    },
    get timers() {
      return due.size;
    },
    timer,
    sleep(ms, signal) {
      return new Promise<void>((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const waiting = timer(ms, resolve);
        signal?.addEventListener(
          "abort",
          () => {
            waiting.cancel();
            reject(signal.reason as Error);
          },
          { once: true },
        );
      });
    },
    advance(ms) {
      const untilMs = elapsedMs + ms;
      for (let one = next(untilMs); one !== undefined; one = next(untilMs)) fire(one);
      elapsedMs = untilMs;
    },
    async advanceAsync(ms) {
      const untilMs = elapsedMs + ms;
      await settle();
      for (let one = next(untilMs); one !== undefined; one = next(untilMs)) {
        fire(one);
        await settle();
      }
      elapsedMs = untilMs;
      await settle();
    },
  };
}

/** Lets everything that is ready to run, run: promise jobs and the callbacks of streams. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve));
}
