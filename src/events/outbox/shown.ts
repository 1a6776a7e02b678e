/** Senders, receivers and deliveries in the few words that fit on a line of a followed log. Pure. */
import { arnParts } from "../../kernel/arn.ts";
import type { Delivery } from "../../ports/outbox.ts";

/** `sqs orders`, `s3 photos`, `events rule nightly`, `dynamodb users`; a function by its name alone. */
export function shownArn(arn: string): string {
  const { service, resource } = arnParts(arn);
  if (service === "") return withoutSecrets(arn);
  switch (service) {
    case "lambda":
      return resource.replace(/^function:/u, "");
    case "events":
      return `events ${resource.replace(/^event-bus\//u, "bus ").replace(/^rule\//u, "rule ")}`;
    case "dynamodb":
      return `dynamodb ${resource.split("/")[1] ?? resource}`;
    case "logs":
      return `logs ${resource.replace(/^log-group:/u, "").replace(/:\*$/u, "")}`;
    default:
      return `${service} ${resource}`;
  }
}

/** A target as logs may show it: an address without its user, password and query. */
export function withoutSecrets(target: string): string {
  return target.replace(/^(https?:\/\/)(?:[^/?#]*@)?([^?#]*).*$/su, "$1$2");
}

/** `s3 photos ObjectCreated:Put a.png → thumbnail` */
export function shownDelivery(
  delivery: Pick<Delivery, "principal" | "sourceArn" | "targetArn" | "body" | "detailType">,
): string {
  const what = delivery.principal === "s3.amazonaws.com" ? objectEvent(delivery) : delivery.detailType;
  const source = shownArn(delivery.sourceArn);
  return `${source}${what === undefined ? "" : ` ${what}`} → ${shownArn(delivery.targetArn)}`;
}

function objectEvent({ body, detailType }: Pick<Delivery, "body" | "detailType">): string | undefined {
  const message = parsed(body) as
    | { Records?: { eventName?: string; s3?: { object?: { key?: string } } }[]; object?: { key?: string } }
    | undefined;
  const record = message?.Records?.[0];
  if (record === undefined) return detailType && `${detailType} ${message?.object?.key ?? ""}`.trimEnd();
  const key = record.s3?.object?.key ?? "";
  return `${record.eventName ?? ""} ${decoded(key)}`.trim();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Keys stand in events as forms encode them. */
function decoded(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    return key;
  }
}
