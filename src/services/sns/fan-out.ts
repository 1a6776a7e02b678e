/**
 * One message, all its subscribers: what each of them is sent. A message is signed once for a protocol's
 * text and a signature version, however many subscribers it has.
 */
import { scopeOfArn } from "../../kernel/arn.ts";
import type { Random } from "../../kernel/random.ts";
import type { Delivery, DeliveryAttribute, DeliveryRetry } from "../../ports/outbox.ts";
import { deliveryPolicyOf, pausesMs } from "./delivery-policy.ts";
import { functionEvent, notificationJson, unsubscribeUrl, type Notice, type Signed } from "./envelope.ts";
import { aboutOf } from "./feedback.ts";
import { filtered } from "./filter.ts";
import type { Live } from "./directory.ts";
import type { Mail } from "./mail.ts";
import { textFor, type AttributeMap, type Message } from "./message.ts";
import { deadLetterArnOf, isRaw, type Protocol, type Subscription, type Topic } from "./model.ts";
import { platformOf } from "./platform-rules.ts";
import type { Signer } from "./signer.ts";

export const PRINCIPAL = "sns.amazonaws.com";

/** A message that was accepted. */
export interface Accepted {
  readonly topic: Topic;
  readonly message: Message;
  readonly messageId: string;
  /** ISO 8601. */
  readonly timestamp: string;
  /** Of FIFO topics: as it is shown, and as it is counted. */
  readonly sequenceNumber: string | undefined;
  readonly orderNumber: number | undefined;
  /** Of FIFO topics: the given one, or the digest of the message. */
  readonly deduplicationId: string | undefined;
  /** Base URL at which the endpoint is reached. */
  readonly endpoint: string;
  readonly traceHeader: string | undefined;
}

/** What becomes of a message: deliveries for the outbox, mails for the table. */
export interface FanOut {
  readonly deliveries: readonly Delivery[];
  readonly mails: readonly Mail[];
}

/** AWS's own endpoints are tried for 23 days. */
const MANAGED_RETRY: DeliveryRetry = { maxRetries: 100_015, maxAgeMs: 23 * 24 * 3600 * 1000 };
/** An hour of pauses, and fifteen seconds for each of a hundred attempts. */
const HTTP_AGE_MS = 2 * 3600 * 1000;
const SQS_ATTRIBUTES_MAX = 10;
const DEFAULT_MAIL_SUBJECT = "AWS Notification Message";

/** Those whose filter lets the message through. */
export function receivers(live: Iterable<Live>, message: Message): readonly Subscription[] {
  let seen: ReturnType<typeof filtered> | undefined;
  const chosen: Subscription[] = [];
  for (const { subscription, filter } of live) {
    seen ??= filtered(message.attributes, message.standard);
    if (filter === undefined || filter.lets(seen)) chosen.push(subscription);
  }
  return chosen;
}

/**
 * A FIFO topic's messages are not signed, so that nothing is waited for: the promise is absent then, and
 * messages stay in the order in which they were published.
 */
export function fanOut(
  accepted: Accepted,
  to: readonly Subscription[],
  signer: Signer,
  random: Random,
): FanOut | Promise<FanOut> {
  const texts = to.filter((one) => needsSignature(accepted.topic, one));
  if (texts.length === 0) return write(accepted, to, new Map(), random);
  return sign(accepted, texts, signer).then((signed) => write(accepted, to, signed, random));
}

/** What nobody sends: it goes into the local outbox. */
function isMail(protocol: Protocol): boolean {
  return (
    protocol === "sms" || protocol === "email" || protocol === "email-json" || protocol === "application"
  );
}

function needsSignature(topic: Topic, subscription: Subscription): boolean {
  if (topic.fifo) return false;
  const { protocol } = subscription;
  return protocol === "lambda" || protocol === "email-json" || !(isMail(protocol) || isRaw(subscription));
}

/** Functions are always sent version 1. */
function versionFor({ attributes }: Topic, { protocol }: Subscription): string {
  return protocol === "lambda" ? "1" : (attributes["SignatureVersion"] ?? "1");
}

function noticeFor(accepted: Accepted, { protocol, endpoint }: Subscription): Notice {
  const { topic, message, messageId, timestamp, sequenceNumber } = accepted;
  return {
    type: "Notification",
    messageId,
    topicArn: topic.arn,
    subject: message.subject,
    message: textFor(message, protocol === "application" ? platformOf(endpoint) : protocol),
    timestamp,
    sequenceNumber,
    attributes: message.attributes,
  };
}

const signatureKey = (version: string, text: string): string => `${version} ${text}`;

async function sign(
  accepted: Accepted,
  to: readonly Subscription[],
  signer: Signer,
): Promise<ReadonlyMap<string, Signed>> {
  const wanted = new Map<string, { readonly notice: Notice; readonly version: string }>();
  for (const subscription of to) {
    const notice = noticeFor(accepted, subscription);
    const version = versionFor(accepted.topic, subscription);
    wanted.set(signatureKey(version, notice.message), { notice, version });
  }
  const entries = await Promise.all(
    [...wanted].map(async ([key, { notice, version }]): Promise<[string, Signed]> => [
      key,
      await signer.sign(notice, version, accepted.endpoint),
    ]),
  );
  return new Map(entries);
}

function write(
  accepted: Accepted,
  to: readonly Subscription[],
  signed: ReadonlyMap<string, Signed>,
  random: Random,
): FanOut {
  const deliveries: Delivery[] = [];
  const mails: Mail[] = [];
  for (const subscription of to) {
    const notice = noticeFor(accepted, subscription);
    const signature = signed.get(signatureKey(versionFor(accepted.topic, subscription), notice.message));
    const made = { accepted, subscription, notice, signature };
    const { protocol } = subscription;
    if (isMail(protocol)) mails.push(mailOf(made));
    else deliveries.push({ ...commonOf(made, random), ...partOf(made) });
  }
  return { deliveries, mails };
}

