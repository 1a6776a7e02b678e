/** FIFO topics: groups, deduplication, order, and what AWS refuses. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { PublishBatchCommand, type PublishBatchRequestEntry } from "@aws-sdk/client-sns";
import { invalid, queueArn, refused, serveSns, type Served } from "./sns-harness.ts";

const FIFO = { FifoTopic: "true" };
const CONTENT = { ...FIFO, ContentBasedDeduplication: "true" };
const group = { MessageGroupId: "g" };

async function withQueue(
  served: Served,
  topicAttributes: Record<string, string>,
  attributes = {},
): Promise<string> {
  const topic = await served.topic("t.fifo", topicAttributes);
  await served.queue("q.fifo", { FifoQueue: "true" });
  await served.subscribeQueue(topic, "q.fifo", attributes);
  return topic;
}

test("a message goes once, with its group, its number and no signature", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served, CONTENT);
  const first = await served.publish(topic, "Test", group);
  assert.match(first.SequenceNumber ?? "", /^\d{20}$/u);
  const again = await served.publish(topic, "Test", group);
  assert.deepEqual(again, first);
  await served.publish(topic, "End", group);
  const [message, end, ...rest] = await served.receive("q.fifo", 2);
  assert.equal(rest.length, 0);
  const body = JSON.parse(message?.Body ?? "") as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), [
    "Type",
    "MessageId",
    "SequenceNumber",
    "TopicArn",
    "Message",
    "Timestamp",
    "UnsubscribeURL",
  ]);
  assert.equal(body["SequenceNumber"], first.SequenceNumber);
  assert.equal(message?.Attributes?.["MessageGroupId"], "g");
  assert.equal(
    message?.Attributes?.["MessageDeduplicationId"],
    createHash("sha256").update("Test").digest("hex"),
  );
  assert.equal((JSON.parse(end?.Body ?? "") as { Message: string }).Message, "End");
});

test("deduplication ids hold five minutes, for the topic or for a group", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served, FIFO, { RawMessageDelivery: "true" });
  const publish = (
    body: string,
    id: string,
    MessageGroupId = "g",
    arn = topic,
  ): ReturnType<Served["publish"]> =>
    served.publish(arn, body, { MessageGroupId, MessageDeduplicationId: id });
  const first = await publish("one", "id");
  assert.equal((await publish("two", "id")).MessageId, first.MessageId);
  assert.equal((await publish("three", "id", "other")).MessageId, first.MessageId);
  served.clock.advance(301_000);
  assert.notEqual((await publish("four", "id")).MessageId, first.MessageId);
  assert.deepEqual(
    (await served.receive("q.fifo", 2)).map(({ Body }) => Body),
    ["one", "four"],
  );
  const wide = await served.topic("wide.fifo", { ...FIFO, FifoThroughputScope: "MessageGroup" });
  const a = await publish("one", "id", "a", wide);
  assert.notEqual((await publish("one", "id", "b", wide)).MessageId, a.MessageId);
  assert.equal((await publish("one", "id", "a", wide)).MessageId, a.MessageId);
});

test("the order of a group is kept, also of messages published at once", async (t) => {
  const served = await serveSns(t);
  const topic = await withQueue(served, CONTENT, { RawMessageDelivery: "true" });
  const sent: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    const entries: PublishBatchRequestEntry[] = Array.from({ length: 10 }, (_, index) => {
      const Message = `${String(round)}-${String(index)}`;
      sent.push(Message);
      return { Id: String(index), Message, MessageGroupId: index % 2 === 0 ? "even" : "odd" };
    });
    const answer = await served.client.send(
      new PublishBatchCommand({ TopicArn: topic, PublishBatchRequestEntries: entries }),
    );
    const numbers = answer.Successful?.map(({ SequenceNumber = "" }) => SequenceNumber) ?? [];
    assert.deepEqual(numbers, numbers.toSorted());
    assert.deepEqual(answer.Failed, []);
  }
  const received = await served.receive("q.fifo", 50);
  for (const name of ["even", "odd"]) {
    const of = received
      .filter(({ Attributes }) => Attributes?.["MessageGroupId"] === name)
      .map(({ Body }) => Body);
    assert.deepEqual(
      of,
      sent.filter((_, index) => (index % 2 === 0) === (name === "even")),
    );
  }
});

test("a standard queue behind a FIFO topic is told of no group", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t.fifo", CONTENT);
  await served.queue("plain");
  await served.subscribeQueue(topic, "plain");
  await served.publish(topic, "Test", group);
  const [message] = await served.receive("plain");
  assert.deepEqual(Object.keys(message?.Attributes ?? {}).toSorted(), [
    "ApproximateFirstReceiveTimestamp",
    "ApproximateReceiveCount",
    "SenderId",
    "SentTimestamp",
  ]);
});

test("a standard topic hands a group on to a standard queue", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t");
  await served.queue("q");
  await served.subscribeQueue(topic, "q");
  await served.publish(topic, "x", { MessageGroupId: "tenant" });
  const [message] = await served.receive("q");
  assert.equal(message?.Attributes?.["MessageGroupId"], "tenant");
});

test("what a topic's kind does not take", async (t) => {
  const served = await serveSns(t);
  const fifo = await served.topic("t.fifo", FIFO);
  const standard = await served.topic("t");
  const both = { ...group, MessageDeduplicationId: "d" };
  const noGroup = invalid("The MessageGroupId parameter is required for FIFO topics");
  const noId = invalid(
    "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
  );
  const notHere = invalid(
    "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for this topic type",
  );
  assert.deepEqual(await refused(served.publish(fifo, "x")), noGroup);
  assert.deepEqual(await refused(served.publish(fifo, "x", group)), noId);
  assert.deepEqual(await refused(served.publish(standard, "x", both)), notHere);
  const batch = (TopicArn: string, more: object): Promise<unknown> =>
    served.client.send(
      new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [{ Id: "1", Message: "x", ...more }] }),
    );
  assert.deepEqual(await refused(batch(fifo, {})), noGroup);
  assert.deepEqual(await refused(batch(fifo, group)), noId);
  assert.deepEqual(await refused(batch(standard, both)), notHere);
  const long = { MessageGroupId: "x".repeat(129), MessageDeduplicationId: "d" };
  assert.equal((await refused(served.publish(fifo, "x", long))).code, "InvalidParameter");
  await served.publish(fifo, "x", both);
});

test("a dead letter keeps its group, its deduplication id and its place", async (t) => {
  const served = await serveSns(t);
  const topic = await served.topic("t.fifo", FIFO);
  await served.queue("dead.fifo", { FifoQueue: "true" });
  await served.subscribeQueue(topic, "nowhere.fifo", {
    RawMessageDelivery: "true",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: queueArn("dead.fifo") }),
  });
  for (const id of ["1", "2", "3"]) {
    await served.publish(topic, `m${id}`, {
      MessageGroupId: "g",
      MessageDeduplicationId: id,
      MessageAttributes: { k: { DataType: "String", StringValue: "v" } },
    });
  }
  const letters = await served.receive("dead.fifo", 3);
  assert.deepEqual(
    letters.map(({ Body, Attributes, MessageAttributes }) => [
      Body,
      Attributes?.["MessageGroupId"],
      Attributes?.["MessageDeduplicationId"],
      MessageAttributes?.["k"]?.StringValue,
    ]),
    ["1", "2", "3"].map((id) => [`m${id}`, "g", id, "v"]),
  );
});

test("numbers grow over a restart, also when the clock was ahead before it", async (t) => {
  const first = await serveSns(t);
  const topic = await withQueue(first, CONTENT);
  first.clock.advance(3_600_000);
  const before = await first.publish(topic, "before", group);
  await first.close();
  const served = await serveSns(t, { folder: first.folder });
  const after = await served.publish(topic, "after", group);
  assert.ok((after.SequenceNumber ?? "") > (before.SequenceNumber ?? ""));
});
