/** Names, ARNs and retention of log groups. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/ */
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";

const NAME_MAX = 512;
const GROUP_NAME = /^[.\-_/#A-Za-z0-9]+$/;
const STREAM_NAME = /^[^:*]*$/;
const TAGS_MAX = 50;

/** The values PutRetentionPolicy takes, in days. */
export const RETENTION_DAYS: readonly number[] = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

/** How long events of functions are kept on this disk when the group sets no retention of its own. */
export const FUNCTION_GROUP_PREFIX = "/aws/lambda/";

/** What the second class lacks on AWS, and its price, do not exist here: both behave alike. */
export type GroupClass = "STANDARD" | "INFREQUENT_ACCESS";

export interface LogGroup extends Scope {
  readonly groupId: string;
  readonly name: string;
  readonly groupClass: GroupClass;
  readonly createdAt: number;
  readonly retentionDays: number | undefined;
  readonly deletionProtected: boolean;
}

export interface LogStream {
  readonly streamId: string;
  readonly groupId: string;
  readonly name: string;
  readonly createdAt: number;
}

/** What the event files know of a stream. */
export interface StreamActivity {
  readonly firstTs: number;
  readonly lastTs: number;
  readonly ingestedAt: number;
  readonly bytes: number;
}

/** Errors: InvalidParameterException. */
export function checkGroupName(name: string): void {
  checkLength(name);
  if (!GROUP_NAME.test(name)) {
    throw errors.constraint(
      name,
      "logGroupName",
      "Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+",
    );
  }
}

/** Errors: InvalidParameterException. */
export function checkStreamName(name: string): void {
  checkLength(name);
  if (!STREAM_NAME.test(name)) {
    throw errors.constraint(name, "logStreamName", "Member must satisfy regular expression pattern: [^:*]*");
  }
}

function checkLength(name: string): void {
  if (name.length > NAME_MAX) {
    throw errors.invalidParameter(
      `Invalid LogGroup or LogStream, both must have length less than or equal to ${NAME_MAX}.`,
    );
  }
}

/** Errors: InvalidParameterException with the values that are allowed. */
export function checkRetention(days: number): void {
  if (RETENTION_DAYS.includes(days)) return;
  throw errors.constraint(
    String(days),
    "retentionInDays",
    `Member must satisfy enum value set: [${RETENTION_DAYS.join(", ")}]`,
  );
}

/** ARN without the `:*` that DescribeLogGroups adds in its `arn` member. */
export function groupArn(group: Scope & { readonly name: string }): string {
  return `arn:${partitionOf(group.region)}:logs:${group.region}:${group.accountId}:log-group:${group.name}`;
}

export function streamArn(group: Scope & { readonly name: string }, streamName: string): string {
  return `${groupArn(group)}:log-stream:${streamName}`;
}

/** Account, region and name in a group's ARN; undefined when the text is no such ARN. */
export function parseGroupArn(arn: string): (Scope & { readonly name: string }) | undefined {
  const match = /^arn:[^:]+:logs:([^:]*):([^:]*):log-group:([^:]+)(?::\*)?$/.exec(arn);
  if (match === null) return undefined;
  const [, region = "", accountId = "", name = ""] = match;
  return { region, accountId, name };
}

/**
 * The group a request means: by name, or by identifier (name or ARN).
 * Errors: ValidationException when both are given, InvalidParameterException when none is.
 */
export function namedGroup(input: {
  readonly logGroupName?: string | undefined;
  readonly logGroupIdentifier?: string | undefined;
}): string {
  const { logGroupName, logGroupIdentifier } = input;
  if (logGroupName !== undefined && logGroupIdentifier !== undefined) {
    throw errors.validation("LogGroup name and LogGroup ARN are mutually exclusive parameters.");
  }
  const name = logGroupName ?? logGroupIdentifier;
  if (name === undefined) {
    throw errors.invalidParameter("Either logGroupName or logGroupIdentifier must be specified.");
  }
  return parseGroupArn(name)?.name ?? name;
}

export type Tags = Readonly<Record<string, string>>;

/** Errors: TooManyTagsException, InvalidParameterException. */
export function checkTags(current: Tags, added: Tags): void {
  for (const [key, value] of Object.entries(added)) {
    if (key.length < 1 || key.length > 128) {
      throw errors.constraint(key, "tags", "Map keys must have length between 1 and 128");
    }
    if (key.startsWith("aws:"))
      throw errors.invalidParameter(`aws: prefixed tag key names are not allowed: ${key}`);
    if (value.length > 256)
      throw errors.constraint(value, "tags", "Map value must have length less than or equal to 256");
  }
  if (new Set([...Object.keys(current), ...Object.keys(added)]).size > TAGS_MAX) throw errors.tooManyTags();
}
