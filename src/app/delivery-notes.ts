/** Deliveries of the outbox as lines of the followed log. Pure. */
import type { DeliveryEnd } from "../events/outbox/relay.ts";
import { shownArn, shownDelivery } from "../events/outbox/shown.ts";
import { functionOfArn } from "../kernel/arn.ts";
import type { DeliveryNote } from "../lambda/observe/deliveries.ts";

/** `events rule r → sqs q FAILED AccessDenied: …`, `…; kept in sqs dead` */
export function endNote(end: DeliveryEnd, nowMs: number): DeliveryNote {
  const { failure, hint, deadLetterArn } = end;
  if (failure === undefined) {
    return hint === undefined
      ? noteOf(end, nowMs, "", false)
      : { ...noteOf(end, nowMs, " (AWS would refuse this)", false), next: hint };
  }
  const kept = deadLetterArn === undefined ? "; dropped" : `; sent to ${shownArn(deadLetterArn)}`;
  return noteOf(end, nowMs, `${reason(end)}${kept}`, true);
}

/** `… FAILED Throttling: …; again in 2 s` */
export function retryNote(end: DeliveryEnd, atMs: number, nowMs: number): DeliveryNote {
  const seconds = Math.max(1, Math.round((atMs - nowMs) / 1000));
  return noteOf(
    end,
    nowMs,
    `${reason(end)}; attempt ${String(end.attempts + 1)} in ${String(seconds)} s`,
    true,
  );
}

function reason({ failure }: DeliveryEnd): string {
  const message = failure?.message.trim() ?? "";
  return ` FAILED ${failure?.code ?? ""}${message === "" ? "" : `: ${message}`}`;
}

function noteOf({ delivery, next }: DeliveryEnd, at: number, outcome: string, failed: boolean): DeliveryNote {
  const functions = [delivery.targetArn, delivery.sourceArn].map((arn) => functionOfArn(arn)?.functionName);
  return {
    at,
    scope: delivery.scope,
    functions: functions.filter((name) => name !== undefined),
    text: `${shownDelivery(delivery)}${outcome}`,
    failed,
    ...(next === undefined ? {} : { next }),
  };
}
