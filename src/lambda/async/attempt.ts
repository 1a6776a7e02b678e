/** One attempt at one event: run it, decide, and make the decision durable. */
import { functionOfArn } from "../../kernel/arn.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import { functionArn } from "../control/names.ts";
import type { EventInvokeSettings, EventInvokeSettingsSource } from "../control/types.ts";
import type { FunctionInvoker, InvocationOutcome } from "../model/invocation.ts";
import { resourceOf } from "../model/lineage.ts";
import { headerAfter } from "../model/trace-header.ts";
import { shownArn } from "../../events/outbox/shown.ts";
import { shownError, type DeliveryTeller } from "../observe/deliveries.ts";
import { destinationRecord, errorMessageOf, type Delivery, type FinishedEvent } from "./record.ts";
import { backoffMs, deadlineOf, decide, type AttemptResult, type Decision } from "./retry.ts";
import { insertEvent, releaseEvent, removeEvent, targetOf, type QueuedEvent } from "./store.ts";

/** The function whose event ended. */
export interface EventSource {
  readonly scope: Scope;
  readonly functionName: string;
  readonly qualifier: string | undefined;
  /** X-Amzn-Trace-Id of what led to its end. */
  readonly traceHeader?: string | undefined;
}

/** Delivers to queues, topics, buses and buckets. A rejection counts as a delivery failure; AWS does not repeat it either. */
export interface DestinationSender {
  deliver(arn: string, delivery: Delivery, source: EventSource): Promise<void>;
  /** For another function, whose event is written with the end of this one. Rejects when the role may not invoke it. */
  permit(arn: string, source: EventSource): Promise<void>;
}

export interface AttemptDeps {
  /** Once it aborts, storage that fails is no longer waited for: the event is repeated after the next start. */
  readonly stopping: AbortSignal;
  readonly database: Database;
  readonly invoker: Pick<FunctionInvoker, "invoke">;
  readonly settings: EventInvokeSettingsSource;
  readonly destinations: DestinationSender;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: {
    record(name: string, scope: Scope, functionName: string, value: number): void;
  };
  readonly deliveries?: DeliveryTeller;
}

/** What the dispatcher must know of an attempt's end. */
export interface Verdict {
  readonly retryAt: number | undefined;
  /** The platform refused to run it: too much at once. */
  readonly refused: boolean;
  /** Targets that got a new event (destinations). */
  readonly enqueued: readonly string[];
}

/** The answer of the invoker as values. */
interface Ran {
  readonly result: AttemptResult;
  readonly outcome: InvocationOutcome | undefined;
  readonly error: unknown;
}

/** No event is too old before the shortest age that can be configured. */
const AGE_CHECK_MS = LIMITS.eventAgeSecondsMin * 1_000;
const STORAGE_PAUSE_FIRST_MS = 1_000;
const STORAGE_PAUSE_MAX_MS = 30_000;

/**
 * Never rejects for the function's sake, nor for the storage's before the end: a full disk is waited
 * for. Whoever meets a rejection gives the event back.
 */
export async function runAttempt(deps: AttemptDeps, event: QueuedEvent, owner: string): Promise<Verdict> {
  const startedAt = deps.clock.now();
  if (startedAt - event.acceptedAt >= AGE_CHECK_MS) {
    const settings = await patiently(deps, event, () => settingsOf(deps, event));
    if (settings === undefined) {
      return settle(
        deps,
        event,
        owner,
        notRun(404),
        {
          kind: "dropped",
          reason: "the function was deleted",
        },
        undefined,
      );
    }
    if (startedAt >= deadlineOf(event, settings)) {
      return settle(
        deps,
        event,
        owner,
        notRun(429),
        {
          kind: "failed",
          condition: "EventAgeExceeded",
        },
        settings,
      );
    }
  }
  deps.metrics?.record("AsyncEventAge", event.scope, event.functionName, startedAt - event.acceptedAt);
  const ran = await invoke(deps, event);
  const settings = await patiently(deps, event, () => settingsOf(deps, event));
  const now = deps.clock.now();
  // A server that stops ends environments when its patience does, and that looks like a function's
  // error: the event is repeated after the next start rather than spent.
  const decision: Decision =
    deps.stopping.aborted && ran.result.kind !== "success"
      ? { kind: "retry", dueAt: now, attempts: event.attempts, backoffs: event.backoffs }
      : decide(event, ran.result, settings, now);
  return settle(deps, event, owner, ran, decision, settings);
}

/** After an attempt that was not settled, by a fault of ours: another one may be, later. */
export async function giveBack(deps: AttemptDeps, event: QueuedEvent, owner: string): Promise<Verdict> {
  const retryAt = deps.clock.now() + backoffMs(event);
  return conclude(deps, event, [releaseEvent(event, owner, retryAt, event.attempts, event.backoffs + 1)], {
    retryAt,
    refused: false,
    enqueued: [],
  });
}

function notRun(status: number): Ran {
  return { result: { kind: "refused", status }, outcome: undefined, error: undefined };
}

