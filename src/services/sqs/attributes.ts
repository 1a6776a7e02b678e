/**
 * The attributes of a queue that its owner sets. Stored is only what was set; defaults are added when
 * somebody asks. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
 */
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";
import {
  parseRedriveAllowPolicy,
  parseRedrivePolicy,
  type RedriveAllowPolicy,
  type RedrivePolicy,
} from "./redrive.ts";

/** Attribute name -> value, as they were set and in the form they are shown. */
export type Attributes = Readonly<Record<string, string>>;

/** What the attributes mean. Times in milliseconds. */
export interface Settings {
  readonly visibilityTimeoutMs: number;
  readonly delayMs: number;
  readonly retentionMs: number;
  readonly waitMs: number;
  readonly messageBytesMax: number;
  readonly contentBasedDeduplication: boolean;
  readonly deduplicationScope: "queue" | "messageGroup";
  readonly redrive: RedrivePolicy | undefined;
  readonly redriveAllow: RedriveAllowPolicy | undefined;
}

interface NumberRule {
  readonly min: number;
  readonly max: number;
  readonly standard: number;
}

const NUMBERS: Readonly<Record<string, NumberRule>> = {
  DelaySeconds: { min: 0, max: LIMITS.sqsDelaySeconds, standard: 0 },
  MaximumMessageSize: { min: 1024, max: LIMITS.sqsMessageBytes, standard: LIMITS.sqsMessageBytes },
  MessageRetentionPeriod: { min: 60, max: LIMITS.sqsRetentionSeconds, standard: 345_600 },
  ReceiveMessageWaitTimeSeconds: { min: 0, max: LIMITS.sqsWaitSeconds, standard: 0 },
  VisibilityTimeout: { min: 0, max: LIMITS.sqsVisibilitySeconds, standard: 30 },
  KmsDataKeyReusePeriodSeconds: { min: 60, max: 86_400, standard: 300 },
};

const CHOICES: Readonly<Record<string, readonly string[]>> = {
  SqsManagedSseEnabled: ["true", "false"],
  ContentBasedDeduplication: ["true", "false"],
  DeduplicationScope: ["queue", "messageGroup"],
  FifoThroughputLimit: ["perQueue", "perMessageGroupId"],
};

const TEXTS: readonly string[] = ["KmsMasterKeyId", "Policy", "RedrivePolicy", "RedriveAllowPolicy"];
const FIFO_ONLY: readonly string[] = [
  "ContentBasedDeduplication",
  "DeduplicationScope",
  "FifoThroughputLimit",
];

/** Attributes that are counted or given, never set. */
const COMPUTED: readonly string[] = [
  "QueueArn",
  "CreatedTimestamp",
  "LastModifiedTimestamp",
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesNotVisible",
  "ApproximateNumberOfMessagesDelayed",
];

const ALL: ReadonlySet<string> = new Set([
  ...Object.keys(NUMBERS),
  ...Object.keys(CHOICES),
  ...TEXTS,
  ...COMPUTED,
  "FifoQueue",
  "All",
]);

/** Throws InvalidAttributeName for a name that GetQueueAttributes cannot be asked for. */
export function checkAttributeNames(names: readonly string[]): void {
  const unknown = names.find((name) => !ALL.has(name));
  if (unknown !== undefined) throw errors.unknownAttribute(unknown);
}

/**
 * The attributes after a change. An empty value takes an attribute back to its default. Throws
 * InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue in AWS's words.
 */
export function changeAttributes(before: Attributes, change: Attributes, fifo: boolean): Attributes {
  const after: Record<string, string> = { ...before };
  for (const [name, value] of Object.entries(change)) {
    refuseWrongKind(name, value, fifo);
    if (value === "") delete after[name];
    else after[name] = checkedValue(name, value);
  }
  if (
    after["FifoThroughputLimit"] === "perMessageGroupId" &&
    after["DeduplicationScope"] !== "messageGroup"
  ) {
    throw errors.invalidAttributeValue(
      "FifoThroughputLimit",
      "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup.",
    );
  }
  return settleEncryption(before, change, after);
}

function refuseWrongKind(name: string, value: string, fifo: boolean): void {
  if (name === "FifoQueue") {
    if (fifo && value === "true") return;
    throw errors.unknownAttribute(name);
  }
  if (!ALL.has(name) || name === "All" || COMPUTED.includes(name)) throw errors.unknownAttribute(name);
  if (fifo || !FIFO_ONLY.includes(name)) return;
  if (name === "ContentBasedDeduplication") throw errors.unknownAttribute(name);
  throw errors.invalidAttributeName(`You can specify the ${name} only when FifoQueue is set to true.`);
}

