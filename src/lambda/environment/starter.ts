import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import { RuntimeApiServer } from "../runtime-api/http-server.ts";
import type { EnvironmentsDeps } from "./deps.ts";
import type { InvocationStatus } from "../observe/platform-lines.ts";
import type { Binding } from "./binding.ts";
import type { EnvironmentDeps } from "./environment-deps.ts";
import { ExecutionEnvironment } from "./environment.ts";
import type { InitResult } from "./init.ts";

import { hintForCode } from "./entry-hint.ts";
import { failInvocation } from "./failed-init.ts";
import type { Fleet } from "./fleet.ts";
import type { Invocation } from "./invocation.ts";
import {
  entrypointError,
  findEntrypoint,
  isFresh,
  makeBinding,
  poolSpec,
  runtimeDescription,
  spec,
} from "./launch.ts";
import type { RuntimePool } from "./pool.ts";

/** An interpreter without a function that is not up by then never will be. */
const BOOT_MS_MAX = 30_000;

/** Takes back an invocation for which no environment could be had. */
export interface Refuser {
  refuse(invocation: Invocation, error: ServiceError): void;
}

/** Brings environments up: from the pool or from nothing, through the init phase, to their first waiter. */
export class Starter {
  readonly #deps: EnvironmentsDeps;
  readonly #environmentDeps: EnvironmentDeps;
  readonly #pool: RuntimePool;
  readonly #refuser: Refuser;
  readonly #warned = new Set<string>();
  #closed = false;

