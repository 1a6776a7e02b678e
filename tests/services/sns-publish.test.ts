/** Publishing: what may be sent, what queues and functions get, batches, texts to telephones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CheckIfPhoneNumberIsOptedOutCommand,
  GetSMSAttributesCommand,
  ListPhoneNumbersOptedOutCommand,
  OptInPhoneNumberCommand,
  PublishBatchCommand,
  type PublishBatchCommandOutput,
  type PublishBatchRequestEntry,
  PublishCommand,
  SetSMSAttributesCommand,
  SubscribeCommand,
} from "@aws-sdk/client-sns";
import {
  ACCOUNT,
  invalid,
  NO_TOPIC,
  queueArn,
  REGION,
  refused,
  serveSns,
  type Served,
} from "./sns-harness.ts";

const ARN = `arn:aws:sns:${REGION}:${ACCOUNT}`;

async function bodies(served: Served, queue: string, count = 1): Promise<Record<string, unknown>[]> {
  return (await served.receive(queue, count)).map(
    ({ Body }) => JSON.parse(Body ?? "") as Record<string, unknown>,
  );
}

async function withQueue(served: Served, attributes?: Record<string, string>): Promise<string> {
  const topic = await served.topic("t");
  await served.queue("q");
  await served.subscribeQueue(topic, "q", attributes);
  return topic;
}

test("a queue gets the envelope, with subject and attributes where there are any", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served);
  const plain = await served.publish(topic, 'ö§a1"_!?,. £$-');
  assert.deepEqual(Object.keys(plain), ["MessageId"]);
  const [first] = await bodies(served, "q");
  assert.equal(first?.["Message"], 'ö§a1"_!?,. £$-');
  assert.equal(first?.["MessageId"], plain.MessageId);
  assert.equal("Subject" in (first ?? {}), false);
  assert.equal("MessageAttributes" in (first ?? {}), false);
  await served.publish(topic, "x", {
    Subject: "About",
    MessageAttributes: {
      n: { DataType: "Number", StringValue: "99.12" },
      b: { DataType: "Binary", BinaryValue: Buffer.from([2, 3, 4]) },
    },
  });
  const [second] = await bodies(served, "q");
  assert.equal(second?.["Subject"], "About");
  assert.deepEqual(second?.["MessageAttributes"], {
    n: { Type: "Number", Value: "99.12" },
    b: { Type: "Binary", Value: "AgME" },
  });
});

test("a raw subscription gets the text and the attributes", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served, { RawMessageDelivery: "true" });
  await served.publish(topic, "This is a test message", {
    Subject: "left out",
    MessageAttributes: { store: { DataType: "Binary", BinaryValue: Buffer.from([2, 3, 4]) } },
  });
  const [message] = await served.receive("q");
  assert.equal(message?.Body, "This is a test message");
  assert.equal(message?.MessageAttributes?.["store"]?.DataType, "Binary");
  assert.deepEqual(
    Buffer.from(message?.MessageAttributes?.["store"]?.BinaryValue ?? []),
    Buffer.from([2, 3, 4]),
  );
});

test("the trace of the request goes along", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served);
  const trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1";
  const command = new PublishCommand({ TopicArn: topic, Message: "x" });
  command.middlewareStack.add(
    (next) => (args) => {
      (args.request as { headers: Record<string, string> }).headers["x-amzn-trace-id"] = trace;
      return next(args);
    },
    { step: "build" },
  );
  await served.client.send(command);
  const [message] = await served.receive("q");
  assert.equal(message?.Attributes?.["AWSTraceHeader"], trace);
});

test("one text for each protocol", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served, { RawMessageDelivery: "true" });
  const Endpoint = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`;
  await served.client.send(new SubscribeCommand({ TopicArn: topic, Protocol: "lambda", Endpoint }));
  const json = { MessageStructure: "json" };
  await served.publish(topic, JSON.stringify({ default: "all", sqs: "queue", lambda: 7, http: "web" }), json);
  assert.equal((await served.receive("q"))[0]?.Body, "queue");
  await served.quiet();
  const event = JSON.parse(served.invoked[0]?.payload ?? "") as { Records: { Sns: { Message: string } }[] };
  assert.equal(event.Records[0]?.Sns.Message, "all");
  await served.publish(topic, '{"default":"a","default":"b"}', json);
  assert.equal((await served.receive("q"))[0]?.Body, "b");
  const cases: [string, string][] = [
    ['{"sqs":"x"}', "Message Structure - No default entry in JSON message body"],
    ['{"default":{"a":1}}', "Message Structure - No default entry in JSON message body"],
    ['"text"', "Message Structure - No default entry in JSON message body"],
    ["no json", "Message Structure - JSON message body failed to parse"],
  ];
  for (const [text, message] of cases) {
    assert.deepEqual(await refused(served.publish(topic, text, json)), invalid(message), text);
  }
  assert.deepEqual(
    await refused(served.publish(topic, "x", { MessageStructure: "xml" })),
    invalid("MessageStructure"),
  );
});

test("what cannot be published, or nowhere", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const publish = (input: object): Promise<unknown> =>
    served.client.send(new PublishCommand({ Message: "x", ...input }));
  assert.deepEqual(await refused(publish({ TopicArn: topic, Message: "" })), invalid("Empty message"));
  const attributes = { a: { DataType: "String", StringValue: "12" } };
  await publish({ TopicArn: topic, Message: "x".repeat(262_144) });
  for (const input of [
    { Message: "x".repeat(262_145) },
    { Message: "x".repeat(262_144), MessageAttributes: attributes },
    { Message: "ä".repeat(131_073) },
  ]) {
    assert.deepEqual(await refused(publish({ TopicArn: topic, ...input })), invalid("Message too long"));
  }
  for (const Subject of ["", "x".repeat(101), "a\nb", "a\u0007b"]) {
    assert.deepEqual(await refused(publish({ TopicArn: topic, Subject })), invalid("Subject"), Subject);
  }
  await publish({ TopicArn: topic, Subject: "Grüße" });
  const few = (count: number): unknown =>
    invalid(`TopicArn Reason: An ARN must have at least 6 elements, not ${String(count)}`);
  assert.deepEqual(await refused(publish({ TopicArn: "randomstring" })), few(1));
  assert.deepEqual(await refused(publish({ TopicArn: "random:string" })), few(2));
  assert.deepEqual(await refused(publish({ TopicArn: "" })), few(1));
  assert.deepEqual(await refused(publish({ TopicArn: `${ARN}:missing` })), NO_TOPIC);
  assert.deepEqual(await refused(publish({ TargetArn: `${ARN}:missing` })), NO_TOPIC);
  await publish({ TargetArn: topic });
  assert.deepEqual(
    await refused(publish({ TargetArn: `${ARN.replace(/:[^:]*$/u, "")}:${ACCOUNT}:endpoint/APNS/app/1` })),
    invalid("TargetArn Reason: No endpoint found for the target arn specified"),
  );
  assert.equal((await refused(publish({}))).code, "InvalidParameter");
  assert.equal(
    (await refused(publish({ TopicArn: topic, PhoneNumber: "+15551234567" }))).code,
    "InvalidParameter",
  );
  const elsewhere = served.clientOf({ region: "us-west-2" });
  const there = { TopicArn: topic, Message: "x" };
  assert.deepEqual(await refused(elsewhere.send(new PublishCommand(there))), invalid("TopicArn"));
  const batch = { TopicArn: topic, PublishBatchRequestEntries: [{ Id: "1", Message: "x" }] };
  assert.deepEqual(await refused(elsewhere.send(new PublishBatchCommand(batch))), invalid("TopicArn"));
});

test("message attributes that AWS refuses, alone and in a batch", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const cases: [string, object, string][] = [
    [
      "attr1",
      { DataType: "String", StringValue: "" },
      "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'.",
    ],
    [
      "attr1",
      { DataType: "String" },
      "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'.",
    ],
    [
      "attr1",
      { DataType: "Binary", BinaryValue: new Uint8Array() },
      "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'Binary'.",
    ],
    [
      "attr1",
      { DataType: "String", BinaryValue: Buffer.from("a") },
      "The message attribute 'attr1' with type 'String' must use field 'String'.",
    ],
    [
      "attr1",
      { DataType: "Number", BinaryValue: Buffer.from("a") },
      "The message attribute 'attr1' with type 'Number' must use field 'String'.",
    ],
    [
      "attr1",
      { DataType: "Binary", StringValue: "a" },
      "The message attribute 'attr1' with type 'Binary' must use field 'Binary'.",
    ],
    [
      "attr1",
      { DataType: "InvalidType", StringValue: "a" },
      "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.",
    ],
    [
      "attr1",
      { DataType: "Number", StringValue: "seven" },
      "Could not cast message attribute 'attr1' value to number.",
    ],
    [
      "a".repeat(257),
      { DataType: "String", StringValue: "a" },
      "Length of message attribute name must be less than 256 bytes.",
    ],
    [
      "a^b",
      { DataType: "String", StringValue: "a" },
      "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots.",
    ],
    [
      ".a",
      { DataType: "String", StringValue: "a" },
      "Invalid message attribute name starting with character '.' was found.",
    ],
    [
      "a.",
      { DataType: "String", StringValue: "a" },
      "Invalid message attribute name ending with character '.' was found.",
    ],
    [
      "a..b",
      { DataType: "String", StringValue: "a" },
      "Message attribute name can not have successive '.' character.",
    ],
  ];
  for (const [name, value, message] of cases) {
    const MessageAttributes = { [name]: value } as NonNullable<PublishBatchRequestEntry["MessageAttributes"]>;
    const expected = { code: "ParameterValueInvalid", status: 400, message };
    assert.deepEqual(await refused(served.publish(topic, "x", { MessageAttributes })), expected);
    const entries = [{ Id: "1", Message: "x", MessageAttributes }];
    const batch = new PublishBatchCommand({ TopicArn: topic, PublishBatchRequestEntries: entries });
    assert.deepEqual(await refused(served.client.send(batch)), expected);
  }
  const MessageAttributes = { attr1: { StringValue: "a" } } as never;
  const path = (prefix: string): unknown => ({
    code: "ValidationError",
    status: 400,
    message: `1 validation error detected: Value null at '${prefix}messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null`,
  });
  assert.deepEqual(await refused(served.publish(topic, "x", { MessageAttributes })), path(""));
  const batch = new PublishBatchCommand({
    TopicArn: topic,
    PublishBatchRequestEntries: [{ Id: "1", Message: "x", MessageAttributes }],
  });
  assert.deepEqual(await refused(served.client.send(batch)), path("publishBatchRequestEntries.1.member."));
});

test("batches", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served, { RawMessageDelivery: "true" });
  const batch = (entries: PublishBatchRequestEntry[], TopicArn = topic): Promise<PublishBatchCommandOutput> =>
    served.client.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: entries }));
  const entries = ["1", "2", "3"].map((Id) => ({ Id, Message: `m${Id}` }));
  const answer = await batch(entries);
  assert.deepEqual(
    answer.Successful?.map(({ Id }) => Id),
    ["1", "2", "3"],
  );
  assert.deepEqual(answer.Failed, []);
  const received = await served.receive("q", 3);
  assert.deepEqual(received.map(({ Body }) => Body).toSorted(), ["m1", "m2", "m3"]);
  const eleven = Array.from({ length: 11 }, (_, index) => ({ Id: String(index), Message: "x" }));
  const half = "x".repeat(131_073);
  const cases: [PublishBatchRequestEntry[], string][] = [
    [eleven, "TooManyEntriesInBatchRequest"],
    [
      [
        { Id: "1", Message: "a" },
        { Id: "1", Message: "b" },
      ],
      "BatchEntryIdsNotDistinct",
    ],
    [[{ Id: "a b", Message: "a" }], "InvalidBatchEntryId"],
    [[{ Id: "x".repeat(81), Message: "a" }], "InvalidBatchEntryId"],
    [
      [
        { Id: "1", Message: half },
        { Id: "2", Message: half },
      ],
      "BatchRequestTooLong",
    ],
    [[], "EmptyBatchRequest"],
    [[{ Id: "1", Message: "" }], "InvalidParameter"],
  ];
  for (const [list, code] of cases) assert.equal((await refused(batch(list))).code, code);
  assert.deepEqual(await refused(batch([{ Id: "1", Message: "x" }], `${ARN}:missing`)), NO_TOPIC);
});

test("texts lie in the local outbox", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  const topic = await served.topic("t", { DisplayName: "Shop" });
  await client.send(new SubscribeCommand({ TopicArn: topic, Protocol: "sms", Endpoint: "+15551234567" }));
  await client.send(
    new SetSMSAttributesCommand({
      attributes: { DefaultSenderID: "Shop1", DefaultSMSType: "Transactional" },
    }),
  );
  const { attributes } = await client.send(new GetSMSAttributesCommand({ attributes: ["DefaultSenderID"] }));
  assert.deepEqual(attributes, { DefaultSenderID: "Shop1" });
  const direct = await client.send(new PublishCommand({ PhoneNumber: "+15550000000", Message: "hi" }));
  const viaTopic = await served.publish(topic, "sale");
  const [second, first] = await served.sns.mails(10);
  assert.deepEqual(
    { ...first, at: "" },
    {
      at: "",
      protocol: "sms",
      accountId: ACCOUNT,
      region: REGION,
      to: "+15550000000",
      body: "hi",
      messageId: direct.MessageId,
      smsType: "Transactional",
      senderId: "Shop1",
    },
  );
  assert.equal(second?.body, "Shop> sale");
  assert.equal(second?.to, "+15551234567");
  assert.equal(second?.messageId, viaTopic.MessageId);
  for (const PhoneNumber of ["+1a234", "NAA+15551234567"]) {
    assert.deepEqual(
      await refused(client.send(new PublishCommand({ PhoneNumber, Message: "x" }))),
      invalid(`PhoneNumber Reason: ${PhoneNumber} is not valid to publish to`),
    );
  }
  const phoneNumber = "+15551234567";
  assert.equal(
    (await client.send(new CheckIfPhoneNumberIsOptedOutCommand({ phoneNumber }))).isOptedOut,
    false,
  );
  assert.deepEqual((await client.send(new ListPhoneNumbersOptedOutCommand({}))).phoneNumbers, []);
  await client.send(new OptInPhoneNumberCommand({ phoneNumber }));
  assert.equal(
    (await refused(client.send(new OptInPhoneNumberCommand({ phoneNumber: "x" })))).code,
    "InvalidParameter",
  );
  for (const [name, value] of [
    ["UsageReportS3Bucket", "b"],
    ["DefaultSMSType", "Nice"],
    ["Nonsense", "x"],
  ] as const) {
    const call = client.send(new SetSMSAttributesCommand({ attributes: { [name]: value } }));
    assert.equal((await refused(call)).code, "InvalidParameter", name);
  }
});

test("what cannot be delivered goes to the subscription's dead-letter queue", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  await served.queue("dead");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: queueArn("dead") });
  await served.subscribeQueue(topic, "nowhere", { RedrivePolicy });
  const Endpoint = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:missing`;
  await served.client.send(
    new SubscribeCommand({ TopicArn: topic, Protocol: "lambda", Endpoint, Attributes: { RedrivePolicy } }),
  );
  const { MessageId } = await served.publish(topic, "lost");
  const found = await bodies(served, "dead", 2);
  assert.equal(found.length, 2);
  for (const body of found) {
    assert.equal(body["Type"], "Notification");
    assert.equal(body["Message"], "lost");
    assert.equal(body["MessageId"], MessageId);
    assert.ok("SigningCertURL" in body);
  }
});

test("topics, subscriptions and settings are there after a restart", async (t) => {
  const first = await serveSns(t);
  const topic = await withQueue(first, { FilterPolicy: '{"k":["v"]}' });
  await first.close();
  const served = await serveSns(t, { folder: first.folder });
  await served.publish(topic, "no");
  await served.publish(topic, "yes", { MessageAttributes: { k: { DataType: "String", StringValue: "v" } } });
  const [body] = await bodies(served, "q");
  assert.equal(body?.["Message"], "yes");
});
