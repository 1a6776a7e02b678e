import { freemem } from "node:os";
import type { Clock } from "../../kernel/clock.ts";

/** Things that take a while to make, made ahead of those who want them. */
export interface Spares<T> {
  /** One made ahead, or a new one. Errors: what making one throws. */
  take(): Promise<T>;
  /** Makes what is missing, one after the other. */
  refill(): void;
  /** Makes no more and hands over what is left. */
  close(): Promise<readonly T[]>;
}

const SPARES_MAX = 8;
const WINDOW_MS = 2_000;
/** A spare is two small processes and an image of /tmp; on a full machine even those are too much. */
const FREE_BYTES_PER_SPARE: number = 64 * 1024 * 1024;

/**
 * How many to keep: as many as were wanted within the last moments, at least `least`, at most eight,
 * and no more than `least` where memory is short.
 */
export function sparesWanted(least: number, takenLately: number, freeBytes: number): number {
  if (least === 0) return 0;
  const affordable = Math.floor(freeBytes / FREE_BYTES_PER_SPARE / 4);
  return Math.max(least, Math.min(SPARES_MAX, takenLately, affordable));
}

/** `failed` hears of a spare that could not be made; whoever takes next then tries again. */
export function keepSpares<T>(
  make: () => Promise<T>,
  least: number,
  clock: Clock,
  failed: (error: unknown) => void,
): Spares<T> {
  const ready: T[] = [];
  let making: Promise<void> | undefined;
  let waiting = 0;
  let closed = false;
  let taken: number[] = [];

  function missing(): boolean {
    const since = clock.monotonic() - WINDOW_MS;
    taken = taken.filter((at) => at > since);
    if (closed || ready.length >= Math.max(least, taken.length)) return false;
    // Asking how much memory is free costs more than everything else here.
    return ready.length < least || ready.length < sparesWanted(least, taken.length, freemem());
  }

  /** Whoever waits for one made now goes first: a spare is for later. */
  const nobodyWaits = (): boolean => waiting === 0;

  async function fill(): Promise<void> {
    try {
      while (missing() && nobodyWaits()) ready.push(await make());
    } catch (error) {
      failed(error);
    }
    making = undefined;
  }

  function refill(): void {
    if (making === undefined && nobodyWaits() && missing()) making = fill();
  }

  return {
    async take() {
      taken.push(clock.monotonic());
      const spare = ready.shift();
      if (spare !== undefined) return spare;
      waiting++;
      try {
        return await make();
      } finally {
        waiting--;
      }
    },
    refill,
    async close() {
      closed = true;
      await making;
      return ready.splice(0);
    },
  };
}
