import type { Clock, Timer } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import type { CredentialIssuer } from "../../ports/credentials.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { RuntimeCatalog, RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type { SandboxDriver } from "../../ports/sandbox-driver.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { Metrics } from "../observe/metrics.ts";
import { RuntimeApiServer } from "../runtime-api/http-server.ts";
import { admits, crowded, expectedBytes, type HostMemory } from "./admission.ts";
import {
  type Binding,
  type EndpointConnectionHandler,
  type EnvironmentDeps,
  ExecutionEnvironment,
  type InitResult,
} from "./environment.ts";
import { failInvocation } from "./failed-init.ts";
import { Fleet, type FleetKeeper, type Waiter } from "./fleet.ts";
import type { Invocation } from "./invocation.ts";
import {
  findEntrypoint,
  type FreshProcess,
  isFresh,
  makeBinding,
  poolSpec,
  runtimeDescription,
  spec,
} from "./launch.ts";
import { RuntimePool } from "./pool.ts";
import type { EnvironmentState } from "./state.ts";

export interface EnvironmentsOptions {
  /** Port of the endpoint as functions see it. */
  readonly endpointPort: number;
  /** Environments of all functions together. */
  readonly environmentsMax: number;
  /** Environments being started at one time. */
  readonly startsMax: number;
  readonly poolSize: number;
  readonly poolMax: number;
  readonly idleReapMs: number;
  readonly freezeAfterMs: number;
  readonly initMs: number;
  /** How long an invocation waits for room on a full host. */
  readonly saturatedWaitMs: number;
  readonly saturatedWaitersMax: number;
  readonly network: "egress" | "none";
}

export interface EnvironmentsDeps extends FreshProcess {
  readonly driver: SandboxDriver;
  readonly catalog: RuntimeCatalog;
  readonly codeCache: CodeCache;
  readonly credentials: CredentialIssuer;
  readonly logs: LogSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly options: EnvironmentsOptions;
  readonly hostMemory: () => HostMemory;
  /** Share of the host's CPU time that was idle lately, and how many CPUs there are. */
  readonly hostCpu: () => { readonly idle: number; readonly cores: number };
  readonly onEndpointConnection: EndpointConnectionHandler | undefined;
  /** Counts a new environment; throws TooManyRequestsException over the scaling rate. */
  readonly countStart: (functionArn: string, nowMs: number) => void;
}

const REAP_INTERVAL_MS = 10_000;
const LOG_FLUSH_INTERVAL_MS = 200;
const SATURATED_RETRY_MS = 25;

/** All execution environments of this server: who runs what, who waits, who goes. */
export class Environments implements FleetKeeper {
  readonly #deps: EnvironmentsDeps;
  readonly #environmentDeps: EnvironmentDeps;
  readonly #fleets = new Map<string, Fleet>();
  readonly #pool: RuntimePool;
  /** Fleets that want one more environment, in the order of their asking. */
  readonly #wanted: Fleet[] = [];
  #starting = 0;
  #startingBytes = 0;
  #total = 0;
  #hot: ExecutionEnvironment[] = [];
  #freezeTimer: Timer | undefined;
  #flushTimer: Timer | undefined;
  #reapTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  #running = 0;
  readonly #warned = new Set<string>();
  #quiet: (() => void) | undefined;
  #closed = false;

