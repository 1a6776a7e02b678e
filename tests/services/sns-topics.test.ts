/** Topics: names, attributes, policy, tags, pages, and what AWS says to what it does not take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AddPermissionCommand,
  CreateTopicCommand,
  DeleteTopicCommand,
  GetTopicAttributesCommand,
  ListTagsForResourceCommand,
  ListTopicsCommand,
  RemovePermissionCommand,
  SetTopicAttributesCommand,
  TagResourceCommand,
  UntagResourceCommand,
} from "@aws-sdk/client-sns";
import { ACCOUNT, invalid, NO_TOPIC, REGION, refused, serveSns, type Served } from "./sns-harness.ts";

const ARN = `arn:aws:sns:${REGION}:${ACCOUNT}`;

async function attributes(served: Served, TopicArn: string): Promise<Record<string, unknown>> {
  const { Attributes = {} } = await served.client.send(new GetTopicAttributesCommand({ TopicArn }));
  return Object.fromEntries(
    Object.entries(Attributes).map(([name, value]) => [
      name,
      name === "Policy" || name.endsWith("DeliveryPolicy") ? (JSON.parse(value) as unknown) : value,
    ]),
  );
}

const set = (
  served: Served,
  TopicArn: string,
  AttributeName: string,
  AttributeValue: string,
): Promise<unknown> =>
  served.client.send(new SetTopicAttributesCommand({ TopicArn, AttributeName, AttributeValue }));

function defaultPolicy(arn: string): unknown {
  return {
    Version: "2008-10-17",
    Id: "__default_policy_ID",
    Statement: [
      {
        Sid: "__default_statement_ID",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: [
          "SNS:GetTopicAttributes",
          "SNS:SetTopicAttributes",
          "SNS:AddPermission",
          "SNS:RemovePermission",
          "SNS:DeleteTopic",
          "SNS:Subscribe",
          "SNS:ListSubscriptionsByTopic",
          "SNS:Publish",
        ],
        Resource: arn,
        Condition: { StringEquals: { "AWS:SourceOwner": ACCOUNT } },
      },
    ],
  };
}

const EFFECTIVE = {
  http: {
    defaultHealthyRetryPolicy: {
      minDelayTarget: 20,
      maxDelayTarget: 20,
      numRetries: 3,
      numMaxDelayRetries: 0,
      numNoDelayRetries: 0,
      numMinDelayRetries: 0,
      backoffFunction: "linear",
    },
    disableSubscriptionOverrides: false,
    defaultRequestPolicy: { headerContentType: "text/plain; charset=UTF-8" },
  },
};
const COUNTS = { SubscriptionsConfirmed: "0", SubscriptionsDeleted: "0", SubscriptionsPending: "0" };

test("attributes as AWS shows them, of a standard and of a FIFO topic", async (t) => {
  const served = await serveSns(t);
  const standard = await served.topic("plain");
  assert.equal(standard, `${ARN}:plain`);
  const common = { EffectiveDeliveryPolicy: EFFECTIVE, Owner: ACCOUNT, ...COUNTS };
  assert.deepEqual(await attributes(served, standard), {
    ...common,
    DisplayName: "",
    Policy: defaultPolicy(standard),
    TopicArn: standard,
  });
  const fifo = await served.topic("ordered.fifo", {
    FifoTopic: "true",
    DisplayName: "TestTopic",
    SignatureVersion: "2",
  });
  assert.deepEqual(await attributes(served, fifo), {
    ...common,
    DisplayName: "TestTopic",
    FifoTopic: "true",
    ContentBasedDeduplication: "false",
    SignatureVersion: "2",
    Policy: defaultPolicy(fifo),
    TopicArn: fifo,
  });
});

test("a name that AWS does not allow", async (t) => {
  const served = await serveSns(t);
  const create = (Name: string, Attributes = {}): Promise<unknown> =>
    served.client.send(new CreateTopicCommand({ Name, Attributes }));
  await create("a".repeat(256));
  await create(`${"a".repeat(251)}.fifo`, { FifoTopic: "true" });
  const bad = ["", "a".repeat(257), "x.fifo", "a b", "ä", "a:b", "a/b", "a.b", "a*"];
  for (const name of bad) assert.deepEqual(await refused(create(name)), invalid("Topic Name"), name);
  for (const name of ["plain", ".fifo", `${"a".repeat(252)}.fifo`]) {
    assert.deepEqual(await refused(create(name, { FifoTopic: "true" })), invalid("Topic Name"), name);
  }
});

test("creating a topic again means the same one, or is refused", async (t) => {
  const served = await serveSns(t);
  const create = (more: object): Promise<unknown> =>
    served.client.send(new CreateTopicCommand({ Name: "twice", ...more }));
  await create({ Attributes: { DisplayName: "one" }, Tags: [{ Key: "k", Value: "v" }] });
  await create({});
  await create({ Attributes: {}, Tags: [] });
  await create({ Attributes: { DisplayName: "one" }, Tags: [{ Key: "k", Value: "v" }] });
  assert.deepEqual(
    await refused(create({ Attributes: { DisplayName: "two" } })),
    invalid("Attributes Reason: Topic already exists with different attributes"),
  );
  assert.deepEqual(
    await refused(create({ Tags: [{ Key: "other", Value: "v" }] })),
    invalid("Tags Reason: Topic already exists with different tags"),
  );
  const wrong: [Record<string, string>, string][] = [
    [
      { ContentBasedDeduplication: "true" },
      "Attributes Reason: Content-based deduplication can only be set for FIFO topics",
    ],
    [{ Nonsense: "x" }, "Attributes Reason: Unknown attribute Nonsense"],
    [{ FifoTopic: "maybe" }, "FifoTopic"],
    [{ SignatureVersion: "3" }, "SignatureVersion"],
    [{ TracingConfig: "On" }, "TracingConfig"],
    [{ ArchivePolicy: "{}" }, "the attribute ArchivePolicy is not implemented by Lambent"],
    [{ SQSSuccessFeedbackRoleArn: "x" }, "SQSSuccessFeedbackRoleArn"],
    [{ LambdaSuccessFeedbackSampleRate: "101" }, "LambdaSuccessFeedbackSampleRate"],
    [
      { FirehoseSuccessFeedbackRoleArn: "x" },
      "the attribute FirehoseSuccessFeedbackRoleArn is not implemented by Lambent",
    ],
  ];
  for (const [Attributes, message] of wrong) {
    const call = served.client.send(new CreateTopicCommand({ Name: "wrong", Attributes }));
    assert.deepEqual(await refused(call), invalid(message));
  }
});

test("attributes are set one by one", async (t) => {
  const served = await serveSns(t);
  const arn = await served.topic("settings");
  await set(served, arn, "DisplayName", "Shown");
  await set(served, arn, "SignatureVersion", "2");
  await set(served, arn, "TracingConfig", "Active");
  await set(served, arn, "KmsMasterKeyId", "alias/aws/sns");
  const policy = {
    http: { defaultHealthyRetryPolicy: { minDelayTarget: 1, maxDelayTarget: 5, numRetries: 7 } },
  };
  await set(served, arn, "DeliveryPolicy", JSON.stringify(policy));
  const shown = await attributes(served, arn);
  assert.equal(shown["DisplayName"], "Shown");
  assert.equal(shown["SignatureVersion"], "2");
  assert.equal(shown["TracingConfig"], "Active");
  assert.equal(shown["KmsMasterKeyId"], "alias/aws/sns");
  assert.deepEqual(shown["DeliveryPolicy"], policy);
  assert.deepEqual(shown["EffectiveDeliveryPolicy"], {
    http: {
      ...EFFECTIVE.http,
      defaultHealthyRetryPolicy: {
        ...EFFECTIVE.http.defaultHealthyRetryPolicy,
        minDelayTarget: 1,
        maxDelayTarget: 5,
        numRetries: 7,
      },
    },
  });
  await set(served, arn, "DeliveryPolicy", "");
  assert.equal((await attributes(served, arn))["DeliveryPolicy"], undefined);
  const wrong: [string, string, string][] = [
    ["Nonsense", "x", "AttributeName"],
    ["FifoTopic", "true", "AttributeName"],
    ["DisplayName", "x".repeat(101), "DisplayName"],
    ["Policy", "no json", "Policy Error: null"],
    ["DeliveryPolicy", "{", "DeliveryPolicy: failed to parse JSON"],
    ["DeliveryPolicy", '{"x":1}', "DeliveryPolicy: http is expected"],
    [
      "DeliveryPolicy",
      '{"http":{"defaultHealthyRetryPolicy":{"minDelayTarget":9,"maxDelayTarget":3}}}',
      "DeliveryPolicy: http.defaultHealthyRetryPolicy.maxDelayTarget must be greater than or equal to minDelayTarget",
    ],
    [
      "DeliveryPolicy",
      '{"http":{"defaultThrottlePolicy":{"maxReceivesPerSecond":1}}}',
      "DeliveryPolicy: a throttlePolicy is not implemented by Lambent",
    ],
  ];
  for (const [name, value, message] of wrong) {
    assert.deepEqual(await refused(set(served, arn, name, value)), invalid(message), `${name}=${value}`);
  }
});

test("what is no topic's ARN, and a topic that is not there", async (t) => {
  const served = await serveSns(t);
  const get = (TopicArn: string): Promise<unknown> =>
    served.client.send(new GetTopicAttributesCommand({ TopicArn }));
  assert.deepEqual(await refused(get(`${ARN}:missing`)), NO_TOPIC);
  const few = (count: number): unknown =>
    invalid(`TopicArn Reason: An ARN must have at least 6 elements, not ${String(count)}`);
  assert.deepEqual(await refused(get("randomstring")), few(1));
  assert.deepEqual(await refused(get("random:string")), few(2));
  assert.deepEqual(await refused(get("arn:aws:sns:a:b")), few(5));
  assert.deepEqual(await refused(get(`arn:aws:sqs:${REGION}:${ACCOUNT}:x`)), invalid("TopicArn"));
  assert.deepEqual(await refused(get(`arn:aws:sns:us-west-2:${ACCOUNT}:x`)), invalid("TopicArn"));
  assert.deepEqual(await refused(set(served, `${ARN}:missing`, "DisplayName", "x")), NO_TOPIC);
});

test("deleting twice is as good as once, and takes tags along", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  const TopicArn = await served.topic("gone");
  await client.send(new TagResourceCommand({ ResourceArn: TopicArn, Tags: [{ Key: "k", Value: "v" }] }));
  await client.send(new DeleteTopicCommand({ TopicArn }));
  await client.send(new DeleteTopicCommand({ TopicArn }));
  assert.deepEqual(await refused(client.send(new GetTopicAttributesCommand({ TopicArn }))), NO_TOPIC);
  await served.topic("gone");
  const { Tags } = await client.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn }));
  assert.deepEqual(Tags, []);
  const call = client.send(new DeleteTopicCommand({ TopicArn: "x" }));
  assert.deepEqual(
    await refused(call),
    invalid("TopicArn Reason: An ARN must have at least 6 elements, not 1"),
  );
});

test("tags", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  const ResourceArn = await served.topic("tagged");
  const tags = async (): Promise<unknown> =>
    (await client.send(new ListTagsForResourceCommand({ ResourceArn }))).Tags;
  const tag = (...Tags: { Key: string; Value: string }[]): Promise<unknown> =>
    client.send(new TagResourceCommand({ ResourceArn, Tags }));
  assert.deepEqual(
    await refused(tag({ Key: "k1", Value: "a" }, { Key: "k1", Value: "b" })),
    invalid("Duplicated keys are not allowed."),
  );
  await tag({ Key: "k1", Value: "v1" }, { Key: "k2", Value: "v2" });
  await client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ["k1", "k9"] }));
  assert.deepEqual(await tags(), [{ Key: "k2", Value: "v2" }]);
  await tag({ Key: "k2", Value: "v2b" });
  assert.deepEqual(await tags(), [{ Key: "k2", Value: "v2b" }]);
  const many = Array.from({ length: 50 }, (_, index) => ({ Key: `m${String(index)}`, Value: "" }));
  assert.equal((await refused(tag(...many))).code, "TagLimitExceeded");
  const missing = client.send(new ListTagsForResourceCommand({ ResourceArn: `${ARN}:missing` }));
  assert.deepEqual(await refused(missing), {
    code: "ResourceNotFound",
    status: 404,
    message: "Resource does not exist",
  });
});

test("a hundred topics are a page, of this account and region alone", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  for (let index = 0; index < 105; index += 1) await served.topic(`t${String(index)}`);
  const elsewhere = served.clientOf({ region: "us-west-2" });
  await elsewhere.send(new CreateTopicCommand({ Name: "t0" }));
  const first = await client.send(new ListTopicsCommand({}));
  assert.equal(first.Topics?.length, 100);
  const second = await client.send(new ListTopicsCommand({ NextToken: first.NextToken }));
  assert.equal(second.Topics?.length, 5);
  assert.equal(second.NextToken, undefined);
  const all = new Set([...(first.Topics ?? []), ...(second.Topics ?? [])].map(({ TopicArn }) => TopicArn));
  assert.equal(all.size, 105);
  assert.deepEqual((await elsewhere.send(new ListTopicsCommand({}))).Topics, [
    { TopicArn: `arn:aws:sns:us-west-2:${ACCOUNT}:t0` },
  ]);
  assert.deepEqual(
    await refused(client.send(new ListTopicsCommand({ NextToken: "x" }))),
    invalid("NextToken"),
  );
});

test("permissions are statements of the policy", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  const TopicArn = await served.topic("open");
  const statements = async (): Promise<{ Sid: string }[]> =>
    ((await attributes(served, TopicArn))["Policy"] as { Statement: { Sid: string }[] }).Statement;
  const add = (more: object = {}): Promise<unknown> =>
    client.send(
      new AddPermissionCommand({
        TopicArn,
        Label: "test",
        AWSAccountId: [ACCOUNT],
        ActionName: ["Publish", "Subscribe"],
        ...more,
      }),
    );
  await add();
  assert.deepEqual((await statements())[1], {
    Sid: "test",
    Effect: "Allow",
    Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
    Action: ["SNS:Publish", "SNS:Subscribe"],
    Resource: TopicArn,
  });
  await add({ Label: "one", ActionName: ["Publish"] });
  assert.equal((await statements())[2]?.["Action" as "Sid"], "SNS:Publish");
  assert.deepEqual(await refused(add()), invalid("Statement already exists"));
  assert.deepEqual(
    await refused(add({ Label: "x", ActionName: ["Nonsense"] })),
    invalid("Policy statement action out of service scope!"),
  );
  assert.deepEqual(
    await refused(add({ Label: "x", AWSAccountId: ["1"] })),
    invalid("Policy Error: PrincipalNotFound"),
  );
  assert.deepEqual(await refused(add({ TopicArn: `${ARN}:missing` })), NO_TOPIC);
  const remove = (Label: string, arn = TopicArn): Promise<unknown> =>
    client.send(new RemovePermissionCommand({ TopicArn: arn, Label }));
  await remove("test");
  await remove("never there");
  assert.deepEqual(
    (await statements()).map(({ Sid }) => Sid),
    ["__default_statement_ID", "one"],
  );
  assert.deepEqual(await refused(remove("test", `${ARN}:missing`)), NO_TOPIC);
});

test("a policy that is not one of this topic is refused", async (t) => {
  const served = await serveSns(t);
  const arn = await served.topic("guarded");
  const good = { Effect: "Allow", Principal: "*", Action: "sns:Publish", Resource: arn };
  const { Principal: _principal, ...nobody } = good;
  const { Action: _action, ...nothing } = good;
  const { Resource: _resource, ...nowhere } = good;
  const policy = (...Statement: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement });
  const faulty = [
    "[]",
    "{}",
    "null",
    '{"Statement":[null]}',
    '{"Statement":[1]}',
    '{"Statement":[[]]}',
    policy(),
    JSON.stringify({ Version: "2012-10-18", Statement: [good] }),
    policy({ ...good, Effect: "Maybe" }),
    policy(nobody),
    policy(nothing),
    policy(nowhere),
    policy({ ...good, Resource: `${ARN}:other` }),
    policy({ ...good, Resource: [arn, `${ARN}:other`] }),
    policy({ ...good, Sid: "a" }, { ...good, Sid: "a" }),
  ];
  for (const text of faulty) {
    assert.deepEqual(await refused(set(served, arn, "Policy", text)), invalid("Policy Error: null"), text);
  }
  for (const Action of ["sqs:SendMessage", "sns:CreateTopic", "sns:Nope", ["sns:Publish", "s3:*"], 1]) {
    const call = set(served, arn, "Policy", policy({ ...good, Action }));
    assert.deepEqual(await refused(call), invalid("Policy statement action out of service scope!"));
  }
  const taken = [
    policy(good, { ...good, Sid: "" }, { ...good, Sid: "" }),
    policy({ ...good, Action: ["SNS:Publish", "sns:get*", "SNS:*"], Resource: "*" }),
    policy({ ...good, Effect: "Deny", Resource: `arn:aws:sns:*:*:guarded` }),
    JSON.stringify({ Statement: good }),
  ];
  for (const text of taken) await set(served, arn, "Policy", text);
  const create = served.client.send(
    new CreateTopicCommand({ Name: "other", Attributes: { Policy: policy(good) } }),
  );
  assert.deepEqual(await refused(create), invalid("Policy Error: null"));
  await set(served, arn, "Policy", "");
  assert.deepEqual((await attributes(served, arn))["Policy"], defaultPolicy(arn));
});