function checkedValue(name: string, value: string): string {
  const range = NUMBERS[name];
  if (range !== undefined) {
    const number = /^\d{1,9}$/u.test(value) ? Number(value) : Number.NaN;
    if (!(number >= range.min && number <= range.max)) throw errors.invalidAttributeValue(name);
    return String(number);
  }
  if (CHOICES[name]?.includes(value) === false) throw errors.invalidAttributeValue(name);
  if (name === "RedrivePolicy") return JSON.stringify(parseRedrivePolicy(value));
  if (name === "RedriveAllowPolicy") return JSON.stringify(parseRedriveAllowPolicy(value));
  if (name === "Policy") return checkedPolicy(value);
  return value;
}

function checkedPolicy(value: string): string {
  try {
    const policy: unknown = JSON.parse(value);
    if (typeof policy === "object" && policy !== null && !Array.isArray(policy)) return value;
  } catch {
    // Said below.
  }
  throw errors.invalidAttributeValue("Policy");
}

/** A queue is encrypted by SQS or by a KMS key, never by both: a new key switches SQS's encryption off. */
function settleEncryption(before: Attributes, change: Attributes, after: Record<string, string>): Attributes {
  const key = after["KmsMasterKeyId"];
  if (key === undefined) {
    delete after["KmsDataKeyReusePeriodSeconds"];
    // Taking the key away does not bring SQS's own encryption back.
    if (before["KmsMasterKeyId"] !== undefined) after["SqsManagedSseEnabled"] ??= "false";
    return after;
  }
  if (change["SqsManagedSseEnabled"] === "true") {
    throw errors.invalidAttributeName(
      "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    );
  }
  after["SqsManagedSseEnabled"] = "false";
  return after;
}

/** What GetQueueAttributes shows of them, defaults included. */
export function shownAttributes(attributes: Attributes, fifo: boolean): Record<string, string> {
  const shown: Record<string, string> = {};
  for (const [name, { standard }] of Object.entries(NUMBERS)) {
    if (name !== "KmsDataKeyReusePeriodSeconds" || attributes["KmsMasterKeyId"] !== undefined) {
      shown[name] = attributes[name] ?? String(standard);
    }
  }
  shown["SqsManagedSseEnabled"] = attributes["SqsManagedSseEnabled"] ?? "true";
  for (const name of TEXTS) {
    const value = attributes[name];
    if (value !== undefined) shown[name] = value;
  }
  if (fifo) {
    shown["FifoQueue"] = "true";
    shown["ContentBasedDeduplication"] = attributes["ContentBasedDeduplication"] ?? "false";
    shown["DeduplicationScope"] = attributes["DeduplicationScope"] ?? "queue";
    shown["FifoThroughputLimit"] = attributes["FifoThroughputLimit"] ?? "perQueue";
  }
  return shown;
}

export function settingsOf(attributes: Attributes): Settings {
  const number = (name: string): number => Number(attributes[name] ?? NUMBERS[name]?.standard);
  const redrive = attributes["RedrivePolicy"];
  const allow = attributes["RedriveAllowPolicy"];
  return {
    visibilityTimeoutMs: number("VisibilityTimeout") * 1000,
    delayMs: number("DelaySeconds") * 1000,
    retentionMs: number("MessageRetentionPeriod") * 1000,
    waitMs: number("ReceiveMessageWaitTimeSeconds") * 1000,
    messageBytesMax: number("MaximumMessageSize"),
    contentBasedDeduplication: attributes["ContentBasedDeduplication"] === "true",
    deduplicationScope: attributes["DeduplicationScope"] === "messageGroup" ? "messageGroup" : "queue",
    redrive: redrive === undefined ? undefined : parseRedrivePolicy(redrive),
    redriveAllow: allow === undefined ? undefined : parseRedriveAllowPolicy(allow),
  };
}

/**
 * The first attribute that CreateQueue asks for and an existing queue has otherwise. Undefined when the
 * queue is as asked, which makes CreateQueue idempotent.
 */
export function firstDifference(existing: Attributes, asked: Attributes, fifo: boolean): string | undefined {
  const has = shownAttributes(existing, fifo);
  const wants = changeAttributes({}, asked, fifo);
  return Object.keys(asked).find((name) => (wants[name] ?? has[name]) !== has[name]);
}
