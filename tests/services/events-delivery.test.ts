/** Events on their way: what PutEvents takes, and what each kind of target gets. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateEventBusCommand,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  TestEventPatternCommand,
  type EventBridgeClient,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
  type Target,
} from "@aws-sdk/client-eventbridge";
import { CreateAliasCommand, PublishVersionCommand } from "@aws-sdk/client-lambda";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { refusal } from "../e2e/client.ts";
import { SDK_CONFIG, until } from "../e2e/server.ts";
import { ACCOUNT, openWorld, type Received, REGION, type World } from "./events-fixture.ts";

let world: World;
before(async () => {
  world = await openWorld();
});
after(async () => world[Symbol.asyncDispose]());

const DETAIL = { command: "update-account", payload: { acc_id: "0a787ecb-4015", sf_id: "baz" } };

interface Event {
  readonly id: string;
  readonly account: string;
  readonly region: string;
  readonly source: string;
  readonly resources: readonly string[];
  readonly detail: Readonly<Record<string, unknown>>;
  readonly "detail-type": string;
}

async function put(...Entries: PutEventsRequestEntry[]): Promise<readonly PutEventsResultEntry[]> {
  const answer = await world.events.send(new PutEventsCommand({ Entries }));
  assert.equal(
    answer.FailedEntryCount,
    answer.Entries?.filter(({ ErrorCode }) => ErrorCode !== undefined).length,
  );
  return answer.Entries ?? [];
}

const entry = (Source: string, more: Partial<PutEventsRequestEntry> = {}): PutEventsRequestEntry => ({
  Source,
  DetailType: "change",
  Detail: JSON.stringify(DETAIL, undefined, 2),
  ...more,
});

/** A rule for everything of one source, named after it. */
async function route(
  source: string,
  targets: Target[],
  client: EventBridgeClient = world.events,
  EventBusName?: string,
): Promise<string> {
  const where = EventBusName === undefined ? {} : { EventBusName };
  const { RuleArn = "" } = await client.send(
    new PutRuleCommand({ Name: source, EventPattern: JSON.stringify({ source: [source] }), ...where }),
  );
  await client.send(new PutTargetsCommand({ Rule: source, Targets: targets, ...where }));
  return RuleArn;
}

const eventOf = ({ body }: Received): Event => JSON.parse(body) as Event;

test("the event, field by field", async () => {
  await route("fields", [{ Id: "a", Arn: await world.queue("fields") }]);
  const Time = new Date("2026-01-02T03:04:05.678Z");
  const [taken] = await put(
    entry("fields", { Time, Resources: ["arn:x", "y"], Detail: ' { "n": 1.0, "s": "a  b" } ' }),
  );
  const [received] = await world.messages("fields", 1);
  // The text itself: compact, in AWS's order, numbers as they were written.
  assert.equal(
    received?.body,
    `{"version":"0","id":"${String(taken?.EventId)}","detail-type":"change","source":"fields","account":"${ACCOUNT}",` +
      `"time":"2026-01-02T03:04:05Z","region":"${REGION}","resources":["arn:x","y"],"detail":{"n":1.0,"s":"a  b"}}`,
  );
});

