import { assert } from "../../kernel/assert.ts";
import { agingNow, machineNow } from "../../kernel/clock.ts";
import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type { ExitInfo, SandboxSpec } from "../../ports/sandbox-driver.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { FunctionLog } from "../observe/function-log.ts";
import { Extensions, type ExtensionFunction } from "../runtime-api/extensions.ts";
import type { LogFrame } from "../runtime-api/frame-codec.ts";
import type { RuntimeEvents } from "../runtime-api/link.ts";
import type { Binding } from "./binding.ts";
import type { EnvironmentDeps, EnvironmentOwner } from "./environment-deps.ts";
import { errorTypeOf, extensionFault } from "./fault.ts";
import { Freezer } from "./freezer.ts";
import { InitPhase } from "./init-phase.ts";
import type { InitResult } from "./init.ts";
import type { Invocation } from "./invocation.ts";
import { InvokePhase } from "./invoke-phase.ts";
import { MemoryGauge } from "./memory-gauge.ts";
import { canMove, Lifecycle, type EnvironmentState } from "./state.ts";
import { Wiring } from "./wiring.ts";

/** Time internal extensions get to end: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html */
const EXTENSION_GRACE_MS = 500;

/**
 * One execution environment: a sandbox, the runtime in it, and at most one invocation at a time.
 * state.ts says which states there are. The moves of a phase are made by init-phase.ts, invoke-phase.ts
 * and freezer.ts; this class makes those of the beginning and the end, and says who hears what.
 */
export class ExecutionEnvironment {
  readonly id: string;
  readonly launch: RuntimeLaunch;
  /** When it last became idle (see agingNow). */
  idleSinceMs = 0;
  /** Invocations that came to their end. */
  served = 0;
  /** On the list of those that may soon be frozen; kept by whoever keeps that list. */
  hot = false;
  readonly #deps: EnvironmentDeps;
  readonly #life: Lifecycle;
  readonly #extensions: Extensions;
  readonly #memory: MemoryGauge;
  readonly #init: InitPhase;
  readonly #invoke: InvokePhase;
  readonly #freezer: Freezer;
  readonly #stopped = Promise.withResolvers<ExitInfo>();
  #owner: EnvironmentOwner | undefined;
  #wiring: Wiring | undefined;
  #binding: Binding | undefined;
  #stopRequested = false;

