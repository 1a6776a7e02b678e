/**
 * Those of AWS's managed policies that functions and their templates commonly use, with what they allow.
 * https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
 */
import { createHash } from "node:crypto";
import { base32 } from "../../../kernel/unique-id.ts";
import { AWS_OWNED, type ManagedPolicy, policyArn } from "../model.ts";
import { ACCOUNT, WATCH } from "./account.ts";
import { DYNAMODB } from "./dynamodb.ts";
import { FUNCTIONS } from "./functions.ts";
import { MESSAGES } from "./messages.ts";
import { ROLES } from "./roles.ts";
import type { Source } from "./source.ts";

export interface AwsManagedPolicy extends ManagedPolicy {
  readonly document: string;
}

/** AWS made its first managed policies on this day; the exact days of all are of no use here. */
const CREATED_AT = Date.UTC(2015, 1, 6, 18, 40, 0);

function make({ path, name, version, statements }: Source): AwsManagedPolicy {
  const base = { accountId: AWS_OWNED, path, name };
  const id = `ANPA${base32(createHash("sha256").update(policyArn(base)).digest()).slice(0, 17)}`;
  const document = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  const times = { createdAt: CREATED_AT, updatedAt: CREATED_AT };
  return {
    ...base,
    ...times,
    id,
    description: undefined,
    defaultVersion: version,
    nextVersion: version + 1,
    document,
  };
}

/** By ARN, sorted by name. */
export const AWS_MANAGED: ReadonlyMap<string, AwsManagedPolicy> = new Map(
  [...ROLES, ...FUNCTIONS, ...DYNAMODB, ...MESSAGES, ...ACCOUNT, ...WATCH]
    .map(make)
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map((each) => [policyArn(each), each]),
);