test("each entry is taken or refused for itself", async () => {
  const required = (name: string): PutEventsResultEntry => ({
    ErrorCode: "InvalidArgument",
    ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
  });
  const malformed = { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." };
  const cases: readonly (readonly [Partial<PutEventsRequestEntry>, PutEventsResultEntry])[] = [
    [{ Source: "" }, required("Source")],
    [{ DetailType: "" }, required("DetailType")],
    [{ Detail: "" }, required("Detail")],
    [{ Detail: "text" }, malformed],
    [{ Detail: '["a"]' }, malformed],
    [{ Detail: '{"a": ' }, malformed],
    [{ Detail: '"{}"' }, malformed],
    [
      { Source: "aws.mine" },
      { ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source." },
    ],
  ];
  const results = await put(...cases.map(([more]) => entry("cases", more)), entry("cases"));
  assert.deepEqual(
    results.slice(0, cases.length),
    cases.map(([, result]) => result),
  );
  assert.match(results.at(-1)?.EventId ?? "", /^[\da-f-]{36}$/u);
});

test("a request is refused as a whole when it is too large or has too many entries", async () => {
  const Detail = JSON.stringify({ a: "p".repeat(1_048_576) });
  const large = await refusal(put(entry("large", { Detail })));
  assert.equal(large.name, "ValidationException");
  assert.equal(large.message, "Total size of the entries in the request is over the limit.");
  await put(entry("large", { Detail: JSON.stringify({ a: "p".repeat(1_000_000) }) }));
  const many = await refusal(put(...Array.from({ length: 11 }, () => entry("many", { Detail: "{}" }))));
  const shown =
    "PutEventsRequestEntry(time=null, source=many, resources=null, detailType=change, detail={}, eventBusName=null, traceHeader=null, kmsKeyIdentifier=null, internalMetadata=null)";
  assert.equal(
    many.message,
    `1 validation error detected: Value '[${Array.from({ length: 11 }, () => shown).join(", ")}]' at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10`,
  );
});

test("events for a bus that is not there are taken all the same", async () => {
  const [result] = await put(entry("nowhere", { EventBusName: "nowhere" }));
  assert.match(result?.EventId ?? "", /^[\da-f-]{36}$/u);
});

test("one event goes to all rules it matches, with one id", async () => {
  for (const name of ["all-1", "all-2"]) {
    const arn = await world.queue(name);
    await world.events.send(
      new PutRuleCommand({ Name: name, EventPattern: '{"source":[{"prefix":"all-"}]}' }),
    );
    await world.events.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: "a", Arn: arn }] }));
  }
  const [taken] = await put(entry("all-x"), entry("some"));
  const [first] = await world.messages("all-1", 1);
  const [second] = await world.messages("all-2", 1);
  assert.ok(first !== undefined && second !== undefined);
  assert.deepEqual([eventOf(first).id, eventOf(second).id], [taken?.EventId, taken?.EventId]);
});

const TEMPLATES: readonly (readonly [template: string, body: string | undefined])[] = [
  [
    '{"method": "PUT", "path": "users-service/users/<userId>", "bod": <payload>}',
    '{"method": "PUT", "path": "users-service/users/0a787ecb-4015", "bod": {"acc_id":"0a787ecb-4015","sf_id":"baz"}}',
  ],
  ['{"id" : <userId>}', '{"id" : "0a787ecb-4015"}'],
  ['{"id" : "<userId>"}', '{"id" : "0a787ecb-4015"}'],
  ['{"bod": [<userId>, "hardcoded"]}', '{"bod": ["0a787ecb-4015", "hardcoded"]}'],
  ['{"twice": "users/<userId>/second/<userId>"}', '{"twice": "users/0a787ecb-4015/second/0a787ecb-4015"}'],
  ['{"a": {"b": "u/<userId>"}, "c": "<userId>"}', '{"a": {"b": "u/0a787ecb-4015"}, "c": "0a787ecb-4015"}'],
  [
    '"Payload of <payload> with path users-service/users/<userId> and <userId>"',
    '"Payload of {acc_id:0a787ecb-4015,sf_id:baz} with path users-service/users/0a787ecb-4015 and 0a787ecb-4015"',
  ],
  ['"<single> single list item"', '"[HIGH] single list item"'],
  ['"<multi> multiple list items"', '"[ACTIVE,INACTIVE] multiple list items"'],
  [
    '"<single> one"\n"<missing> two"\n"<payload> three"',
    '"[HIGH] one"\n" two"\n"{acc_id:0a787ecb-4015,sf_id:baz} three"',
  ],
  ['{"list": <single>}', '{"list": ["HIGH"]}'],
  ['"Command is <valid>!"', '"Command is true!"'],
  [
    '{"valid": <valid>, "n": <number>, "none": <missing>, "null": <null>}',
    '{"valid": true, "n": 7, "none": "", "null": null}',
  ],
  ['{"all": <every>}', '{"all": ["ACTIVE","INACTIVE"]}'],
  ['{"first": <first>}', '{"first": "ACTIVE"}'],
  [
    '{"rule": <aws.events.rule-name>, "arn": "<aws.events.rule-arn>"}',
    `{"rule": "RULE", "arn": "arn:aws:events:${REGION}:${ACCOUNT}:rule/RULE"}`,
  ],
  // Objects and lists within quotes make no JSON: nothing is sent.
  ['{"payload": "<payload>"}', undefined],
  ['{"list": "<single>"}', undefined],
];

