/** Data protection policies: what they may say, and what becomes of messages with personal data in them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateTopicCommand,
  GetDataProtectionPolicyCommand,
  GetTopicAttributesCommand,
  PublishBatchCommand,
  PutDataProtectionPolicyCommand,
} from "@aws-sdk/client-sns";
import { invalid, refused, serveSns, type Served } from "./sns-harness.ts";

const IDENTIFIER = "arn:aws:dataprotection::aws:data-identifier";
const STATEMENT = {
  Sid: "s",
  DataDirection: "Inbound",
  Principal: ["*"],
  DataIdentifier: [`${IDENTIFIER}/EmailAddress`],
  Operation: { Deny: {} },
};

function policy(...Statement: object[]): string {
  return JSON.stringify({ Name: "p", Description: "d", Version: "2021-06-01", Statement });
}

const put = (served: Served, ResourceArn: string, DataProtectionPolicy: string): Promise<unknown> =>
  served.client.send(new PutDataProtectionPolicyCommand({ ResourceArn, DataProtectionPolicy }));

const DENIED = {
  code: "AuthorizationError",
  status: 403,
  message: "The message holds data that the data protection policy of the topic denies",
};

async function topicWithQueue(served: Served): Promise<string> {
  const topic = await served.topic("t");
  await served.queue("q");
  await served.subscribeQueue(topic, "q", { RawMessageDelivery: "true" });
  return topic;
}

test("a policy is put, shown as it was given, and taken away", async (t) => {
  const served = await serveSns(t);
  const ResourceArn = await served.topic("t");
  const get = async (): Promise<string | undefined> =>
    (await served.client.send(new GetDataProtectionPolicyCommand({ ResourceArn }))).DataProtectionPolicy;
  assert.equal(await get(), undefined);
  const regional = {
    ...STATEMENT,
    DataIdentifier: [`arn:aws:dataprotection:eu-west-1::data-identifier/IpAddress`],
  };
  await put(served, ResourceArn, policy(STATEMENT, regional));
  assert.equal(await get(), policy(STATEMENT, regional));
  const { Attributes = {} } = await served.client.send(
    new GetTopicAttributesCommand({ TopicArn: ResourceArn }),
  );
  assert.equal(Attributes["DataProtectionPolicy"], undefined);
  await put(served, ResourceArn, "");
  assert.equal(await get(), undefined);
});

test("what denies refuses messages that come in, of a batch those alone", async (t) => {
  const served = await serveSns(t);
  const topic = await topicWithQueue(served);
  await put(served, topic, policy(STATEMENT));
  assert.deepEqual(await refused(served.publish(topic, "ask ann@example.org")), DENIED);
  const texts = JSON.stringify({ default: "x", sqs: "ask ann@example.org" });
  assert.deepEqual(await refused(served.publish(topic, texts, { MessageStructure: "json" })), DENIED);
  const { Successful = [], Failed } = await served.client.send(
    new PublishBatchCommand({
      TopicArn: topic,
      PublishBatchRequestEntries: [
        { Id: "good", Message: "ask ann" },
        { Id: "bad", Message: "ask ann@example.org" },
      ],
    }),
  );
  assert.deepEqual(
    Successful.map(({ Id }) => Id),
    ["good"],
  );
  assert.deepEqual(Failed, [{ Id: "bad", Code: DENIED.code, Message: DENIED.message, SenderFault: true }]);
  assert.deepEqual(
    (await served.receive("q")).map(({ Body }) => Body),
    ["ask ann"],
  );
});

test("what denies on the way out lets the publisher go on, and nobody hears of it", async (t) => {
  const served = await serveSns(t);
  const topic = await topicWithQueue(served);
  await put(served, topic, policy({ ...STATEMENT, DataDirection: "Outbound" }));
  await served.publish(topic, "ask ann@example.org");
  await served.publish(topic, "ask ann");
  assert.deepEqual(
    (await served.receive("q")).map(({ Body }) => Body),
    ["ask ann"],
  );
});

test("findings are masked or taken out", async (t) => {
  const served = await serveSns(t);
  const topic = await topicWithQueue(served);
  const hides = (DataDirection: string, name: string, how: object): object => ({
    ...STATEMENT,
    DataDirection,
    DataIdentifier: [`${IDENTIFIER}/${name}`],
    Operation: { Deidentify: how },
  });
  await put(
    served,
    topic,
    policy(
      hides("Inbound", "EmailAddress", { MaskConfig: { MaskWithCharacter: "*" } }),
      hides("Outbound", "CreditCardNumber", { MaskConfig: {} }),
      hides("Outbound", "IpAddress", { RedactConfig: {} }),
    ),
  );
  await served.publish(topic, "a@b.org paid with 4111111111111111 from 10.0.0.1, twice");
  assert.equal((await served.receive("q"))[0]?.Body, "******* paid with ################ from , twice");
});

test("messages that differ only in what is masked are two messages", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t.fifo", { FifoTopic: "true", ContentBasedDeduplication: "true" });
  await served.queue("q.fifo", { FifoQueue: "true" });
  await served.subscribeQueue(topic, "q.fifo", { RawMessageDelivery: "true" });
  for (const DataDirection of ["Inbound", "Outbound"]) {
    const masks = { ...STATEMENT, DataDirection, Operation: { Deidentify: { MaskConfig: {} } } };
    await put(served, topic, policy(masks));
    for (const name of ["a", "b", "a"]) {
      await served.publish(topic, `${name}@${DataDirection}.org`, { MessageGroupId: "g" });
    }
    const bodies = (await served.receive("q.fifo", 2)).map(({ Body }) => Body);
    assert.deepEqual(bodies, Array(2).fill("#".repeat(`a@${DataDirection}.org`.length)));
  }
});

test("what is wrong, and what is not done", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  const wrong = (why: string): unknown => invalid(`DataProtectionPolicy Reason: ${why}`);
  const missing = (what: string): unknown =>
    invalid(`DataProtectionPolicy: ${what} is not implemented by Lambent`);
  const other = (more: object): string => policy({ ...STATEMENT, ...more });
  const cases: readonly (readonly [string, unknown])[] = [
    ["{", wrong("failed to parse JSON")],
    ["[]", wrong("the policy is an object")],
    ["{}", wrong("Name is missing")],
    [policy(), wrong("Statement is a list of statements")],
    [policy(STATEMENT).replace("2021", "2020"), wrong("Version is 2021-06-01")],
    [other({ Nonsense: 1 }), wrong("Statement.Nonsense is unknown")],
    [other({ DataDirection: "Up" }), wrong("DataDirection is Inbound or Outbound")],
    [other({ DataIdentifier: [] }), wrong("DataIdentifier is a list of ARNs")],
    [other({ DataIdentifier: ["x"] }), wrong("x is no data identifier")],
    [other({ Operation: {} }), wrong("Operation is Audit, Deidentify or Deny")],
    [other({ Operation: { Deny: {}, Audit: {} } }), wrong("a statement has one Operation")],
    [
      other({ Operation: { Deidentify: { MaskConfig: { MaskWithCharacter: "ab" } } } }),
      wrong("MaskWithCharacter is one printable character"),
    ],
    [other({ Operation: { Audit: {} } }), missing("Audit")],
    [other({ Principal: ["arn:aws:iam::123456789012:user/x"] }), missing("a Principal other than *")],
    [other({ DataIdentifier: [`${IDENTIFIER}/Name`] }), missing("the data identifier Name")],
    [policy(STATEMENT).replace("{", '{"Configuration":{},'), missing("CustomDataIdentifier")],
  ];
  for (const [text, refusal] of cases) {
    assert.deepEqual(await refused(put(served, topic, text)), refusal, text);

    const create = new CreateTopicCommand({ Name: "other", DataProtectionPolicy: text });
    assert.deepEqual(await refused(served.client.send(create)), refusal, text);
  }
});
