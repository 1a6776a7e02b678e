/**
 * May the host carry another environment? Decided by memory, from what environments really use: the
 * limits of a thousand mostly idle functions add up to many times the memory of any host. Pure.
 */
export interface HostMemory {
  /** Bytes the kernel could give to a new process now (MemAvailable). */
  readonly availableBytes: number;
  readonly totalBytes: number;
}

export interface AdmissionInput {
  readonly memory: HostMemory;
  /** What environments that are still starting are expected to take from `availableBytes`. */
  readonly startingBytes: number;
  /** What the new one is expected to need. */
  readonly expectedBytes: number;
  readonly environments: number;
  readonly environmentsMax: number;
}

const MB = 1024 * 1024;
/** Kept free for the server, the kernel and what environments in use may still allocate. */
const RESERVE_BYTES_MIN = 256 * MB;
const RESERVE_SHARE = 0.06;
/** A function nothing is known of yet: an interpreter and a little code. */
export const EXPECTED_BYTES_DEFAULT: number = 48 * MB;

export function reserveBytes(totalBytes: number): number {
  return Math.max(RESERVE_BYTES_MIN, totalBytes * RESERVE_SHARE);
}

export function admits(input: AdmissionInput): boolean {
  if (input.environments >= input.environmentsMax) return false;
  const free = input.memory.availableBytes - input.startingBytes - input.expectedBytes;
  return free >= reserveBytes(input.memory.totalBytes);
}

/** What a function's next environment will need: what its hungriest used, and a fifth more. */
export function expectedBytes(peakBytes: number, memoryMb: number): number {
  const expected = peakBytes === 0 ? EXPECTED_BYTES_DEFAULT : peakBytes * 1.2;
  return Math.min(expected, memoryMb * MB);
}

/** An invocation that has waited this long gets its own environment even on a busy host. */
export const CROWDED_WAIT_MS = 500;

export interface CrowdingInput {
  /** Share of the host's CPU time that was idle lately, 0 to 1. */
  readonly cpuIdle: number;
  readonly cores: number;
  /** Environments of this function. */
  readonly environments: number;
  /** Its invocations that ended in the last second. */
  readonly recentlyCompleted: number;
  /** How long the first in line has waited. */
  readonly waitedMs: number;
}

/**
 * A function whose invocations keep ending on a host without idle CPU gains nothing from another
 * environment: starting it would cost what the invocations under way need. Those who wait are served
 * sooner by the environments that are there.
 */
export function crowded(input: CrowdingInput): boolean {
  return (
    input.cpuIdle < 0.05 &&
    input.environments >= 4 * input.cores &&
    input.recentlyCompleted >= 2 * input.environments &&
    input.waitedMs < CROWDED_WAIT_MS
  );
}