function settingsOf(deps: AttemptDeps, event: QueuedEvent): Promise<EventInvokeSettings | undefined> {
  return deps.settings.eventInvokeSettings(event.scope, event.functionName, event.qualifier);
}

async function invoke(deps: AttemptDeps, event: QueuedEvent): Promise<Ran> {
  try {
    const outcome = await deps.invoker.invoke({
      scope: event.scope,
      functionName: event.functionName,
      qualifier: event.qualifier,
      payload: event.payload,
      requestId: event.requestId,
      ...(event.clientContext === undefined ? {} : { clientContext: event.clientContext }),
      ...(event.traceHeader === undefined ? {} : { traceHeader: event.traceHeader }),
    });
    const kind = outcome.kind === "success" ? "success" : "function-error";
    return { result: { kind }, outcome, error: undefined };
  } catch (error) {
    const status = error instanceof ServiceError ? error.status : 500;
    if (!(error instanceof ServiceError)) {
      deps.log.error(
        { requestId: event.requestId, error: String(error) },
        "an invocation failed unexpectedly",
      );
    }
    return { result: { kind: "refused", status }, outcome: undefined, error };
  }
}

async function settle(
  deps: AttemptDeps,
  event: QueuedEvent,
  owner: string,
  ran: Ran,
  decision: Decision,
  settings: EventInvokeSettings | undefined,
): Promise<Verdict> {
  const status = ran.result.kind === "refused" ? ran.result.status : 200;
  const refused = status === 429 || status >= 500;
  const unit: Statement[] = [];
  const enqueued: string[] = [];
  let retryAt: number | undefined;
  if (decision.kind === "retry") {
    retryAt = decision.dueAt;
    tellRetry(deps, event, ran, decision.dueAt);
    unit.push(releaseEvent(event, owner, decision.dueAt, decision.attempts, decision.backoffs));
  } else {
    unit.push(removeEvent(event, owner));
    if (decision.kind !== "succeeded")
      deps.metrics?.record("AsyncEventsDropped", event.scope, event.functionName, 1);
    if (decision.kind === "dropped") {
      deps.log.warn(
        { requestId: event.requestId, functionName: event.functionName, reason: decision.reason },
        "an asynchronous event was dropped",
      );
    } else if (settings !== undefined) {
      if (decision.kind === "failed") tellEnd(deps, event, ran);
      for (const follower of await announce(deps, event, ran, decision, settings)) {
        enqueued.push(targetOf(follower.scope, follower.functionName));
        unit.push(insertEvent(follower, undefined));
      }
    }
  }
  return conclude(deps, event, unit, { retryAt, refused, enqueued });
}

/** Makes a verdict durable. */
async function conclude(
  deps: AttemptDeps,
  event: QueuedEvent,
  unit: readonly Statement[],
  verdict: Verdict,
): Promise<Verdict> {
  try {
    await patiently(deps, event, () => deps.database.commit(unit));
    return verdict;
  } catch (error) {
    if (!(error instanceof Conflict)) throw error;
    // Reset, or taken over after our lease ran out: whoever has it now decides.
    deps.log.info({ requestId: event.requestId }, "an asynchronous event was no longer ours when it ended");
    return { ...verdict, retryAt: undefined, enqueued: [] };
  }
}

/** Sends the records of the end. Functions as destinations come back as events to insert in the same unit. */
async function announce(
  deps: AttemptDeps,
  event: QueuedEvent,
  ran: Ran,
  decision: Extract<Decision, { kind: "succeeded" | "failed" }>,
  settings: EventInvokeSettings,
): Promise<QueuedEvent[]> {
  const condition = decision.kind === "succeeded" ? "Success" : decision.condition;
  const arn = decision.kind === "succeeded" ? settings.onSuccessArn : settings.onFailureArn;
  const deadLetterArn = decision.kind === "failed" ? settings.deadLetterTargetArn : undefined;
  if (arn === undefined && deadLetterArn === undefined) return [];
  const followers: QueuedEvent[] = [];
  const arnOfFunction = functionArn(event.scope, event.functionName);
  const source = { ...event, traceHeader: headerAfter(event, resourceOf(arnOfFunction)) };
  if (arn !== undefined) {
    const record = destinationRecord(finished(event, ran), condition, deps.clock.now());
    const target = functionOfArn(arn);
    if (Buffer.byteLength(record) > LIMITS.asyncPayloadBytes) {
      undelivered(
        deps,
        event,
        arn,
        "DestinationDeliveryFailures",
        new Error("the record is over the size limit of a destination"),
      );
    } else if (target === undefined) {
      await send(
        deps,
        source,
        arn,
        { kind: "destination", condition, record },
        "DestinationDeliveryFailures",
      );
    } else if (await mayFollow(deps, event, arn)) {
      followers.push({
        ...target,
        requestId: deps.random.uuid(),
        acceptedAt: deps.clock.now(),
        epoch: 1,
        attempts: 0,
        backoffs: 0,
        clientContext: undefined,
        traceHeader: source.traceHeader,
        payload: Buffer.from(record),
      });
    }
  }
  if (deadLetterArn !== undefined) {
    const refusedWith = ran.result.kind === "refused" ? ran.result.status : 200;
    const message =
      ran.outcome === undefined ? describe(ran.error, condition) : errorMessageOf(ran.outcome.payload);
    const attributes = { RequestID: event.requestId, ErrorCode: refusedWith, ErrorMessage: message };
    const delivery: Delivery = { kind: "dead-letter", payload: event.payload, attributes };
    await send(deps, source, deadLetterArn, delivery, "DeadLetterErrors");
  }
  return followers;
}

