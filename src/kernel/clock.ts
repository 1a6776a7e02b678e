/**
 * The only way to learn the time or to wait. Everything else takes a Clock as an argument, so
 * that tests and `lambent clock advance` move time instead of sleeping.
 */
export interface Clock {
  /** Wall time in epoch milliseconds: for what users see and for what must survive a restart. */
  now(): number;
  /** Milliseconds that never go back (fraction included): for measuring durations. */
  monotonic(): number;
  /** Resolves after `ms` of this clock's time. Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Milliseconds that `now()` is ahead of the machine's clock; absent where it never is. */
  readonly offsetMs?: number;
  /** Milliseconds of waiting that `advance` has skipped, which `monotonic()` does not show; absent for none. */
  readonly skippedMs?: number;
  /** Runs `work` once after `ms` of this clock's time. */
  timer(ms: number, work: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** A clock that can be moved forward by hand; sleepers whose time has come wake at once. */
export interface AdjustableClock extends Clock {
  advance(ms: number): void;
  readonly offsetMs: number;
}

/** The machine's clock, moved or not. */
export interface SystemClock extends AdjustableClock {
  /** The machine's time again. Only where nothing is left that was dated by the moved clock. */
  backToMachine(): void;
}

/**
 * Wall time as processes outside of this one see it: what signers put into their requests, what a
 * function measures its deadline with.
 */
export function machineNow(clock: Clock): number {
  return clock.now() - (clock.offsetMs ?? 0);
}

/** Monotonic time that goes on with `advance`: for how long something may lie unused. */
export function agingNow(clock: Clock): number {
  return clock.monotonic() + (clock.skippedMs ?? 0);
}

/** Node's timers overflow above 2^31-1 ms and fire at once, so longer waits are taken in steps. */
const TIMER_MS_MAX = 2 ** 31 - 1;

interface Waiter {
  dueAt: number;
  work: () => void;
  handle: NodeJS.Timeout | undefined;
}

/**
 * The machine's clock, `startOffsetMs` ahead of it. `advance` shifts `now()` and shortens every wait
 * under way.
 */
export function systemClock(startOffsetMs = 0): SystemClock {
  let offsetMs = startOffsetMs;
  const waiters = new Set<Waiter>();
  // Waits are measured against the monotonic clock, so a step of the machine's wall clock
  // neither fires nor delays them; only `advance` does.
  const virtual = (): number => performance.now() + offsetMs;

  function arm(waiter: Waiter): void {
    const leftMs = Math.max(0, waiter.dueAt - virtual());
    waiter.handle = setTimeout(
      () => {
        if (waiter.dueAt - virtual() > 0.5) return arm(waiter);
        waiters.delete(waiter);
        waiter.work();
      },
      Math.min(leftMs, TIMER_MS_MAX),
    );
  }

  function timer(ms: number, work: () => void): Timer {
    const waiter: Waiter = { dueAt: virtual() + ms, work, handle: undefined };
    waiters.add(waiter);
    arm(waiter);
    return {
      cancel() {
        clearTimeout(waiter.handle);
        waiters.delete(waiter);
      },
    };
  }

  return {
    now: () => Date.now() + offsetMs,
    monotonic: () => performance.now(),
    get offsetMs() {
      return offsetMs;
    },
    get skippedMs() {
      return offsetMs;
    },
    timer,
    sleep(ms, signal) {
      return new Promise<void>((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason as Error);
        const onAbort = (): void => {
          waiting.cancel();
          reject(signal?.reason as Error);
        };
        const waiting = timer(ms, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
        signal?.addEventListener("abort", onAbort, { once: true });
      });
    },
    advance(ms) {
      offsetMs += ms;
      for (const waiter of waiters) {
        clearTimeout(waiter.handle);
        arm(waiter);
      }
    },
    backToMachine() {
      // Whoever waits goes on waiting for as long as was left.
      for (const waiter of waiters) waiter.dueAt -= offsetMs;
      offsetMs = 0;
    },
  };
}
