/**
 * What each operation asks of IAM. The ARN of a group ends in `:log-stream:` and that of a stream goes
 * on with its name, so that policies end them in `:*`, as AWS asks of them.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
 */
import type { AccessRule, ServiceAccess } from "../../aws/service.ts";
import { arnParts } from "../../kernel/arn.ts";
import type { Scope } from "../../kernel/scope.ts";
import { parseGroupArn, streamArn } from "./model.ts";

type Input = Readonly<Record<string, unknown>>;

function text(input: Input, name: string): string {
  const value = input[name];
  return typeof value === "string" ? value : "";
}

/**
 * As the operation reads it: of an ARN the group's name alone counts, in the scope of the request.
 * @param group a name or an ARN
 */
function resourceOf({ accountId, region }: Scope, group: string, stream: string): string {
  return streamArn({ accountId, region, name: parseGroupArn(group)?.name ?? group }, stream);
}

function groupName(input: Input): string {
  return text(input, "logGroupName") || text(input, "logGroupIdentifier");
}

const GROUP: AccessRule = { resources: (input, scope) => [resourceOf(scope, groupName(input), "")] };
const STREAM: AccessRule = {
  resources: (input, scope) => [resourceOf(scope, groupName(input), text(input, "logStreamName"))],
};
const GROUPS: AccessRule = {
  resources(input, scope) {
    const given = input["logGroupIdentifiers"] ?? input["logGroupNames"];
    const names = Array.isArray(given) ? given.map(String) : [groupName(input)];
    return names.map((name) => resourceOf(scope, name, ""));
  },
};
const TAGGED: AccessRule = { resources: (input) => [text(input, "resourceArn") || "*"] };

function rules(names: string, rule: AccessRule): Record<string, AccessRule> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, rule]));
}

const RULES: Readonly<Record<string, AccessRule>> = {
  ...rules(
    `CreateLogGroup DeleteLogGroup DeleteMetricFilter DeleteRetentionPolicy DeleteSubscriptionFilter
    DescribeLogGroups DescribeLogStreams DescribeMetricFilters DescribeSubscriptionFilters
    FilterLogEvents GetLogGroupFields ListTagsLogGroup PutLogGroupDeletionProtection PutMetricFilter
    PutRetentionPolicy PutSubscriptionFilter TagLogGroup UntagLogGroup AssociateKmsKey DisassociateKmsKey
    PutDataProtectionPolicy GetDataProtectionPolicy DeleteDataProtectionPolicy`,
    GROUP,
  ),
  ...rules("CreateLogStream DeleteLogStream GetLogEvents PutLogEvents", STREAM),
  ...rules("StartLiveTail StartQuery", GROUPS),
  ...rules("ListTagsForResource TagResource UntagResource", TAGGED),
};

export interface Groups {
  /** The policies of an account and region: they bind every group there. */
  policiesOf(scope: Scope): Promise<readonly string[]>;
  tagsOf(scope: Scope, groupName: string): Promise<Readonly<Record<string, string>>>;
}

export function logsAccess(groups: Groups): ServiceAccess {
  return {
    prefix: "logs",
    rules: RULES,
    async resourcePolicy(arn) {
      const { region, accountId } = arnParts(arn);
      const documents = await groups.policiesOf({ accountId, region });
      if (documents.length === 0) return undefined;
      const statements = documents.flatMap((document) => {
        const { Statement: found } = JSON.parse(document) as { Statement: unknown };
        return Array.isArray(found) ? (found as unknown[]) : [found];
      });
      return JSON.stringify({ Version: "2012-10-17", Statement: statements });
    },
    async resourceTags(arn) {
      const { region, accountId, resource } = arnParts(arn);
      return groups.tagsOf({ accountId, region }, resource.split(":")[1] ?? "");
    },
  };
}