test("input transformers, as recorded of AWS", async () => {
  const arn = await world.queue("templates");
  for (const [index, [template, wanted]] of TEMPLATES.entries()) {
    const source = `template-${String(index)}`;
    await route(source, [
      {
        Id: "a",
        Arn: arn,
        InputTransformer: {
          InputPathsMap: {
            userId: "$.detail.payload.acc_id",
            payload: "$.detail.payload",
            single: "$.detail.single",
            multi: "$.detail.multi",
            every: "$.detail.multi[*]",
            first: "$.detail.multi[0]",
            valid: "$.detail.valid",
            number: "$.detail.number",
            null: "$['detail'].null",
            missing: "$.detail.missing.too",
          },
          InputTemplate: template,
        },
      },
      { Id: "b", Arn: arn, Input: '"end"' },
    ]);
    const Detail = JSON.stringify({
      ...DETAIL,
      single: ["HIGH"],
      multi: ["ACTIVE", "INACTIVE"],
      valid: true,
      number: 7,
      null: null,
    });
    await put(entry(source, { Detail }));
    const bodies = (await world.messages("templates", wanted === undefined ? 1 : 2)).map(({ body }) => body);
    const rest = bodies.filter((body) => body !== '"end"');
    assert.deepEqual(rest, wanted === undefined ? [] : [wanted.replaceAll("RULE", source)], template);
  }
});

test("the whole event, with and without its detail, in a template", async () => {
  await route("predefined", [
    {
      Id: "a",
      Arn: await world.queue("predefined"),
      InputTransformer: {
        InputTemplate:
          '{"all": <aws.events.event.json>, "head": <aws.events.event>, "at": <aws.events.event.ingestion-time>}',
      },
    },
  ]);
  await put(entry("predefined"));
  const [received] = await world.messages("predefined", 1);
  const { all, head, at } = JSON.parse(received?.body ?? "{}") as { all: Event; head: Event; at: string };
  assert.deepEqual(all.detail, DETAIL);
  // AWS spells detail-type otherwise in the event without its detail.
  const { "detail-type": detailType, detail: _detail, ...rest } = all;
  assert.deepEqual(head, { ...rest, detailType });
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u);
});

test("input paths give a part of the event", async () => {
  const arn = await world.queue("paths");
  await route("paths", [{ Id: "a", Arn: arn, InputPath: "$.detail.payload" }]);
  await put(entry("paths", { Detail: '{"payload": {"n": 1.0, "big": 12345678901234567890}}' }));
  const [received] = await world.messages("paths", 1);
  assert.equal(received?.body, '{"n":1.0,"big":12345678901234567890}');
});

test("a template that is no JSON is refused with the place", async () => {
  const error = await refusal(
    route("no-json", [
      {
        Id: "t",
        Arn: await world.queue("no-json"),
        InputTransformer: { InputPathsMap: { a: "$.detail" }, InputTemplate: "<a> single list item" },
      },
    ]),
  );
  assert.match(
    error.message,
    /^Invalid InputTemplate for target t : \[Source: \(String\)"null single list item"; line: 1, column: \d+\]\.$/u,
  );
});

test("what a template makes of an event and is no JSON goes to the dead-letter queue", async () => {
  await route("broken", [
    {
      Id: "a",
      Arn: await world.queue("broken"),
      InputTransformer: { InputPathsMap: { a: "$.detail" }, InputTemplate: '{"a": "<a>"}' },
      DeadLetterConfig: { Arn: await world.queue("broken-dead") },
    },
  ]);
  const [taken] = await put(entry("broken"));
  const [dead] = await world.messages("broken-dead", 1);
  assert.ok(dead !== undefined);
  assert.equal(dead.attributes["ERROR_CODE"], "INVALID_JSON");
  assert.equal(eventOf(dead).id, taken?.EventId);
  assert.deepEqual(await world.drain("broken"), []);
});

