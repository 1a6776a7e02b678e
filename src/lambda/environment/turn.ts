import type { Clock } from "../../kernel/clock.ts";
import type { InvocationStatus } from "../observe/platform-lines.ts";
import type { InvokeMessage } from "../runtime-api/frames.ts";
import type { Binding } from "./binding.ts";
import { errorTypeOf, type Fault } from "./fault.ts";
import type { Invocation } from "./invocation.ts";
import { traceOf } from "./trace.ts";

/** What the environment has measured when an invocation is over. */
export interface Measured {
  /** Monotonic. */
  readonly endedMs: number;
  readonly usedMb: number;
  /** Of the init phase before the environment's first invocation; REPORT tells it once. */
  readonly initDurationMs: number | undefined;
}

/**
 * One invocation in its environment: START and the event, its answer, END and REPORT, and who is
 * told of them. The environment decides when; this says what.
 *
 *   1. start()     START is written, the message for the runtime made
 *   2. answer()    the caller gets it at once, unless it also wants the log: then it is held
 *   3. complete()  END and REPORT, `finished`, and a held answer with the log's tail
 *   or fail()      the same with a fault; the caller gets the fault unless it already has an answer
 */
export class Turn {
  readonly invocation: Invocation;
  /** Monotonic; includes an init of its own. */
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #binding: Binding;
  readonly #startedWallMs: number;
  #answered = false;
  #isError = false;
  #errorType: string | undefined;
  /** The answer of an invocation whose caller also wants the log. */
  #held: Buffer | undefined;

  /** `startedMs` (monotonic) is given when the invocation began earlier, with an init of its own. */
  constructor(clock: Clock, binding: Binding, invocation: Invocation, startedMs: number | undefined) {
    const nowMs = clock.monotonic();
    this.invocation = invocation;
    this.#clock = clock;
    this.#binding = binding;
    this.startedMs = startedMs ?? nowMs;
    this.#startedWallMs = clock.now() - (nowMs - this.startedMs);
    if (invocation.logTail) binding.log.startTail();
  }

  /** Monotonic. */
  get deadlineMs(): number {
    return this.startedMs + this.#binding.version.timeoutMs;
  }

  get answered(): boolean {
    return this.#answered;
  }

  /** Writes START and returns what the runtime and the extensions are told. */
  start(nowMs: number): InvokeMessage {
    const clock = this.#clock;
    const wallMs = clock.now();
    const { invocation } = this;
    const { lines, log } = this.#binding;
    const start = lines.start(invocation.requestId);
    if (start !== undefined) log.write(start, wallMs);
    const message: { -readonly [K in keyof InvokeMessage]: InvokeMessage[K] } = {
      requestId: invocation.requestId,
      // The runtime compares it with the machine's clock.
      deadlineMs: Math.round(wallMs - (clock.offsetMs ?? 0) + this.deadlineMs - nowMs),
      invokedFunctionArn: invocation.invokedFunctionArn,
    };
    // Field by field: spreading objects shows in the profile of a warm call.
    if (invocation.traceHeader !== undefined) message.traceId = invocation.traceHeader;
    if (invocation.clientContext !== undefined) message.clientContext = invocation.clientContext;
    return message;
  }

  /** What the runtime answered. */
  answer(payload: Buffer, isError: boolean, errorType: string | undefined): void {
    this.#answered = true;
    this.#isError = isError;
    this.#errorType = isError ? (errorType ?? errorTypeOf(payload)) : undefined;
    // Whoever wants the log waits for REPORT; everybody else need not wait for what comes after the answer.
    if (this.invocation.logTail) this.#held = payload;
    else this.#settle(payload, "");
  }

  /** Runtime and extensions are done with it. */
  complete(measured: Measured): void {
    this.#writeEnd(measured, "success", undefined);
    if (this.#held !== undefined) this.#settle(this.#held, this.#binding.log.takeTail());
  }

  /** It ended otherwise than by the runtime's answer. */
  fail(measured: Measured, fault: Fault, payload: Buffer): void {
    const callerHasAnswer = this.#answered && this.#held === undefined;
    this.#answered = true;
    this.#isError = true;
    this.#writeEnd(measured, fault.status, fault.status === "timeout" ? undefined : fault.errorType);
    if (!callerHasAnswer) this.#settle(payload, this.invocation.logTail ? this.#binding.log.takeTail() : "");
  }

  #settle(payload: Uint8Array, logTail: string): void {
    this.invocation.settle({
      kind: this.#isError ? "function-error" : "success",
      errorType: this.#isError ? "Unhandled" : undefined,
      payload,
      durationMs: this.#clock.monotonic() - this.startedMs,
      logTail,
    });
  }

  /** END, REPORT, and the news that the invocation is over. */
  #writeEnd(measured: Measured, status: InvocationStatus, errorType: string | undefined): void {
    const { invocation } = this;
    const { log, lines, version } = this.#binding;
    const { memoryMb } = version;
    const { initDurationMs } = measured;
    const durationMs = measured.endedMs - this.startedMs;
    const nowMs = this.#clock.now();
    const end = lines.end(invocation.requestId, status, errorType, durationMs);
    if (end !== undefined) log.write(end, nowMs);
    const report = lines.report(
      {
        requestId: invocation.requestId,
        durationMs,
        memoryMb,
        maxMemoryUsedMb: errorType === "Runtime.OutOfMemory" ? memoryMb : Math.min(memoryMb, measured.usedMb),
        initDurationMs,
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
      initDurationMs,
      status: status === "success" && this.#isError ? "failure" : status,
      errorType: status === "timeout" ? "Sandbox.Timedout" : (errorType ?? this.#errorType),
      functionError: status !== "success" || this.#isError,
      logGroup: log.group,
      logStream: log.stream,
    });
  }
}