  constructor(deps: EnvironmentsDeps, pool: RuntimePool, refuser: Refuser) {
    this.#deps = deps;
    this.#pool = pool;
    this.#refuser = refuser;
    this.#environmentDeps = {
      driver: deps.driver,
      clock: deps.clock,
      random: deps.random,
      log: deps.log,
      api: new RuntimeApiServer(),
      onEndpointConnection: deps.onEndpointConnection,
    };
  }

  /**
   * The init phase, before any invocation is charged for it; then the first waiter, if there still is
   * one. `giveUpSlot` is called when no more than the function's own init is going on.
   * Errors: what catalog, code cache and driver throw.
   */
  async start(fleet: Fleet, giveUpSlot: () => void): Promise<void> {
    const { clock, options, metrics } = this.#deps;
    const { version } = fleet;
    const launch = await this.#deps.catalog.launch(version.runtime);
    if (launch.warning !== undefined && !this.#warned.has(launch.warning)) {
      this.#warned.add(launch.warning);
      this.#deps.log.warn({ runtime: launch.runtime, actual: launch.actual }, launch.warning);
    }
    const binding = await makeBinding(this.#deps, version, launch);
    const startedMs = clock.monotonic();
    const initLine = binding.lines.initStart(...runtimeDescription(version));
    if (initLine !== undefined) binding.log.write(initLine);
    const { environment, init } = await this.#initialise(fleet, launch, binding, startedMs, options.initMs);
    metrics.coldStarts += 1;
    if (environment !== undefined && init.ok) {
      metrics.initDurations.observe(init.durationMs);
      writeInitReport(binding, init.durationMs, "init", "success");
      environment.adopt(fleet);
      if (environment.state === "idle") fleet.onIdle(environment);
      return;
    }
    if (init.ok) return;
    writeInitReport(binding, init.durationMs, "init", init.status, init.errorType);
    binding.log.flush();
    const waiter = fleet.waiters.shift();
    giveUpSlot();
    if (waiter !== undefined) await this.#runWithInit(fleet, launch, binding, waiter.invocation);
  }

  /** From here on no environment is made for a function; those under way are in their fleets. */
  close(): void {
    this.#closed = true;
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
      writeInitReport(first, init.durationMs, "invoke", init.status, init.errorType);
      const hint = await this.#hint(first, init);
      failInvocation(clock, version, first.log, first.lines, invocation, { ...init, hint }, startedMs);
    } catch (error) {
      this.#refuser.refuse(invocation, startFailure(error));
    }
  }

  /** What the archive lacks, for the caller and, once a version, for the log of the platform. */
  async #hint(binding: Binding, init: Extract<InitResult, { ok: false }>): Promise<string | undefined> {
    const { version, codeDir } = binding;
    const hint = await hintForCode(codeDir, version, init.errorType, init.answer(""));
    if (hint !== undefined && !this.#warned.has(version.environmentId)) {
      this.#warned.add(version.environmentId);
      this.#deps.log.warn({ function: version.functionArn, errorType: init.errorType }, hint);
    }
    return hint;
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
    // Whoever closes ends the environments there are: nobody would end one that is made after that.
    if (this.#closed) throw stopping();
    const environment = this.#fromPool(fleet, launch) ?? this.#newEnvironment(launch);
    fleet.all.add(environment);
    try {
      if (environment.state === "creating") {
        await environment.create(spec(this.#deps, environment.id, launch, binding), binding);
      }
      const init = await environment.initialise(
        binding,
        startedMs,
        limitMs - (this.#deps.clock.monotonic() - startedMs),
      );
      if (!init.ok) fleet.all.delete(environment);
      return { environment, init };
    } catch (error) {
      fleet.all.delete(environment);
      void environment.stop();
      const broken = entrypointError(launch, error);
      if (broken === undefined) throw error;
      const durationMs = this.#deps.clock.monotonic() - startedMs;
      return { environment: undefined, init: { ...broken, durationMs } };
    }
  }

  #fromPool(fleet: Fleet, launch: RuntimeLaunch): ExecutionEnvironment | undefined {
    const { version } = fleet;
    if (launch.interface !== "framed") return undefined;
    this.#pool.warm(launch);
    if (version.tmpMb !== LIMITS.tmpMbDefault || isFresh(this.#deps, version)) return undefined;
    const environment = this.#pool.take(launch);
    if (environment !== undefined) this.#deps.metrics.poolHits += 1;
    return environment;
  }

  #newEnvironment(launch: RuntimeLaunch): ExecutionEnvironment {
    return new ExecutionEnvironment(this.#environmentDeps, `env-${this.#deps.random.hex(16)}`, launch);
  }

  async bootPooled(launch: RuntimeLaunch): Promise<ExecutionEnvironment> {
    const environment = this.#newEnvironment(launch);
    await environment.create(poolSpec(this.#deps, environment.id, launch));
    const limit = this.#deps.clock.timer(BOOT_MS_MAX, () => void environment.stop());
    const up = await environment.booted();
    limit.cancel();
    if (!up) {
      const exit = await environment.stopped;
      throw new Error(`it ended with ${exit.signal ?? `exit status ${String(exit.code)}`} before it was up`);
    }
    environment.pool();
    return environment;
  }
}

function writeInitReport(
  binding: Binding,
  durationMs: number,
  phase: "init" | "invoke",
  status: InvocationStatus,
  errorType?: string,
): void {
  const report = { durationMs, phase, status, errorType: status === "timeout" ? undefined : errorType };
  const { lines, log } = binding;
  for (const line of [lines.initRuntimeDone(report), lines.initReport(report)]) {
    if (line !== undefined) log.write(line);
  }
}

/** What a caller is told who comes too late. */
export function stopping(): ServiceError {
  return new ServiceError("ServiceException", 500, "Lambda is unable to process your request at this time.", {
    hint: "The server is stopping.",
  });
}

/** What the caller is told when the platform could not start an environment. */
export function startFailure(error: unknown): ServiceError {
  if (error instanceof ServiceError) return error;
  return new ServiceError("ServiceException", 500, "Lambda encountered an internal error.", {
    hint: `The execution environment could not be started: ${error instanceof Error ? error.message : String(error)}. See \`lambent doctor\`.`,
    cause: error,
  });
}
