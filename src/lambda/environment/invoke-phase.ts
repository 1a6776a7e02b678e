import type { Clock } from "../../kernel/clock.ts";
import type { ExitInfo } from "../../ports/sandbox-driver.ts";
import type { Extensions } from "../runtime-api/extensions.ts";
import type { Binding } from "./binding.ts";
import { Deadline } from "./deadline.ts";
import { exitFault, faultPayload, timeoutFault, timeoutSeconds, type Fault } from "./fault.ts";
import type { Invocation } from "./invocation.ts";
import type { MemoryGauge } from "./memory-gauge.ts";
import type { Lifecycle } from "./state.ts";
import { Turn, type Measured } from "./turn.ts";
import type { Wiring } from "./wiring.ts";

export interface InvokeDeps {
  readonly clock: Clock;
  readonly life: Lifecycle;
  readonly extensions: Extensions;
  readonly memory: MemoryGauge;
  /** Idle again since then (monotonic); called in the turn in which it became so. */
  onIdle(sinceMs: number): void;
}

/**
 * The invocations of one environment, one at a time:
 *
 *   idle -> busy             run(): START, the event, the deadline
 *   busy -> finishing        onAnswer(): the caller is answered
 *   finishing -> idle        runtime and extensions wait for the next event: END, REPORT
 *   busy, finishing -> stopping
 *                            deadline, fault or the end of the process: all of it is killed, its output
 *                            read to the end, then END, REPORT and, if it has none yet, the caller's answer
 */
export class InvokePhase {
  /** Of the last invocation; Infinity before the first. */
  lastDurationMs: number = Infinity;
  /** Told in the REPORT of the first invocation; undefined when init was part of it. */
  initDurationMs: number | undefined;
  readonly #deps: InvokeDeps;
  readonly #deadline: Deadline;
  #wiring: Wiring | undefined;
  #binding: Binding | undefined;
  #turn: Turn | undefined;
  #everIdle = false;
  /** `#end` is telling what happened; the end of the process is then no news. */
  #ending = false;
  #draining = false;

  constructor(deps: InvokeDeps) {
    this.#deps = deps;
    this.#deadline = new Deadline(deps.clock, () => this.#onDeadline());
  }

  /** Before the first invocation. */
  bind(wiring: Wiring, binding: Binding): void {
    this.#wiring = wiring;
    this.#binding = binding;
  }

