/** Subscriptions: protocols, idempotence, attributes, pages, and what AWS says to what it does not take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConfirmSubscriptionCommand,
  DeleteTopicCommand,
  GetSubscriptionAttributesCommand,
  GetTopicAttributesCommand,
  ListSubscriptionsByTopicCommand,
  ListSubscriptionsCommand,
  SetSubscriptionAttributesCommand,
  SubscribeCommand,
  UnsubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  ACCOUNT,
  invalid,
  NO_TOPIC,
  queueArn,
  REGION,
  refused,
  serveSns,
  USER,
  type Served,
} from "./sns-harness.ts";

const ARN = `arn:aws:sns:${REGION}:${ACCOUNT}`;

function subscribe(
  served: Served,
  TopicArn: string,
  Protocol: string,
  Endpoint: string | undefined,
  Attributes?: Record<string, string>,
  more: object = {},
): Promise<{ SubscriptionArn?: string | undefined }> {
  return served.client.send(
    new SubscribeCommand({
      TopicArn,
      Protocol,
      Endpoint,
      ...(Attributes === undefined ? {} : { Attributes }),
      ...more,
    }),
  );
}

async function attributes(served: Served, SubscriptionArn: string): Promise<Record<string, string>> {
  const answer = await served.client.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
  return answer.Attributes ?? {};
}

const set = (
  served: Served,
  SubscriptionArn: string,
  AttributeName: string,
  AttributeValue?: string,
): Promise<unknown> =>
  served.client.send(
    new SetSubscriptionAttributesCommand({
      SubscriptionArn,
      AttributeName,
      ...(AttributeValue === undefined ? {} : { AttributeValue }),
    }),
  );

test("attributes as AWS shows them", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const FilterPolicy = '{"attr1": [{"numeric": [">", 0, "<=", 100]}]}';
  const arn = await served.subscribeQueue(topic, "q", { FilterPolicy });
  assert.match(arn, new RegExp(`^${topic}:[0-9a-f-]{36}$`, "u"));
  const shown = {
    ConfirmationWasAuthenticated: "true",
    Endpoint: queueArn("q"),
    Owner: ACCOUNT,
    PendingConfirmation: "false",
    Protocol: "sqs",
    RawMessageDelivery: "false",
    SubscriptionArn: arn,
    SubscriptionPrincipal: USER,
    TopicArn: topic,
  };
  assert.deepEqual(await attributes(served, arn), {
    ...shown,
    FilterPolicy,
    FilterPolicyScope: "MessageAttributes",
  });
  await set(served, arn, "FilterPolicy", "{}");
  await set(served, arn, "RawMessageDelivery", "TRUE");
  assert.deepEqual(await attributes(served, arn), { ...shown, RawMessageDelivery: "true" });
  await set(served, arn, "FilterPolicyScope", "MessageBody");
  assert.equal((await attributes(served, arn))["FilterPolicyScope"], undefined);
  await set(served, arn, "FilterPolicy", '{"object":{"key":[{"prefix":"auto-"}]}}');
  assert.equal((await attributes(served, arn))["FilterPolicyScope"], "MessageBody");
  const web = await subscribe(served, topic, "http", "http://user:secret@127.0.0.1:9/x", undefined, {
    ReturnSubscriptionArn: true,
  });
  const http = await attributes(served, web.SubscriptionArn ?? "");
  assert.equal(http["PendingConfirmation"], "true");
  assert.equal(http["ConfirmationWasAuthenticated"], "false");
  assert.equal(http["Endpoint"], "http://user:****@127.0.0.1:9/x");
  assert.deepEqual(JSON.parse(http["EffectiveDeliveryPolicy"] ?? ""), {
    healthyRetryPolicy: {
      minDelayTarget: 20,
      maxDelayTarget: 20,
      numRetries: 3,
      numMaxDelayRetries: 0,
      numNoDelayRetries: 0,
      numMinDelayRetries: 0,
      backoffFunction: "linear",
    },
    sicklyRetryPolicy: null,
    throttlePolicy: null,
    requestPolicy: { headerContentType: "text/plain; charset=UTF-8" },
    guaranteed: false,
  });
});

test("endpoints that their protocol does not take", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const cases: [string, string | undefined, string][] = [
    ["test-protocol", "x", "Amazon SNS does not support this protocol string: test-protocol"],
    ["sqs", `${served.endpoint}/${ACCOUNT}/q`, "SQS endpoint ARN"],
    ["sqs", `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`, "SQS endpoint ARN"],
    [
      "sqs",
      queueArn("q.fifo"),
      "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
    ],
    ["http", "https://example.com", "Endpoint must match the specified protocol"],
    ["https", "http://example.com", "Endpoint must match the specified protocol"],
    ["http", "http://", "Endpoint"],
    ["email", "nobody", "Email address"],
    ["lambda", "f", "Lambda endpoint ARN"],
    ["sqs", undefined, "Endpoint"],
    [
      "firehose",
      `arn:aws:firehose:${REGION}:${ACCOUNT}:deliverystream/x`,
      "the protocol firehose is not implemented by Lambent",
    ],
  ];
  for (const [protocol, endpoint, message] of cases) {
    assert.deepEqual(await refused(subscribe(served, topic, protocol, endpoint)), invalid(message), protocol);
  }
  for (const number of [
    "NAA+15551234567",
    "+15--551234567",
    "+15551234567.",
    "/+15551234567",
    "invalid-number",
  ]) {
    assert.deepEqual(await refused(subscribe(served, topic, "sms", number)), {
      code: "InvalidParameter",
      status: 400,
      message: `Invalid SMS endpoint: ${number}`,
    });
  }
  await subscribe(served, topic, "sms", "+15/55-123-4567");
  const fifo = await served.topic("t.fifo", { FifoTopic: "true" });
  for (const [protocol, endpoint] of [
    ["lambda", `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`],
    ["email", "a@b.c"],
    ["http", "http://127.0.0.1:9/"],
  ] as const) {
    assert.deepEqual(
      await refused(subscribe(served, fifo, protocol, endpoint)),
      invalid(`Invalid protocol type: ${protocol}`),
    );
  }
  const few = (count: number): unknown =>
    invalid(`TopicArn Reason: An ARN must have at least 6 elements, not ${String(count)}`);
  assert.deepEqual(await refused(subscribe(served, "randomstring", "email", "a@b.c")), few(1));
  assert.deepEqual(await refused(subscribe(served, "arn:aws:sns:x:y", "email", "a@b.c")), few(5));
  assert.deepEqual(await refused(subscribe(served, `${ARN}:missing`, "email", "a@b.c")), NO_TOPIC);
});

test("subscribing again means the same subscription, or is refused", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const Endpoint = queueArn("q");
  const raw = { RawMessageDelivery: "true" };
  const { SubscriptionArn: arn } = await subscribe(served, topic, "sqs", Endpoint, raw);
  for (const more of [raw, { RawMessageDelivery: "True" }, undefined, {}]) {
    assert.equal((await subscribe(served, topic, "sqs", Endpoint, more)).SubscriptionArn, arn);
  }
  assert.deepEqual(
    await refused(subscribe(served, topic, "sqs", Endpoint, { RawMessageDelivery: "false" })),
    invalid("Attributes Reason: Subscription already exists with different attributes"),
  );
  assert.deepEqual(
    await refused(subscribe(served, topic, "sqs", Endpoint, { FilterPolicy: '{"a":["b"]}' })),
    invalid("Attributes Reason: Subscription already exists with different attributes"),
  );
});

test("attributes that AWS refuses, in both operations", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t.fifo", { FifoTopic: "true" });
  const arn = await served.subscribeQueue(topic, "q.fifo");
  const plain = await served.topic("t");
  const cases: [string, string, string][] = [
    ["RawMessageDelivery", "maybe", "RawMessageDelivery: Invalid value [maybe]. Must be true or false."],
    [
      "FilterPolicyScope",
      "Everything",
      "FilterPolicyScope: Invalid value [Everything]. Please use either MessageBody or MessageAttributes",
    ],
    [
      "RedrivePolicy",
      "{invalidjson}",
      "RedrivePolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 2]",
    ],
    ["RedrivePolicy", '{"deadLetterTargetArn":"x"}', "RedrivePolicy: deadLetterTargetArn is an invalid arn"],
    [
      "RedrivePolicy",
      JSON.stringify({ deadLetterTargetArn: queueArn("dead") }),
      "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic.",
    ],
    ["ReplayPolicy", "{}", "the attribute ReplayPolicy is not implemented by Lambent"],
  ];
  for (const [name, value, message] of cases) {
    assert.deepEqual(await refused(set(served, arn, name, value)), invalid(message));
    const prefix = message.startsWith("the attribute") ? "" : "Attributes Reason: ";
    const call = subscribe(served, topic, "sqs", queueArn("other.fifo"), { [name]: value });
    assert.deepEqual(await refused(call), invalid(prefix + message));
  }
  assert.deepEqual(await refused(set(served, arn, "Nonsense", "x")), invalid("AttributeName"));
  assert.deepEqual(
    await refused(
      subscribe(served, plain, "lambda", `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`, {
        RawMessageDelivery: "true",
      }),
    ),
    invalid(
      "Attributes Reason: RawMessageDelivery: Delivery protocol [lambda] does not support raw message delivery.",
    ),
  );
  const missing = `${topic}:00000000-0000-0000-0000-000000000000`;
  const gone = { code: "NotFound", status: 404, message: "Subscription does not exist" };
  assert.deepEqual(await refused(set(served, missing, "RawMessageDelivery", "true")), gone);
  assert.deepEqual(await refused(attributes(served, missing)), gone);
  assert.deepEqual(
    await refused(attributes(served, "x")),
    invalid("SubscriptionArn Reason: An ARN must have at least 6 elements, not 1"),
  );
});

test("unsubscribing", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  const topic = await served.topic("t");
  const arn = await served.subscribeQueue(topic, "q");
  await client.send(new UnsubscribeCommand({ SubscriptionArn: arn }));
  await client.send(new UnsubscribeCommand({ SubscriptionArn: arn }));
  const counts = await client.send(new GetTopicAttributesCommand({ TopicArn: topic }));
  assert.equal(counts.Attributes?.["SubscriptionsDeleted"], "1");
  assert.equal(counts.Attributes?.["SubscriptionsConfirmed"], "0");
  assert.deepEqual(
    await refused(client.send(new UnsubscribeCommand({ SubscriptionArn: topic }))),
    invalid("SubscriptionId"),
  );
  for (const [wrong, count] of [
    ["pending confirmation", 1],
    ["arn:aws:sns", 3],
  ] as const) {
    assert.deepEqual(
      await refused(client.send(new UnsubscribeCommand({ SubscriptionArn: wrong }))),
      invalid(`SubscriptionArn Reason: An ARN must have at least 6 elements, not ${String(count)}`),
    );
  }
});

test("lists: by topic, of the account, in pages of a hundred, pending ones without their ARN", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  const topic = await served.topic("t");
  const numbers = Array.from({ length: 101 }, (_, index) => `+49151000${String(index).padStart(4, "0")}`);
  for (const number of numbers) await subscribe(served, topic, "sms", number);
  const first = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }));
  assert.equal(first.Subscriptions?.length, 100);
  const { NextToken } = first;
  const second = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic, NextToken }));
  assert.equal(second.Subscriptions?.length, 1);
  assert.equal(second.NextToken, undefined);
  const [one] = second.Subscriptions ?? [];
  assert.deepEqual(Object.keys(one ?? {}).toSorted(), [
    "Endpoint",
    "Owner",
    "Protocol",
    "SubscriptionArn",
    "TopicArn",
  ]);
  const other = await served.topic("other");
  assert.equal((await subscribe(served, other, "email", "a@b.c")).SubscriptionArn, "pending confirmation");
  const pending = await client.send(new ListSubscriptionsByTopicCommand({ TopicArn: other }));
  assert.equal(pending.Subscriptions?.[0]?.SubscriptionArn, "PendingConfirmation");
  const counts = await client.send(new GetTopicAttributesCommand({ TopicArn: other }));
  assert.equal(counts.Attributes?.["SubscriptionsPending"], "1");
  let all = 0;
  let token: string | undefined;
  do {
    const page = await client.send(new ListSubscriptionsCommand({ NextToken: token }));
    all += page.Subscriptions?.length ?? 0;
    token = page.NextToken;
  } while (token !== undefined);
  assert.equal(all, 102);
  await client.send(new DeleteTopicCommand({ TopicArn: topic }));
  assert.equal((await client.send(new ListSubscriptionsCommand({}))).Subscriptions?.length, 1);
  assert.deepEqual(
    await refused(client.send(new ListSubscriptionsByTopicCommand({ TopicArn: topic }))),
    NO_TOPIC,
  );
});

test("a token that confirms nothing", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const confirm = (TopicArn: string, Token: string): Promise<unknown> =>
    served.client.send(new ConfirmSubscriptionCommand({ TopicArn, Token }));
  assert.deepEqual(await refused(confirm(topic, "randomtoken")), invalid("Token"));
  assert.deepEqual(await refused(confirm(topic, "ab".repeat(144))), invalid("Token"));
  assert.deepEqual(await refused(confirm("not an arn", "x")), invalid("Topic"));
});

test("a subscription is none of another account's business", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const SubscriptionArn = await served.subscribeQueue(topic, "q");
  const stranger = served.clientOf({
    credentials: { accessKeyId: "999999999999", secretAccessKey: "any" },
  });
  const calls: [string, Promise<unknown>][] = [
    ["GetSubscriptionAttributes", stranger.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }))],
    [
      "SetSubscriptionAttributes",
      stranger.send(
        new SetSubscriptionAttributesCommand({
          SubscriptionArn,
          AttributeName: "RawMessageDelivery",
          AttributeValue: "true",
        }),
      ),
    ],
    ["Unsubscribe", stranger.send(new UnsubscribeCommand({ SubscriptionArn }))],
  ];
  for (const [operation, call] of calls) {
    assert.deepEqual(await refused(call), {
      code: "AuthorizationError",
      status: 403,
      message: `User: arn:aws:iam::999999999999:root is not authorized to perform: SNS:${operation} on resource: ${topic}`,
    });
  }
  const list = await stranger.send(new ListSubscriptionsCommand({}));
  assert.deepEqual(list.Subscriptions, []);
});
