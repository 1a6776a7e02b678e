import { ServiceError } from "../../kernel/errors.ts";
import * as errors from "./errors.ts";
import type { KeyFilterRule, Notification, Target } from "./notifications.ts";

/** What PutBucketNotificationConfiguration takes. */

/** Events that this server sends. */
const SENT = new Set([
  "s3:ObjectCreated:*",
  "s3:ObjectCreated:Put",
  "s3:ObjectCreated:Post",
  "s3:ObjectCreated:Copy",
  "s3:ObjectCreated:CompleteMultipartUpload",
  "s3:ObjectRemoved:*",
  "s3:ObjectRemoved:Delete",
  "s3:ObjectRemoved:DeleteMarkerCreated",
  "s3:ObjectTagging:*",
  "s3:ObjectTagging:Put",
  "s3:ObjectTagging:Delete",
  "s3:ObjectAcl:Put",
  "s3:ObjectRestore:*",
  "s3:ObjectRestore:Post",
  "s3:ObjectRestore:Completed",
  "s3:ObjectRestore:Delete",
  "s3:LifecycleExpiration:*",
  "s3:LifecycleExpiration:Delete",
  "s3:LifecycleExpiration:DeleteMarkerCreated",
  "s3:LifecycleTransition",
]);

/** Events of features that are not there, so nothing can cause them. */
const NEVER_SENT = new Set([
  "s3:ReducedRedundancyLostObject",
  "s3:Replication:*",
  "s3:Replication:OperationFailedReplication",
  "s3:Replication:OperationNotTracked",
  "s3:Replication:OperationMissedThreshold",
  "s3:Replication:OperationReplicatedAfterThreshold",
  "s3:IntelligentTiering",
]);

export interface TargetInput {
  readonly Id?: string | undefined;
  readonly QueueArn?: string | undefined;
  readonly TopicArn?: string | undefined;
  readonly LambdaFunctionArn?: string | undefined;
  readonly Events?: readonly string[] | undefined;
  readonly Filter?:
    | {
        readonly Key?:
          | {
              readonly FilterRules?:
                | readonly { readonly Name?: string | undefined; readonly Value?: string | undefined }[]
                | undefined;
            }
          | undefined;
      }
    | undefined;
}

export interface NotificationInput {
  readonly QueueConfigurations?: readonly TargetInput[] | undefined;
  readonly TopicConfigurations?: readonly TargetInput[] | undefined;
  readonly LambdaFunctionConfigurations?: readonly TargetInput[] | undefined;
  readonly EventBridgeConfiguration?: object | undefined;
}

export type TargetKind = "Queue" | "Topic" | "CloudFunction";

const ARNS: Readonly<Record<TargetKind, RegExp>> = {
  Queue: /^arn:aws[a-z-]*:sqs:[a-z0-9-]+:\d{12}:[^:]+$/u,
  Topic: /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[^:]+$/u,
  CloudFunction: /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[^:]+(?::[^:]+)?$/u,
};

/** Errors: InvalidArgument (ARN, events, filters, overlaps), NotImplemented for events that never come. */
export function readNotification(
  input: NotificationInput,
  region: string,
  newId: () => string,
): Notification {
  const read = (sent: readonly TargetInput[] | undefined, kind: TargetKind): readonly Target[] =>
    (sent ?? []).map((target) => readTarget(target, kind, region, newId));
  const notification: Notification = {
    functions: read(input.LambdaFunctionConfigurations, "CloudFunction"),
    queues: read(input.QueueConfigurations, "Queue"),
    topics: read(input.TopicConfigurations, "Topic"),
    eventBridge: input.EventBridgeConfiguration !== undefined,
  };
  checkTogether(targetsOf(notification));
  return notification;
}

export function targetsOf(notification: Notification): readonly Target[] {
  return [...notification.functions, ...notification.queues, ...notification.topics];
}

function readTarget(input: TargetInput, kind: TargetKind, region: string, newId: () => string): Target {
  const arn = input.QueueArn ?? input.TopicArn ?? input.LambdaFunctionArn ?? "";
  if (!ARNS[kind].test(arn)) {
    throw errors.invalidArgument("The ARN could not be parsed", kind, arn);
  }
  if (arn.split(":")[3] !== region) {
    throw errors.invalidArgument(
      "The notification destination service region is not valid for the bucket location constraint",
      kind,
      arn,
    );
  }
  const events = [...(input.Events ?? [])];
  for (const event of events) checkEvent(event);
  return { id: input.Id ?? newId(), arn, events, rules: readRules(input) };
}

function checkEvent(event: string): void {
  if (SENT.has(event)) return;
  if (NEVER_SENT.has(event)) throw errors.notServed(`The event ${event}`);
  throw errors.invalidArgument("A specified event is not supported for notifications.", "Event", event);
}

function readRules(input: TargetInput): readonly KeyFilterRule[] {
  const seen = new Set<string>();
  return (input.Filter?.Key?.FilterRules ?? []).map(({ Name = "", Value = "" }) => {
    const name = Name.toLowerCase();
    if (name !== "prefix" && name !== "suffix") {
      throw errors.invalidArgument(
        "filter rule name must be either prefix or suffix",
        "FilterRule.Name",
        Name,
      );
    }
    if (seen.has(name)) {
      throw errors.invalidArgument(
        `Cannot specify more than one ${name} rule in a filter.`,
        "FilterRule.Name",
        Name,
      );
    }
    seen.add(name);
    if (Value.length > 1024) {
      throw errors.invalidArgument("filter value cannot exceed 1024 bytes", "FilterRule.Value", Value);
    }
    return { Name: name === "prefix" ? "Prefix" : "Suffix", Value };
  });
}

/** No event of a key may be meant by two configurations. Errors: InvalidArgument. */
export function checkTogether(targets: readonly Target[]): void {
  const ids = new Set(targets.map((target) => target.id));
  if (ids.size !== targets.length) {
    throw errors.invalidRequest("Same ID used for multiple configurations. IDs must be unique");
  }
  for (const [index, one] of targets.entries()) {
    for (const other of targets.slice(index + 1)) {
      const sharesEvent = one.events.some((a) => other.events.some((b) => sameEvents(a, b)));
      if (!sharesEvent || !overlap(one, other)) continue;
      const isUnfiltered = one.rules.length === 0 && other.rules.length === 0;
      throw new ServiceError(
        "InvalidArgument",
        400,
        isUnfiltered
          ? "Configurations overlap. Configurations on the same bucket cannot share a common event type."
          : "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.",
      );
    }
  }
}

function sameEvents(a: string, b: string): boolean {
  const covers = (wide: string, narrow: string): boolean =>
    wide.endsWith(":*") && narrow.startsWith(wide.slice(0, -1));
  return a === b || covers(a, b) || covers(b, a);
}

function overlap(one: Target, other: Target): boolean {
  const value = (target: Target, name: string): string =>
    target.rules.find((rule) => rule.Name === name)?.Value ?? "";
  const [prefixA, prefixB] = [value(one, "Prefix"), value(other, "Prefix")];
  const [suffixA, suffixB] = [value(one, "Suffix"), value(other, "Suffix")];
  return (
    (prefixA.startsWith(prefixB) || prefixB.startsWith(prefixA)) &&
    (suffixA.endsWith(suffixB) || suffixB.endsWith(suffixA))
  );
}
