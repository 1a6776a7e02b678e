import type { Clock } from "../../kernel/clock.ts";

/** Longer than a quick function takes, and than a client takes to ask again. */
const WINDOW_MS = 0.2;
const SKIPPED_MAX = 255;

/** Whether one kind of waiting has been worth it: what it cost in vain is made up for by leaving it. */
class Stake {
  #penalty = 0;
  #skip = 0;

  isWorthIt(): boolean {
    if (this.#skip === 0) return true;
    this.#skip -= 1;
    return false;
  }

  paid(): void {
    this.#penalty >>= 1;
  }

  /** In vain: so many of its kind are left out, about twice as many as the last time. */
  lost(): void {
    this.#penalty = Math.min(SKIPPED_MAX, this.#penalty * 2 + 1);
    this.#skip = this.#penalty;
  }
}

/**
 * Keeps the event loop awake where that is cheaper than to sleep. Being woken takes a virtual machine
 * 50 us or so, which is as much as a quick function takes, and a caller who comes alone waits for two
 * such wakes: for the function's answer, and then for its next request to be seen.
 *
 *   1. Once the one invocation under way has begun, and once it has ended, the loop goes on looking for
 *      WINDOW_MS instead of sleeping.
 *   2. What is waited for comes in time: it paid.
 *   3. It does not: the loop sleeps, and leaves out the next waits of that kind, twice as many each time,
 *      so that a slow function, a rare caller or a busy host costs next to nothing.
 *
 * With several invocations under way the loop has enough to do, and nothing is waited for.
 */
export class Vigil {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #nextTurn: (look: () => void) => void;
  readonly #forAnswers: Stake = new Stake();
  readonly #forRequests: Stake = new Stake();
  #underWay = 0;
  /** What is waited for. */
  #stake: Stake | undefined;
  #untilMs = 0;
  #isLooking = false;

  constructor(
    clock: Pick<Clock, "monotonic">,
    nextTurn: (look: () => void) => void = (look) => void setImmediate(look),
  ) {
    this.#clock = clock;
    this.#nextTurn = nextTurn;
  }

  /** An event is on its way to a runtime. Monotonic. */
  began(nowMs: number): void {
    this.#underWay += 1;
    this.#came();
    if (this.#underWay === 1) this.#await(this.#forAnswers, nowMs);
  }

  /** Its answer has come, or will not come any more. */
  ended(): void {
    this.#underWay -= 1;
    this.#came();
    if (this.#underWay === 0) this.#await(this.#forRequests, this.#clock.monotonic());
  }

  #came(): void {
    this.#stake?.paid();
    this.#stake = undefined;
  }

  #await(stake: Stake, nowMs: number): void {
    if (!stake.isWorthIt()) return;
    this.#stake = stake;
    this.#untilMs = nowMs + WINDOW_MS;
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#nextTurn(this.#look);
  }

  readonly #look = (): void => {
    if (this.#stake !== undefined && this.#clock.monotonic() < this.#untilMs) {
      this.#nextTurn(this.#look);
      return;
    }
    this.#isLooking = false;
    this.#stake?.lost();
    this.#stake = undefined;
  };
}
