/** Names and ARNs of topics and subscriptions. Pure. */
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";

export interface TopicName extends Scope {
  readonly name: string;
}

export function topicArn({ accountId, region, name }: TopicName): string {
  return `arn:${partitionOf(region)}:sns:${region}:${accountId}:${name}`;
}

/** Refuses what AWS does not allow as the name of a new topic. */
export function checkTopicName(name: string, fifo: boolean): void {
  const pattern = fifo ? /^[A-Za-z0-9_-]{1,251}\.fifo$/u : /^[A-Za-z0-9_-]{1,256}$/u;
  if (pattern.test(name)) return;
  const hint = fifo
    ? "the name of a FIFO topic ends in .fifo"
    : "a name has 1 to 256 letters, digits, hyphens and underscores; one in .fifo needs the attribute FifoTopic=true";
  throw errors.invalid("Topic Name", hint);
}

/** Elements of an ARN. Refuses what is none, in AWS's words; `parameter` is how they call it. */
function elements(arn: string, parameter: string): readonly string[] {
  const parts = arn.split(":");
  if (parts.length >= 6) return parts;
  throw errors.invalid(
    `${parameter} Reason: An ARN must have at least 6 elements, not ${String(parts.length)}`,
  );
}

/**
 * The topic an ARN names. Topics are asked for where they are.
 * @param region where the request was sent; undefined when any will do
 */
export function parseTopicArn(arn: string, region: string | undefined, parameter = "TopicArn"): TopicName {
  const parts = elements(arn, parameter);
  const [prefix, , service, named = "", accountId = "", name = ""] = parts;
  const isTopic = prefix === "arn" && service === "sns" && parts.length === 6 && name !== "";
  if (!isTopic) throw errors.invalid(parameter);
  if (region !== undefined && named !== region) {
    throw errors.invalid(parameter, `the topic is in ${named}: send the request to that region`);
  }
  return { region: named, accountId, name };
}

export interface SubscriptionName extends TopicName {
  readonly id: string;
}

export function parseSubscriptionArn(arn: string): SubscriptionName {
  const parts = elements(arn, "SubscriptionArn");
  const [prefix, , service, region = "", accountId = "", name = "", id = ""] = parts;
  if (parts.length === 6) throw errors.invalid("SubscriptionId");
  if (prefix !== "arn" || service !== "sns" || parts.length !== 7 || id === "") {
    throw errors.invalid("SubscriptionArn");
  }
  return { region, accountId, name, id };
}