async function mayFollow(deps: AttemptDeps, event: QueuedEvent, arn: string): Promise<boolean> {
  try {
    await deps.destinations.permit(arn, event);
    return true;
  } catch (error) {
    undelivered(deps, event, arn, "DestinationDeliveryFailures", error);
    return false;
  }
}

function finished(event: QueuedEvent, ran: Ran): FinishedEvent {
  const { scope, functionName, qualifier = "$LATEST" } = event;
  const base = {
    requestId: event.requestId,
    functionArn: functionArn(scope, functionName, qualifier),
    invokeCount: event.attempts + (ran.outcome === undefined ? 0 : 1),
    payload: event.payload,
  };
  const outcome = ran.outcome;
  if (outcome === undefined) return base;
  const functionError = outcome.kind === "function-error" ? { functionError: outcome.errorType } : {};
  return {
    ...base,
    response: { executedVersion: outcome.executedVersion, payload: outcome.payload, ...functionError },
  };
}

async function send(
  deps: AttemptDeps,
  event: QueuedEvent,
  arn: string,
  delivery: Delivery,
  metric: string,
): Promise<void> {
  try {
    await deps.destinations.deliver(arn, delivery, event);
    tell(deps, event, `${event.functionName} ${whatIs(delivery)} → ${shownArn(arn)}`);
  } catch (error) {
    undelivered(deps, event, arn, metric, error);
  }
}

function undelivered(
  deps: AttemptDeps,
  event: QueuedEvent,
  arn: string,
  metric: string,
  error: unknown,
): void {
  deps.metrics?.record(metric, event.scope, event.functionName, 1);
  const next = error instanceof ServiceError ? error.hint : undefined;
  const more = next === undefined ? {} : { next };
  deps.log.warn(
    { requestId: event.requestId, arn, reason: String(error), ...more },
    "the record of an event could not be delivered",
  );
  const reason = error instanceof ServiceError ? `${error.code}: ${error.message}` : String(error);
  tell(deps, event, `${event.functionName} → ${shownArn(arn)} FAILED ${reason}; dropped`, {
    failed: true,
    ...more,
  });
}

/** A failed attempt with another one to come; only once an environment or the platform has said no. */
function tellRetry(deps: AttemptDeps, event: QueuedEvent, ran: Ran, dueAt: number): void {
  if (deps.stopping.aborted) return;
  const { outcome, error } = ran;
  const refusal = error instanceof ServiceError ? error.code : "the platform refused it";
  const reason =
    outcome?.kind === "function-error" ? shownError(outcome.payload, outcome.errorType) : refusal;
  const seconds = Math.max(0, Math.round((dueAt - deps.clock.now()) / 1000));
  const text = `event ${event.requestId} → ${event.functionName} FAILED ${reason}; again in ${String(seconds)} s`;
  tell(deps, event, text, { failed: true, next: `lambent logs ${event.functionName}` });
}

/** The last attempt never reached the function: nothing in its log would say so. */
function tellEnd(deps: AttemptDeps, event: QueuedEvent, { error }: Ran): void {
  if (!(error instanceof ServiceError)) return;
  const text = `event ${event.requestId} → ${event.functionName} FAILED ${error.code}; given up`;
  tell(deps, event, text, { failed: true, ...(error.hint === undefined ? {} : { next: error.hint }) });
}

function tell(
  deps: AttemptDeps,
  { scope, functionName }: QueuedEvent,
  text: string,
  more: { readonly failed: boolean; readonly next?: string } = { failed: false },
): void {
  deps.deliveries?.tell(() => ({ at: deps.clock.now(), scope, functions: [functionName], text, ...more }));
}

function whatIs(delivery: Delivery): string {
  if (delivery.kind === "dead-letter") return "dead letter";
  return delivery.condition === "Success" ? "OnSuccess" : `OnFailure (${delivery.condition})`;
}

function describe(error: unknown, condition: string): string {
  return error instanceof Error ? error.message : condition;
}

/** Repeats storage work until it succeeds; a Conflict is an answer, not a failure. */
async function patiently<T>(deps: AttemptDeps, event: QueuedEvent, work: () => Promise<T>): Promise<T> {
  for (let pause = STORAGE_PAUSE_FIRST_MS; ; pause = Math.min(pause * 2, STORAGE_PAUSE_MAX_MS)) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof Conflict || deps.stopping.aborted) throw error;
      deps.log.warn(
        { requestId: event.requestId, error: String(error) },
        "storage failed; the event is kept",
      );
      await deps.clock.sleep(pause, deps.stopping).catch(() => undefined);
    }
  }
}
