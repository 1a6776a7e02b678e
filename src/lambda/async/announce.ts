/** The end of an event told: to destinations, to a dead-letter queue, to those who follow the log. */
import { shownArn } from "../../events/outbox/shown.ts";
import { functionOfArn } from "../../kernel/arn.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import { functionArn } from "../control/names.ts";
import type { EventInvokeSettings } from "../control/types.ts";
import type { InvocationOutcome } from "../model/invocation.ts";
import { resourceOf } from "../model/lineage.ts";
import { headerAfter } from "../model/trace-header.ts";
import { shownError, type DeliveryTeller } from "../observe/deliveries.ts";
import { destinationRecord, errorMessageOf, type Delivery, type FinishedEvent } from "./record.ts";
import type { AttemptResult, Decision } from "./retry.ts";
import type { QueuedEvent } from "./store.ts";

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

/** The answer of the invoker as values. */
export interface Ran {
  readonly result: AttemptResult;
  readonly outcome: InvocationOutcome | undefined;
  readonly error: unknown;
}

export interface AnnounceDeps {
  readonly destinations: DestinationSender;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics?: {
    record(name: string, scope: Scope, functionName: string, value: number): void;
  };
  readonly deliveries?: DeliveryTeller;
}

/** Sends the records of the end. Functions as destinations come back as events to insert in the same unit. */
export async function announce(
  deps: AnnounceDeps,
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

async function mayFollow(deps: AnnounceDeps, event: QueuedEvent, arn: string): Promise<boolean> {
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
  deps: AnnounceDeps,
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
  deps: AnnounceDeps,
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
export function tellRetry(deps: AnnounceDeps, event: QueuedEvent, ran: Ran, dueAt: number): void {
  const { outcome, error } = ran;
  const refusal = error instanceof ServiceError ? error.code : "the platform refused it";
  const reason =
    outcome?.kind === "function-error" ? shownError(outcome.payload, outcome.errorType) : refusal;
  const seconds = Math.max(0, Math.round((dueAt - deps.clock.now()) / 1000));
  const text = `event ${event.requestId} → ${event.functionName} FAILED ${reason}; again in ${String(seconds)} s`;
  tell(deps, event, text, { failed: true, next: `lambent logs ${event.functionName}` });
}

/** The last attempt never reached the function: nothing in its log would say so. */
export function tellEnd(deps: AnnounceDeps, event: QueuedEvent, { error }: Ran): void {
  if (!(error instanceof ServiceError)) return;
  const text = `event ${event.requestId} → ${event.functionName} FAILED ${error.code}; given up`;
  tell(deps, event, text, { failed: true, ...(error.hint === undefined ? {} : { next: error.hint }) });
}

function tell(
  deps: AnnounceDeps,
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
