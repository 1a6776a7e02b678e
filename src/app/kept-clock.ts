/**
 * The server's clock, kept over restarts. Everything stored is dated by it, so it must never step back
 * while there is data: what `lambent clock advance` added is in a file of the data folder before the clock
 * moves, is read before anything asks for the time, and goes with the data (`lambent reset`).
 */
import { readFile, rm } from "node:fs/promises";
import { writeDurably, type DataDir } from "../adapters/embedded/index.ts";
import { systemClock, type AdjustableClock } from "../kernel/clock.ts";
import { ServiceError } from "../kernel/errors.ts";

const FILE = "clock.json";
/** No schedule expression goes further. */
const NOW_MS_MAX = Date.UTC(2199, 11, 31);

export interface KeptClock {
  readonly clock: AdjustableClock;
  /** Resolves once a restart would find it. Errors: ServiceError (400) for a time after 2199. */
  advance(ms: number): Promise<void>;
  /** The machine's time again. Only while no data exists. */
  reset(): Promise<void>;
}

/** Errors: an Error that names the file when it cannot be understood. */
export async function openClock(dataDir: Pick<DataDir, "file">): Promise<KeptClock> {
  const path = dataDir.file(FILE);
  const clock = systemClock(await keptOffset(path));
  // One change at a time, so that the file never holds less than the clock.
  let last: Promise<void> = Promise.resolve();
  function inTurn(change: () => Promise<void>): Promise<void> {
    const done = last.then(change);
    last = done.catch(() => undefined);
    return done;
  }
  return {
    clock,
    advance: (ms) =>
      inTurn(async () => {
        if (clock.now() + ms > NOW_MS_MAX) {
          throw new ServiceError("ClockOutOfRange", 400, "The clock does not go beyond the year 2199.", {
            hint: "advance it by less: lambent clock says how late it is",
          });
        }
        const offsetMs = clock.offsetMs + ms;
        await writeDurably(path, `${JSON.stringify({ offsetMs })}\n`, 0o600);
        clock.advance(ms);
      }),
    reset: () =>
      inTurn(async () => {
        await rm(path, { force: true });
        clock.backToMachine();
      }),
  };
}

async function keptOffset(path: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
  const offsetMs = parsed(text);
  if (typeof offsetMs === "number" && Number.isSafeInteger(offsetMs) && offsetMs >= 0) return offsetMs;
  throw Object.assign(new Error(`${path} does not say how far the clock is ahead of the machine's`), {
    hint: `write {"offsetMs": <milliseconds>} into it: with less than before, what is stored lies in the future`,
  });
}

function parsed(text: string): unknown {
  try {
    return (JSON.parse(text) as { offsetMs?: unknown } | null)?.offsetMs;
  } catch {
    return undefined;
  }
}
