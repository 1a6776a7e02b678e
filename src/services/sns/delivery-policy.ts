/**
 * When a delivery over HTTP is tried again, and with which content type. Pure.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
 */
import * as errors from "./errors.ts";

/** Seconds and counts, as AWS names them. */
export interface RetryPolicy {
  readonly minDelayTarget: number;
  readonly maxDelayTarget: number;
  readonly numRetries: number;
  readonly numMaxDelayRetries: number;
  readonly numNoDelayRetries: number;
  readonly numMinDelayRetries: number;
  readonly backoffFunction: "arithmetic" | "exponential" | "geometric" | "linear";
}

export interface RequestPolicy {
  readonly headerContentType: string;
}

/** What holds for one subscription. */
export interface DeliveryPolicy {
  readonly retry: RetryPolicy;
  readonly request: RequestPolicy;
}

const STANDARD: DeliveryPolicy = {
  retry: {
    minDelayTarget: 20,
    maxDelayTarget: 20,
    numRetries: 3,
    numMaxDelayRetries: 0,
    numNoDelayRetries: 0,
    numMinDelayRetries: 0,
    backoffFunction: "linear",
  },
  request: { headerContentType: "text/plain; charset=UTF-8" },
};
const BACKOFFS = ["arithmetic", "exponential", "geometric", "linear"];
/** Longest a policy may go on: an hour. */
const TOTAL_SECONDS_MAX = 3600;
const RETRIES_MAX = 100;

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The delivery policy of a subscription: its own where the topic lets it have one, the topic's, AWS's.
 * @param topicText DeliveryPolicy of the topic, which was checked when it was set
 */
export function deliveryPolicyOf(topicText: string | undefined, ownText: string | undefined): DeliveryPolicy {
  const http = section(parse(topicText), "http");
  const own = http["disableSubscriptionOverrides"] === true ? {} : parse(ownText);
  return {
    retry: {
      ...STANDARD.retry,
      ...section(http, "defaultHealthyRetryPolicy"),
      ...section(own, "healthyRetryPolicy"),
    },
    request: {
      ...STANDARD.request,
      ...section(http, "defaultRequestPolicy"),
      ...section(own, "requestPolicy"),
    },
  };
}

/** EffectiveDeliveryPolicy of a topic. */
export function effectiveOfTopic(topicText: string | undefined): string {
  const { retry, request } = deliveryPolicyOf(topicText, undefined);
  const disable = section(parse(topicText), "http")["disableSubscriptionOverrides"] === true;
  return JSON.stringify({
    http: {
      defaultHealthyRetryPolicy: retry,
      disableSubscriptionOverrides: disable,
      defaultRequestPolicy: request,
    },
  });
}

/** EffectiveDeliveryPolicy of a subscription. */
export function effectiveOfSubscription(topicText: string | undefined, ownText: string | undefined): string {
  const { retry, request } = deliveryPolicyOf(topicText, ownText);
  return JSON.stringify({
    healthyRetryPolicy: retry,
    sicklyRetryPolicy: null,
    throttlePolicy: null,
    requestPolicy: request,
    guaranteed: false,
  });
}

/** Pauses before each retry, in ms: at once, shortest, growing, longest. */
export function pausesMs(policy: RetryPolicy): readonly number[] {
  const { numNoDelayRetries: none, numMinDelayRetries: min, numMaxDelayRetries: max } = policy;
  const growing = policy.numRetries - none - min - max;
  const seconds = [
    ...Array.from({ length: none }, () => 0),
    ...Array.from({ length: min }, () => policy.minDelayTarget),
    ...Array.from({ length: Math.max(0, growing) }, (_, step) => backoff(policy, step, growing)),
    ...Array.from({ length: max }, () => policy.maxDelayTarget),
  ];
  return seconds.map((pause) => Math.round(pause * 1000));
}

/** From the shortest to the longest pause over `steps` retries. */
function backoff(policy: RetryPolicy, step: number, steps: number): number {
  const { minDelayTarget: min, maxDelayTarget: max } = policy;
  if (steps <= 1) return min;
  const part = step / (steps - 1);
  switch (policy.backoffFunction) {
    case "linear":
      return min + (max - min) * part;
    case "arithmetic":
      return min + ((max - min) * step * (step + 1)) / (steps * (steps - 1));
    case "geometric":
      return min * (max / min) ** part;
    default:
      return min + ((max - min) * (2 ** (8 * part) - 1)) / 255;
  }
}

