/**
 * Subscriptions that somebody has to confirm: what is sent to them, and to those that end. The token in
 * it is the permission to confirm, and to bring an ended subscription back.
 */
import { arnParts, scopeOfArn } from "../../kernel/arn.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { Delivery } from "../../ports/outbox.ts";
import { deliveryPolicyOf } from "./delivery-policy.ts";
import { confirmationJson, subscribeUrl, type Notice } from "./envelope.ts";
import { httpHeaders, httpRetry, PRINCIPAL, type FanOut } from "./fan-out.ts";
import type { Mail } from "./mail.ts";
import type { Subscription, Topic } from "./model.ts";
import type { Signer } from "./signer.ts";

export interface Confirmation {
  /** The message that asks to confirm (`SubscriptionConfirmation`) or tells of the end. */
  message(
    topic: Topic,
    subscription: Subscription,
    type: "SubscriptionConfirmation" | "UnsubscribeConfirmation",
    endpoint: string,
  ): Promise<FanOut>;
}

/** Functions, telephones and queues of the own account need none. */
export function needsConfirmation(
  protocol: Subscription["protocol"],
  endpoint: string,
  caller: string,
): boolean {
  if (protocol === "sqs") return arnParts(endpoint).accountId !== caller;
  return protocol === "http" || protocol === "https" || protocol === "email" || protocol === "email-json";
}

export function createConfirmation(signer: Signer, clock: Clock, random: Random): Confirmation {
  return {
    async message(topic, subscription, type, endpoint) {
      const notice: Notice = {
        type,
        messageId: random.uuid(),
        topicArn: topic.arn,
        subject: undefined,
        message: sentences(type, topic, subscription),
        timestamp: new Date(clock.now()).toISOString(),
        sequenceNumber: undefined,
        attributes: {},
        token: subscription.token,
        subscribeUrl: subscribeUrl(endpoint, topic.arn, subscription.token),
      };
      const { protocol } = subscription;
      const version = topic.attributes["SignatureVersion"] ?? "1";
      if (protocol === "email")
        return { deliveries: [], mails: [mail(notice, subscription, topic, undefined)] };
      const body = confirmationJson(notice, await signer.sign(notice, version, endpoint));
      if (protocol === "email-json")
        return { deliveries: [], mails: [mail(notice, subscription, topic, body)] };
      return { deliveries: [delivery(notice, subscription, topic, body, random.uuid())], mails: [] };
    },
  };
}

function sentences(type: Notice["type"], topic: Topic, subscription: Subscription): string {
  return type === "SubscriptionConfirmation"
    ? `You have chosen to subscribe to the topic ${topic.arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message.`
    : `You have chosen to deactivate subscription ${subscription.arn}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.`;
}

function delivery(
  notice: Notice,
  subscription: Subscription,
  topic: Topic,
  body: string,
  id: string,
): Delivery {
  const { endpoint } = subscription;
  const isQueue = subscription.protocol === "sqs";
  const policy = deliveryPolicyOf(
    topic.attributes["DeliveryPolicy"],
    subscription.attributes["DeliveryPolicy"],
  );
  return {
    id,
    scope: scopeOfArn(endpoint, topic),
    principal: PRINCIPAL,
    sourceArn: topic.arn,
    targetArn: endpoint,
    body,
    retry: httpRetry(policy.retry),
    ...(subscription.fromSandbox === true ? { publicOnly: true } : {}),
    ...(isQueue ? {} : { headers: httpHeaders(notice, policy.request.headerContentType) }),
  };
}

function mail(notice: Notice, subscription: Subscription, topic: Topic, json: string | undefined): Mail {
  const isEnd = notice.type === "UnsubscribeConfirmation";
  const action = isEnd ? "bring the subscription back" : "confirm the subscription";
  return {
    protocol: subscription.protocol === "email-json" ? "email-json" : "email",
    accountId: topic.accountId,
    region: topic.region,
    to: subscription.endpoint,
    subject: `AWS Notification - ${isEnd ? "Unsubscribe" : "Subscription"} Confirmation`,
    body: json ?? `${notice.message}\n\nTo ${action}: ${notice.subscribeUrl ?? ""}\n`,
    messageId: notice.messageId,
    topicArn: topic.arn,
    subscriptionArn: subscription.arn,
  };
}
