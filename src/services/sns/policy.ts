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
const KNOWN: readonly string[] = [...ACTIONS, ...ACTIONS_BEYOND_DEFAULT];
const VERSIONS: readonly string[] = ["2008-10-17", "2012-10-17"];
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

/**
 * Refuses a text that is no policy of this topic. AWS says no more than `Policy Error: null` of most faults.
 * https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html
 */
export function checkPolicy(text: string, topic: string): void {
  if (Buffer.byteLength(text) > POLICY_BYTES_MAX) throw errors.invalid("Policy Reason: Policy is too long");
  const policy = read(text);
  if (policy === undefined) throw faulty("the policy is a JSON object with Statement");
  if (policy.Version !== undefined && !VERSIONS.includes(policy.Version)) {
    throw faulty(`Version is one of ${VERSIONS.join(", ")}`);
  }
  if (policy.Statement.length === 0) throw faulty("there is no statement");
  if (policy.Statement.length > STATEMENTS_MAX)
    throw faulty(`more than ${String(STATEMENTS_MAX)} statements`);
  const sids = policy.Statement.flatMap(({ Sid }) => Sid ?? []).filter((sid) => sid !== "");
  if (new Set(sids).size < sids.length) throw faulty("two statements have the same Sid");
  for (const statement of policy.Statement) checkStatement(statement, topic);
}

function checkStatement(statement: Statement, topic: string): void {
  const { Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource } = statement;
  if (Effect !== "Allow" && Effect !== "Deny") throw faulty("Effect is Allow or Deny");
  if ((Principal ?? NotPrincipal) === undefined) throw faulty("a statement says whom it is about: Principal");
  if ((Action ?? NotAction) === undefined) throw faulty("a statement has an Action");
  for (const action of [Action ?? NotAction].flat()) if (!isAction(action)) throw outOfScope();
  if (NotResource !== undefined) return;
  const resources = [Resource ?? []].flat();
  const isAboutIt = (one: unknown): boolean => typeof one === "string" && fits(one, topic);
  if (resources.length === 0 || !resources.every(isAboutIt)) {
    throw faulty(`a statement's Resource is the topic it belongs to: ${topic}`);
  }
}

/** Whether some action of a topic's policy is meant; names and patterns are read without their case. */
function isAction(action: unknown): boolean {
  if (typeof action !== "string") return false;
  return action === "*" || KNOWN.some((one) => fits(action.toLowerCase(), `sns:${one.toLowerCase()}`));
}

/** `*` stands for any characters, `?` for one. */
function fits(pattern: string, text: string): boolean {
  const parts = pattern
    .replaceAll(/[.+^${}()|[\]\\]/gu, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${parts}$`, "su").test(text);
}

function faulty(hint: string): Error {
  return errors.invalid("Policy Error: null", hint);
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
  if (!actions.every((action) => KNOWN.includes(action))) throw outOfScope();
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
    const statements = [policy.Statement].flat();
    if (statements.some((one: unknown) => typeof one !== "object" || one === null)) return undefined;
    return { ...policy, Statement: statements };
  } catch {
    return undefined;
  }
}