test("a FIFO queue gets its group", async () => {
  const Arn = await world.queue("grouped.fifo", { FifoQueue: "true", ContentBasedDeduplication: "true" });
  await route("grouped", [{ Id: "a", Arn, SqsParameters: { MessageGroupId: "g" } }]);
  await put(entry("grouped"));
  const [received] = await world.messages("grouped.fifo", 1);
  assert.equal(received?.attributes["MessageGroupId"], "g");
});

test("a function gets the event, at the alias the target names", async () => {
  const handler =
    "def handler(event, context):\n    print('EVENT', context.invoked_function_arn, event['detail']['command'], event['id'])\n";
  await world.create("reacts", { "app.py": handler });
  const { Version = "" } = await world.lambda.send(new PublishVersionCommand({ FunctionName: "reacts" }));
  const { AliasArn = "" } = await world.lambda.send(
    new CreateAliasCommand({ FunctionName: "reacts", Name: "live", FunctionVersion: Version }),
  );
  await route("reacts", [{ Id: "a", Arn: AliasArn }]);
  const [taken] = await put(entry("reacts"));
  let lines: readonly string[] = [];
  await until("the function's line", async () => (lines = await world.lines("reacts", "EVENT")).length > 0);
  assert.equal(lines[0]?.trim(), `EVENT ${AliasArn} update-account ${String(taken?.EventId)}`);
});

test("a topic gets the event as its message", async () => {
  const sns = new SNSClient({ ...SDK_CONFIG, endpoint: world.server.endpoint });
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "topic" }));
  const Endpoint = await world.queue("topic");
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint }));
  sns.destroy();
  await route("topic", [{ Id: "a", Arn: TopicArn }]);
  const [taken] = await put(entry("topic"));
  const [received] = await world.messages("topic", 1);
  const envelope = JSON.parse(received?.body ?? "{}") as Readonly<Record<string, string>>;
  assert.equal(envelope["Type"], "Notification");
  assert.equal("MessageAttributes" in envelope, false);
  const event = JSON.parse(envelope["Message"] ?? "{}") as Event;
  assert.deepEqual([event.id, event.detail], [taken?.EventId, DETAIL]);
});

test("a log group gets the event as a line", async () => {
  const group = "/aws/events/lines";
  await world.logs.send(new CreateLogGroupCommand({ logGroupName: group }));
  await route("lines", [{ Id: "a", Arn: `arn:aws:logs:${REGION}:${ACCOUNT}:log-group:${group}` }]);
  const [taken] = await put(entry("lines"));
  let lines: readonly string[] = [];
  await until("a line", async () => (lines = await world.linesOf(group)).length > 0);
  const event = JSON.parse(lines[0] ?? "") as Event;
  assert.equal(event.id, taken?.EventId);
  assert.deepEqual(event.detail, DETAIL);
});

