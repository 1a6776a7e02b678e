import { agingNow, type Timer } from "../../kernel/clock.ts";
import type { ServiceError } from "../../kernel/errors.ts";
import type { FunctionVersion } from "../model/function.ts";
import { isCpuFull, isFull } from "./admission.ts";
import type { EnvironmentsDeps } from "./deps.ts";
import type { ExecutionEnvironment } from "./environment.ts";
import { Expansion, saturated, type ExpansionKeeper } from "./expansion.ts";
import { Fleet, type FleetKeeper, type Waiter } from "./fleet.ts";
import type { Invocation } from "./invocation.ts";
import { Patience } from "./patience.ts";
import { RuntimePool } from "./pool.ts";
import { Starter, stopping } from "./starter.ts";
import type { EnvironmentState } from "./state.ts";
import { Vigil } from "./vigil.ts";

const REAP_INTERVAL_MS = 10_000;
const LOG_FLUSH_INTERVAL_MS = 200;

/** All execution environments of this server: who runs what, who waits, who goes. */
export class Environments implements FleetKeeper, ExpansionKeeper {
  readonly #deps: EnvironmentsDeps;
  readonly #starter: Starter;
  readonly #fleets = new Map<string, Fleet>();
  readonly #pool: RuntimePool;
  readonly #expansion: Expansion;
  #hot: ExecutionEnvironment[] = [];
  #freezeTimer: Timer | undefined;
  #flushTimer: Timer | undefined;
  #reapTimer: Timer | undefined;
  readonly #patience: Patience;
  #running = 0;
  #quiet: (() => void) | undefined;
  #closed = false;
  #turnedAway: ServiceError | undefined;
  readonly #vigil: Vigil | undefined;

