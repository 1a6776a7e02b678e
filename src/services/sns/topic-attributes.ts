/** What a topic's attributes may be, and what GetTopicAttributes shows of them. Pure. */
import * as deliveryPolicy from "./delivery-policy.ts";
import * as errors from "./errors.ts";
import { checkFeedback, isFeedback } from "./feedback.ts";
import type { Topic } from "./model.ts";
import { checkPolicy, defaultPolicy } from "./policy.ts";

const FIFO_ONLY: readonly string[] = ["ContentBasedDeduplication", "FifoThroughputScope"];
const FEEDBACK_ELSEWHERE =
  /^(?:Firehose|Application)(?:SuccessFeedbackRoleArn|SuccessFeedbackSampleRate|FailureFeedbackRoleArn)$/u;
const DISPLAY_NAME_MAX = 100;

/** `topic`: its ARN. */
type Check = (value: string, topic: string) => void;

const oneOf =
  (name: string, values: readonly string[]): Check =>
  (value) => {
    if (!values.includes(value)) throw errors.invalid(name, `${name} is one of ${values.join(", ")}`);
  };

const CHECKS: Readonly<Record<string, Check>> = {
  DisplayName(value) {
    if (value.length > DISPLAY_NAME_MAX || /[\r\n]/u.test(value)) throw errors.invalid("DisplayName");
  },
  Policy: (value, topic) => {
    if (value !== "") checkPolicy(value, topic);
  },
  DeliveryPolicy: (value) => {
    if (value !== "") deliveryPolicy.checkTopicPolicy(value);
  },
  KmsMasterKeyId: () => undefined,
  SignatureVersion: oneOf("SignatureVersion", ["1", "2"]),
  TracingConfig: oneOf("TracingConfig", ["PassThrough", "Active"]),
  ContentBasedDeduplication: oneOf("ContentBasedDeduplication", ["true", "false"]),
  FifoThroughputScope: oneOf("FifoThroughputScope", ["Topic", "MessageGroup"]),
};

/** Refuses an attribute that a topic cannot have. `prefix` differs between the operations. */
function checkAttribute(
  name: string,
  value: string,
  { arn, fifo }: Pick<Topic, "arn" | "fifo">,
  unknown: string,
): void {
  if (FEEDBACK_ELSEWHERE.test(name)) {
    throw errors.unsupported(`the attribute ${name}`, "nothing is delivered to Firehose or telephones here");
  }
  if (isFeedback(name)) return checkFeedback(name, value);
  if (name === "ArchivePolicy" || name === "BeginningArchiveTime") {
    throw errors.unsupported(`the attribute ${name}`, "topics keep no archive here");
  }
  const check = Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
  if (check === undefined) throw errors.invalid(unknown);
  if (FIFO_ONLY.includes(name) && !fifo) {
    const what = name === "ContentBasedDeduplication" ? "Content-based deduplication" : name;
    throw errors.invalid(`Attributes Reason: ${what} can only be set for FIFO topics`);
  }
  check(value, arn);
}

/** Attributes of a new topic, `FifoTopic` taken out. */
export function forCreate(
  given: Readonly<Record<string, string>>,
  arn: string,
): {
  readonly fifo: boolean;
  readonly attributes: Readonly<Record<string, string>>;
} {
  const { FifoTopic, ...attributes } = given;
  if (FifoTopic !== undefined) oneOf("FifoTopic", ["true", "false"])(FifoTopic, arn);
  const fifo = FifoTopic === "true";
  for (const [name, value] of Object.entries(attributes)) {
    checkAttribute(name, value, { arn, fifo }, `Attributes Reason: Unknown attribute ${name}`);
  }
  return { fifo, attributes: withoutEmpty(attributes) };
}

/** The attributes after SetTopicAttributes. */
export function afterSet(topic: Topic, name: string, value: string): Readonly<Record<string, string>> {
  checkAttribute(name, value, topic, "AttributeName");
  return withoutEmpty({ ...topic.attributes, [name]: value });
}

/** An empty text takes an attribute away. */
function withoutEmpty(attributes: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ""));
}

/** Whether a second CreateTopic means the topic that is there. */
export function meansSame(topic: Topic, given: Readonly<Record<string, string>>): boolean {
  const shown: Readonly<Record<string, string>> = { ...shownOf(topic), FifoTopic: String(topic.fifo) };
  return Object.entries(given).every(([name, value]) => (shown[name] ?? "") === value);
}

function shownOf(topic: Topic): Readonly<Record<string, string>> {
  return {
    Policy: policyOf(topic),
    DisplayName: "",
    ...(topic.fifo ? { FifoTopic: "true", ContentBasedDeduplication: "false" } : {}),
    ...topic.attributes,
  };
}

/** Everything GetTopicAttributes answers. */
export function show(
  topic: Topic,
  counts: { readonly confirmed: number; readonly pending: number },
): Record<string, string> {
  return {
    ...shownOf(topic),
    Owner: topic.accountId,
    TopicArn: topic.arn,
    EffectiveDeliveryPolicy: deliveryPolicy.effectiveOfTopic(topic.attributes["DeliveryPolicy"]),
    SubscriptionsConfirmed: String(counts.confirmed),
    SubscriptionsPending: String(counts.pending),
    SubscriptionsDeleted: String(topic.deleted),
  };
}

export function policyOf(topic: Topic): string {
  return topic.attributes["Policy"] ?? defaultPolicy(topic);
}

export function hasContentBasedDeduplication(topic: Topic): boolean {
  return topic.attributes["ContentBasedDeduplication"] === "true";
}
