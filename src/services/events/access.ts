/**
 * What each operation asks of IAM.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
 */
import type { AccessNeed, AccessRule, ServiceAccess } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import { archiveArn, busArn, busKeyOf, DEFAULT_BUS, parseBusArn, replayArn, ruleArn } from "./names.ts";
import type { EventsStore } from "./store.ts";

type Input = Readonly<Record<string, unknown>>;

function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

function list(input: Input, name: string): readonly Input[] {
  const value = input[name];
  return Array.isArray(value) ? (value as readonly Input[]) : [];
}

const distinct = (values: readonly (string | undefined)[]): readonly string[] | undefined => {
  const found = [...new Set(values.filter((value) => value !== undefined))];
  return found.length === 0 ? undefined : found;
};

const byBus =
  (member: string) =>
  (input: Input, scope: Scope): readonly string[] => [busArn(busKeyOf(scope, text(input, member)))];

const byRule =
  (member: string) =>
  (input: Input, scope: Scope): readonly string[] => {
    const bus = busKeyOf(scope, text(input, "EventBusName"));
    return [ruleArn({ ...bus, rule: text(input, member) ?? "*" })];
  };

const byArchive = (input: Input, { accountId, region }: Scope): readonly string[] => [
  archiveArn({ accountId, region, archive: text(input, "ArchiveName") ?? "*" }),
];
const byReplay = (input: Input, { accountId, region }: Scope): readonly string[] => [
  replayArn({ accountId, region, replay: text(input, "ReplayName") ?? "*" }),
];

const ARCHIVE: AccessRule = { resources: byArchive };
const REPLAY: AccessRule = { resources: byReplay };
const RULE: AccessRule = { resources: byRule("Name") };
const TARGETS: AccessRule = { resources: byRule("Rule") };
const TAGGED: AccessRule = { resources: (input) => [text(input, "ResourceARN") ?? "*"] };
const POLICY: AccessRule = { resources: byBus("EventBusName") };

/** Sources and detail-types that a pattern names, for conditions on them. */
function patternValues(input: Input, field: string): readonly string[] | undefined {
  try {
    const pattern = JSON.parse(text(input, "EventPattern") ?? "{}") as Readonly<Record<string, unknown>>;
    const values = pattern[field];
    return Array.isArray(values) ? distinct(values.filter((value) => typeof value === "string")) : undefined;
  } catch {
    return undefined;
  }
}

/** Roles are handed over to EventBridge. */
function passesRoles(roles: readonly (string | undefined)[]): readonly AccessNeed[] {
  const resources = distinct(roles);
  if (resources === undefined) return [];
  return [
    { actions: ["iam:PassRole"], resources, conditions: { "iam:PassedToService": "events.amazonaws.com" } },
  ];
}

const tagsOnCreate =
  (arns: (input: Input, scope: Scope) => readonly string[]) => (input: Input, scope: Scope) =>
    list(input, "Tags").length === 0
      ? []
      : [{ actions: ["events:TagResource"], resources: arns(input, scope) }];

const RULES: Readonly<Record<string, AccessRule>> = {
  CreateEventBus: { resources: byBus("Name"), also: tagsOnCreate(byBus("Name")) },
  DeleteEventBus: { resources: byBus("Name") },
  DescribeEventBus: { resources: byBus("Name") },
  UpdateEventBus: { resources: byBus("Name") },
  ListEventBuses: { resources: () => ["*"] },
  PutPermission: POLICY,
  RemovePermission: POLICY,

  PutRule: {
    resources: byRule("Name"),
    conditions: (input) => ({
      "events:source": patternValues(input, "source"),
      "events:detail-type": patternValues(input, "detail-type"),
    }),
    also: (input, scope) => [
      ...passesRoles([text(input, "RoleArn")]),
      ...tagsOnCreate(byRule("Name"))(input, scope),
    ],
  },
  DescribeRule: RULE,
  EnableRule: RULE,
  DisableRule: RULE,
  DeleteRule: RULE,
  ListRules: { resources: () => ["*"] },
  PutTargets: {
    resources: byRule("Rule"),
    conditions: (input) => ({
      "events:TargetArn": distinct(list(input, "Targets").map((target) => text(target, "Arn"))),
    }),
    also: (input) => passesRoles(list(input, "Targets").map((target) => text(target, "RoleArn"))),
  },
  RemoveTargets: TARGETS,
  ListTargetsByRule: TARGETS,
  ListRuleNamesByTarget: { resources: () => ["*"] },

  PutEvents: {
    resources: (input, scope) =>
      distinct(
        list(input, "Entries").map((entry) => busArn(busKeyOf(scope, text(entry, "EventBusName")))),
      ) ?? [busArn({ ...scope, bus: DEFAULT_BUS })],
    conditions: (input) => ({
      "events:source": distinct(list(input, "Entries").map((entry) => text(entry, "Source"))),
      "events:detail-type": distinct(list(input, "Entries").map((entry) => text(entry, "DetailType"))),
      "events:eventBusInvocation": "false",
    }),
  },
  TestEventPattern: { resources: () => ["*"] },

  CreateArchive: {
    resources: (input, scope) => [...byArchive(input, scope), text(input, "EventSourceArn") ?? "*"],
  },
  DescribeArchive: ARCHIVE,
  UpdateArchive: ARCHIVE,
  DeleteArchive: ARCHIVE,
  ListArchives: { resources: () => ["*"] },
  StartReplay: {
    resources: (input, scope) => [text(input, "EventSourceArn") ?? "*", ...byReplay(input, scope)],
  },
  DescribeReplay: REPLAY,
  CancelReplay: REPLAY,
  ListReplays: { resources: () => ["*"] },

  TagResource: TAGGED,
  UntagResource: TAGGED,
  ListTagsForResource: TAGGED,
};

export function createAccess(store: EventsStore): ServiceAccess {
  return {
    prefix: "events",
    rules: RULES,
    async resourcePolicy(arn) {
      const bus = parseBusArn(arn);
      return bus === undefined ? undefined : (await store.bus(bus))?.policy;
    },
    resourceTags: (arn) => store.tags(arn),
  };
}
