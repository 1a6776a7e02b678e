import type { Clock } from "../../kernel/clock.ts";
import { EXPECTED_BYTES_DEFAULT, MEMORY_READ_MS } from "./admission.ts";
import type { ExecutionEnvironment } from "./environment.ts";

/** Extensions get half a second to end; what takes longer is not counted on. */
const ENDING_MS_MAX = 600;

interface Leaving {
  readonly bytes: number;
  readonly isCounted: boolean;
  readonly sinceMs: number;
  endedMs: number | undefined;
}

export interface RoomOnItsWay {
  readonly bytes: number;
  /** Environments that are still counted, and soon will not be. */
  readonly environments: number;
}

/**
 * The room that environments give back which are being ended: between the moment it is decided and the
 * first reading of the host's memory that knows of it, nobody else has to be ended for it.
 */
export class Room {
  readonly #clock: Clock;
  #leaving: Leaving[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Ends it. `isCounted`: it counts as one of the host's environments until it has ended. */
  end(environment: ExecutionEnvironment, isCounted: boolean): void {
    const leaving: Leaving = {
      bytes: environment.maxMemoryBytes === 0 ? EXPECTED_BYTES_DEFAULT : environment.maxMemoryBytes,
      isCounted,
      sinceMs: this.#clock.monotonic(),
      endedMs: undefined,
    };
    this.#leaving.push(leaving);
    void environment.stop().then(() => (leaving.endedMs = this.#clock.monotonic()));
  }

  onItsWay(): RoomOnItsWay {
    const now = this.#clock.monotonic();
    this.#leaving = this.#leaving.filter(({ sinceMs, endedMs }) =>
      endedMs === undefined ? now - sinceMs < ENDING_MS_MAX : now - endedMs <= MEMORY_READ_MS,
    );
    let bytes = 0;
    let environments = 0;
    for (const one of this.#leaving) {
      bytes += one.bytes;
      if (one.isCounted && one.endedMs === undefined) environments += 1;
    }
    return { bytes, environments };
  }
}