/** Refuses a DeliveryPolicy of a topic that AWS would refuse, and what is not honoured here. */
export function checkTopicPolicy(text: string): void {
  const http = checkObject(text);
  const inner = http["http"];
  if (Object.keys(http).some((key) => key !== "http") || !isObject(inner)) throw fault("http is expected");
  const known = [
    "defaultHealthyRetryPolicy",
    "disableSubscriptionOverrides",
    "defaultRequestPolicy",
    "defaultThrottlePolicy",
  ];
  checkKeys(inner, known, "http");
  refuseThrottle(inner["defaultThrottlePolicy"]);
  checkRetry(inner["defaultHealthyRetryPolicy"], "http.defaultHealthyRetryPolicy");
  checkRequest(inner["defaultRequestPolicy"], "http.defaultRequestPolicy");
  const disable = inner["disableSubscriptionOverrides"] ?? false;
  if (typeof disable !== "boolean") throw fault("http.disableSubscriptionOverrides must be a boolean");
}

/** The same of a subscription. */
export function checkSubscriptionPolicy(text: string): void {
  const policy = checkObject(text);
  checkKeys(
    policy,
    ["healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy", "guaranteed"],
    "",
  );
  refuseThrottle(policy["throttlePolicy"]);
  checkRetry(policy["healthyRetryPolicy"], "healthyRetryPolicy");
  checkRequest(policy["requestPolicy"], "requestPolicy");
  // What GetSubscriptionAttributes shows may be given back: as long as it says nothing.
  for (const name of ["sicklyRetryPolicy", "guaranteed"]) {
    if (policy[name]) throw errors.unsupported(`DeliveryPolicy: ${name}`, "leave it out");
  }
}

function checkObject(text: string): Fields {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch {
    // Told below.
  }
  throw fault("failed to parse JSON");
}

function checkKeys(value: Fields, known: readonly string[], path: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined)
    throw fault(`Unrecognized member ${path === "" ? unknown : `${path}.${unknown}`}`);
}

function refuseThrottle(value: unknown): void {
  if (value === undefined || value === null) return;
  throw errors.unsupported("DeliveryPolicy: a throttlePolicy", "leave maxReceivesPerSecond out");
}

function checkRetry(value: unknown, path: string): void {
  if (value === undefined || value === null) return;
  if (!isObject(value)) throw fault(`${path} must be an object`);
  checkKeys(value, Object.keys(STANDARD.retry), path);
  const policy = { ...STANDARD.retry, ...value } as RetryPolicy;
  if (!BACKOFFS.includes(policy.backoffFunction)) throw fault(`${path}.backoffFunction is invalid`);
  for (const [name, count] of Object.entries(policy)) {
    if (name === "backoffFunction") continue;
    if (!Number.isInteger(count) || (count as number) < 0)
      throw fault(`${path}.${name} must be an integer, not negative`);
  }
  const { minDelayTarget: min, maxDelayTarget: max, numRetries } = policy;
  if (min < 1 || min > max)
    throw fault(`${path}.maxDelayTarget must be greater than or equal to minDelayTarget`);
  if (numRetries > RETRIES_MAX)
    throw fault(`${path}.numRetries must be less than or equal to ${String(RETRIES_MAX)}`);
  const phases = policy.numNoDelayRetries + policy.numMinDelayRetries + policy.numMaxDelayRetries;
  if (phases > numRetries)
    throw fault(
      `${path}.numRetries must be greater than or equal to total of numMinDelayRetries, numNoDelayRetries and numMaxDelayRetries`,
    );
  const total = pausesMs(policy).reduce((sum, pause) => sum + pause, 0) / 1000;
  if (total > TOTAL_SECONDS_MAX)
    throw fault(`${path} goes on for longer than ${String(TOTAL_SECONDS_MAX)} seconds`);
}

const CONTENT_TYPE = /^[\w.+-]+\/[\w.+-]+(?:; ?charset=[\w-]+)?$/u;

function checkRequest(value: unknown, path: string): void {
  if (value === undefined || value === null) return;
  if (!isObject(value)) throw fault(`${path} must be an object`);
  checkKeys(value, ["headerContentType"], path);
  const type = value["headerContentType"];
  if (type !== undefined && (typeof type !== "string" || !CONTENT_TYPE.test(type))) {
    throw fault(`${path}.headerContentType is invalid`);
  }
}

function fault(why: string): Error {
  return errors.invalid(`DeliveryPolicy: ${why}`);
}

function parse(text: string | undefined): Fields {
  return text === undefined || text === "" ? {} : (JSON.parse(text) as Fields);
}

function section(value: Fields, name: string): Fields {
  const inner = value[name];
  return isObject(inner) ? inner : {};
}
