/**
 * Policies that let AWS's services write into log groups of the account. The policy evaluator asks
 * for them as the policies of each group.
 * https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
 */
import type { Operations } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Database, type Migration } from "../../ports/database.ts";
import * as errors from "./errors.ts";
import { nextToken, openToken } from "./page-token.ts";

type PolicyOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

export const resourcePolicyMigration: Migration = {
  id: "logs/0002",
  sql: [
    `CREATE TABLE log_resource_policies (
      account_id TEXT NOT NULL,
      region TEXT NOT NULL,
      name TEXT NOT NULL,
      document TEXT NOT NULL,
      updated_at BIGINT NOT NULL,
      PRIMARY KEY (account_id, region, name)
    )`,
  ],
};

/** Of the whole account, in each region. */
const POLICIES_MAX = 10;
const PAGE_DEFAULT = 50;
const SCOPE = "ACCOUNT";

interface ResourcePolicy {
  readonly name: string;
  readonly document: string;
  readonly updatedAt: number;
}

async function policiesOf(database: Database, { accountId, region }: Scope): Promise<ResourcePolicy[]> {
  const sql =
    "SELECT name, document, updated_at FROM log_resource_policies WHERE account_id = ? AND region = ? ORDER BY name";
  return (await database.read(sql, [accountId, region])).map((row) => ({
    name: String(row["name"]),
    document: String(row["document"]),
    updatedAt: Number(row["updated_at"]),
  }));
}

/** JSON texts of all policies of an account and region. */
export async function resourcePolicyDocuments(database: Database, scope: Scope): Promise<string[]> {
  return (await policiesOf(database, scope)).map((policy) => policy.document);
}

export function resourcePolicyOperations(database: Database): PolicyOperations {
  const policies = (scope: Scope): Promise<ResourcePolicy[]> => policiesOf(database, scope);

  return {
    async PutResourcePolicy(input, context) {
      refuseResourceScope(input);
      const name = required(input.policyName, "policyName");
      const document = required(input.policyDocument, "policyDocument");
      checkDocument(document);
      const { accountId, region } = context;
      const updatedAt = context.clock.now();
      // The count is part of the statement, so that two requests at once cannot both be the tenth.
      const sql = `INSERT INTO log_resource_policies (account_id, region, name, document, updated_at)
        SELECT ?, ?, ?, ?, CAST(? AS BIGINT) WHERE
          (SELECT COUNT(*) FROM log_resource_policies WHERE account_id = ? AND region = ? AND name <> ?) < ?
        ON CONFLICT (account_id, region, name)
        DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at`;
      const values = [accountId, region, name, document, updatedAt, accountId, region, name, POLICIES_MAX];
      try {
        await database.commit([{ sql, params: values, expect: 1 }]);
      } catch (error) {
        if (error instanceof Conflict) throw errors.limitExceeded();
        throw error;
      }
      return {
        resourcePolicy: {
          policyName: name,
          policyDocument: document,
          lastUpdatedTime: updatedAt,
          policyScope: SCOPE,
        },
      };
    },

    async DescribeResourcePolicies(input, context) {
      if (input.resourceArn !== undefined) refuseResourceScope(input);
      if (input.policyScope === "RESOURCE") return { resourcePolicies: [] };
      const limit = input.limit ?? PAGE_DEFAULT;
      const question = { policyScope: input.policyScope };
      const after = openToken(input.nextToken, question);
      const found = (await policies(context)).filter((policy) => after === undefined || policy.name > after);
      const shown = found.slice(0, limit);
      const next = found.length > limit ? { nextToken: nextToken(shown.at(-1)?.name ?? "", question) } : {};
      const resourcePolicies = shown.map((policy) => ({
        policyName: policy.name,
        policyDocument: describedDocument(policy.document),
        lastUpdatedTime: policy.updatedAt,
        policyScope: "ACCOUNT" as const,
      }));
      return { resourcePolicies, ...next };
    },

    async DeleteResourcePolicy(input, context) {
      refuseResourceScope(input);
      const sql = "DELETE FROM log_resource_policies WHERE account_id = ? AND region = ? AND name = ?";
      const values = [context.accountId, context.region, required(input.policyName, "policyName")];
      try {
        await database.commit([{ sql, params: values, expect: 1 }]);
      } catch (error) {
        if (error instanceof Conflict) throw errors.resourceNotFound();
        throw error;
      }
      return {};
    },
  };
}

function required(value: string | undefined, member: string): string {
  if (value !== undefined && value !== "") return value;
  throw errors.invalidParameter(
    `1 validation error detected: Value null at '${member}' failed to satisfy constraint: Member must not be null`,
  );
}

function refuseResourceScope(input: {
  resourceArn?: string | undefined;
  expectedRevisionId?: string | undefined;
}): void {
  for (const member of ["resourceArn", "expectedRevisionId"] as const) {
    if (input[member] !== undefined) {
      throw errors.unsupported(member, "leave it out: policies here are those of the whole account");
    }
  }
}

function checkDocument(document: string): void {
  const parsed = parse(document);
  if (typeof parsed !== "object" || parsed === null || !("Statement" in parsed)) {
    throw errors.invalidParameter("policyDocument is not a policy: JSON with a Statement is needed");
  }
}

function parse(document: string): unknown {
  try {
    return JSON.parse(document);
  } catch {
    return undefined;
  }
}

/** Lists of one principal are shown as that principal. */
function describedDocument(document: string): string {
  const policy = parse(document) as { Statement: unknown };
  const statements = (Array.isArray(policy.Statement) ? policy.Statement : [policy.Statement]) as {
    Principal?: unknown;
  }[];
  for (const statement of statements) {
    const principal = statement?.Principal;
    if (typeof principal !== "object" || principal === null) continue;
    const kinds = principal as Record<string, unknown>;
    for (const [kind, who] of Object.entries(kinds)) {
      if (Array.isArray(who) && who.length === 1) kinds[kind] = who[0];
    }
  }
  return JSON.stringify(policy);
}
