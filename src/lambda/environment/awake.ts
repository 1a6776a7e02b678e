/**
 * How many environments of a quick function run at one time. Such an invocation costs less than the
 * switch to another process, and each environment more has caches and compiled code of its own to
 * warm: as many as there are CPUs do the most work. More are woken only where those do not get on,
 * because the function waits for something. Where the CPUs are full, none gets on for a while because
 * others have their turn: waking more would only make that longer, so it takes a longer silence. Pure.
 */
export interface AwakeInput {
  /** Environments that run now. */
  readonly busy: number;
  /** The number of CPUs. */
  readonly awakeMin: number;
  readonly waiting: number;
  /** Invocations that ended since the last look, a patience ago. */
  readonly completed: number;
  /** Looks in a row that saw no end; one alone may only mean that the server itself was held up. */
  readonly idleLooks: number;
  /** The host has no idle CPU time. */
  readonly isCpuFull: boolean;
  /** The first in line has waited for longer than the patience. */
  readonly isLate: boolean;
}

const IDLE_LOOKS_MAX = 2;
/** About 100 ms: many turns of the scheduler. */
const IDLE_LOOKS_MAX_CPU_FULL = 50;

/** How many may run until the next look: all, where none comes to an end; one more, where few do. */
export function awakeTarget(input: AwakeInput): number {
  const { busy, awakeMin, waiting, completed, idleLooks, isLate } = input;
  if (!isLate) return awakeMin;
  if (input.isCpuFull) return idleLooks >= IDLE_LOOKS_MAX_CPU_FULL ? Math.max(awakeMin, busy + 1) : awakeMin;
  if (idleLooks >= IDLE_LOOKS_MAX) return busy + waiting;
  if (completed < Math.min(busy, awakeMin)) return Math.max(awakeMin, busy + 1);
  return awakeMin;
}