  constructor(deps: EnvironmentsDeps) {
    this.#deps = deps;
    this.#environmentDeps = {
      driver: deps.driver,
      clock: deps.clock,
      random: deps.random,
      log: deps.log,
      api: new RuntimeApiServer(),
      onEndpointConnection: deps.onEndpointConnection,
    };
    this.#pool = new RuntimePool(
      deps.clock,
      deps.log,
      { size: deps.driver.capabilities.lateAttach ? deps.options.poolSize : 0, max: deps.options.poolMax },
      { boot: (launch) => this.#bootPooled(launch), mayRefill: () => this.#mayRefill() },
    );
    this.#armReap();
  }

  /**
   * Runs an invocation in an environment of this version: a hot one if there is one, else the first
   * that becomes free or is ready. Whatever happens is told to the invocation.
   */
  run(version: FunctionVersion, invocation: Invocation): void {
    if (this.#closed) return invocation.refuse(stopping());
    this.#running += 1;
    if (this.#flushTimer === undefined) this.#armFlush();
    const fleet = this.#fleet(version);
    const environment = fleet.take(this.#deps.clock.now());
    if (environment !== undefined) return environment.run(invocation);
    if (this.#retryTimer !== undefined && fleet.waiters.length >= this.#deps.options.saturatedWaitersMax) {
      this.#deps.metrics.saturated += 1;
      return this.refuse(invocation, saturated());
    }
    fleet.waiters.push({ invocation, sinceMs: this.#deps.clock.monotonic() });
    this.#want(fleet);
  }

  /** An invocation is over, however it ended: the other half of `run`. */
  ended(): void {
    this.#running -= 1;
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
        this.#warmLaunch(await this.#deps.catalog.launch(runtime));
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
    for (const timer of [this.#freezeTimer, this.#flushTimer, this.#reapTimer, this.#retryTimer])
      timer?.cancel();
    for (const fleet of this.#fleets.values()) {
      for (const waiter of fleet.waiters.splice(0)) this.refuse(waiter.invocation, stopping());
    }
    await this.#pool.close();
    await Promise.all([...this.#fleets.values()].flatMap((fleet) => [...fleet.all].map((one) => one.stop())));
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
    this.#total -= 1;
    if (fleet.waiters.length > fleet.starting) this.#want(fleet);
    else if (this.#wanted.length > 0) this.#pump();
    if (fleet.empty && this.#fleets.get(fleet.version.environmentId) === fleet) {
      this.#fleets.delete(fleet.version.environmentId);
    }
  }

  #fleet(version: FunctionVersion): Fleet {
    let fleet = this.#fleets.get(version.environmentId);
    if (fleet === undefined) {
      fleet = new Fleet(version, this);
      this.#fleets.set(version.environmentId, fleet);
    }
    return fleet;
  }

  #want(fleet: Fleet): void {
    this.#wanted.push(fleet);
    this.#pump();
  }

  /** Starts what is wanted, as far as the host carries it. */
  #pump(): void {
    const { options } = this.#deps;
    while (this.#wanted.length > 0 && this.#starting < options.startsMax && !this.#closed) {
      const fleet = this.#wanted[0] as Fleet;
      // Its waiters may have been served meanwhile by environments that became free.
      if (fleet.waiters.length <= fleet.starting) {
        this.#wanted.shift();
        continue;
      }
      if (this.#crowded(fleet)) return this.#armRetry();
      const bytes = expectedBytes(fleet.peakBytes, fleet.version.memoryMb);
      if (!this.#admits(bytes) && !this.#makeRoom(fleet)) return this.#armRetry();
      if (!this.#admits(bytes)) return this.#armRetry();
      this.#wanted.shift();
      try {
        this.#deps.countStart(fleet.version.functionArn, this.#deps.clock.monotonic());
      } catch (error) {
        const waiter = fleet.waiters.pop() as Waiter;
        this.#deps.metrics.throttles += 1;
        this.refuse(waiter.invocation, error as ServiceError);
        continue;
      }
      void this.#startOne(fleet, bytes);
    }
  }

  #crowded(fleet: Fleet): boolean {
    const { idle, cores } = this.#deps.hostCpu();
    return crowded({
      cpuIdle: idle,
      cores,
      environments: fleet.all.size,
      recentlyCompleted: fleet.recentlyCompleted(),
      waitedMs: this.#deps.clock.monotonic() - (fleet.waiters[0] as Waiter).sinceMs,
    });
  }

  #admits(bytes: number): boolean {
    return admits({
      memory: this.#deps.hostMemory(),
      startingBytes: this.#startingBytes,
      expectedBytes: bytes,
      environments: this.#total + this.#starting,
      environmentsMax: this.#deps.options.environmentsMax,
    });
  }

  /** Gives up what nobody uses: a pooled runtime, or the environment that has been idle longest. */
  #makeRoom(wanting: Fleet): boolean {
    let oldest: ExecutionEnvironment | undefined;
    let owner: Fleet | undefined;
    for (const fleet of this.#fleets.values()) {
      const environment = fleet.idle[0];
      if (fleet === wanting || environment === undefined) continue;
      if (oldest === undefined || environment.idleSinceMs < oldest.idleSinceMs)
        [oldest, owner] = [environment, fleet];
    }
    if (oldest !== undefined && owner !== undefined) {
      owner.idle.shift();
      void oldest.stop();
      return true;
    }
    return this.#pool.shrink();
  }

  /** The host is full: try again soon, and refuse those who have waited long enough. */
  #armRetry(): void {
    if (this.#retryTimer !== undefined || this.#closed) return;
    this.#retryTimer = this.#deps.clock.timer(SATURATED_RETRY_MS, () => {
      this.#retryTimer = undefined;
      const now = this.#deps.clock.monotonic();
      for (const fleet of new Set(this.#wanted)) {
        while (
          fleet.waiters[0] !== undefined &&
          now - fleet.waiters[0].sinceMs >= this.#deps.options.saturatedWaitMs
        ) {
          this.#deps.metrics.saturated += 1;
          this.refuse((fleet.waiters.shift() as Waiter).invocation, saturated());
        }
      }
      this.#pump();
    });
  }

  async #startOne(fleet: Fleet, bytes: number): Promise<void> {
    fleet.starting += 1;
    this.#starting += 1;
    this.#startingBytes += bytes;
    try {
      await this.#start(fleet);
    } catch (error) {
      const waiter = fleet.waiters.shift();
      if (waiter !== undefined) this.refuse(waiter.invocation, startFailure(error));
      this.#deps.log.error(
        { function: fleet.version.functionArn, error: String(error) },
        "an environment did not start",
      );
    } finally {
      fleet.starting -= 1;
      this.#starting -= 1;
      this.#startingBytes -= bytes;
      if (fleet.retired && fleet.empty) this.#fleets.delete(fleet.version.environmentId);
      this.#pump();
    }
  }

  /** The init phase, before any invocation is charged for it. */
  async #start(fleet: Fleet): Promise<void> {
    const { clock, options, metrics } = this.#deps;
    const { version } = fleet;
    const launch = await this.#deps.catalog.launch(version.runtime);
    if (launch.warning !== undefined && !this.#warned.has(launch.warning)) {
      this.#warned.add(launch.warning);
      this.#deps.log.warn({ runtime: launch.runtime, actual: launch.actual }, launch.warning);
    }
    const binding = await makeBinding(this.#deps, version, launch);
    const startedMs = clock.monotonic();
    const initLine = binding.lines.initStart(...runtimeDescription(version, launch));
    if (initLine !== undefined) binding.log.write(initLine);
    const { environment, init } = await this.#initialise(fleet, launch, binding, startedMs, options.initMs);
    metrics.coldStarts += 1;
    if (environment !== undefined && init.ok) {
      metrics.initDurations.observe(init.durationMs);
      const report = binding.lines.initReport({
        durationMs: init.durationMs,
        phase: "init",
        status: "success",
        errorType: undefined,
      });
      if (report !== undefined) binding.log.write(report);
      environment.adopt(fleet);
      if (environment.state === "idle") fleet.onIdle(environment);
      return;
    }
    if (init.ok) return;
    writeInitReport(binding, init, "init");
    binding.log.flush();
    const waiter = fleet.waiters.shift();
    if (waiter !== undefined) await this.#runWithInit(fleet, launch, binding, waiter.invocation);
  }

  /**
   * Init failed or took over 10 s: Lambda tries again within the invocation, whose own timeout then
   * covers both.
   */
  async #runWithInit(
    fleet: Fleet,
    launch: RuntimeLaunch,
    first: Binding,
    invocation: Invocation,
  ): Promise<void> {
    const { clock } = this.#deps;
    const { version } = fleet;
    const startedMs = clock.monotonic();
    try {
      const { environment, init } = await this.#initialise(
        fleet,
        launch,
        first,
        startedMs,
        version.timeoutMs,
      );
      if (environment !== undefined && init.ok) {
        environment.forgetInitDuration();
        environment.adopt(fleet);
        return environment.run(invocation, startedMs);
      }
      if (init.ok) return;
      writeInitReport(first, init, "invoke");
      failInvocation(clock, version, first.log, first.lines, invocation, init, startedMs);
    } catch (error) {
      this.refuse(invocation, startFailure(error));
    }
  }

  async #initialise(
    fleet: Fleet,
    launch: RuntimeLaunch,
    binding: Binding,
    startedMs: number,
    limitMs: number,
  ): Promise<{ readonly environment: ExecutionEnvironment | undefined; readonly init: InitResult }> {
    const broken = await findEntrypoint(launch, binding.codeDir);
    if (broken !== undefined) {
      const durationMs = this.#deps.clock.monotonic() - startedMs;
      return { environment: undefined, init: { ...broken, durationMs } };
    }
    const environment = (await this.#fromPool(fleet, launch)) ?? this.#newEnvironment(launch);
    fleet.all.add(environment);
    this.#total += 1;
    try {
      if (environment.state === "creating") {
        await environment.create(spec(this.#deps, environment.id, launch, binding), binding);
      }
      const init = await environment.initialise(
        binding,
        startedMs,
        limitMs - (this.#deps.clock.monotonic() - startedMs),
      );
      if (!init.ok) this.#forget(fleet, environment);
      return { environment, init };
    } catch (error) {
      this.#forget(fleet, environment);
      void environment.stop();
      throw error;
    }
  }

  #forget(fleet: Fleet, environment: ExecutionEnvironment): void {
    if (fleet.all.delete(environment)) this.#total -= 1;
  }

  async #fromPool(fleet: Fleet, launch: RuntimeLaunch): Promise<ExecutionEnvironment | undefined> {
    const { version } = fleet;
    if (launch.interface !== "framed") return undefined;
    this.#warmLaunch(launch);
    if (version.tmpMb !== LIMITS.tmpMbDefault || isFresh(this.#deps, version)) return undefined;
    const environment = this.#pool.take(launch);
    if (environment !== undefined) this.#deps.metrics.poolHits += 1;
    return environment;
  }

  #warmLaunch(launch: RuntimeLaunch): void {
    if (launch.interface === "framed") this.#pool.warm(launch);
  }

  #newEnvironment(launch: RuntimeLaunch): ExecutionEnvironment {
    return new ExecutionEnvironment(this.#environmentDeps, `env-${this.#deps.random.hex(16)}`, launch);
  }

  async #bootPooled(launch: RuntimeLaunch): Promise<ExecutionEnvironment> {
    const environment = this.#newEnvironment(launch);
    await environment.create(poolSpec(this.#deps, environment.id, launch));
    if (!(await environment.booted())) {
      const exit = await environment.stopped;
      throw new Error(`it ended with ${exit.signal ?? `exit status ${String(exit.code)}`} before it was up`);
    }
    environment.pool();
    return environment;
  }

  #mayRefill(): boolean {
    return (
      this.#starting === 0 && this.#wanted.length === 0 && this.#admits(expectedBytes(0, LIMITS.memoryMbMax))
    );
  }

  /** One timer for all: those that have been idle long enough are frozen, the others looked at again. */
  #armFreeze(): void {
    this.#freezeTimer = this.#deps.clock.timer(this.#deps.options.freezeAfterMs, () => {
      this.#freezeTimer = undefined;
      const dueMs = this.#deps.clock.monotonic() - this.#deps.options.freezeAfterMs;
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
      const dueMs = this.#deps.clock.monotonic() - this.#deps.options.idleReapMs;
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

function writeInitReport(
  binding: Binding,
  init: Extract<InitResult, { ok: false }>,
  phase: "init" | "invoke",
): void {
  const line = binding.lines.initReport({
    durationMs: init.durationMs,
    phase,
    status: init.status,
    errorType: init.status === "timeout" ? undefined : init.errorType,
  });
  if (line !== undefined) binding.log.write(line);
}

function startFailure(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  return new ServiceError("ServiceException", 500, "Lambda encountered an internal error.", {
    hint: `The execution environment could not be started: ${error instanceof Error ? error.message : String(error)}. See \`lambent doctor\`.`,
    cause: error,
  });
}

function saturated(): ServiceError {
  return new ServiceError("ServiceException", 500, "Lambda is unable to process your request at this time.", {
    hint: "The host has no memory left for another execution environment. Stop other programs, lower concurrency, or use a larger host.",
  });
}

function stopping(): ServiceError {
  return new ServiceError("ServiceException", 500, "Lambda is unable to process your request at this time.", {
    hint: "The server is stopping.",
  });
}
