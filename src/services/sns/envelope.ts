/**
 * What subscribers get: AWS's JSON, one for queues and web servers, one for functions, and the string
 * that is signed. Pure.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
 * https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
 */
import type { AttributeMap } from "./message.ts";

/** The part of a notification that is the same for every subscriber of a protocol. */
export interface Notice {
  readonly type: "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation";
  readonly messageId: string;
  readonly topicArn: string;
  readonly subject: string | undefined;
  readonly message: string;
  /** ISO 8601 in UTC with milliseconds. */
  readonly timestamp: string;
  /** Of a FIFO topic, whose messages are not signed. */
  readonly sequenceNumber: string | undefined;
  readonly attributes: AttributeMap;
  /** Of a confirmation. */
  readonly token?: string;
  readonly subscribeUrl?: string;
}

export interface Signed {
  readonly version: string;
  /** Base64. */
  readonly signature: string;
  readonly certificateUrl: string;
}

/** Names and values, each on a line, in the order of their names. */
export function stringToSign(notice: Notice): string {
  const fields: readonly (readonly [string, string | undefined])[] = [
    ["Message", notice.message],
    ["MessageId", notice.messageId],
    ["Subject", notice.type === "Notification" ? notice.subject : undefined],
    ["SubscribeURL", notice.subscribeUrl],
    ["Timestamp", notice.timestamp],
    ["Token", notice.token],
    ["TopicArn", notice.topicArn],
    ["Type", notice.type],
  ];
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [`${name}\n${value}\n`])).join("");
}

export function unsubscribeUrl(endpoint: string, subscriptionArn: string): string {
  return `${endpoint}/?Action=Unsubscribe&SubscriptionArn=${subscriptionArn}`;
}

export function subscribeUrl(endpoint: string, topicArn: string, token: string): string {
  return `${endpoint}/?Action=ConfirmSubscription&TopicArn=${topicArn}&Token=${token}`;
}

/** Body for queues and web servers. */
export function notificationJson(notice: Notice, signed: Signed | undefined, unsubscribe: string): string {
  return JSON.stringify(
    {
      Type: notice.type,
      MessageId: notice.messageId,
      SequenceNumber: notice.sequenceNumber,
      TopicArn: notice.topicArn,
      Subject: notice.subject,
      Message: notice.message,
      Timestamp: notice.timestamp,
      SignatureVersion: signed?.version,
      Signature: signed?.signature,
      SigningCertURL: signed?.certificateUrl,
      UnsubscribeURL: unsubscribe,
      MessageAttributes: Object.keys(notice.attributes).length === 0 ? undefined : shown(notice.attributes),
    },
    undefined,
    2,
  );
}

/** Body that asks for the confirmation of a subscription, or tells of its end. */
export function confirmationJson(notice: Notice, signed: Signed): string {
  return JSON.stringify(
    {
      Type: notice.type,
      MessageId: notice.messageId,
      Token: notice.token,
      TopicArn: notice.topicArn,
      Message: notice.message,
      SubscribeURL: notice.subscribeUrl,
      Timestamp: notice.timestamp,
      SignatureVersion: signed.version,
      Signature: signed.signature,
      SigningCertURL: signed.certificateUrl,
    },
    undefined,
    2,
  );
}

/** Event of a function. https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html */
export function functionEvent(
  notice: Notice,
  signed: Signed,
  subscriptionArn: string,
  unsubscribe: string,
): string {
  const record = {
    EventSource: "aws:sns",
    EventVersion: "1.0",
    EventSubscriptionArn: subscriptionArn,
    Sns: {
      Type: notice.type,
      MessageId: notice.messageId,
      TopicArn: notice.topicArn,
      Subject: notice.subject ?? null,
      Message: notice.message,
      Timestamp: notice.timestamp,
      SignatureVersion: signed.version,
      Signature: signed.signature,
      SigningCertUrl: signed.certificateUrl,
      UnsubscribeUrl: unsubscribe,
      MessageAttributes: shown(notice.attributes),
    },
  };
  return JSON.stringify({ Records: [record] });
}

function shown(attributes: AttributeMap): Record<string, { readonly Type: string; readonly Value: string }> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType = "", StringValue, BinaryValue }]) => [
      name,
      { Type: DataType, Value: StringValue ?? Buffer.from(BinaryValue ?? []).toString("base64") },
    ]),
  );
}
