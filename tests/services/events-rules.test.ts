/** Buses, rules, targets, permissions and tags, as AWS answers for them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateEventBusCommand,
  DeleteEventBusCommand,
  DeleteRuleCommand,
  DescribeEventBusCommand,
  DescribeRuleCommand,
  DisableRuleCommand,
  EnableRuleCommand,
  ListConnectionsCommand,
  ListEventBusesCommand,
  ListRuleNamesByTargetCommand,
  ListRulesCommand,
  ListTagsForResourceCommand,
  ListTargetsByRuleCommand,
  PutPermissionCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemovePermissionCommand,
  RemoveTargetsCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateEventBusCommand,
  type PutRuleCommandInput,
  type Target,
} from "@aws-sdk/client-eventbridge";
import { refusal } from "../e2e/client.ts";
import { ACCOUNT, openWorld, REGION, saw, type World } from "./events-fixture.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(async () => world[Symbol.asyncDispose]());

const BUS = `arn:aws:events:${REGION}:${ACCOUNT}:event-bus`;
const RULE = `arn:aws:events:${REGION}:${ACCOUNT}:rule`;
const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:q`;
const PATTERN = JSON.stringify({ source: ["me"], detail: { command: ["update"] } });

type Answer = Record<string, unknown>;

async function send(command: unknown): Promise<Answer> {
  const { input, constructor: made } = command as { input: object; constructor: { name: string } };
  if ("NextToken" in input) saw(made.name.replace(/Command$/u, ""), "pagination");
  const { $metadata: _metadata, ...answer } = (await world.events.send(
    command as never,
  )) as unknown as Answer;
  return answer;
}

async function refused(command: unknown, code: string, message: string): Promise<void> {
  const error = await refusal(world.events.send(command as never));
  assert.equal(error.name, code);
  assert.equal(error.message, message);
}

const bus = (Name: string): Promise<Answer> => send(new CreateEventBusCommand({ Name }));
const rule = (Name: string, more: Partial<PutRuleCommandInput> = {}): Promise<Answer> =>
  send(new PutRuleCommand({ Name, EventPattern: PATTERN, ...more }));
const put = (Rule: string, ...Targets: Target[]): Promise<Answer> =>
  send(new PutTargetsCommand({ Rule, Targets }));

test("a bus is made, listed, described, changed and deleted", async () => {
  const made = await send(new CreateEventBusCommand({ Name: "one", Description: "test bus" }));
  assert.deepEqual(made, { EventBusArn: `${BUS}/one`, Description: "test bus" });
  const { EventBuses = [] } = (await send(new ListEventBusesCommand({ NamePrefix: "one" }))) as {
    EventBuses?: Answer[];
  };
  assert.deepEqual(Object.keys(EventBuses[0] ?? {}).toSorted(), [
    "Arn",
    "CreationTime",
    "Description",
    "LastModifiedTime",
    "Name",
  ]);
  const updated = await send(new UpdateEventBusCommand({ Name: "one", Description: "other" }));
  assert.deepEqual(updated, { Arn: `${BUS}/one`, Name: "one", Description: "other" });
  const described = await send(new DescribeEventBusCommand({ Name: `${BUS}/one` }));
  assert.equal(described["Description"], "other");
  assert.ok((described["LastModifiedTime"] as Date) >= (described["CreationTime"] as Date));
  assert.deepEqual(await send(new DeleteEventBusCommand({ Name: "one" })), {});
  assert.deepEqual(await send(new ListEventBusesCommand({ NamePrefix: "one" })), { EventBuses: [] });
  await refused(
    new DescribeEventBusCommand({ Name: "one" }),
    "ResourceNotFoundException",
    "Event bus one does not exist.",
  );
});

test("the default bus is there without anybody making it, and stays", async () => {
  const { Name, Arn } = await send(new DescribeEventBusCommand({}));
  assert.deepEqual({ Name, Arn }, { Name: "default", Arn: `${BUS}/default` });
  await refused(
    new DeleteEventBusCommand({ Name: "default" }),
    "ValidationException",
    "Cannot delete event bus default.",
  );
  await refused(
    new CreateEventBusCommand({ Name: "default" }),
    "ResourceAlreadyExistsException",
    "Event bus default already exists.",
  );
});

test("refusals of buses", async () => {
  await bus("twice");
  await refused(
    new CreateEventBusCommand({ Name: "twice" }),
    "ResourceAlreadyExistsException",
    "Event bus twice already exists.",
  );
  await refused(
    new CreateEventBusCommand({ Name: "a/b" }),
    "ValidationException",
    "Event bus name must not contain '/'.",
  );
  // What is not there is deleted already.
  assert.deepEqual(await send(new DeleteEventBusCommand({ Name: "never" })), {});
  await rule("holds", { EventBusName: "twice" });
  await refused(
    new DeleteEventBusCommand({ Name: "twice" }),
    "ValidationException",
    "Event bus can't be deleted since it has rules.",
  );
  await refused(
    new UpdateEventBusCommand({ Name: "never" }),
    "ResourceNotFoundException",
    "Event bus never does not exist.",
  );
  const kms = await refusal(
    world.events.send(new CreateEventBusCommand({ Name: "k", KmsKeyIdentifier: "key" })),
  );
  assert.match(kms.message, /KmsKeyIdentifier .* is not implemented by Lambent/u);
  const connections = await refusal(world.events.send(new ListConnectionsCommand({})));
  assert.match(connections.message, /ListConnections.* not implemented by Lambent/u);
});

test("buses and rules come in pages", async () => {
  for (const name of ["page-1", "page-2", "page-3"]) {
    await bus(name);
    await rule(name);
  }
  const first = await send(new ListEventBusesCommand({ NamePrefix: "page-", Limit: 2 }));
  const second = await send(
    new ListEventBusesCommand({ NamePrefix: "page-", Limit: 2, NextToken: String(first["NextToken"]) }),
  );
  const names = (page: Answer): unknown[] =>
    ((page["EventBuses"] ?? page["Rules"]) as Answer[]).map(({ Name }) => Name);
  assert.deepEqual([names(first), names(second)], [["page-1", "page-2"], ["page-3"]]);
  assert.equal(second["NextToken"], undefined);
  const rules = await send(new ListRulesCommand({ NamePrefix: "page-", Limit: 2 }));
  const rest = await send(
    new ListRulesCommand({ NamePrefix: "page-", Limit: 2, NextToken: String(rules["NextToken"]) }),
  );
  assert.deepEqual([names(rules), names(rest)], [["page-1", "page-2"], ["page-3"]]);
  const foreign = await refusal(
    world.events.send(new ListRulesCommand({ NextToken: String(first["NextToken"]) })),
  );
  assert.equal(foreign.name, "ValidationException");
});

for (const name of ["default", "custom"]) {
  const path = name === "default" ? "" : `${name}/`;

  test(`a rule on the ${name} bus is put, listed, described and deleted`, async () => {
    if (name !== "default") await bus(name);
    assert.deepEqual(await rule("r1", { EventBusName: name }), { RuleArn: `${RULE}/${path}r1` });
    const shown = {
      Name: "r1",
      Arn: `${RULE}/${path}r1`,
      EventPattern: PATTERN,
      State: "ENABLED",
      EventBusName: name,
    };
    const listed = await send(new ListRulesCommand({ NamePrefix: "r1", EventBusName: name }));
    assert.deepEqual(listed, { Rules: [shown] });
    const described = await send(new DescribeRuleCommand({ Name: "r1", EventBusName: name }));
    assert.deepEqual(described, { ...shown, CreatedBy: ACCOUNT });
    await send(new DisableRuleCommand({ Name: "r1", EventBusName: name }));
    const disabled = await send(new DescribeRuleCommand({ Name: "r1", EventBusName: `${BUS}/${name}` }));
    assert.equal(disabled["State"], "DISABLED");
    await send(new EnableRuleCommand({ Name: "r1", EventBusName: name }));
    assert.equal(
      (await send(new DescribeRuleCommand({ Name: "r1", EventBusName: name })))["State"],
      "ENABLED",
    );
    assert.deepEqual(await send(new DeleteRuleCommand({ Name: "r1", EventBusName: name })), {});
    assert.deepEqual(await send(new ListRulesCommand({ NamePrefix: "r1", EventBusName: name })), {
      Rules: [],
    });
    assert.deepEqual(await send(new DeleteRuleCommand({ Name: "r1", EventBusName: name })), {});
  });
}

test("a rule put again is replaced, and what is left out is gone", async () => {
  await rule("again", {
    Description: "first",
    State: "DISABLED",
    RoleArn: "arn:aws:iam::000000000000:role/r",
  });
  await rule("again", { EventPattern: '{"source":["other"]}' });
  const described = await send(new DescribeRuleCommand({ Name: "again" }));
  assert.deepEqual(described, {
    Name: "again",
    Arn: `${RULE}/again`,
    EventPattern: '{"source":["other"]}',
    State: "ENABLED",
    EventBusName: "default",
    CreatedBy: ACCOUNT,
  });
});

test("refusals of rules", async () => {
  const missing = (message: string): [string, string] => ["ResourceNotFoundException", message];
  await refused(
    new DescribeRuleCommand({ Name: "no" }),
    ...missing("Rule no does not exist on EventBus default."),
  );
  await refused(
    new EnableRuleCommand({ Name: "no" }),
    ...missing("Rule no does not exist on EventBus default."),
  );
  await refused(
    new DisableRuleCommand({ Name: "no" }),
    ...missing("Rule no does not exist on EventBus default."),
  );
  await refused(new ListRulesCommand({ EventBusName: "no" }), ...missing("Event bus no does not exist."));
  await refused(
    new PutRuleCommand({ Name: "x", EventBusName: "no", EventPattern: PATTERN }),
    ...missing("Event bus no does not exist."),
  );
  await refused(
    new DeleteRuleCommand({ Name: "x", EventBusName: "no" }),
    ...missing("Event bus no does not exist."),
  );
  await refused(
    new ListRuleNamesByTargetCommand({ TargetArn: QUEUE, EventBusName: "no" }),
    ...missing("Event bus no does not exist."),
  );
  await refused(
    new PutRuleCommand({ Name: "x" }),
    "ValidationException",
    "Parameter(s) EventPattern or ScheduleExpression must be specified.",
  );
  await refused(
    new PutRuleCommand({ Name: "x", EventPattern: '{"source":"me"}' }),
    "InvalidEventPatternException",
    'Event pattern is not valid. Reason: "source" must be an object or an array\n at [Source: (String)"{"source":"me"}"; line: 1, column: 12]',
  );
  for (const expression of [
    "cron(INVALID)",
    "rate(1 minutes)",
    "rate(0 minutes)",
    "rate( 5 minutes )",
    "rate(5 seconds)",
  ]) {
    await refused(
      new PutRuleCommand({ Name: "x", ScheduleExpression: expression }),
      "ValidationException",
      "Parameter ScheduleExpression is not valid.",
    );
  }
  await bus("no-schedules");
  await refused(
    new PutRuleCommand({ Name: "x", EventBusName: "no-schedules", ScheduleExpression: "rate(1 minute)" }),
    "ValidationException",
    "ScheduleExpression is supported only on the default event bus.",
  );
});

test("targets are put, listed, replaced and removed", async () => {
  await rule("targets");
  assert.deepEqual(await put("targets", { Id: "a", Arn: QUEUE }), { FailedEntryCount: 0, FailedEntries: [] });
  const full: Target = {
    Id: "a",
    Arn: QUEUE,
    InputTransformer: { InputPathsMap: { d: "$.detail" }, InputTemplate: '{"d": <d>}' },
    RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 60 },
    DeadLetterConfig: { Arn: `${QUEUE}-dead` },
  };
  await put("targets", full);
  assert.deepEqual(await send(new ListTargetsByRuleCommand({ Rule: "targets" })), { Targets: [full] });
  await refused(
    new DeleteRuleCommand({ Name: "targets" }),
    "ValidationException",
    "Rule can't be deleted since it has targets.",
  );
  const removed = await send(new RemoveTargetsCommand({ Rule: "targets", Ids: ["a", "never"] }));
  assert.deepEqual(removed, { FailedEntryCount: 0, FailedEntries: [] });
  assert.deepEqual(await send(new ListTargetsByRuleCommand({ Rule: "targets" })), { Targets: [] });
});

test("five targets a rule, in pages", async () => {
  await rule("five");
  const ids = ["0", "1", "2", "3", "4"];
  await put("five", ...ids.map((Id) => ({ Id, Arn: QUEUE })));
  await refused(
    new PutTargetsCommand({ Rule: "five", Targets: [{ Id: "5", Arn: QUEUE }] }),
    "LimitExceededException",
    "The requested resource exceeds the maximum number allowed.",
  );
  const first = await send(new ListTargetsByRuleCommand({ Rule: "five", Limit: 3 }));
  const second = await send(
    new ListTargetsByRuleCommand({ Rule: "five", Limit: 3, NextToken: String(first["NextToken"]) }),
  );
  const idsOf = (page: Answer): unknown[] => (page["Targets"] as Answer[]).map(({ Id }) => Id);
  assert.deepEqual([idsOf(first), idsOf(second)], [ids.slice(0, 3), ids.slice(3)]);
  assert.equal(second["NextToken"], undefined);
});

test("three hundred rules a bus", async () => {
  await bus("full");
  const names = Array.from({ length: 301 }, (_, index) => `full-${String(index)}`);
  // At once, and still not one too many.
  const made = await Promise.allSettled(names.map((name) => rule(name, { EventBusName: "full" })));
  const refusals = made.filter((one) => one.status === "rejected").map(({ reason }) => reason as Error);
  assert.deepEqual(
    refusals.map(({ name }) => name),
    ["LimitExceededException"],
  );
  const there = names.find((_, index) => made[index]?.status === "fulfilled") ?? "";
  await rule(there, { EventBusName: "full", Description: "put again" });
});

test("rules are found by their target", async () => {
  const target = `${QUEUE}-found`;
  for (const name of ["found-0", "found-1", "found-2"]) {
    await rule(name);
    await put(name, { Id: "a", Arn: target }, { Id: "b", Arn: target });
  }
  const first = await send(new ListRuleNamesByTargetCommand({ TargetArn: target, Limit: 2 }));
  assert.deepEqual(first["RuleNames"], ["found-0", "found-1"]);
  const second = await send(
    new ListRuleNamesByTargetCommand({ TargetArn: target, Limit: 2, NextToken: String(first["NextToken"]) }),
  );
  assert.deepEqual(second, { RuleNames: ["found-2"] });
  const none = await send(new ListRuleNamesByTargetCommand({ TargetArn: `${QUEUE}-none` }));
  assert.deepEqual(none, { RuleNames: [] });
});

test("refusals of targets", async () => {
  await rule("refuses");
  const refuse = (target: Target, message: string): Promise<void> =>
    refused(new PutTargetsCommand({ Rule: "refuses", Targets: [target] }), "ValidationException", message);
  const failed = "failed to satisfy constraint: Member must";
  await refuse(
    { Id: "!@#$@!#$", Arn: QUEUE },
    `1 validation error detected: Value '!@#$@!#$' at 'targets.1.member.id' ${failed} satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+`,
  );
  const long = "x".repeat(65);
  await refuse(
    { Id: long, Arn: QUEUE },
    `1 validation error detected: Value '${long}' at 'targets.1.member.id' ${failed} have length less than or equal to 64`,
  );
  await refuse(
    { Id: "a", Arn: "no-arn" },
    "Parameter no-arn is not valid. Reason: Provided Arn is not in correct format.",
  );
  await refuse(
    { Id: "a", Arn: `${QUEUE}.fifo` },
    "Parameter(s) SqsParameters must be specified for target: a.",
  );
  await refuse(
    { Id: "a", Arn: QUEUE, InputTransformer: { InputPathsMap: { a: "$.detail" }, InputTemplate: "<a> <b>" } },
    "InputTemplate for target a contains invalid placeholder b.",
  );
  await refuse(
    { Id: "a", Arn: `${BUS}/default`, InputPath: "$.detail" },
    "Modifying the input for target a is not supported",
  );
  await refuse({ Id: "a", Arn: QUEUE, Input: "{no json" }, "JSON syntax error in input for target a");
  const error = await refusal(
    world.events.send(
      new PutTargetsCommand({
        Rule: "refuses",
        Targets: [{ Id: "a", Arn: `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/s` }],
      }),
    ),
  );
  assert.match(error.message, /the target arn:aws:kinesis:.* is not implemented by Lambent/u);
  for (const command of [
    new PutTargetsCommand({ Rule: "no", Targets: [{ Id: "a", Arn: QUEUE }] }),
    new RemoveTargetsCommand({ Rule: "no", Ids: ["a"] }),
    new ListTargetsByRuleCommand({ Rule: "no" }),
  ]) {
    await refused(command, "ResourceNotFoundException", "Rule no does not exist on EventBus default.");
  }
});

test("a policy has a size, and a region so many buses", async () => {
  await bus("sized");
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [], Id: "x".repeat(10_240) });
  const long = await refusal(world.events.send(new PutPermissionCommand({ EventBusName: "sized", Policy })));
  assert.equal(long.name, "PolicyLengthExceededException");
  const there = world.eventsIn("eu-west-3");
  const names = Array.from({ length: 101 }, (_, index) => `many-${String(index)}`);
  const made = await Promise.allSettled(names.map((Name) => there.send(new CreateEventBusCommand({ Name }))));
  const refusals = made.filter((one) => one.status === "rejected").map(({ reason }) => reason as Error);
  assert.deepEqual(
    refusals.map(({ name }) => name),
    ["LimitExceededException"],
  );
});

test("permissions make a policy, statement by statement", async () => {
  const made = await bus("policy");
  const Resource = String(made["EventBusArn"]);
  const policyOf = async (): Promise<unknown> => {
    const { Policy } = await send(new DescribeEventBusCommand({ Name: "policy" }));
    return Policy === undefined ? undefined : JSON.parse(String(Policy));
  };
  const allow = (StatementId: string, Principal: string): Promise<Answer> =>
    send(
      new PutPermissionCommand({
        EventBusName: "policy",
        Action: "events:PutEvents",
        StatementId,
        Principal,
      }),
    );
  const statement = (Sid: string, Principal: unknown): Answer => ({
    Sid,
    Effect: "Allow",
    Principal,
    Action: "events:PutEvents",
    Resource,
  });
  await refused(
    new RemovePermissionCommand({ EventBusName: "policy", StatementId: "s1" }),
    "ResourceNotFoundException",
    "EventBus does not have a policy.",
  );
  assert.deepEqual(await allow("s1", "111111111111"), {});
  await allow("s2", "*");
  const first = statement("s1", { AWS: "arn:aws:iam::111111111111:root" });
  assert.deepEqual(await policyOf(), { Version: "2012-10-17", Statement: [first, statement("s2", "*")] });
  await refused(
    new RemovePermissionCommand({ EventBusName: "policy", StatementId: "s3" }),
    "ResourceNotFoundException",
    "Statement with the provided id does not exist.",
  );
  await send(new RemovePermissionCommand({ EventBusName: "policy", StatementId: "s2" }));
  assert.deepEqual(await policyOf(), { Version: "2012-10-17", Statement: [first] });
  await send(new RemovePermissionCommand({ EventBusName: "policy", StatementId: "s1" }));
  assert.equal(await policyOf(), undefined);
  const Policy = {
    Version: "2012-10-17",
    Statement: [
      {
        Sid: "x",
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "events:ListRules",
        Resource: "*",
      },
    ],
  };
  await send(new PutPermissionCommand({ EventBusName: "policy", Policy: JSON.stringify(Policy) }));
  assert.deepEqual(await policyOf(), Policy);
  await send(new RemovePermissionCommand({ EventBusName: "policy", RemoveAllPermissions: true }));
  assert.equal(await policyOf(), undefined);
  await refused(
    new PutPermissionCommand({
      EventBusName: "no",
      Action: "events:PutEvents",
      StatementId: "s",
      Principal: "*",
    }),
    "ResourceNotFoundException",
    "Event bus no does not exist.",
  );
});

test("buses and rules have tags, which end with them", async () => {
  const tags = [
    { Key: "tag1", Value: "value1" },
    { Key: "tag2", Value: "value2" },
  ];
  await send(new CreateEventBusCommand({ Name: "tagged", Tags: tags.slice(0, 1) }));
  await rule("tagged", { Tags: tags.slice(0, 1) });
  for (const ResourceARN of [`${BUS}/tagged`, `${BUS}/default`, `${RULE}/tagged`]) {
    assert.deepEqual(await send(new TagResourceCommand({ ResourceARN, Tags: tags })), {});
    assert.deepEqual(await send(new ListTagsForResourceCommand({ ResourceARN })), { Tags: tags });
    await send(new UntagResourceCommand({ ResourceARN, TagKeys: ["tag2", "never"] }));
    assert.deepEqual(await send(new ListTagsForResourceCommand({ ResourceARN })), { Tags: tags.slice(0, 1) });
  }
  await send(new DeleteEventBusCommand({ Name: "tagged" }));
  await send(new DeleteRuleCommand({ Name: "tagged" }));
  await bus("tagged");
  await rule("tagged");
  for (const ResourceARN of [`${BUS}/tagged`, `${RULE}/tagged`]) {
    assert.deepEqual(await send(new ListTagsForResourceCommand({ ResourceARN })), { Tags: [] });
  }
  for (const [ResourceARN, message] of [
    [`${BUS}/no`, "Event bus no does not exist."],
    [`${RULE}/no`, "Rule no does not exist on EventBus default."],
  ] as const) {
    await refused(new TagResourceCommand({ ResourceARN, Tags: tags }), "ResourceNotFoundException", message);
    await refused(
      new UntagResourceCommand({ ResourceARN, TagKeys: ["a"] }),
      "ResourceNotFoundException",
      message,
    );
    await refused(new ListTagsForResourceCommand({ ResourceARN }), "ResourceNotFoundException", message);
  }
});