  /** Told while idle. `startedMs` (monotonic) is given when the invocation began earlier, with an init of its own. */
  run(invocation: Invocation, startedMs: number | undefined): void {
    const { clock, life, extensions } = this.#deps;
    life.move("busy");
    const turn = new Turn(clock, this.#binding as Binding, invocation, startedMs);
    this.#turn = turn;
    invocation.coldStart = !this.#everIdle;
    const nowMs = clock.monotonic();
    const message = turn.start(nowMs);
    (this.#wiring as Wiring).link.invoke(message, invocation.payload);
    extensions.invoke(message);
    this.#deadline.arm(turn.deadlineMs, nowMs);
  }

  /** An invocation whose environment died before it began. */
  async failUnstarted(
    invocation: Invocation,
    startedMs: number | undefined,
    stopped: Promise<ExitInfo>,
  ): Promise<void> {
    const turn = new Turn(this.#deps.clock, this.#binding as Binding, invocation, startedMs);
    const fault = exitFault(await stopped);
    turn.fail(this.#measured(), fault, faultPayload(fault, invocation.requestId));
  }

  onAnswer(payload: Buffer, isError: boolean, errorType: string | undefined): void {
    const turn = this.#turn;
    if (this.#deps.life.state !== "busy" || turn === undefined || turn.answered) return;
    this.#deps.life.move("finishing");
    turn.answer(payload, isError, errorType);
  }

  /** The runtime asked for the next event, or the last extension did. */
  onQuiet(): void {
    const wiring = this.#wiring;
    const { life, extensions, clock, memory } = this.#deps;
    if (life.state !== "finishing" || extensions.busy || !wiring?.runtimeWaits) return;
    const endedMs = clock.monotonic();
    // Raw output comes by another way than the answer, so it may still be in the pipe.
    const mayHaveOutput = !wiring.framed || wiring.output.seen || !this.#everIdle;
    if (!mayHaveOutput && memory.maxBytes > 0) {
      this.#complete(endedMs);
    } else if (!this.#draining) {
      this.#draining = true;
      void this.#completeAfterDrain(wiring, endedMs);
    }
  }

  /** A failure that ends the environment with the invocation. `payload`: the answer, where the runtime gave one. */
  onFault(fault: Fault, payload?: Buffer): void {
    if (this.#isUnderWay()) void this.#end(fault, payload);
  }

  /** An invocation is under way, and nobody has yet begun to tell its caller of an end. */
  get isUntold(): boolean {
    return this.#turn !== undefined && !this.#ending;
  }

  /** The process has ended under an invocation. Resolves when its caller has been told. */
  async onExit(exit: ExitInfo): Promise<void> {
    const { life } = this.#deps;
    const { invocation } = this.#turn as Turn;
    if (life.isLive) life.move("stopping");
    await this.#wiring?.output.ended();
    const fault = exitFault(exit);
    const { lines, log } = this.#binding as Binding;
    const line = lines.fault(invocation.requestId, fault.message, fault.errorType);
    if (line !== undefined) log.write(line);
    this.#fail(fault, undefined);
  }

  /** The environment is over. */
  close(): void {
    this.#deadline.cancel();
  }

  async #completeAfterDrain(wiring: Wiring, endedMs: number): Promise<void> {
    const { memory, life } = this.#deps;
    await wiring.output.drain();
    if (memory.maxBytes === 0) await memory.sampled();
    this.#draining = false;
    if (life.state === "finishing" && this.#turn !== undefined) this.#complete(endedMs);
  }

  #complete(endedMs: number): void {
    const { life, memory, onIdle } = this.#deps;
    const turn = this.#turn as Turn;
    this.#turn = undefined;
    this.#deadline.disarm();
    this.lastDurationMs = endedMs - turn.startedMs;
    turn.complete(this.#measured(endedMs));
    this.#everIdle = true;
    this.initDurationMs = undefined;
    life.move("idle");
    if (memory.isStale(endedMs, this.lastDurationMs)) memory.sample((this.#wiring as Wiring).sandbox);
    onIdle(endedMs);
  }

  #onDeadline(): void {
    if (!this.#isUnderWay()) return;
    const { version, lines, log } = this.#binding as Binding;
    const { requestId } = (this.#turn as Turn).invocation;
    const line = lines.timedOut(requestId, this.#deps.clock.now(), timeoutSeconds(version.timeoutMs));
    void this.#end(timeoutFault(version.timeoutMs), undefined, () => {
      if (line !== undefined) log.write(line);
    });
  }

  /** Kills the tree, waits until all of it is gone and its output read, then tells the caller. */
  async #end(fault: Fault, payload: Buffer | undefined, writeLine?: () => void): Promise<void> {
    const { sandbox, output } = this.#wiring as Wiring;
    this.#ending = true;
    this.#deps.life.move("stopping");
    await sandbox.kill();
    await output.ended();
    writeLine?.();
    this.#fail(fault, payload);
  }

  #fail(fault: Fault, payload: Buffer | undefined): void {
    const turn = this.#turn as Turn;
    this.#turn = undefined;
    const measured = this.#measured();
    this.lastDurationMs = measured.endedMs - turn.startedMs;
    turn.fail(measured, fault, payload ?? faultPayload(fault, turn.invocation.requestId));
  }

  #measured(endedMs: number = this.#deps.clock.monotonic()): Measured {
    return { endedMs, usedMb: this.#deps.memory.usedMb, initDurationMs: this.initDurationMs };
  }

  #isUnderWay(): boolean {
    const { state } = this.#deps.life;
    return state === "busy" || state === "finishing";
  }
}
