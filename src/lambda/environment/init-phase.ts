import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { ExitInfo, SandboxLimits } from "../../ports/sandbox-driver.ts";
import type { Extensions } from "../runtime-api/extensions.ts";
import type { Binding } from "./binding.ts";
import {
  failedInit,
  INIT_CPUS,
  initLimits,
  initMessage,
  TASK_ROOT,
  type InitResult,
  type InitSignal,
} from "./init.ts";
import type { MemoryGauge } from "./memory-gauge.ts";
import type { Lifecycle } from "./state.ts";
import type { Wiring } from "./wiring.ts";

export interface InitDeps {
  readonly environmentId: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly life: Lifecycle;
  readonly extensions: Extensions;
  readonly memory: MemoryGauge;
}

/**
 * Loads a function into a booted environment:
 *
 *   1. a pooled one first gets the code mounted and the function's limits
 *   2. a framed runtime is told what to load; an HTTP one says by itself when it is ready
 *   3. the first signal decides: ready, an error, the end of the process, an extension's fault, the limit
 *   4. ready: the CPU share becomes the function's, and the environment is idle
 *      anything else: it is killed, and its output read to the end
 */
export class InitPhase {
  readonly #deps: InitDeps;
  readonly #booted = Promise.withResolvers<boolean>();
  readonly #signal = Promise.withResolvers<InitSignal>();

  constructor(deps: InitDeps) {
    this.#deps = deps;
  }

  /** True once the interpreter is up; false when the process ended before. */
  get booted(): Promise<boolean> {
    return this.#booted.promise;
  }

  onBooted(): void {
    this.#booted.resolve(true);
  }

  /** Only the first one counts. */
  onSignal(signal: InitSignal): void {
    this.#signal.resolve(signal);
    if (signal.kind === "exit") this.#booted.resolve(false);
  }

  /** `startedMs` is monotonic; what its `durationMs` counts from. */
  async run(wiring: Wiring, binding: Binding, startedMs: number, limitMs: number): Promise<InitResult> {
    const { clock, life, extensions, memory } = this.#deps;
    const { sandbox, link } = wiring;
    const wasPooled = life.is("pooled");
    life.move("initialising");
    const limit = clock.timer(Math.max(0, limitMs), () => this.#signal.resolve({ kind: "timeout" }));
    if (wasPooled) {
      await Promise.all([
        sandbox.attach([{ source: binding.codeDir, target: TASK_ROOT }]),
        sandbox.setLimits(initLimits(binding.limits)),
      ]);
    }
    if (wiring.framed) {
      const up = await Promise.race([this.#booted.promise, this.#signal.promise]);
      if (up === true) link.init(initMessage(binding, sandbox));
    }
    const signal = await this.#signal.promise;
    limit.cancel();
    extensions.endInit();
    if (signal.kind !== "ready") return await this.#fail(wiring, binding, signal, startedMs);
    const durationMs = clock.monotonic() - startedMs;
    if (binding.limits.cpus < INIT_CPUS) this.#endBoost(wiring, binding.limits);
    memory.sample(sandbox);
    life.move("idle");
    return { ok: true, durationMs };
  }

  /** The environment was over before the function came to it. */
  async tooLate(exited: Promise<ExitInfo>, binding: Binding, startedMs: number): Promise<InitResult> {
    return this.#failed({ kind: "exit", exit: await exited }, binding, startedMs);
  }

  #endBoost(wiring: Wiring, limits: SandboxLimits): void {
    wiring.sandbox.setLimits(limits).catch((error: unknown) => {
      const { log, environmentId } = this.#deps;
      log.warn({ environment: environmentId, error: String(error) }, "CPU limit not set after init");
    });
  }

  async #fail(
    wiring: Wiring,
    binding: Binding,
    signal: Exclude<InitSignal, { kind: "ready" }>,
    startedMs: number,
  ): Promise<InitResult> {
    const { life, memory, clock } = this.#deps;
    const endedMs = clock.monotonic();
    if (life.isLive) {
      life.move("stopping");
      memory.sample(wiring.sandbox);
      await memory.sampled();
      await wiring.sandbox.kill();
    }
    await wiring.output.ended();
    return this.#failed(signal, binding, startedMs, endedMs);
  }

  #failed(
    signal: Exclude<InitSignal, { kind: "ready" }>,
    binding: Binding,
    startedMs: number,
    endedMs: number = this.#deps.clock.monotonic(),
  ): InitResult {
    return failedInit(signal, {
      durationMs: endedMs - startedMs,
      maxMemoryUsedMb: this.#deps.memory.usedMb,
      timeoutMs: binding.version.timeoutMs,
    });
  }
}
