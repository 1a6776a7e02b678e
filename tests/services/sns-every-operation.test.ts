/** What holds for every operation alike: what it refuses, its pages, and that what it did is there after a restart. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import * as sdk from "@aws-sdk/client-sns";
import type { SqlValue } from "../../src/ports/database.ts";
import { ACCOUNT, invalid, NO_TOPIC, REGION, refused, saw, serveSns, type Served } from "./sns-harness.ts";

const ARN = `arn:aws:sns:${REGION}:${ACCOUNT}`;
const NOWHERE = `${ARN}:nowhere`;
const NO_APPLICATION = `${ARN}:app/GCM/nowhere`;
const NO_ENDPOINT = `${ARN}:endpoint/GCM/nowhere/1234abcd-12ab-34cd-56ef-1234567890ab`;
const SEALED = { PlatformCredential: "secret" };

// What is asserted says what the fields are.
// oxlint-disable-next-line typescript/no-explicit-any
type Output = any;

function call(served: Served, operation: string, input: object = {}): Promise<Output> {
  const Command = (sdk as unknown as Record<string, new (input: object) => never>)[`${operation}Command`];
  if (Command === undefined) throw new Error(`no operation ${operation}`);
  return served.client.send(new Command(input)) as Promise<Output>;
}

const elements = (parameter: string): unknown =>
  invalid(`${parameter} Reason: An ARN must have at least 6 elements, not 1`);
const missing = (code: string, message: string): unknown => ({ code, status: 404, message });

const DATA_PROTECTION = JSON.stringify({
  Name: "p",
  Version: "2021-06-01",
  Statement: [
    {
      DataDirection: "Inbound",
      Principal: ["*"],
      DataIdentifier: ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
      Operation: { Deny: {} },
    },
  ],
});

/** Operations on something that an ARN names: its member, what else is needed, and what it says of what is not there. */
const BY_ARN: readonly (readonly [string, string, object, string | undefined, unknown])[] = [
  [
    "AddPermission",
    "TopicArn",
    { Label: "l", AWSAccountId: [ACCOUNT], ActionName: ["Publish"] },
    NOWHERE,
    NO_TOPIC,
  ],
  ["RemovePermission", "TopicArn", { Label: "l" }, NOWHERE, NO_TOPIC],
  ["GetTopicAttributes", "TopicArn", {}, NOWHERE, NO_TOPIC],
  [
    "SetTopicAttributes",
    "TopicArn",
    { AttributeName: "DisplayName", AttributeValue: "x" },
    NOWHERE,
    NO_TOPIC,
  ],
  ["DeleteTopic", "TopicArn", {}, NOWHERE, undefined],
  ["Subscribe", "TopicArn", { Protocol: "sms", Endpoint: "+15550100" }, NOWHERE, NO_TOPIC],
  ["ListSubscriptionsByTopic", "TopicArn", {}, NOWHERE, NO_TOPIC],
  ["Publish", "TopicArn", { Message: "x" }, NOWHERE, NO_TOPIC],
  [
    "PublishBatch",
    "TopicArn",
    { PublishBatchRequestEntries: [{ Id: "1", Message: "x" }] },
    NOWHERE,
    NO_TOPIC,
  ],
  ["GetDataProtectionPolicy", "ResourceArn", {}, NOWHERE, NO_TOPIC],
  ["PutDataProtectionPolicy", "ResourceArn", { DataProtectionPolicy: DATA_PROTECTION }, NOWHERE, NO_TOPIC],
  [
    "GetSubscriptionAttributes",
    "SubscriptionArn",
    {},
    `${NOWHERE}:1`,
    missing("NotFound", "Subscription does not exist"),
  ],
  [
    "SetSubscriptionAttributes",
    "SubscriptionArn",
    { AttributeName: "RawMessageDelivery", AttributeValue: "true" },
    `${NOWHERE}:1`,
    missing("NotFound", "Subscription does not exist"),
  ],
  ["Unsubscribe", "SubscriptionArn", {}, `${NOWHERE}:1`, undefined],
  ["ListTagsForResource", "ResourceArn", {}, NOWHERE, missing("ResourceNotFound", "Resource does not exist")],
  [
    "TagResource",
    "ResourceArn",
    { Tags: [{ Key: "k", Value: "v" }] },
    NOWHERE,
    missing("ResourceNotFound", "Resource does not exist"),
  ],
  [
    "UntagResource",
    "ResourceArn",
    { TagKeys: ["k"] },
    NOWHERE,
    missing("ResourceNotFound", "Resource does not exist"),
  ],
  [
    "GetPlatformApplicationAttributes",
    "PlatformApplicationArn",
    {},
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  [
    "SetPlatformApplicationAttributes",
    "PlatformApplicationArn",
    { Attributes: { Enabled: "true" } },
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  ["DeletePlatformApplication", "PlatformApplicationArn", {}, NO_APPLICATION, undefined],
  [
    "CreatePlatformEndpoint",
    "PlatformApplicationArn",
    { Token: "device" },
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  [
    "ListEndpointsByPlatformApplication",
    "PlatformApplicationArn",
    {},
    NO_APPLICATION,
    missing("NotFound", "PlatformApplication does not exist"),
  ],
  ["GetEndpointAttributes", "EndpointArn", {}, NO_ENDPOINT, missing("NotFound", "Endpoint does not exist")],
  [
    "SetEndpointAttributes",
    "EndpointArn",
    { Attributes: { Enabled: "true" } },
    NO_ENDPOINT,
    missing("NotFound", "Endpoint does not exist"),
  ],
  ["DeleteEndpoint", "EndpointArn", {}, NO_ENDPOINT, undefined],
];

test("what is no ARN, and what is not there", async (t) => {
  const served = await serveSns(t);
  for (const [operation, member, input, arn, refusal] of BY_ARN) {
    const nonsense = call(served, operation, { ...input, [member]: "nonsense" });
    assert.deepEqual(await refused(nonsense), elements(member), operation);
    const answer = call(served, operation, { ...input, [member]: arn });
    if (refusal === undefined) await answer;
    else assert.deepEqual(await refused(answer), refusal, operation);
  }
});

test("what else is refused", async (t) => {
  const served = await serveSns(t);
  const bad: readonly (readonly [string, object, unknown])[] = [
    [
      "CheckIfPhoneNumberIsOptedOut",
      { phoneNumber: "x" },
      invalid("PhoneNumber Reason: input incorrectly formatted"),
    ],
    ["OptInPhoneNumber", { phoneNumber: "x" }, invalid("PhoneNumber Reason: input incorrectly formatted")],
    ["ListPhoneNumbersOptedOut", { nextToken: "x" }, invalid("nextToken")],
    ["ListSMSSandboxPhoneNumbers", { NextToken: "x" }, invalid("NextToken")],
    ["ListOriginationNumbers", { NextToken: "x" }, invalid("NextToken")],
    ["GetSMSAttributes", { attributes: ["Nonsense"] }, invalid("attributes Reason: Invalid key [Nonsense]")],
    [
      "SetSMSAttributes",
      { attributes: { Nonsense: "1" } },
      invalid("attributes Reason: Invalid key [Nonsense]"),
    ],
    ["ConfirmSubscription", { TopicArn: `${ARN}:t`, Token: "x" }, invalid("Token")],
    ["ListTopics", { NextToken: "x" }, invalid("NextToken")],
    ["ListSubscriptions", { NextToken: "x" }, invalid("NextToken")],
    ["ListPlatformApplications", { NextToken: "x" }, invalid("NextToken")],
    ["CreateTopic", { Name: "a b" }, invalid("Topic Name")],
    [
      "Publish",
      {
        PhoneNumber: "+15550100",
        Message: "x",
        MessageAttributes: { "AWS.SNS.SMS.SMSType": { DataType: "String", StringValue: "Loud" } },
      },
      invalid("MessageAttributes Reason: Invalid value for AWS.SNS.SMS.SMSType: Loud"),
    ],
    [
      "CreatePlatformApplication",
      { Name: "a", Platform: "GCM", Attributes: { ...SEALED, Enabled: "maybe" } },
      invalid("Attributes Reason: Invalid value for attribute: Enabled: must be true or false"),
    ],
    [
      "CreatePlatformApplication",
      { Name: "a", Platform: "GCM", Attributes: { ...SEALED, SuccessFeedbackSampleRate: "101" } },
      invalid(
        "Attributes Reason: Invalid value for attribute: SuccessFeedbackSampleRate: must be a percentage, 0 to 100",
      ),
    ],
    [
      "CreatePlatformEndpoint",
      { PlatformApplicationArn: NO_APPLICATION, Token: "" },
      invalid("Token Reason: cannot be empty"),
    ],
    [
      "SetEndpointAttributes",
      { EndpointArn: NO_ENDPOINT, Attributes: { Token: "" } },
      invalid("Token Reason: cannot be empty"),
    ],
    // Names that every object of JavaScript has.
    [
      "SetSMSAttributes",
      { attributes: { constructor: "1" } },
      invalid("attributes Reason: Invalid key [constructor]"),
    ],
    [
      "CreateTopic",
      { Name: "a", Attributes: { constructor: "1" } },
      invalid("Attributes Reason: Unknown attribute constructor"),
    ],
    [
      "PutDataProtectionPolicy",
      { ResourceArn: NOWHERE, DataProtectionPolicy: DATA_PROTECTION.replace("EmailAddress", "constructor") },
      invalid("DataProtectionPolicy: the data identifier constructor is not implemented by Lambent"),
    ],
  ];
  for (const [operation, input, refusal] of bad) {
    assert.deepEqual(await refused(call(served, operation, input)), refusal, operation);
  }
  assert.equal((await call(served, "GetSMSSandboxAccountStatus")).IsInSandbox, false);
  assert.deepEqual((await call(served, "ListSMSSandboxPhoneNumbers")).PhoneNumbers, []);
  assert.deepEqual((await call(served, "ListOriginationNumbers")).PhoneNumbers, []);
  await served.topic("t");
  const page = call(served, "ListSubscriptionsByTopic", { TopicArn: `${ARN}:t`, NextToken: "x" });
  assert.deepEqual(await refused(page), invalid("NextToken"));
});

test("an account's and a topic's quotas", async (t) => {
  const served = await serveSns(t);
  /** Rows that count and are nothing else. */
  const fill = (into: string, select: string, count: number, ...params: SqlValue[]): Promise<unknown> =>
    served.database.commit([
      {
        sql: `INSERT INTO ${into} WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
          SELECT ${select} FROM n`,
        params: [count, ...params],
      },
    ]);
  const topics = (fifo: boolean, count: number): Promise<unknown> =>
    fill(
      "sns_topics (arn, account, region, fifo, revision, body)",
      `'many ${String(fifo)} ' || i, ?, ?, ?, 'r', '{}'`,
      count,
      ACCOUNT,
      REGION,
      String(fifo),
    );
  const limit = (code: string, message: string): unknown => ({ code, status: 403, message });
  const noMore = limit("TopicLimitExceeded", "Topic limit exceeded");
  const fifo = { FifoTopic: "true" };
  const ordered = await served.topic("last.fifo", fifo);
  await topics(true, 999);
  assert.deepEqual(await refused(served.topic("more.fifo", fifo)), noMore);
  assert.equal(await served.topic("last.fifo", fifo), ordered, "one that is there can be asked for again");
  const plain = await served.topic("last");
  await topics(false, 99_999);
  assert.deepEqual(await refused(served.topic("more")), noMore);

  const noMoreSubscriptions = limit("SubscriptionLimitExceeded", "Subscription limit exceeded");
  for (let index = 0; index < 100; index += 1) await served.subscribeQueue(ordered, `q${String(index)}`);
  assert.deepEqual(await refused(served.subscribeQueue(ordered, "one-more")), noMoreSubscriptions);
  await fill(
    "sns_subscriptions (arn, topic_arn, owner, region, shown_until, filtered, body)",
    "'pending ' || i, '', ?, ?, ?, 'false', '{}'",
    5_000,
    ACCOUNT,
    REGION,
    served.clock.now() + 3_600_000,
  );
  const byMail = (): Promise<unknown> =>
    call(served, "Subscribe", { TopicArn: plain, Protocol: "email", Endpoint: "a@example.org" });
  assert.deepEqual(await refused(byMail()), noMoreSubscriptions);
  await served.database.commit([
    { sql: "DELETE FROM sns_subscriptions WHERE arn LIKE 'pending %'", params: [] },
  ]);
  await byMail();

  const noMoreFilters = limit("FilterPolicyLimitExceeded", "Filter policy limit exceeded");
  const FilterPolicy = '{"k":["v"]}';
  for (let index = 0; index < 200; index += 1) {
    await served.subscribeQueue(plain, `f${String(index)}`, { FilterPolicy });
  }
  assert.deepEqual(await refused(served.subscribeQueue(plain, "f", { FilterPolicy })), noMoreFilters);
  const SubscriptionArn = await served.subscribeQueue(plain, "without");
  const filter = (arn: string): Promise<unknown> =>
    call(served, "SetSubscriptionAttributes", {
      SubscriptionArn: arn,
      AttributeName: "FilterPolicy",
      AttributeValue: FilterPolicy,
    });
  assert.deepEqual(await refused(filter(SubscriptionArn)), noMoreFilters);
  await filter(await served.subscribeQueue(plain, "f0", { FilterPolicy }));
  await fill(
    "sns_subscriptions (arn, topic_arn, owner, region, shown_until, filtered, body)",
    "'filtered ' || i, '', ?, ?, ?, 'true', '{}'",
    9_800,
    ACCOUNT,
    REGION,
    Number.MAX_SAFE_INTEGER,
  );
  await call(served, "DeleteTopic", { TopicArn: ordered });
  await served.database.commit([{ sql: "DELETE FROM sns_topics WHERE arn LIKE 'many %'", params: [] }]);
  const other = await served.topic("other");
  assert.deepEqual(await refused(served.subscribeQueue(other, "f", { FilterPolicy })), noMoreFilters);
  assert.deepEqual(
    await refused(
      call(served, "CreateTopic", {
        Name: "tagged",
        Tags: Array.from({ length: 51 }, (_none, index) => ({ Key: String(index), Value: "" })),
      }),
    ),
    {
      code: "TagLimitExceeded",
      status: 400,
      message: "Could not complete request: tag quota of per resource exceeded",
    },
  );
});

test("a hundred are a page", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t0");
  for (let index = 1; index < 101; index += 1) await served.topic(`t${String(index)}`);
  for (let index = 0; index < 101; index += 1) await served.subscribeQueue(topic, `q${String(index)}`);
  let PlatformApplicationArn = "";
  for (let index = 0; index < 101; index += 1) {
    ({ PlatformApplicationArn } = await call(served, "CreatePlatformApplication", {
      Name: `a${String(index)}`,
      Platform: "GCM",
      Attributes: SEALED,
    }));
  }
  for (let index = 0; index < 101; index += 1) {
    await call(served, "CreatePlatformEndpoint", {
      PlatformApplicationArn,
      Token: `device ${String(index)}`,
    });
  }
  const lists: readonly (readonly [string, string, object])[] = [
    ["ListTopics", "Topics", {}],
    ["ListSubscriptions", "Subscriptions", {}],
    ["ListSubscriptionsByTopic", "Subscriptions", { TopicArn: topic }],
    ["ListPlatformApplications", "PlatformApplications", {}],
    ["ListEndpointsByPlatformApplication", "Endpoints", { PlatformApplicationArn }],
  ];
  for (const [operation, member, input] of lists) {
    const first = await call(served, operation, input);
    assert.equal(first[member].length, 100, operation);
    const second = await call(served, operation, { ...input, NextToken: first.NextToken });
    assert.equal(second[member].length, 1, operation);
    assert.equal(second.NextToken, undefined, operation);
    const all = [...first[member], ...second[member]].map((one) => JSON.stringify(one));
    assert.equal(new Set(all).size, 101, operation);
    saw(operation, "pagination");
  }
});

/** Does things, starts again over the same folder, and looks. */
async function again(t: TestContext, served: Served): Promise<Served> {
  await served.close();
  return serveSns(t, { folder: served.folder });
}

test("what each operation did is there after a restart", async (t) => {
  let served = await serveSns(t);
  const folder = served.folder;
  const persisted = async (
    operations: readonly string[],
    look: () => Promise<unknown>,
    expected: unknown,
  ): Promise<void> => {
    served = await again(t, served);
    assert.equal(served.folder, folder);
    assert.deepEqual(await look(), expected, operations.join());
    for (const operation of operations) saw(operation, "persistence");
  };
  const TopicArn = await served.topic("t");
  await call(served, "DeleteTopic", { TopicArn: await served.topic("gone") });
  await call(served, "SetTopicAttributes", {
    TopicArn,
    AttributeName: "DisplayName",
    AttributeValue: "shown",
  });
  await call(served, "PutDataProtectionPolicy", {
    ResourceArn: TopicArn,
    DataProtectionPolicy: DATA_PROTECTION,
  });
  for (const Label of ["kept", "gone"]) {
    await call(served, "AddPermission", {
      TopicArn,
      Label,
      AWSAccountId: [ACCOUNT],
      ActionName: ["Publish"],
    });
  }
  await call(served, "RemovePermission", { TopicArn, Label: "gone" });
  await call(served, "TagResource", {
    ResourceArn: TopicArn,
    Tags: [
      { Key: "a", Value: "1" },
      { Key: "b", Value: "2" },
    ],
  });
  await call(served, "UntagResource", { ResourceArn: TopicArn, TagKeys: ["a"] });
  await persisted(
    [
      "CreateTopic",
      "DeleteTopic",
      "SetTopicAttributes",
      "AddPermission",
      "RemovePermission",
      "TagResource",
      "UntagResource",
      "PutDataProtectionPolicy",
    ],
    async () => {
      const { Topics } = await call(served, "ListTopics");
      const { Attributes } = await call(served, "GetTopicAttributes", { TopicArn });
      const { Statement } = JSON.parse(Attributes.Policy) as { Statement: { Sid: string }[] };
      const { Tags } = await call(served, "ListTagsForResource", { ResourceArn: TopicArn });
      const { DataProtectionPolicy } = await call(served, "GetDataProtectionPolicy", {
        ResourceArn: TopicArn,
      });
      return [Topics, Attributes.DisplayName, Statement.map(({ Sid }) => Sid), Tags, DataProtectionPolicy];
    },
    [
      [{ TopicArn }],
      "shown",
      ["__default_statement_ID", "kept"],
      [{ Key: "b", Value: "2" }],
      DATA_PROTECTION,
    ],
  );

  await served.queue("q");
  const SubscriptionArn = await served.subscribeQueue(TopicArn, "q");
  await call(served, "Unsubscribe", { SubscriptionArn: await served.subscribeQueue(TopicArn, "gone") });
  const raw = { SubscriptionArn, AttributeName: "RawMessageDelivery", AttributeValue: "true" };
  await call(served, "SetSubscriptionAttributes", raw);
  const mail = { TopicArn, Protocol: "email", Endpoint: "a@example.org" };
  await call(served, "Subscribe", mail);
  const [letter] = await served.sns.mails(1);
  const Token = /Token=([0-9a-f]+)/u.exec(letter?.body ?? "")?.[1] ?? "";
  const confirmed = await call(served, "ConfirmSubscription", { TopicArn, Token });
  await persisted(
    ["Subscribe", "Unsubscribe", "SetSubscriptionAttributes", "ConfirmSubscription"],
    async () => {
      const { Subscriptions } = await call(served, "ListSubscriptionsByTopic", { TopicArn });
      const { Attributes } = await call(served, "GetSubscriptionAttributes", { SubscriptionArn });
      const arns = (Subscriptions as Output[]).map((one) => String(one.SubscriptionArn));
      return [arns.toSorted(), Attributes.RawMessageDelivery];
    },
    [[SubscriptionArn, String(confirmed.SubscriptionArn)].toSorted(), "true"],
  );

  // What is published is delivered by the next server, where this one ended before.
  await served.queue("q");
  await call(served, "Publish", { TopicArn, Message: "one" });
  await call(served, "PublishBatch", { TopicArn, PublishBatchRequestEntries: [{ Id: "1", Message: "two" }] });
  await persisted(
    ["Publish", "PublishBatch"],
    async () => (await served.receive("q", 2)).map(({ Body }) => Body).toSorted(),
    ["one", "two"],
  );

  const application = { Name: "app", Platform: "GCM", Attributes: SEALED };
  const { PlatformApplicationArn } = await call(served, "CreatePlatformApplication", application);
  const gone = await call(served, "CreatePlatformApplication", { ...application, Name: "gone" });
  await call(served, "DeletePlatformApplication", gone);
  const Attributes = { Enabled: "false" };
  await call(served, "SetPlatformApplicationAttributes", { PlatformApplicationArn, Attributes });
  const endpoint = (Token: string): Promise<Output> =>
    call(served, "CreatePlatformEndpoint", { PlatformApplicationArn, Token });
  const { EndpointArn } = await endpoint("kept");
  await call(served, "DeleteEndpoint", { EndpointArn: (await endpoint("gone")).EndpointArn });
  await call(served, "SetEndpointAttributes", { EndpointArn, Attributes: { CustomUserData: "d" } });
  await call(served, "SetSMSAttributes", { attributes: { DefaultSMSType: "Transactional" } });
  await persisted(
    [
      "CreatePlatformApplication",
      "DeletePlatformApplication",
      "SetPlatformApplicationAttributes",
      "CreatePlatformEndpoint",
      "DeleteEndpoint",
      "SetEndpointAttributes",
      "SetSMSAttributes",
    ],
    async () => [
      (await call(served, "ListPlatformApplications")).PlatformApplications,
      (await call(served, "ListEndpointsByPlatformApplication", { PlatformApplicationArn })).Endpoints,
      (await call(served, "GetSMSAttributes", { attributes: ["DefaultSMSType"] })).attributes,
    ],
    [
      [{ PlatformApplicationArn, Attributes }],
      [{ EndpointArn, Attributes: { Enabled: "true", Token: "kept", CustomUserData: "d" } }],
      { DefaultSMSType: "Transactional" },
    ],
  );
});
