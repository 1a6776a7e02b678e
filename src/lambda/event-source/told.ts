/** What became of batches, as lines of the followed log. */
import { shownArn } from "../../events/outbox/shown.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { InvocationOutcome } from "../model/invocation.ts";
import { shownError, type DeliveryTeller } from "../observe/deliveries.ts";
import type { EventSourceMapping } from "./model.ts";

export interface ToldDeps {
  readonly deliveries: DeliveryTeller;
  readonly clock: Clock;
}

export interface Told {
  readonly failed: boolean;
  readonly next?: string;
}

const WENT_WELL: Told = { failed: false };

/** `sqs q → f batch of 10: 1 failed` */
export function tellBatch(
  { deliveries, clock }: ToldDeps,
  { scope, sourceArn, functionName }: EventSourceMapping,
  outcome: string,
  told: Told = WENT_WELL,
): void {
  deliveries.tell(() => ({
    at: clock.now(),
    scope,
    functions: [functionName],
    text: `${shownArn(sourceArn)} → ${functionName} ${outcome}`,
    ...told,
  }));
}

/** `batch of 10`, `batch of 10: 1 failed`, `batch of 10 FAILED KeyError: 'sku'`. */
export function shownOutcome(records: number, failed: number, outcome: InvocationOutcome): string {
  const batch = `batch of ${String(records)}`;
  if (outcome.kind === "function-error")
    return `${batch} FAILED ${shownError(outcome.payload, outcome.errorType)}`;
  return failed === 0 ? batch : `${batch}: ${String(failed)} failed`;
}

/** Why the platform or the source refused, and what to do about it. */
export function refusalOf(error: unknown): { readonly reason: string; readonly next?: string } {
  if (!(error instanceof ServiceError)) return { reason: String(error) };
  const reason = `${error.code}: ${error.message}`;
  return error.hint === undefined ? { reason } : { reason, next: error.hint };
}
