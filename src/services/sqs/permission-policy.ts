/** AddPermission and RemovePermission: statements of a queue's policy, in the form AWS writes them. Pure. */
import { partitionOf } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";
import type { QueueName } from "./names.ts";
import { queueArn } from "./names.ts";

export interface Permission {
  readonly label: string;
  readonly accountIds: readonly string[];
  readonly actions: readonly string[];
}

interface Statement {
  readonly Sid?: string;
  readonly [field: string]: unknown;
}

interface Policy {
  readonly Version?: string;
  readonly Id?: string;
  readonly Statement: readonly Statement[];
}

/** What an owner may grant to others this way. */
const GRANTABLE: readonly string[] = [
  "*",
  "ChangeMessageVisibility",
  "DeleteMessage",
  "GetQueueAttributes",
  "GetQueueUrl",
  "ListDeadLetterSourceQueues",
  "PurgeQueue",
  "ReceiveMessage",
  "SendMessage",
];
const OWNERS: readonly string[] = [
  "AddPermission",
  "CancelMessageMoveTask",
  "CreateQueue",
  "DeleteQueue",
  "ListMessageMoveTasks",
  "ListQueueTags",
  "ListQueues",
  "RemovePermission",
  "SetQueueAttributes",
  "StartMessageMoveTask",
  "TagQueue",
  "UntagQueue",
];
const ACTIONS_MAX = 7;
const ACCOUNTS_MAX = 50;
const STATEMENTS_MAX = 20;

/** The policy with one more statement. Throws InvalidParameterValue, MissingParameter, OverLimit. */
export function addPermission(
  queue: QueueName,
  policyText: string | undefined,
  permission: Permission,
): string {
  const { label, accountIds, actions } = permission;
  checkPermission(permission);
  const policy = readPolicy(policyText);
  const statements = policy?.Statement ?? [];
  if (statements.some(({ Sid }) => Sid === label)) {
    throw errors.invalidValue(label, "Label", "Already exists.");
  }
  if (statements.length >= STATEMENTS_MAX) {
    throw errors.overLimit(
      `${String(statements.length + 1)} statements were found, maximum allowed is ${String(STATEMENTS_MAX)}.`,
    );
  }
  const principals = accountIds.map((id) => `arn:${partitionOf(queue.region)}:iam::${id}:root`);
  const added: Statement = {
    Sid: label,
    Effect: "Allow",
    Principal: { AWS: single(principals) },
    Action: single(actions.map((action) => `SQS:${action}`)),
    Resource: queueArn(queue),
  };
  return JSON.stringify({
    ...(policy ?? { Version: "2008-10-17", Id: `${queueArn(queue)}/SQSDefaultPolicy` }),
    Statement: [...statements, added],
  });
}

/** The policy without a statement; an empty text without its last one. Throws InvalidParameterValue. */
export function removePermission(policyText: string | undefined, label: string): string {
  const policy = readPolicy(policyText);
  const kept = policy?.Statement.filter(({ Sid }) => Sid !== label) ?? [];
  if (policy === undefined || kept.length === policy.Statement.length) {
    throw errors.invalidValue(label, "Label", "can't find label.");
  }
  return kept.length === 0 ? "" : JSON.stringify({ ...policy, Statement: kept });
}

function checkPermission({ label, accountIds, actions }: Permission): void {
  if (!/^[A-Za-z0-9_-]{1,80}$/u.test(label)) {
    throw errors.invalidValue(
      label,
      "Label",
      "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
    );
  }
  if (accountIds.length === 0) throw errors.missingParameter("AWSAccountId");
  if (actions.length === 0) throw errors.missingParameter("ActionName");
  if (actions.length > ACTIONS_MAX) {
    throw errors.overLimit(
      `${String(actions.length)} Actions were found, maximum allowed is ${String(ACTIONS_MAX)}.`,
    );
  }
  if (accountIds.length > ACCOUNTS_MAX) {
    throw errors.overLimit(
      `${String(accountIds.length)} AWSAccountIds were found, maximum allowed is ${String(ACCOUNTS_MAX)}.`,
    );
  }
  const stranger = accountIds.find((id) => !/^\d{12}$/u.test(id));
  if (stranger !== undefined) {
    throw errors.invalidValue(stranger, "AWSAccountId", "An account is 12 digits.");
  }
  for (const action of actions) {
    if (GRANTABLE.includes(action)) continue;
    throw errors.invalidValue(
      `SQS:${action}`,
      "ActionName",
      OWNERS.includes(action)
        ? "Only the queue owner is allowed to invoke this action."
        : "Please refer to the appropriate WSDL for a list of valid actions.",
    );
  }
}

function single(values: readonly string[]): string | readonly string[] {
  return values.length === 1 ? (values[0] ?? "") : values;
}

function readPolicy(text: string | undefined): Policy | undefined {
  if (text === undefined || text === "") return undefined;
  const policy = JSON.parse(text) as { Statement?: Statement | Statement[] };
  const { Statement: statements = [] } = policy;
  return { ...policy, Statement: Array.isArray(statements) ? statements : [statements] };
}