interface Made {
  readonly accepted: Accepted;
  readonly subscription: Subscription;
  readonly notice: Notice;
  readonly signature: Signed | undefined;
}

type Part = Pick<Delivery, "body" | "retry"> & Partial<Delivery>;

function commonOf(
  { accepted, subscription, notice }: Made,
  random: Random,
): Pick<Delivery, "id" | "scope" | "principal" | "sourceArn" | "targetArn"> & Partial<Delivery> {
  const { topic, traceHeader } = accepted;
  const deadLetterArn = deadLetterArnOf(subscription);
  const about = aboutOf(topic.attributes, subscription.protocol, notice);
  return {
    id: random.uuid(),
    scope: scopeOfArn(subscription.endpoint, topic),
    principal: PRINCIPAL,
    sourceArn: topic.arn,
    targetArn: subscription.endpoint,
    ...(deadLetterArn === undefined ? {} : { deadLetterArn }),
    ...(traceHeader === undefined ? {} : { traceHeader }),
    ...(about === undefined ? {} : { about }),
  };
}

function partOf(made: Made): Part {
  const { accepted, subscription, notice, signature } = made;
  const unsubscribe = unsubscribeUrl(accepted.endpoint, subscription.arn);
  const json = (): string => notificationJson(notice, signature, unsubscribe);
  if (subscription.protocol === "lambda") {
    if (signature === undefined) throw new Error("a function's message is signed");
    const body = functionEvent(notice, signature, subscription.arn, unsubscribe);
    const dead = subscription.attributes["RedrivePolicy"] === undefined ? {} : { deadLetterBody: json() };
    return { body, retry: MANAGED_RETRY, ...dead };
  }
  const body = isRaw(subscription) ? notice.message : json();
  return subscription.protocol === "sqs" ? queuePart(made, body) : httpPart(made, body);
}

function queuePart({ accepted, subscription }: Made, body: string): Part {
  const { topic, message, deduplicationId, orderNumber } = accepted;
  const toFifo = subscription.endpoint.endsWith(".fifo");
  const { groupId } = message;
  const names = Object.keys(message.attributes);
  return {
    body,
    retry: MANAGED_RETRY,
    // More attributes than a queue takes are left out, as on AWS.
    ...(isRaw(subscription) && names.length > 0 && names.length <= SQS_ATTRIBUTES_MAX
      ? { attributes: queueAttributes(message.attributes) }
      : {}),
    // A standard queue behind a FIFO topic is told of no group.
    ...(groupId === undefined || topic.fifo !== toFifo ? {} : { messageGroupId: groupId }),
    ...(toFifo && deduplicationId !== undefined ? { messageDeduplicationId: deduplicationId } : {}),
    ...(toFifo && groupId !== undefined
      ? { orderKey: `${subscription.arn} ${groupId}`, ...(orderNumber === undefined ? {} : { orderNumber }) }
      : {}),
  };
}

function queueAttributes(attributes: AttributeMap): Readonly<Record<string, DeliveryAttribute>> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { DataType = "", StringValue, BinaryValue }]) => [
      name,
      BinaryValue === undefined
        ? { DataType, StringValue: StringValue ?? "" }
        : { DataType, BinaryValue: Buffer.from(BinaryValue).toString("base64") },
    ]),
  );
}

function httpPart({ accepted, subscription, notice }: Made, body: string): Part {
  const { topic } = accepted;
  const policy = deliveryPolicyOf(
    topic.attributes["DeliveryPolicy"],
    subscription.attributes["DeliveryPolicy"],
  );
  return {
    body,
    retry: httpRetry(policy.retry),
    ...(subscription.fromSandbox === true ? { publicOnly: true } : {}),
    headers: {
      ...httpHeaders(notice, policy.request.headerContentType),
      "x-amz-sns-subscription-arn": subscription.arn,
      ...(isRaw(subscription) ? { "x-amz-sns-rawdelivery": "true" } : {}),
    },
  };
}

export function httpRetry(policy: Parameters<typeof pausesMs>[0]): DeliveryRetry {
  return { maxRetries: policy.numRetries, maxAgeMs: HTTP_AGE_MS, pausesMs: pausesMs(policy) };
}

export function httpHeaders(notice: Notice, contentType: string): Readonly<Record<string, string>> {
  return {
    "x-amz-sns-message-type": notice.type,
    "x-amz-sns-message-id": notice.messageId,
    "x-amz-sns-topic-arn": notice.topicArn,
    "Content-Type": contentType,
  };
}

function mailOf({ accepted, subscription, notice, signature }: Made): Mail {
  const { topic, endpoint } = accepted;
  const { protocol } = subscription;
  const unsubscribe = unsubscribeUrl(endpoint, subscription.arn);
  const name = topic.attributes["DisplayName"] ?? "";
  const common = {
    accountId: topic.accountId,
    region: topic.region,
    to: subscription.endpoint,
    messageId: notice.messageId,
    topicArn: topic.arn,
    subscriptionArn: subscription.arn,
  };
  if (protocol === "application") return { ...common, protocol, body: notice.message };
  if (protocol === "sms") {
    return { ...common, protocol, body: name === "" ? notice.message : `${name}> ${notice.message}` };
  }
  const subject = notice.subject ?? DEFAULT_MAIL_SUBJECT;
  if (protocol === "email-json") {
    return { ...common, protocol, subject, body: notificationJson(notice, signature, unsubscribe) };
  }
  const footer = `\n\n--\nTo end this subscription: ${unsubscribe}\n`;
  return { ...common, protocol: "email", subject, body: notice.message + footer };
}
