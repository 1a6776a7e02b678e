import type { Clock, Timer } from "../../kernel/clock.ts";
import { awakeTarget } from "./awake.ts";
import type { Fleet } from "./fleet.ts";

/** How long an invocation of a quick function waits for an environment that is already awake. */
const PATIENCE_MS = 2;

/**
 * Looks every PATIENCE_MS at the fleets whose invocations wait for awake environments; awake.ts says
 * how many may run until the next look.
 */
export class Patience {
  readonly #clock: Clock;
  readonly #awakeMin: number;
  readonly #isCpuFull: () => boolean;
  readonly #wake: (fleet: Fleet) => boolean;
  /** With what they had completed at the last look. */
  readonly #waiting = new Map<Fleet, number>();
  #timer: Timer | undefined;

  /** `wake` runs the first in line in one environment more, or returns false where none is at hand. */
  constructor(clock: Clock, awakeMin: number, isCpuFull: () => boolean, wake: (fleet: Fleet) => boolean) {
    this.#clock = clock;
    this.#awakeMin = awakeMin;
    this.#isCpuFull = isCpuFull;
    this.#wake = wake;
  }

  /** Invocations of this fleet wait; it is looked after until none does. */
  watch(fleet: Fleet): void {
    if (!this.#waiting.has(fleet)) this.#waiting.set(fleet, fleet.completedEver);
    this.#timer ??= this.#clock.timer(PATIENCE_MS, () => this.#look());
  }

  cancel(): void {
    this.#timer?.cancel();
  }

  #look(): void {
    this.#timer = undefined;
    const dueMs = this.#clock.monotonic() - PATIENCE_MS;
    const looked = [...this.#waiting];
    this.#waiting.clear();
    for (const [fleet, completed] of looked) {
      const isLate = (): boolean => (fleet.waiters[0]?.sinceMs ?? Infinity) <= dueMs;
      const ended = fleet.completedEver - completed;
      fleet.idleLooks = ended === 0 ? fleet.idleLooks + 1 : 0;
      fleet.awake = awakeTarget({
        busy: fleet.busy,
        awakeMin: this.#awakeMin,
        waiting: fleet.waiters.length,
        completed: ended,
        idleLooks: fleet.idleLooks,
        isCpuFull: this.#isCpuFull(),
        isLate: isLate(),
      });
      while (isLate() && fleet.busy < fleet.awake && this.#wake(fleet));
      if (fleet.waiters.length > 0) {
        this.watch(fleet);
        continue;
      }
      fleet.awake = this.#awakeMin;
      fleet.idleLooks = 0;
    }
  }
}
