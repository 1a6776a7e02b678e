import type { Clock } from "../../kernel/clock.ts";
import type { Sandbox } from "../../ports/sandbox-driver.ts";

const INTERVAL_MS = 100;
/** A sample costs more than an invocation this short, and the kernel keeps the peak meanwhile. */
const SHORT_INVOCATION_MS = 10;
const SHORT_INTERVAL_MS = 1000;
const MB = 1_048_576;

/** The most memory an environment has been seen to use, asked for now and then and beside the invocations. */
export class MemoryGauge {
  /** 0 until the first sample is there, at least 1 from then on. */
  maxBytes = 0;
  readonly #clock: Clock;
  #sampledMs = -Infinity;
  #sampling: Promise<void> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sample(sandbox: Sandbox): void {
    this.#sampledMs = this.#clock.monotonic();
    this.#sampling = sandbox.stats().then(
      (stats) => {
        this.maxBytes = Math.max(this.maxBytes, stats.peakMemoryBytes, stats.memoryBytes, 1);
      },
      () => {
        this.maxBytes = Math.max(this.maxBytes, 1);
      },
    );
  }

  /** After an invocation that took `durationMs`: the last sample is so old that it is time for another. */
  isStale(nowMs: number, durationMs: number): boolean {
    return nowMs - this.#sampledMs > (durationMs < SHORT_INVOCATION_MS ? SHORT_INTERVAL_MS : INTERVAL_MS);
  }

  /** Resolves when no sample is under way. */
  async sampled(): Promise<void> {
    await this.#sampling;
  }

  /** In whole MB, as REPORT tells it. */
  get usedMb(): number {
    return Math.max(1, Math.ceil(this.maxBytes / MB));
  }
}
