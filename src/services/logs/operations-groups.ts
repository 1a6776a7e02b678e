import type { Operations } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import { bytesOfGroups } from "./event-store.ts";
import * as errors from "./errors.ts";
import type { Deps } from "./deps.ts";
import { groupOf } from "./lookup.ts";
import * as model from "./model.ts";
import { nextToken, openToken } from "./page-token.ts";

type GroupOperations = Operations<typeof import("@aws-sdk/client-cloudwatch-logs")>;

const PAGE_DEFAULT = 50;
/** More groups than an account has, for searches by part of a name. */
const GROUPS_MAX = 1_000_000;

export function groupOperations(deps: Deps): GroupOperations {
  const { store } = deps;
  return {
    async CreateLogGroup(input, context) {
      const name = input.logGroupName ?? "";
      model.checkGroupName(name);
      if (input.kmsKeyId !== undefined) {
        throw errors.unsupported(
          "kmsKeyId",
          "leave kmsKeyId out: log events are not encrypted with KMS keys yet",
        );
      }
      const groupClass = input.logGroupClass ?? "STANDARD";
      if (groupClass !== "STANDARD" && groupClass !== "INFREQUENT_ACCESS") {
        throw errors.unsupported(
          `logGroupClass ${groupClass}`,
          "use STANDARD: deliveries to other stores do not exist here",
        );
      }
      const tags = input.tags ?? {};
      model.checkTags({}, tags);
      const { accountId, region } = context;
      const made = await store.createGroup(
        {
          accountId,
          region,
          name,
          groupId: context.random.hex(24),
          groupClass,
          createdAt: context.clock.now(),
          retentionDays: undefined,
          deletionProtected: input.deletionProtectionEnabled === true,
        },
        tags,
      );
      if (!made) throw errors.groupExists();
      return {};
    },

    async DeleteLogGroup(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      if (group.deletionProtected) throw errors.deletionProtected();
      if (!(await store.deleteGroup(group.groupId))) throw errors.groupNotFound(group.name);
      deps.writer.forget({ groupId: group.groupId });
      deps.subscriptionFilters.forget();
      return {};
    },

    async DescribeLogGroups(input, context) {
      const { nextToken: token, limit = PAGE_DEFAULT, ...question } = input;
      refuseLinkedAccounts(question);
      if (question.logGroupNamePrefix !== undefined && question.logGroupNamePattern !== undefined) {
        throw errors.invalidParameter(
          "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        );
      }
      await deps.writer.flush();
      const after = openToken(token, question);
      const found = await matchingGroups(deps, context, question, after, limit + 1);
      const shown = found.slice(0, limit);
      const bytes = question.logGroupNamePattern === undefined ? await bytesOfGroups(deps.files) : undefined;
      const next = found.length > limit ? { nextToken: nextToken(shown.at(-1)?.name ?? "", question) } : {};
      return { logGroups: shown.map((group) => outputGroup(group, bytes)), ...next };
    },

    async ListLogGroups(input, context) {
      const { nextToken: token, limit = PAGE_DEFAULT, logGroupNamePattern, ...question } = input;
      refuseLinkedAccounts(question);
      for (const member of ["dataSources", "fieldIndexNames", "logGroupTags"] as const) {
        if (question[member] !== undefined) {
          throw errors.unsupported(member, "filter by logGroupNamePattern or logGroupClass");
        }
      }
      const asked = { logGroupNamePattern, logGroupClass: question.logGroupClass };
      const after = openToken(token, asked);
      const all = await store.groups(context, { prefix: undefined, after, limit: GROUPS_MAX });
      const matches = namePattern(logGroupNamePattern);
      const found = all.filter(
        ({ name, groupClass }) =>
          matches(name) && (question.logGroupClass === undefined || question.logGroupClass === groupClass),
      );
      const shown = found.slice(0, limit);
      const next = found.length > limit ? { nextToken: nextToken(shown.at(-1)?.name ?? "", asked) } : {};
      const logGroups = shown.map((group) => ({
        logGroupName: group.name,
        logGroupArn: model.groupArn(group),
        logGroupClass: group.groupClass,
      }));
      return { logGroups, ...next };
    },

    async PutRetentionPolicy(input, context) {
      model.checkRetention(input.retentionInDays ?? 0);
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      await store.setRetention(group.groupId, input.retentionInDays);
      return {};
    },

    async DeleteRetentionPolicy(input, context) {
      const group = await groupOf(deps, context, input.logGroupName ?? "");
      await store.setRetention(group.groupId, undefined);
      return {};
    },

    async PutLogGroupDeletionProtection(input, context) {
      const name = input.logGroupIdentifier ?? "";
      const group = await groupOf(deps, context, model.parseGroupArn(name)?.name ?? name);
      await store.setProtection(group.groupId, input.deletionProtectionEnabled === true);
      return {};
    },
  };
}

/** Alternatives between bars, each a part of the name, or its start after `^`. The model bounds them. */
function namePattern(pattern: string | undefined): (name: string) => boolean {
  if (pattern === undefined) return () => true;
  const alternatives = pattern.split("|");
  return (name) =>
    alternatives.some((part) =>
      part.startsWith("^") ? name.startsWith(part.slice(1)) : name.includes(part),
    );
}

function refuseLinkedAccounts(input: {
  accountIdentifiers?: string[] | undefined;
  includeLinkedAccounts?: boolean | undefined;
}): void {
  if (input.includeLinkedAccounts !== true && input.accountIdentifiers === undefined) return;
  const member = input.accountIdentifiers === undefined ? "includeLinkedAccounts" : "accountIdentifiers";
  throw errors.unsupported(member, "accounts cannot be linked here; ask each account by itself");
}

async function matchingGroups(
  deps: Deps,
  scope: Scope,
  query: {
    logGroupNamePrefix?: string | undefined;
    logGroupNamePattern?: string | undefined;
    logGroupClass?: string | undefined;
    logGroupIdentifiers?: string[] | undefined;
  },
  after: string | undefined,
  limit: number,
): Promise<model.LogGroup[]> {
  const { logGroupNamePrefix: prefix, logGroupNamePattern, logGroupClass, logGroupIdentifiers } = query;
  const plain =
    logGroupNamePattern === undefined && logGroupClass === undefined && logGroupIdentifiers === undefined;
  if (plain) return deps.store.groups(scope, { prefix, after, limit });
  const pattern = logGroupNamePattern ?? "";
  const names = logGroupIdentifiers?.map((identifier) => model.parseGroupArn(identifier)?.name ?? identifier);
  const all = await deps.store.groups(scope, { prefix, after, limit: GROUPS_MAX });
  const matching = all.filter(
    (group) =>
      group.name.includes(pattern) &&
      (logGroupClass === undefined || group.groupClass === logGroupClass) &&
      (names === undefined || names.includes(group.name)),
  );
  return matching.slice(0, limit);
}

/** A search by pattern answers without sizes and protection, as AWS's does. */
function outputGroup(group: model.LogGroup, bytes: ReadonlyMap<string, number> | undefined): object {
  const arn = model.groupArn(group);
  return {
    logGroupName: group.name,
    creationTime: group.createdAt,
    ...(group.retentionDays === undefined ? {} : { retentionInDays: group.retentionDays }),
    metricFilterCount: 0,
    arn: `${arn}:*`,
    logGroupClass: group.groupClass,
    logGroupArn: arn,
    ...(bytes === undefined
      ? {}
      : { storedBytes: bytes.get(group.groupId) ?? 0, deletionProtectionEnabled: group.deletionProtected }),
  };
}
