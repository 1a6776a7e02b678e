import type { Clock, Timer } from "../../kernel/clock.ts";

/** Timers may fire this much early. */
const EARLY_MS = 0.5;

/**
 * The deadline of the invocation under way. One timer per environment, moved lazily: most invocations
 * end long before it fires, and re-arming it for each of them would cost more than the invocation.
 */
export class Deadline {
  readonly #clock: Clock;
  readonly #onDeadline: () => void;
  #deadlineMs = Infinity;
  #timer: Timer | undefined;
  #timerDueMs = Infinity;

  constructor(clock: Clock, onDeadline: () => void) {
    this.#clock = clock;
    this.#onDeadline = onDeadline;
  }

  /** Both monotonic. */
  arm(deadlineMs: number, nowMs: number): void {
    this.#deadlineMs = deadlineMs;
    if (this.#timer !== undefined && this.#timerDueMs <= deadlineMs) return;
    this.#timer?.cancel();
    this.#timerDueMs = deadlineMs;
    this.#timer = this.#clock.timer(Math.max(0, deadlineMs - nowMs), () => {
      this.#timer = undefined;
      if (this.#deadlineMs === Infinity) return;
      const now = this.#clock.monotonic();
      if (now >= this.#deadlineMs - EARLY_MS) this.#onDeadline();
      else this.arm(this.#deadlineMs, now);
    });
  }

  /** The invocation is over; the timer stays for the next one. */
  disarm(): void {
    this.#deadlineMs = Infinity;
  }

  /** The environment is over. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