  constructor(deps: EnvironmentDeps, id: string, launch: RuntimeLaunch) {
    const { clock, log, random } = deps;
    const life = new Lifecycle(id);
    const memory = new MemoryGauge(clock);
    const extensions = new Extensions(
      random,
      () => this.#describe(),
      () => this.#invoke.onQuiet(),
      (errorType, name) => this.#onExtensionFault(errorType, name),
    );
    this.#deps = deps;
    this.id = id;
    this.launch = launch;
    this.#life = life;
    this.#memory = memory;
    this.#extensions = extensions;
    this.#freezer = new Freezer(id, life, log);
    this.#init = new InitPhase({ environmentId: id, clock, log, life, extensions, memory });
    this.#invoke = new InvokePhase({
      clock,
      life,
      extensions,
      memory,
      onIdle: (sinceMs) => {
        this.idleSinceMs = sinceMs + (clock.skippedMs ?? 0);
        this.served += 1;
        this.#owner?.onIdle(this);
      },
    });
  }

  get state(): EnvironmentState {
    return this.#life.state;
  }

  get maxMemoryBytes(): number {
    return this.#memory.maxBytes;
  }

  /** Of its last invocation; Infinity before the first. */
  get lastDurationMs(): number {
    return this.#invoke.lastDurationMs;
  }

  get version(): FunctionVersion {
    assert(this.#binding, "an environment without a function has no version");
    return this.#binding.version;
  }

  get functionLog(): FunctionLog | undefined {
    return this.#binding?.log;
  }

  get credentialsGoodUntilMs(): number {
    return this.#binding?.credentialsGoodUntilMs ?? Infinity;
  }

  /** Resolves when nothing of it is left. */
  get stopped(): Promise<ExitInfo> {
    return this.#stopped.promise;
  }

  /** Makes the sandbox. Throws what the driver throws; the environment is then stopped. */
  async create(spec: SandboxSpec, binding?: Binding): Promise<void> {
    // What a process of the function writes before init is over belongs to its log.
    this.#binding = binding;
    const { driver, api, clock, onEndpointConnection } = this.#deps;
    let sandbox;
    try {
      sandbox = await driver.create(spec);
    } catch (error) {
      this.#life.move("stopped");
      this.#stopped.resolve({ code: undefined, signal: undefined, oomKilled: false });
      throw error;
    }
    this.#wiring = new Wiring(sandbox, this.launch, api, clock, {
      events: this.#events,
      extensions: this.#extensions,
      onLine: (line) => this.#onOutput(line),
      onEndpointConnection: (socket) => {
        if (onEndpointConnection === undefined) socket.destroy();
        else onEndpointConnection(socket, { environmentId: this.id, version: this.#binding?.version });
      },
    });
    this.#life.move("booting");
    void sandbox.exited.then((exit) => this.#onExit(exit));
    if (this.launch.interface === "http") this.#init.onBooted();
    // Told to stop before there was anything to stop.
    if (this.#stopRequested) void this.stop();
  }

  /** True once the interpreter is up; false when the process ended before. */
  booted(): Promise<boolean> {
    return this.#init.booted;
  }

  /** From booting to pooled: it waits for a function. */
  pool(): void {
    this.#life.move("pooled");
  }

  /**
   * Loads the function. Never throws for what the function does; an environment whose init failed is
   * being killed when this resolves. `limitMs` is the init phase's 10 s, or what is left of the
   * function's own timeout when init runs within an invoke.
   */
  async initialise(binding: Binding, startedMs: number, limitMs: number): Promise<InitResult> {
    if (!this.#life.isLive) return await this.#init.tooLate(this.stopped, binding, startedMs);
    this.#binding = binding;
    const wiring = this.#wiring as Wiring;
    const result = await this.#init.run(wiring, binding, startedMs, limitMs);
    if (result.ok) {
      this.#invoke.bind(wiring, binding);
      this.#invoke.initDurationMs = result.durationMs;
      this.idleSinceMs = agingNow(this.#deps.clock);
    }
    return result;
  }

  /** From here on the owner is told when it is idle or gone. */
  adopt(owner: EnvironmentOwner): void {
    this.#owner = owner;
    if (this.state === "stopped") owner.onStopped(this);
  }

  /** Init ran within the invoke: REPORT then has no Init Duration of its own. */
  forgetInitDuration(): void {
    this.#invoke.initDurationMs = undefined;
  }

  /**
   * Runs one invocation: idle -> busy. `startedMs` (monotonic) is given when the invocation began
   * earlier, with an init of its own. A frozen environment is thawed first.
   */
  run(invocation: Invocation, startedMs?: number): void {
    if (this.state === "idle") this.#invoke.run(invocation, startedMs);
    else void this.#runAfterThaw(invocation, startedMs);
  }

  /** Told while idle; does nothing in any other state. Freezing never meets an invocation: run() waits for it. */
  freeze(): void {
    if (this.state !== "idle" || this.#deps.driver.capabilities.freeze === "none") return;
    this.#freezer.freeze((this.#wiring as Wiring).sandbox);
  }

  /** Hands lines of an invocation under way to the log's store. */
  flushLog(): void {
    this.#binding?.log.flush();
  }

  /**
   * Ends it: extensions are told and get their grace, everything else is killed at once. An invocation
   * under way fails as if its process had been killed.
   */
  async stop(): Promise<void> {
    if (this.state === "stopped") return;
    this.#stopRequested = true;
    if (this.#wiring === undefined || this.state === "stopping") {
      await this.stopped;
      return;
    }
    const { sandbox, link } = this.#wiring;
    await this.#freezer.settled();
    const wasFrozen = this.#life.is("frozen");
    if (!canMove(this.#life.state, "stopping")) return;
    this.#life.move("stopping");
    if (this.#extensions.count > 0) {
      if (wasFrozen) await sandbox.thaw().catch(() => undefined);
      if (this.#extensions.shutdown("spindown", machineNow(this.#deps.clock) + EXTENSION_GRACE_MS)) {
        link.shutdown();
        await sandbox.stop(EXTENSION_GRACE_MS);
        await this.stopped;
        return;
      }
    }
    await sandbox.kill();
    await this.stopped;
  }

  async #runAfterThaw(invocation: Invocation, startedMs: number | undefined): Promise<void> {
    await this.#freezer.thaw((this.#wiring as Wiring).sandbox);
    if (this.#life.is("idle")) this.#invoke.run(invocation, startedMs);
    else await this.#invoke.failUnstarted(invocation, startedMs, this.stopped);
  }

  readonly #events: RuntimeEvents = {
    onBooted: () => this.#init.onBooted(),
    onReady: () => this.#init.onSignal({ kind: "ready" }),
    onInitError: (error, errorType) =>
      this.#init.onSignal({ kind: "error", error: Buffer.from(error), errorType }),
    onResponse: (payload) => this.#invoke.onAnswer(payload, false, undefined),
    onError: (error, errorType) => this.#invoke.onAnswer(error, true, errorType),
    onIdle: () => this.#invoke.onQuiet(),
    onFatal: (error) => this.#onFatal(Buffer.from(error)),
    onLog: (frame: LogFrame) => this.#binding?.log.writeFromRuntime(frame.text, frame.timestamp),
    onViolation: (reason) => {
      this.#deps.log.warn(
        { environment: this.id, function: this.#binding?.version.functionArn, reason },
        "runtime broke the protocol",
      );
      void this.#wiring?.sandbox.kill();
    },
  };

  /** A process that told its own end: the answer is what it said, and the environment is over. */
  #onFatal(error: Buffer): void {
    const errorType = errorTypeOf(error) ?? "Runtime.ExitError";
    if (this.#isStarting()) this.#init.onSignal({ kind: "error", error, errorType });
    else if (this.state === "busy") this.#invoke.onFault({ status: "error", errorType, message: "" }, error);
  }

  #onExtensionFault(errorType: string, name: string): void {
    const fault = extensionFault(errorType, name);
    if (this.#isStarting()) this.#init.onSignal({ kind: "extension", fault });
    else this.#invoke.onFault(fault);
  }

  async #onExit(exit: ExitInfo): Promise<void> {
    this.#init.onSignal({ kind: "exit", exit });
    if (this.#invoke.isUntold) await this.#invoke.onExit(exit);
    this.#invoke.close();
    this.#wiring?.close();
    this.#life.move("stopped");
    this.#binding?.log.flush();
    this.#stopped.resolve(exit);
    this.#owner?.onStopped(this);
  }

  #isStarting(): boolean {
    return this.state === "initialising" || this.state === "booting";
  }

  #onOutput(line: string): void {
    if (this.#binding !== undefined) this.#binding.log.write(`${line}\n`);
    else
      this.#deps.log.debug({ environment: this.id, line: line.slice(0, 200) }, "output of a pooled runtime");
  }

  #describe(): ExtensionFunction {
    const version = this.#binding?.version;
    return {
      functionName: version?.name ?? "",
      functionVersion: version?.version ?? "",
      handler: version?.handler ?? "",
      accountId: version?.scope.accountId ?? "",
    };
  }
}
