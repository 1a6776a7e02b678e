/** A topic's policy: the one it has by default, and the statements of AddPermission. Pure. */
import { partitionOf } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";
import { topicArn, type TopicName } from "./names.ts";

/** What a topic's policy may speak of. */
const ACTIONS = [
  "GetTopicAttributes",
  "SetTopicAttributes",
  "AddPermission",
  "RemovePermission",
  "DeleteTopic",
  "Subscribe",
  "ListSubscriptionsByTopic",
  "Publish",
] as const;
const ACTIONS_BEYOND_DEFAULT = [
  "Receive",
  "ListTagsForResource",
  "GetDataProtectionPolicy",
  "PutDataProtectionPolicy",
  "ConfirmSubscription",
  "TagResource",
  "UntagResource",
  "*",
] as const;
const POLICY_BYTES_MAX = 30_720;
const STATEMENTS_MAX = 100;

interface Statement {
  readonly Sid?: string;
  readonly [field: string]: unknown;
}

interface Policy {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: readonly Statement[];
}

/** Everybody of the account, as AWS writes it. */
export function defaultPolicy(topic: TopicName): string {
  return JSON.stringify({
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: ACTIONS.map((action) => `SNS:${action}`),
        Resource: topicArn(topic),
        Condition: { StringEquals: { "AWS:SourceOwner": topic.accountId } },
      },
    ],
  });
}

/** Refuses a text that is no policy. */
export function checkPolicy(text: string): void {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) throw errors.invalid("Policy Reason: Policy is too long");
  const policy = read(text);
  if (policy === undefined)
    throw errors.invalid("Policy Error: null", "the policy is a JSON object with Statement");
  const actions = policy.Statement.flatMap((one) => [one["Action"] ?? []].flat());
  for (const action of actions) {
    if (typeof action !== "string" || !/^(?:sns:.*|\*)$/iu.test(action)) throw outOfScope();
  }
}

export interface Permission {
  readonly label: string;
  readonly accountIds: readonly string[];
  readonly actions: readonly string[];
}

/** The policy with one more statement. Errors: InvalidParameter. */
export function addPermission(topic: TopicName, text: string, permission: Permission): string {
  const { label, accountIds, actions } = permission;
  const policy = read(text) ?? { Statement: [] };
  if (policy.Statement.some(({ Sid }) => Sid === label)) throw errors.invalid("Statement already exists");
  if (label === "" || label.length > 80) throw errors.invalid("Label");
  if (accountIds.length === 0) throw errors.invalid("AWSAccountId");
  if (actions.length === 0) throw errors.invalid("ActionName");
  if (policy.Statement.length >= STATEMENTS_MAX) throw errors.invalid("Policy Reason: Too many statements");
  const known: readonly string[] = [...ACTIONS, ...ACTIONS_BEYOND_DEFAULT];
  if (!actions.every((action) => known.includes(action))) throw outOfScope();
  const added: Statement = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: single(accountIds.map((id) => principalOf(id, topic.region))) },
    Action: single(actions.map((action) => `SNS:${action}`)),
    Resource: topicArn(topic),
  };
  return JSON.stringify({ ...policy, Statement: [...policy.Statement, added] });
}

/** The policy without the statement; a label that is not there changes nothing. */
export function removePermission(text: string, label: string): string {
  const policy = read(text) ?? { Statement: [] };
  return JSON.stringify({ ...policy, Statement: policy.Statement.filter(({ Sid }) => Sid !== label) });
}

function principalOf(account: string, region: string): string {
  const isArn = /^arn:aws[a-z-]*:iam::\d{12}:.+$/u.test(account);
  if (isArn) return account;
  if (!/^\d{12}$/u.test(account))
    throw errors.invalid("Policy Error: PrincipalNotFound", "an account is 12 digits");
  return `arn:${partitionOf(region)}:iam::${account}:root`;
}

function outOfScope(): Error {
  return errors.invalid("Policy statement action out of service scope!");
}

function single(values: readonly string[]): string | readonly string[] {
  return values.length === 1 ? (values[0] ?? "") : values;
}

function read(text: string): Policy | undefined {
  try {
    const policy = JSON.parse(text) as { Statement?: Statement | Statement[] } | null;
    if (typeof policy !== "object" || policy === null || policy.Statement === undefined) return undefined;
    const { Statement: statements } = policy;
    return { ...policy, Statement: Array.isArray(statements) ? statements : [statements] };
  } catch {
    return undefined;
  }
}