  constructor(deps: EnvironmentsDeps) {
    this.#deps = deps;
    this.#pool = new RuntimePool(
      deps.clock,
      deps.log,
      { size: deps.driver.capabilities.lateAttach ? deps.options.poolSize : 0, max: deps.options.poolMax },
      { boot: (launch) => this.#starter.bootPooled(launch), mayRefill: () => this.#expansion.hasSpareRoom },
    );
    this.#starter = new Starter(deps, this.#pool, this);
    this.#expansion = new Expansion(deps, this.#pool, this.#starter, this);
    this.#patience = new Patience(
      deps.clock,
      deps.options.awakeMax,
      () => this.isCpuFull(),
      (fleet) => this.#wake(fleet),
    );
    this.#vigil = deps.options.staysAwake ? new Vigil(deps.clock) : undefined;
    this.#armReap();
  }

  /**
   * Runs an invocation in an environment of this version: a hot one if there is one, else the first
   * that becomes free or is ready. Whatever happens is told to the invocation.
   */
  run(version: FunctionVersion, invocation: Invocation): void {
    if (this.#closed) return invocation.refuse(stopping());
    this.#running += 1;
    this.#vigil?.began(this.#deps.clock.monotonic());
    if (this.#flushTimer === undefined) this.#armFlush();
    const fleet = this.#fleet(version);
    if (fleet.isQuick && fleet.busy >= fleet.awake) {
      fleet.waiters.push({ invocation, sinceMs: this.#deps.clock.monotonic() });
      return this.#patience.watch(fleet);
    }
    const environment = fleet.take(this.#deps.clock.now());
    if (environment !== undefined) return environment.run(invocation);
    if (this.#expansion.isHeldUp && fleet.waiters.length >= this.#deps.options.saturatedWaitersMax) {
      this.#deps.metrics.saturated += 1;
      return this.refuse(invocation, saturated(this.isCpuFull()));
    }
    fleet.waiters.push({ invocation, sinceMs: this.#deps.clock.monotonic() });
    this.#expansion.want(fleet);
  }

  /** An invocation is over, however it ended: the other half of `run`. */
  ended(): void {
    this.#running -= 1;
    this.#vigil?.ended();
    if (this.#running === 0) this.#quiet?.();
  }

  refuse(invocation: Invocation, error: ServiceError): void {
    this.ended();
    invocation.refuse(error);
  }

  /** Environments of these ids serve what they are serving, and nothing after it. */
  retire(environmentIds: readonly string[]): void {
    for (const id of environmentIds) this.#fleets.get(id)?.retire();
    for (const id of environmentIds) {
      const fleet = this.#fleets.get(id);
      if (fleet?.empty === true) this.#fleets.delete(id);
    }
  }

  /** Boots interpreters for these runtimes in the background. A runtime that is not there is left out. */
  async warm(runtimes: readonly string[]): Promise<void> {
    for (const runtime of new Set(runtimes)) {
      try {
        const launch = await this.#deps.catalog.launch(runtime);
        if (launch.interface === "framed") this.#pool.warm(launch);
      } catch (error) {
        this.#deps.log.debug({ runtime, error: String(error) }, "runtime is not kept ready");
      }
    }
  }

  countByState(): ReadonlyMap<EnvironmentState, number> {
    const counts = new Map<EnvironmentState, number>();
    for (const fleet of this.#fleets.values()) {
      for (const environment of fleet.all)
        counts.set(environment.state, (counts.get(environment.state) ?? 0) + 1);
    }
    const pooled = this.#pool.count;
    if (pooled > 0) counts.set("pooled", pooled);
    return counts;
  }

  pooledByRuntime(): ReadonlyMap<string, number> {
    return this.#pool.byRuntime();
  }

  list(): readonly {
    readonly id: string;
    readonly state: EnvironmentState;
    readonly version: FunctionVersion;
    readonly memoryBytes: number;
  }[] {
    return [...this.#fleets.values()].flatMap((fleet) =>
      [...fleet.all].map((environment) => ({
        id: environment.id,
        state: environment.state,
        version: fleet.version,
        memoryBytes: environment.maxMemoryBytes,
      })),
    );
  }

  /** Takes no new invocation, lets those under way end within `drainMs`, then ends everything. */
  async close(drainMs: number): Promise<void> {
    this.#closed = true;
    if (this.#running > 0 && drainMs > 0) {
      const quiet = Promise.withResolvers<void>();
      this.#quiet = () => quiet.resolve();
      const limit = this.#deps.clock.timer(drainMs, () => quiet.resolve());
      await quiet.promise;
      limit.cancel();
    }
    for (const timer of [this.#freezeTimer, this.#flushTimer, this.#reapTimer]) timer?.cancel();
    this.#patience.cancel();
    this.#expansion.close();
    this.#starter.close();
    for (const fleet of this.#fleets.values()) {
      for (const waiter of fleet.waiters.splice(0)) this.refuse(waiter.invocation, stopping());
    }
    await this.#pool.close();
    await Promise.all([...this.#fleets.values()].flatMap((fleet) => [...fleet.all].map((one) => one.stop())));
  }

  get servedMax(): number {
    return this.#deps.options.servedMax;
  }

  nowMs(): number {
    return this.#deps.clock.now();
  }

  onHot(environment: ExecutionEnvironment): void {
    if (environment.hot) return;
    environment.hot = true;
    this.#hot.push(environment);
    if (this.#freezeTimer === undefined) this.#armFreeze();
  }

  onFleetChanged(fleet: Fleet): void {
    if (fleet.waiters.length > fleet.starting) this.#expansion.want(fleet);
    else this.#expansion.pump();
    if (fleet.empty && this.#fleets.get(fleet.version.environmentId) === fleet) {
      this.#fleets.delete(fleet.version.environmentId);
    }
  }

  get fleets(): Iterable<Fleet> {
    return this.#fleets.values();
  }

  onStarted(fleet: Fleet): void {
    if (fleet.retired && fleet.empty) this.#fleets.delete(fleet.version.environmentId);
  }

  #fleet(version: FunctionVersion): Fleet {
    let fleet = this.#fleets.get(version.environmentId);
    if (fleet === undefined) {
      fleet = new Fleet(version, this, this.#deps.options.awakeMax);
      this.#fleets.set(version.environmentId, fleet);
    }
    return fleet;
  }

  isFull(): boolean {
    const { hostCpu, options } = this.#deps;
    return isFull({ cpu: hostCpu(), underWay: this.#running, underWayMax: options.saturatedWaitersMax });
  }

  /** What an invocation is refused with that was never begun because of `isFull`. */
  refusal(): ServiceError {
    this.#deps.metrics.saturated += 1;
    return (this.#turnedAway ??= saturated(true));
  }

  isCpuFull(): boolean {
    return isCpuFull(this.#deps.hostCpu());
  }

  onPatience(fleet: Fleet): void {
    this.#patience.watch(fleet);
  }

  /** Runs the first in line in an environment more; where none is idle, asks for new ones. */
  #wake(fleet: Fleet): boolean {
    const environment = fleet.take(this.#deps.clock.now());
    if (environment === undefined) this.#expansion.wantForWaiters(fleet);
    else environment.run((fleet.waiters.shift() as Waiter).invocation);
    return environment !== undefined;
  }

  /** One timer for all: those that have been idle long enough are frozen, the others looked at again. */
  #armFreeze(): void {
    this.#freezeTimer = this.#deps.clock.timer(this.#deps.options.freezeAfterMs, () => {
      this.#freezeTimer = undefined;
      const dueMs = agingNow(this.#deps.clock) - this.#deps.options.freezeAfterMs;
      const hot = this.#hot;
      this.#hot = [];
      for (const environment of hot) {
        if (environment.state === "idle" && environment.idleSinceMs > dueMs) {
          this.#hot.push(environment);
          continue;
        }
        environment.hot = false;
        if (environment.state === "idle") environment.freeze();
      }
      if (this.#hot.length > 0) this.#armFreeze();
    });
  }

  #armFlush(): void {
    this.#flushTimer = this.#deps.clock.timer(LOG_FLUSH_INTERVAL_MS, () => {
      this.#flushTimer = undefined;
      for (const fleet of this.#fleets.values()) for (const environment of fleet.all) environment.flushLog();
      if (this.#running > 0) this.#armFlush();
    });
  }

  #armReap(): void {
    this.#reapTimer = this.#deps.clock.timer(REAP_INTERVAL_MS, () => {
      const dueMs = agingNow(this.#deps.clock) - this.#deps.options.idleReapMs;
      for (const fleet of this.#fleets.values()) {
        // The stack is ordered by age: the bottom has been idle longest.
        while (fleet.idle[0] !== undefined && fleet.idle[0].idleSinceMs <= dueMs) {
          void (fleet.idle.shift() as ExecutionEnvironment).stop();
        }
      }
      this.#pool.relax();
      this.#armReap();
    });
  }
}
