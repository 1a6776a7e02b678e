import { assert } from "../../kernel/assert.ts";
import { machineNow, type Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type {
  ExitInfo,
  Sandbox,
  SandboxDriver,
  SandboxLimits,
  SandboxSpec,
} from "../../ports/sandbox-driver.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { FunctionLog } from "../observe/function-log.ts";
import type { InvocationStatus } from "../observe/platform-lines.ts";
import { Extensions } from "../runtime-api/extensions.ts";
import { FramedRuntime } from "../runtime-api/framed-runtime.ts";
import type { InvokeMessage } from "../runtime-api/frames.ts";
import { HttpRuntime } from "../runtime-api/http-runtime.ts";
import type { RuntimeApiServer } from "../runtime-api/http-server.ts";
import type { LogFrame } from "../runtime-api/frame-codec.ts";
import type { RuntimeLink } from "../runtime-api/link.ts";
import type { Binding } from "./binding.ts";
import { Deadline } from "./deadline.ts";
import {
  errorTypeOf,
  exitFault,
  extensionFault,
  faultPayload,
  timeoutFault,
  timeoutSeconds,
  type Fault,
} from "./fault.ts";
import {
  failedInit,
  INIT_CPUS,
  initLimits,
  initMessage,
  TASK_ROOT,
  type InitResult,
  type InitSignal,
} from "./init.ts";
import type { Invocation } from "./invocation.ts";
import { MemoryGauge } from "./memory-gauge.ts";
import { OutputPipes } from "./output.ts";
import { canMove, type EnvironmentState } from "./state.ts";
import { traceOf } from "./trace.ts";

export interface EnvironmentDeps {
  readonly driver: SandboxDriver;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly api: RuntimeApiServer;
  /** Told of every connection a function opens to the endpoint inside its sandbox. */
  readonly onEndpointConnection: EndpointConnectionHandler | undefined;
}

export type EndpointConnectionHandler = (
  socket: import("node:net").Socket,
  from: { readonly environmentId: string; readonly version: FunctionVersion | undefined },
) => void;

/** Tells the owner what happened; called in the turn in which it happened. */
export interface EnvironmentOwner {
  onIdle(environment: ExecutionEnvironment): void;
  /** Nothing of it is left. */
  onStopped(environment: ExecutionEnvironment): void;
}

/** Time internal extensions get to end: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html */
const EXTENSION_GRACE_MS = 500;
/**
 * One execution environment: a sandbox, the runtime in it, and at most one invocation at a time.
 * state.ts says which states there are; this class makes the moves.
 */
export class ExecutionEnvironment {
  readonly id: string;
  readonly launch: RuntimeLaunch;
  /** When it last became idle (monotonic). */
  idleSinceMs = 0;
  /** Of its last invocation; Infinity before the first. */
  lastDurationMs: number = Infinity;
  /** On the list of those that may soon be frozen; kept by whoever keeps that list. */
  hot = false;
  #state: EnvironmentState = "creating";
  readonly #deps: EnvironmentDeps;
  #owner: EnvironmentOwner | undefined;
  #sandbox: Sandbox | undefined;
  #link: RuntimeLink | undefined;
  #http: HttpRuntime | undefined;
  readonly #extensions: Extensions;
  #output: OutputPipes | undefined;
  #binding: Binding | undefined;
  readonly #booted = Promise.withResolvers<boolean>();
  readonly #init = Promise.withResolvers<InitSignal>();
  readonly #stopped = Promise.withResolvers<ExitInfo>();
  #current: Invocation | undefined;
  #answered = false;
  #answerErrorType: string | undefined;
  #answerIsError = false;
  #startedMs = 0;
  #startedWallMs = 0;
  readonly #deadline: Deadline;
  readonly #memory: MemoryGauge;
  #initDurationMs: number | undefined;
  #everIdle = false;
  #freezing: Promise<void> | undefined;
  /** What `#end` is telling; the end of the process is then no news. */
  #pendingFault: Fault | undefined;
  /** The answer of an invocation whose caller also wants the log. */
  #heldAnswer: Buffer | undefined;
  #draining = false;
  #stopRequested = false;

  constructor(deps: EnvironmentDeps, id: string, launch: RuntimeLaunch) {
    this.#deps = deps;
    this.id = id;
    this.launch = launch;
    this.#deadline = new Deadline(deps.clock, () => this.#onDeadline());
    this.#memory = new MemoryGauge(deps.clock);
    this.#extensions = new Extensions(
      deps.random,
      () => this.#describe(),
      () => this.#completeIfQuiet(),
      (errorType, name) => this.#onExtensionFault(errorType, name),
    );
  }

  get state(): EnvironmentState {
    return this.#state;
  }

  get maxMemoryBytes(): number {
    return this.#memory.maxBytes;
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
    let sandbox: Sandbox;
    try {
      sandbox = await this.#deps.driver.create(spec);
    } catch (error) {
      this.#move("stopped");
      this.#stopped.resolve({ code: undefined, signal: undefined, oomKilled: false });
      throw error;
    }
    this.#sandbox = sandbox;
    const framed = this.launch.interface === "framed";
    this.#http = new HttpRuntime(this.#events, this.#extensions, !framed);
    this.#deps.api.attach(sandbox.runtimeApi, this.#http);
    if (framed) {
      assert(sandbox.channel, "a framed runtime needs the sandbox's channel");
      this.#link = new FramedRuntime(sandbox.channel, this.#events);
    } else {
      this.#link = this.#http;
    }
    sandbox.endpoint?.on("connection", (socket) => {
      if (this.#deps.onEndpointConnection === undefined) socket.destroy();
      else
        this.#deps.onEndpointConnection(socket, { environmentId: this.id, version: this.#binding?.version });
    });
    this.#output = new OutputPipes(sandbox, this.#deps.clock, (line) => this.#onOutput(line));
    this.#move("booting");
    void sandbox.exited.then((exit) => this.#onExit(exit));
    if (!framed) this.#booted.resolve(true);
    // Told to stop before there was anything to stop.
    if (this.#stopRequested) void this.stop();
  }

  /** True once the interpreter is up; false when the process ended before. */
  booted(): Promise<boolean> {
    return this.#booted.promise;
  }

  /** From booting to pooled: it waits for a function. */
  pool(): void {
    this.#move("pooled");
  }

  /**
   * Loads the function. Never throws for what the function does; an environment whose init failed is
   * being killed when this resolves. `limitMs` is the init phase's 10 s, or what is left of the
   * function's own timeout when init runs within an invoke.
   */
  async initialise(binding: Binding, startedMs: number, limitMs: number): Promise<InitResult> {
    const sandbox = this.#sandbox as Sandbox;
    const { clock } = this.#deps;
    const wasPooled = this.#state === "pooled";
    if (this.#state === "stopping" || this.#state === "stopped") {
      return this.#initFailure({ kind: "exit", exit: await this.#stopped.promise }, startedMs);
    }
    this.#binding = binding;
    this.#move("initialising");
    const limit = clock.timer(Math.max(0, limitMs), () => this.#init.resolve({ kind: "timeout" }));
    if (wasPooled) {
      await Promise.all([
        sandbox.attach([{ source: binding.codeDir, target: TASK_ROOT }]),
        sandbox.setLimits(initLimits(binding.limits)),
      ]);
    }
    if (this.launch.interface === "framed") {
      const up = await Promise.race([this.#booted.promise, this.#init.promise]);
      if (up === true) (this.#link as RuntimeLink).init(initMessage(binding, sandbox));
    }
    const signal = await this.#init.promise;
    limit.cancel();
    this.#extensions.endInit();
    if (signal.kind !== "ready") return this.#initFailure(signal, startedMs);
    this.#initDurationMs = clock.monotonic() - startedMs;
    if (binding.limits.cpus < INIT_CPUS) this.#endInitBoost(sandbox, binding.limits);
    this.#memory.sample(this.#sandbox as Sandbox);
    this.#move("idle");
    this.idleSinceMs = clock.monotonic();
    return { ok: true, durationMs: this.#initDurationMs };
  }

  #endInitBoost(sandbox: Sandbox, limits: SandboxLimits): void {
    sandbox.setLimits(limits).catch((error: unknown) => {
      this.#deps.log.warn({ environment: this.id, error: String(error) }, "CPU limit not set after init");
    });
  }

  /** From here on the owner is told when it is idle or gone. */
  adopt(owner: EnvironmentOwner): void {
    this.#owner = owner;
    if (this.#state === "stopped") owner.onStopped(this);
  }

  /** Init ran within the invoke: REPORT then has no Init Duration of its own. */
  forgetInitDuration(): void {
    this.#initDurationMs = undefined;
  }

  /**
   * Runs one invocation: idle -> busy. `startedMs` (monotonic) is given when the invocation began
   * earlier, with an init of its own. A frozen environment is thawed first.
   */
  run(invocation: Invocation, startedMs?: number): void {
    if (this.#state !== "idle") {
      void this.#runAfterThaw(invocation, startedMs);
      return;
    }
    const binding = this.#binding as Binding;
    const { clock } = this.#deps;
    this.#move("busy");
    this.#current = invocation;
    invocation.coldStart = !this.#everIdle;
    this.#answered = false;
    this.#answerIsError = false;
    this.#answerErrorType = undefined;
    const nowMs = clock.monotonic();
    const wallMs = clock.now();
    this.#startedMs = startedMs ?? nowMs;
    this.#startedWallMs = wallMs - (nowMs - this.#startedMs);
    const { log } = binding;
    if (invocation.logTail) log.startTail();
    const start = binding.lines.start(invocation.requestId);
    if (start !== undefined) log.write(start, wallMs);
    const leftMs = this.#startedMs + binding.version.timeoutMs - nowMs;
    const message: InvokeMessage = {
      requestId: invocation.requestId,
      // The runtime compares it with the machine's clock.
      deadlineMs: Math.round(wallMs - (clock.offsetMs ?? 0) + leftMs),
      invokedFunctionArn: invocation.invokedFunctionArn,
      ...(invocation.traceHeader === undefined ? {} : { traceId: invocation.traceHeader }),
      ...(invocation.clientContext === undefined ? {} : { clientContext: invocation.clientContext }),
    };
    (this.#link as RuntimeLink).invoke(message, invocation.payload);
    this.#extensions.invoke(message);
    this.#deadline.arm(this.#startedMs + binding.version.timeoutMs, nowMs);
  }

  /** Told while idle; does nothing in any other state. Freezing never meets an invocation: run() waits for it. */
  freeze(): void {
    if (this.#state !== "idle" || this.#deps.driver.capabilities.freeze === "none") return;
    this.#move("freezing");
    this.#freezing = (async () => {
      try {
        await (this.#sandbox as Sandbox).freeze();
      } catch (error) {
        this.#deps.log.warn({ environment: this.id, error: String(error) }, "freezing failed");
      }
      if (this.#state === "freezing") this.#move("frozen");
      this.#freezing = undefined;
    })();
  }

  /** Hands lines of an invocation under way to the log's store. */
  flushLog(): void {
    this.#binding?.log.flush();
  }

  /**
   * Ends it: extensions are told and get their grace, everything else is killed at once. An invocation
   * under way fails as if its process had been killed.
   */
  async stop(reason: "spindown" | "failure" = "spindown"): Promise<void> {
    if (this.#state === "stopped") return;
    const sandbox = this.#sandbox;
    this.#stopRequested = true;
    if (sandbox === undefined || this.#state === "stopping") {
      await this.#stopped.promise;
      return;
    }
    if (this.#freezing !== undefined) await this.#freezing;
    const wasFrozen = this.#state === "frozen";
    if (!canMove(this.#state, "stopping")) return;
    this.#move("stopping");
    if (this.#extensions.count > 0) {
      if (wasFrozen) await sandbox.thaw().catch(() => undefined);
      if (this.#extensions.shutdown(reason, machineNow(this.#deps.clock) + EXTENSION_GRACE_MS)) {
        this.#link?.shutdown();
        await sandbox.stop(EXTENSION_GRACE_MS);
        await this.#stopped.promise;
        return;
      }
    }
    await sandbox.kill();
    await this.#stopped.promise;
  }

  async #runAfterThaw(invocation: Invocation, startedMs: number | undefined): Promise<void> {
    if (this.#freezing !== undefined) await this.#freezing;
    if (this.#state === "frozen") {
      this.#move("thawing");
      try {
        await (this.#sandbox as Sandbox).thaw();
      } catch (error) {
        this.#deps.log.warn({ environment: this.id, error: String(error) }, "thawing failed");
      }
      if (this.state === "thawing") this.#move("idle");
    }
    if (this.state === "idle") return this.run(invocation, startedMs);
    // It died between the lease and now.
    this.#startedMs = startedMs ?? this.#deps.clock.monotonic();
    this.#startedWallMs = this.#deps.clock.now();
    this.#current = invocation;
    const fault = exitFault(await this.#stopped.promise);
    if (invocation.logTail) this.#binding?.log.startTail();
    this.#fail(fault, faultPayload(fault, invocation.requestId));
  }

  #move(to: EnvironmentState): void {
    assert(canMove(this.#state, to), `environment ${this.id}: ${this.#state} -> ${to}`);
    this.#state = to;
  }

  async #initFailure(signal: Exclude<InitSignal, { kind: "ready" }>, startedMs: number): Promise<InitResult> {
    const { clock } = this.#deps;
    const durationMs = clock.monotonic() - startedMs;
    if (this.#state !== "stopping" && this.#state !== "stopped") {
      this.#move("stopping");
      this.#memory.sample(this.#sandbox as Sandbox);
      await this.#memory.sampled();
      await (this.#sandbox as Sandbox).kill();
    }
    await this.#output?.ended();
    const { timeoutMs } = (this.#binding as Binding).version;
    return failedInit(signal, { durationMs, maxMemoryUsedMb: this.#memory.usedMb, timeoutMs });
  }

  readonly #events = {
    onBooted: (): void => this.#booted.resolve(true),
    onReady: (): void => this.#init.resolve({ kind: "ready" }),
    onInitError: (error: Buffer, errorType: string | undefined): void =>
      this.#init.resolve({ kind: "error", error: Buffer.from(error), errorType }),
    onResponse: (payload: Buffer): void => this.#onAnswer(payload, false, undefined),
    onError: (error: Buffer, errorType: string | undefined): void => this.#onAnswer(error, true, errorType),
    onIdle: (): void => this.#completeIfQuiet(),
    onFatal: (error: Buffer): void => this.#onFatal(error),
    onLog: (frame: LogFrame): void => this.#binding?.log.writeFromRuntime(frame.text, frame.timestamp),
    onViolation: (reason: string): void => {
      this.#deps.log.warn(
        { environment: this.id, function: this.#binding?.version.functionArn, reason },
        "runtime broke the protocol",
      );
      void this.#sandbox?.kill();
    },
  };

  #onAnswer(payload: Buffer, isError: boolean, errorType: string | undefined): void {
    const invocation = this.#current;
    if (this.#state !== "busy" || invocation === undefined || this.#answered) return;
    this.#answered = true;
    this.#answerIsError = isError;
    this.#answerErrorType = isError ? (errorType ?? errorTypeOf(payload)) : undefined;
    this.#move("finishing");
    // Whoever wants the log waits for REPORT; everybody else need not wait for what comes after the answer.
    if (invocation.logTail) this.#heldAnswer = payload;
    else this.#settle(invocation, payload, "");
  }

  #settle(invocation: Invocation, payload: Uint8Array, logTail: string): void {
    invocation.settle({
      kind: this.#answerIsError ? "function-error" : "success",
      errorType: this.#answerIsError ? "Unhandled" : undefined,
      payload,
      durationMs: this.#deps.clock.monotonic() - this.#startedMs,
      logTail,
    });
  }

  /** The runtime asked for the next event, or the last extension did. */
  #completeIfQuiet(): void {
    if (this.#state !== "finishing" || this.#extensions.busy || this.#link === undefined) return;
    if (this.launch.interface === "http" && !(this.#http as HttpRuntime).waiting) return;
    const endedMs = this.#deps.clock.monotonic();
    const output = this.#output as OutputPipes;
    // Raw output comes by another way than the answer, so it may still be in the pipe.
    if (this.#memory.maxBytes === 0 || this.launch.interface === "http" || output.seen || !this.#everIdle) {
      if (this.#draining) return;
      this.#draining = true;
      void this.#completeAfterDrain(endedMs);
    } else {
      this.#complete(endedMs);
    }
  }

  async #completeAfterDrain(endedMs: number): Promise<void> {
    await (this.#output as OutputPipes).drain();
    if (this.#memory.maxBytes === 0) await this.#memory.sampled();
    this.#draining = false;
    if (this.#state === "finishing" && this.#current !== undefined) this.#complete(endedMs);
  }

  #complete(endedMs: number): void {
    const invocation = this.#current as Invocation;
    this.#current = undefined;
    this.#deadline.disarm();
    this.#writeEnd(invocation, endedMs, "success", undefined);
    if (this.#heldAnswer !== undefined) {
      const payload = this.#heldAnswer;
      this.#heldAnswer = undefined;
      this.#settle(invocation, payload, (this.#binding as Binding).log.takeTail());
    }
    this.#everIdle = true;
    this.#initDurationMs = undefined;
    this.idleSinceMs = endedMs;
    this.#move("idle");
    if (this.#memory.isStale(endedMs, this.lastDurationMs)) this.#memory.sample(this.#sandbox as Sandbox);
    this.#owner?.onIdle(this);
  }

  /** END, REPORT, and the news that the invocation is over. */
  #writeEnd(
    invocation: Invocation,
    endedMs: number,
    status: InvocationStatus,
    errorType: string | undefined,
  ): void {
    const binding = this.#binding as Binding;
    const { log, lines, version } = binding;
    const durationMs = endedMs - this.#startedMs;
    this.lastDurationMs = durationMs;
    const nowMs = this.#deps.clock.now();
    const end = lines.end(invocation.requestId, status, errorType, durationMs);
    if (end !== undefined) log.write(end, nowMs);
    const report = lines.report(
      {
        requestId: invocation.requestId,
        durationMs,
        memoryMb: version.memoryMb,
        maxMemoryUsedMb: this.#maxMemoryUsedMb(errorType),
        initDurationMs: this.#initDurationMs,
        status,
        errorType,
        trace: version.tracingMode === "Active" ? traceOf(invocation.traceHeader) : undefined,
      },
      nowMs,
    );
    if (report !== undefined) log.write(report, nowMs);
    log.flush();
    invocation.finished({
      startedMs: this.#startedWallMs,
      durationMs,
      initDurationMs: this.#initDurationMs,
      status: status === "success" && this.#answerIsError ? "failure" : status,
      errorType: status === "timeout" ? "Sandbox.Timedout" : (errorType ?? this.#answerErrorType),
      functionError: status !== "success" || this.#answerIsError,
      logGroup: log.group,
      logStream: log.stream,
    });
  }

  #maxMemoryUsedMb(errorType: string | undefined): number {
    const { memoryMb } = (this.#binding as Binding).version;
    if (errorType === "Runtime.OutOfMemory") return memoryMb;
    return Math.min(memoryMb, this.#memory.usedMb);
  }

  /** A process that told its own end: the answer is what it said, and the environment is over. */
  #onFatal(error: Buffer): void {
    const payload = Buffer.from(error);
    const errorType = errorTypeOf(payload) ?? "Runtime.ExitError";
    if (this.#state === "initialising" || this.#state === "booting") {
      this.#init.resolve({ kind: "error", error: payload, errorType });
      return;
    }
    if (this.#state !== "busy") return;
    void this.#end({ status: "error", errorType, message: "" }, payload);
  }

  #onExtensionFault(errorType: string, name: string): void {
    const fault = extensionFault(errorType, name);
    if (this.#state === "initialising" || this.#state === "booting")
      this.#init.resolve({ kind: "extension", fault });
    else if (this.#state === "busy" || this.#state === "finishing") void this.#end(fault, undefined);
  }

  #onDeadline(): void {
    if (this.#state !== "busy" && this.#state !== "finishing") return;
    const { version, lines, log } = this.#binding as Binding;
    const invocation = this.#current as Invocation;
    const line = lines.timedOut(
      invocation.requestId,
      this.#deps.clock.now(),
      timeoutSeconds(version.timeoutMs),
    );
    void this.#end(timeoutFault(version.timeoutMs), undefined, () => {
      if (line !== undefined) log.write(line);
    });
  }

  /** Kills the tree, waits until all of it is gone and its output read, then tells the caller. */
  async #end(fault: Fault, payload: Buffer | undefined, writeLine?: () => void): Promise<void> {
    this.#pendingFault = fault;
    this.#move("stopping");
    await (this.#sandbox as Sandbox).kill();
    await this.#output?.ended();
    writeLine?.();
    const invocation = this.#current as Invocation;
    this.#fail(fault, payload ?? faultPayload(fault, invocation.requestId));
  }

  #fail(fault: Fault, payload: Buffer): void {
    const invocation = this.#current as Invocation;
    const { log } = this.#binding as Binding;
    this.#current = undefined;
    const alreadyAnswered = this.#answered && this.#heldAnswer === undefined;
    this.#answered = true;
    this.#answerIsError = true;
    this.#heldAnswer = undefined;
    const errorType = fault.status === "timeout" ? undefined : fault.errorType;
    this.#writeEnd(invocation, this.#deps.clock.monotonic(), fault.status, errorType);
    if (!alreadyAnswered) this.#settle(invocation, payload, invocation.logTail ? log.takeTail() : "");
  }

  #onExit(exit: ExitInfo): void {
    void this.#onExitDrained(exit);
  }

  async #onExitDrained(exit: ExitInfo): Promise<void> {
    this.#init.resolve({ kind: "exit", exit });
    this.#booted.resolve(false);
    const invocation = this.#current;
    if (invocation !== undefined && this.#pendingFault === undefined) {
      if (this.#state !== "stopping") this.#move("stopping");
      await this.#output?.ended();
      const fault = exitFault(exit);
      const { lines, log } = this.#binding as Binding;
      const line = lines.fault(invocation.requestId, fault.message, fault.errorType);
      if (line !== undefined) log.write(line);
      this.#fail(fault, faultPayload(fault, invocation.requestId));
    }
    this.#deadline.cancel();
    this.#link?.close();
    this.#http?.close();
    this.#sandbox?.runtimeApi.close();
    this.#sandbox?.endpoint?.close();
    this.#move("stopped");
    this.#binding?.log.flush();
    this.#stopped.resolve(exit);
    this.#owner?.onStopped(this);
  }

  #onOutput(line: string): void {
    if (this.#binding !== undefined) this.#binding.log.write(`${line}\n`);
    else
      this.#deps.log.debug({ environment: this.id, line: line.slice(0, 200) }, "output of a pooled runtime");
  }

  #describe(): { functionName: string; functionVersion: string; handler: string; accountId: string } {
    const version = this.#binding?.version;
    return {
      functionName: version?.name ?? "",
      functionVersion: version?.version ?? "",
      handler: version?.handler ?? "",
      accountId: version?.scope.accountId ?? "",
    };
  }
}
