/** Topics and subscriptions as they are kept. */
import type { Scope } from "../../kernel/scope.ts";

export interface Topic extends Scope {
  /** Another topic of the same name has another. */
  readonly id: string;
  readonly arn: string;
  readonly name: string;
  readonly fifo: boolean;
  /** What was set; what is shown beside it is in topic-attributes.ts. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  /** JSON text of its data protection policy. */
  readonly dataProtection?: string;
  /** Subscriptions that are gone. */
  readonly deleted: number;
}

export const PROTOCOLS = [
  "application",
  "email",
  "email-json",
  "firehose",
  "http",
  "https",
  "lambda",
  "sms",
  "sqs",
] as const;
export type Protocol = (typeof PROTOCOLS)[number];

export interface Subscription {
  readonly arn: string;
  readonly topicArn: string;
  /** Account of who subscribed. */
  readonly owner: string;
  /** ARN of who subscribed. */
  readonly principal: string;
  readonly protocol: Protocol;
  readonly endpoint: string;
  /** FilterPolicy, FilterPolicyScope, RawMessageDelivery, RedrivePolicy, DeliveryPolicy. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly pending: boolean;
  /** Who confirmed it had signed. */
  readonly authenticated: boolean;
  /** Only a signed request may end it. */
  readonly authenticateOnUnsubscribe: boolean;
  /** Confirms it, or brings it back. */
  readonly token: string;
  readonly createdAt: number;
  /** A function made it, in its sandbox: messages go to public addresses alone. */
  readonly fromSandbox?: true;
  /** It was unsubscribed, and can be brought back with its token. */
  readonly removedAt?: number;
}

/** Whether messages go there. */
export function isActive(subscription: Subscription): boolean {
  return !subscription.pending && subscription.removedAt === undefined;
}

export function isRaw(subscription: Subscription): boolean {
  return subscription.attributes["RawMessageDelivery"] === "true";
}

/** A dead-letter queue of a subscription. */
export function deadLetterArnOf({ attributes }: Subscription): string | undefined {
  const text = attributes["RedrivePolicy"];
  if (text === undefined) return undefined;
  return (JSON.parse(text) as { deadLetterTargetArn: string }).deadLetterTargetArn;
}
