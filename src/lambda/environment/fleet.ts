import type { FunctionVersion } from "../model/function.ts";
import type { EnvironmentOwner } from "./environment-deps.ts";
import type { ExecutionEnvironment } from "./environment.ts";
import type { Invocation } from "./invocation.ts";

export interface Waiter {
  readonly invocation: Invocation;
  readonly sinceMs: number;
}

/** Span over which completed invocations are counted. */
const WINDOW_MS = 1000;
/** A function that usually answers within this costs less than waking one more process for it. */
const QUICK_MS = 1;

/** What a fleet needs of the one who keeps them all. */
export interface FleetKeeper {
  /** It may be frozen, reaped, or used to make room. */
  onHot(environment: ExecutionEnvironment): void;
  onFleetChanged(fleet: Fleet): void;
  /** Invocations of a quick function go on waiting although an environment has become idle. */
  onPatience(fleet: Fleet): void;
  nowMs(): number;
  /** Invocations after which an environment is replaced. */
  readonly servedMax: number;
  /** The host has no idle CPU time. */
  isCpuFull(): boolean;
}

/** The environments of one environmentId, and the invocations that wait for one of them. */
export class Fleet implements EnvironmentOwner {
  readonly version: FunctionVersion;
  /** Last in, first out: hot environments stay hot, and the others get old enough to be reaped. */
  readonly idle: ExecutionEnvironment[] = [];
  readonly all: Set<ExecutionEnvironment> = new Set();
  readonly waiters: Waiter[] = [];
  /** Environments on their way. */
  starting = 0;
  /** No new invocation may meet these environments. */
  retired = false;
  /** Bytes the hungriest environment so far has used; what the next one is expected to need. */
  peakBytes = 0;
  /** How many environments run at one time while the function is quick (awake.ts). */
  awake: number;
  /** Looks at its waiting invocations, in a row, that saw none come to its end. */
  idleLooks = 0;
  /** When one more environment was last asked for (monotonic). */
  lastStartMs: number = -Infinity;
  readonly #awakeMin: number;
  readonly #keeper: FleetKeeper;
  /** Follows the shorter of its durations: what a queue adds on a busy host must not make it look slow. */
  #usualMs = Infinity;
  #windowStartMs = 0;
  #completed = 0;
  #completedBefore = 0;
  #lastEndMs = -Infinity;

  constructor(version: FunctionVersion, keeper: FleetKeeper, awake: number) {
    this.version = version;
    this.awake = awake;
    this.#awakeMin = awake;
    this.#keeper = keeper;
  }

  /** An idle environment, taken out of the stack; undefined when there is none that is fit. */
  take(nowMs: number): ExecutionEnvironment | undefined {
    for (;;) {
      const environment = this.idle.pop();
      if (environment === undefined) return undefined;
      if (this.#mayServe(environment, nowMs)) return environment;
      void environment.stop();
    }
  }

  #mayServe(environment: ExecutionEnvironment, nowMs: number): boolean {
    return environment.credentialsGoodUntilMs > nowMs && environment.served < this.#keeper.servedMax;
  }

  /** Environments that run an invocation. */
  get busy(): number {
    return this.all.size - this.idle.length - this.starting;
  }

  get isQuick(): boolean {
    return this.#usualMs < QUICK_MS;
  }

  /** Invocations that came to their end since the fleet was made. */
  completedEver = 0;

  /** Invocations that came to their end in the last second or so. */
  recentlyCompleted(): number {
    this.#rollWindow();
    return Math.max(this.#completed, this.#completedBefore);
  }

  /** How long ago the last invocation ended. */
  silentMs(): number {
    return this.#keeper.nowMs() - this.#lastEndMs;
  }

  /** Returns the time. */
  #rollWindow(): number {
    const nowMs = this.#keeper.nowMs();
    const sinceMs = nowMs - this.#windowStartMs;
    // The machine's clock may step back: a window that began later than now is over, too.
    if (sinceMs >= 0 && sinceMs < WINDOW_MS) return nowMs;
    this.#completedBefore = sinceMs < 2 * WINDOW_MS ? this.#completed : 0;
    this.#completed = 0;
    this.#windowStartMs += sinceMs;
    return nowMs;
  }

  onIdle(environment: ExecutionEnvironment): void {
    this.#lastEndMs = this.#rollWindow();
    this.#completed += 1;
    this.completedEver += 1;
    this.#noteDuration(this.#ownDuration(environment.lastDurationMs));
    if (environment.maxMemoryBytes > this.peakBytes) this.peakBytes = environment.maxMemoryBytes;
    const rests = this.isQuick && !this.retired && this.busy > this.awake;
    const waiter = rests ? undefined : this.waiters.shift();
    const isFit = this.#mayServe(environment, this.#lastEndMs);
    if (waiter !== undefined && isFit) {
      environment.run(waiter.invocation);
      return;
    }
    if (waiter !== undefined) this.waiters.unshift(waiter);
    if (this.retired || !isFit) {
      void environment.stop();
      return;
    }
    this.idle.push(environment);
    this.#keeper.onHot(environment);
    if (this.waiters.length > 0) this.#keeper.onPatience(this);
  }

  /**
   * Where more of them run than there are free CPUs, each has a share of one. Without this, a quick
   * function that once got too many environments would look slow for as long as it has them.
   */
  #ownDuration(ms: number): number {
    return this.busy > this.#awakeMin && this.#keeper.isCpuFull() ? (ms * this.#awakeMin) / this.busy : ms;
  }

  #noteDuration(ms: number): void {
    // It comes out of its init and has run nothing yet.
    if (ms === Infinity) return;
    const usual = this.#usualMs;
    if (usual === Infinity) this.#usualMs = ms;
    else this.#usualMs = usual + (ms - usual) * (ms < usual ? 0.25 : 0.02);
  }

  onStopped(environment: ExecutionEnvironment): void {
    this.all.delete(environment);
    const at = this.idle.indexOf(environment);
    if (at !== -1) this.idle.splice(at, 1);
    this.#keeper.onFleetChanged(this);
  }

  /** Stops what is idle; the busy ones stop when their invocation is over. */
  retire(): void {
    this.retired = true;
    for (const environment of this.idle.splice(0)) void environment.stop();
  }

  get empty(): boolean {
    return this.all.size === 0 && this.waiters.length === 0 && this.starting === 0;
  }
}