test("what cannot be delivered goes to the target's dead-letter queue, with the reason", async () => {
  const dead = await world.queue("dead");
  const Arn = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:never`;
  const ruleArn = await route("dying", [{ Id: "a", Arn, DeadLetterConfig: { Arn: dead } }]);
  const [taken] = await put(entry("dying"));
  const [received] = await world.messages("dead", 1);
  assert.ok(received !== undefined);
  assert.equal(eventOf(received).id, taken?.EventId);
  assert.equal(received.attributes["RULE_ARN"], ruleArn);
  assert.equal(received.attributes["TARGET_ARN"], Arn);
  assert.equal(received.attributes["ERROR_CODE"], "NO_RESOURCE");
  assert.equal(received.attributes["RETRY_ATTEMPTS"], "0");
});

const OTHERS = [
  { name: "region", region: "eu-west-1", account: ACCOUNT, sameId: false },
  { name: "account", region: REGION, account: "111111111111", sameId: true },
  { name: "both", region: "eu-west-1", account: "111111111111", sameId: false },
  { name: "neither", region: REGION, account: ACCOUNT, sameId: true },
];

for (const { name, region, account, sameId } of OTHERS) {
  test(`an event goes to a bus of another ${name}, and no further`, async () => {
    const there = world.eventsIn(region, account);
    const third = `third-${name}`;
    const { EventBusArn: second = "" } = await there.send(new CreateEventBusCommand({ Name: `bus-${name}` }));
    const { EventBusArn: thirdArn = "" } = await there.send(new CreateEventBusCommand({ Name: third }));
    const [source, mine, theirs, beyond] = [
      `hop-${name}`,
      `mine-${name}`,
      `theirs-${name}`,
      `beyond-${name}`,
    ];
    await route(source, [
      { Id: "q", Arn: await world.queue(mine) },
      { Id: "b", Arn: second },
    ]);
    await route(
      source,
      [
        { Id: "q", Arn: await world.queue(theirs) },
        { Id: "b", Arn: thirdArn, DeadLetterConfig: { Arn: await world.queue(`dead-${name}`) } },
      ],
      there,
      `bus-${name}`,
    );
    await route(source, [{ Id: "q", Arn: await world.queue(beyond) }], there, third);
    await put(entry(source));
    const [here] = await world.messages(mine, 1);
    const [arrived] = await world.messages(theirs, 1);
    assert.ok(here !== undefined && arrived !== undefined);
    const { id, ...same } = eventOf(here);
    const { id: newId, ...received } = eventOf(arrived);
    // It stays an event of where it was put.
    assert.deepEqual(received, same);
    assert.deepEqual([received.account, received.region], [ACCOUNT, REGION]);
    assert.equal(newId === id, sameId);
    const [dead] = await world.messages(`dead-${name}`, 1);
    assert.equal(dead?.attributes["ERROR_CODE"], "THIRD_ACCOUNT_HOP_DETECTED");
    assert.equal(dead?.body, arrived.body);
    assert.deepEqual(await world.drain(beyond), []);
  });
}

test("objects of a bucket send events to the default bus", async () => {
  const s3 = new S3Client({ ...SDK_CONFIG, endpoint: world.server.endpoint, forcePathStyle: true });
  await world.events.send(
    new PutRuleCommand({
      Name: "objects",
      EventPattern: '{"source":["aws.s3"],"detail":{"bucket":{"name":["objects"]}}}',
    }),
  );
  await world.events.send(
    new PutTargetsCommand({ Rule: "objects", Targets: [{ Id: "a", Arn: await world.queue("objects") }] }),
  );
  await s3.send(new CreateBucketCommand({ Bucket: "objects" }));
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: "objects",
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    }),
  );
  await s3.send(new PutObjectCommand({ Bucket: "objects", Key: "a key.txt", Body: "hello" }));
  s3.destroy();
  const [received] = await world.messages("objects", 1);
  assert.ok(received !== undefined);
  const event = eventOf(received);
  assert.equal(event["detail-type"], "Object Created");
  assert.deepEqual(event.resources, ["arn:aws:s3:::objects"]);
  assert.deepEqual([event.account, event.region, event.detail["reason"]], [ACCOUNT, REGION, "PutObject"]);
});

test("TestEventPattern", async () => {
  const event = {
    id: "1",
    source: "s",
    account: "1",
    time: "2026-01-01T00:00:00Z",
    region: "r",
    resources: [],
    "detail-type": "t",
    detail: {},
  };
  const ask = async (EventPattern: string, Event: string): Promise<boolean | undefined> =>
    (await world.events.send(new TestEventPatternCommand({ EventPattern, Event }))).Result;
  assert.equal(await ask('{"source":["s"]}', JSON.stringify(event)), true);
  assert.equal(await ask('{"source":["x"]}', JSON.stringify(event)), false);
  const { region: _region, ...less } = event;
  for (const wrong of ["{", "[]", JSON.stringify(less)]) {
    const error = await refusal(ask('{"source":["s"]}', wrong));
    assert.equal(error.name, "ValidationException");
  }
  const error = await refusal(ask("this is no pattern", JSON.stringify(event)));
  assert.equal(error.name, "InvalidEventPatternException");
  assert.match(
    error.message,
    /^Event pattern is not valid\. Reason: Unrecognized token 'this': was expecting/u,
  );
});
