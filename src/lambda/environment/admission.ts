/**
 * May the host carry another environment? Decided by memory, from what environments really use: the
 * limits of a thousand mostly idle functions add up to many times the memory of any host. Pure.
 */
export interface HostMemory {
  /** Bytes the kernel could give to a new process now (MemAvailable). */
  readonly availableBytes: number;
  readonly totalBytes: number;
}

/** How often it is read at most: what has changed since then is not known. */
export const MEMORY_READ_MS = 100;

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

/** On a full host, somebody who has waited this long gets an environment … */
const CROWDED_WAIT_MS = 500;
/** … and those of a quick function when nothing has ended for this long; on others, for that long. */
const SILENT_MS_MAX_FULL = 250;
const SILENT_MS_MAX = 20;
/** Less than half a CPU idle, or a quarter where there is only one, and whatever runs waits for its turn. */
const IDLE_CPUS_MIN = 0.5;
const IDLE_SHARE_MAX = 0.25;
const SERVER_IDLE_MIN = 0.1;

/** What all invocations of this host share, as shares of time from 0 to 1; undefined while not known. */
export interface HostCpu {
  readonly cores: number;
  readonly idle: number | undefined;
  /** Of the server's own thread, through which every invocation goes. */
  readonly serverIdle: number | undefined;
}

/** The host does all it can. False while that is not known. */
export function isCpuFull({ cores, idle, serverIdle }: HostCpu): boolean {
  if (idle === undefined || serverIdle === undefined) return false;
  return idle < Math.min(IDLE_SHARE_MAX, IDLE_CPUS_MIN / cores) || serverIdle < SERVER_IDLE_MIN;
}

/** A share of what one account may have under way: who is let in a moment too late must not meet that quota. */
const FULL_SHARE = 0.9;

export interface FullnessInput {
  readonly cpu: HostCpu;
  /** Invocations that run or wait, of all functions. */
  readonly underWay: number;
  readonly underWayMax: number;
}

/**
 * Is the host so full that one invocation more only takes time from those under way? Then nothing is spent
 * on it: checking who asks costs half of what serving a quick one does. A thousand that sleep leave the CPUs
 * idle, and are no reason.
 */
export function isFull({ cpu, underWay, underWayMax }: FullnessInput): boolean {
  return underWay >= underWayMax * FULL_SHARE && isCpuFull(cpu);
}

export interface CrowdingInput {
  readonly cpu: HostCpu;
  /** Environments of this function. */
  readonly environments: number;
  readonly waiting: number;
  /** Its invocations that ended in the last second. */
  readonly recentlyCompleted: number;
  /** Its invocations take less than waking another process. */
  readonly isQuick: boolean;
  /** Since the last of its invocations ended. */
  readonly silentMs: number;
  /** How long the first in line has waited since the function's last new environment. */
  readonly waitedMs: number;
}

/**
 * Is a further environment of this function worse than waiting? Starting one costs what dozens of quick
 * invocations do, and where the CPUs are full, those under way pay for it; then they take longer, more of
 * them wait, and more environments seem to be wanted. So:
 *   1. a quick function that gets on, and will have served all who wait within half a second, gets none;
 *   2. on a full host a function whose invocations keep ending gets none, beyond one for each CPU if it is
 *      quick, and four if it may spend its time waiting for others; of such a function, somebody who has
 *      waited for long gets one. While it is not known whether the host is full, a moment after a pause,
 *      it counts as full.
 */
export function crowded(input: CrowdingInput): boolean {
  const { cpu, environments, recentlyCompleted, isQuick } = input;
  if (environments < (isQuick ? 1 : 4) * cpu.cores) return false;
  if (isQuick && input.silentMs < SILENT_MS_MAX && input.waiting <= recentlyCompleted / 2) return true;
  return (
    (cpu.idle === undefined || isCpuFull(cpu)) &&
    recentlyCompleted >= 2 * environments &&
    (isQuick ? input.silentMs < SILENT_MS_MAX_FULL : input.waitedMs < CROWDED_WAIT_MS)
  );
}
