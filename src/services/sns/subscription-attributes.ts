/** What a subscription's attributes may be, and what GetSubscriptionAttributes shows of them. Pure. */
import * as deliveryPolicy from "./delivery-policy.ts";
import * as errors from "./errors.ts";
import { checkFilter, type FilterScope } from "./filter.ts";
import { parseJson } from "./json.ts";
import type { Protocol, Subscription, Topic } from "./model.ts";

/** What a check has to know of the subscription. */
export interface About {
  readonly topic: Topic;
  readonly protocol: Protocol;
  readonly endpoint: string;
}

type Attributes = Readonly<Record<string, string>>;

const KNOWN: readonly string[] = [
  "DeliveryPolicy",
  "FilterPolicy",
  "FilterPolicyScope",
  "RawMessageDelivery",
  "RedrivePolicy",
];
const SUBSCRIBE = "Attributes Reason: ";

/** Attributes of a new subscription. */
export function forSubscribe(given: Attributes, about: About): Attributes {
  for (const [name, value] of Object.entries(given)) {
    checkKnown(name, `${SUBSCRIBE}Unknown attribute: ${name}`);
    check(name, value, given, about, SUBSCRIBE);
  }
  return normalized(given);
}

/** The attributes after SetSubscriptionAttributes. */
export function afterSet(subscription: Subscription, about: About, name: string, value: string): Attributes {
  checkKnown(name, "AttributeName");
  const after = { ...subscription.attributes, [name]: value };
  check(name, value, after, about, "");
  if (name === "FilterPolicyScope" && after["FilterPolicy"] !== undefined) {
    checkFilter(after["FilterPolicy"], value as FilterScope, "");
  }
  return normalized(after);
}

function checkKnown(name: string, message: string): void {
  if (name === "ReplayPolicy" || name === "ReplayStatus") {
    throw errors.unsupported(`the attribute ${name}`, "topics keep no archive here");
  }
  if (name === "SubscriptionRoleArn") {
    throw errors.unsupported(`the attribute ${name}`, "Firehose is no target here");
  }
  if (!KNOWN.includes(name)) throw errors.invalid(message);
}

function check(name: string, value: string, all: Attributes, about: About, prefix: string): void {
  switch (name) {
    case "DeliveryPolicy":
      if (value !== "") deliveryPolicy.checkSubscriptionPolicy(value);
      return;
    case "FilterPolicy":
      if (!isNoFilter(value)) checkFilter(value, scopeOf(all), prefix);
      return;
    case "FilterPolicyScope":
      if (value === "MessageAttributes" || value === "MessageBody") return;
      throw errors.invalid(
        `${prefix}FilterPolicyScope: Invalid value [${value}]. Please use either MessageBody or MessageAttributes`,
      );
    case "RawMessageDelivery":
      return checkRaw(value, about, prefix);
    default:
      if (value !== "") checkRedrive(value, about, prefix);
  }
}

function checkRaw(value: string, { protocol }: About, prefix: string): void {
  if (!/^(?:true|false)$/iu.test(value)) {
    throw errors.invalid(`${prefix}RawMessageDelivery: Invalid value [${value}]. Must be true or false.`);
  }
  if (/^true$/iu.test(value) && !["sqs", "http", "https", "firehose"].includes(protocol)) {
    throw errors.invalid(
      `${prefix}RawMessageDelivery: Delivery protocol [${protocol}] does not support raw message delivery.`,
    );
  }
}

function checkRedrive(text: string, { topic, endpoint }: About, prefix: string): void {
  const fault = (why: string): Error => errors.invalid(`${prefix}RedrivePolicy: ${why}`);
  const parsed = parseJson(text, `${prefix}RedrivePolicy`) as { deadLetterTargetArn?: unknown } | null;
  const target = parsed?.deadLetterTargetArn;
  const arn = typeof target === "string" ? target : "";
  const parts = arn.split(":");
  if (parts.length !== 6 || parts[0] !== "arn") throw fault("deadLetterTargetArn is an invalid arn");
  if (topic.fifo && endpoint.endsWith(".fifo") && !(arn.endsWith(".fifo") && parts[2] === "sqs")) {
    throw fault("must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.");
  }
  if (parts[2] !== "sqs") throw fault("deadLetterTargetArn is an invalid arn");
  if (!topic.fifo && arn.endsWith(".fifo")) {
    throw fault("must use a standard queue as DLQ for a Subscription to a standard Topic.");
  }
  if (parts[3] !== topic.region) throw fault("deadLetterTargetArn must be in the region of the topic.");
}

/** The empty object takes a filter away. */
function isNoFilter(value: string): boolean {
  return /^\s*(?:\{\s*\})?\s*$/u.test(value);
}

function scopeOf(attributes: Attributes): FilterScope {
  return attributes["FilterPolicyScope"] === "MessageBody" ? "MessageBody" : "MessageAttributes";
}

/** The policy that filters, if there is one. */
export function filterOf(
  attributes: Attributes,
): { readonly text: string; readonly scope: FilterScope } | undefined {
  const text = attributes["FilterPolicy"];
  return text === undefined ? undefined : { text, scope: scopeOf(attributes) };
}

function normalized(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => {
      if (name === "FilterPolicy" && isNoFilter(value)) return [];
      if (value === "") return [];
      return [[name, name === "RawMessageDelivery" ? value.toLowerCase() : value]];
    }),
  );
}

/** Whether a second Subscribe means the subscription that is there. */
export function meansSame(subscription: Subscription, given: Attributes): boolean {
  const shown: Attributes = { RawMessageDelivery: "false", ...subscription.attributes };
  return Object.entries(given).every(([name, value]) => shown[name] === value);
}

/** Everything GetSubscriptionAttributes answers. */
export function show(subscription: Subscription, topic: Topic | undefined): Record<string, string> {
  const { FilterPolicyScope: scope, ...attributes } = subscription.attributes;
  const isHttp = subscription.protocol === "http" || subscription.protocol === "https";
  const effective = deliveryPolicy.effectiveOfSubscription(
    topic?.attributes["DeliveryPolicy"],
    attributes["DeliveryPolicy"],
  );
  return {
    ConfirmationWasAuthenticated: String(subscription.authenticated),
    Endpoint: subscription.endpoint,
    Owner: subscription.owner,
    PendingConfirmation: String(subscription.pending),
    Protocol: subscription.protocol,
    RawMessageDelivery: "false",
    SubscriptionArn: subscription.arn,
    SubscriptionPrincipal: subscription.principal,
    TopicArn: subscription.topicArn,
    ...attributes,
    ...(attributes["FilterPolicy"] === undefined ? {} : { FilterPolicyScope: scope ?? "MessageAttributes" }),
    ...(isHttp ? { EffectiveDeliveryPolicy: effective } : {}),
  };
}
