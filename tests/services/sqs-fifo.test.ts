/** FIFO queues: order within groups, one receiver of a group, deduplication, attempts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSqs, refusal, type Output, type SqsHarness } from "./sqs-harness.ts";

interface Fifo {
  readonly aws: SqsHarness;
  readonly url: string;
  send(body: string, group: string, id?: string): Promise<Output>;
  bodies(max?: number): Promise<string[]>;
}

function fifoOf(aws: SqsHarness, url: string): Fifo {
  return {
    aws,
    url,
    send: (body, group, id = body) =>
      aws.send(url, body, { MessageGroupId: group, MessageDeduplicationId: id }),
    bodies: (max = 10) => aws.bodies(url, { MaxNumberOfMessages: max }),
  };
}

test("a group comes in order and is locked while any of it is in flight; other groups are not", async (t) => {
  const aws = await openSqs(t);
  const { url, send, bodies } = fifoOf(aws, await aws.queue("q.fifo"));
  for (const number of [1, 2, 3])
    for (const group of ["a", "b"]) await send(`${group}${String(number)}`, group);
  const [a1, a2] = await aws.receive(url, { MaxNumberOfMessages: 2 });
  assert.deepEqual([a1.Body, a2.Body], ["a1", "a2"]);
  assert.deepEqual(await bodies(2), ["b1", "b2"]);
  assert.deepEqual(await bodies(), []);
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: a1.ReceiptHandle });
  assert.deepEqual(await bodies(), []);
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: a2.ReceiptHandle });
  assert.deepEqual(await bodies(), ["a3"]);
  aws.clock.advance(30_000);
  assert.deepEqual((await bodies()).toSorted(), ["a3", "b1", "b2", "b3"]);
});

test("a message made visible again comes before those behind it", async (t) => {
  const aws = await openSqs(t);
  const { url, send, bodies } = fifoOf(aws, await aws.queue("q.fifo"));
  for (const body of ["1", "2", "3"]) await send(body, "g");
  const [first, second] = await aws.receive(url, { MaxNumberOfMessages: 2 });
  const hide = (message: Output, VisibilityTimeout: number): Promise<unknown> =>
    aws.call("ChangeMessageVisibility", {
      QueueUrl: url,
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout,
    });
  await hide(first, 0);
  assert.deepEqual(await bodies(), [], "the second is in flight still");
  await hide(second, 0);
  assert.deepEqual(await bodies(), ["1", "2", "3"]);
});

test("a group becomes free when its last message in flight is deleted, and a waiting poller gets the next", async (t) => {
  const aws = await openSqs(t);
  const { url, send } = fifoOf(aws, await aws.queue("q.fifo"));
  for (const body of ["1", "2"]) await send(body, "g");
  const [first] = await aws.receive(url);
  const poll = aws.bodies(url, { WaitTimeSeconds: 20 });
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: first.ReceiptHandle });
  assert.deepEqual(await poll, ["2"]);
});

test("an expired handle deletes nothing, and says so; an extended one deletes", async (t) => {
  const aws = await openSqs(t);
  const { url, send, bodies } = fifoOf(aws, await aws.queue("q.fifo", { VisibilityTimeout: "1" }));
  await send("m", "g");
  const [expired] = await aws.receive(url);
  aws.clock.advance(1000);
  const handle = expired.ReceiptHandle as string;
  await assert.rejects(
    aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: handle }),
    refusal(
      "InvalidParameterValueException",
      `Value ${handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.`,
    ),
  );
  assert.deepEqual(
    (await aws.call("DeleteMessageBatch", { QueueUrl: url, Entries: [{ Id: "1", ReceiptHandle: handle }] }))
      .Failed.length,
    1,
  );
  const [again] = await aws.receive(url);
  await aws.call("ChangeMessageVisibility", {
    QueueUrl: url,
    ReceiptHandle: again.ReceiptHandle,
    VisibilityTimeout: 10,
  });
  aws.clock.advance(5000);
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: again.ReceiptHandle });
  aws.clock.advance(60_000);
  assert.deepEqual(await bodies(), []);
  // What is deleted already is deleted.
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: again.ReceiptHandle });
});

test("a deduplication id counts for five minutes, also after the message is gone", async (t) => {
  const aws = await openSqs(t);
  const { url, send, bodies } = fifoOf(aws, await aws.queue("q.fifo"));
  const first = await send("one", "g", "id");
  const [message] = await aws.receive(url);
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: message.ReceiptHandle });
  const repeat = await send("two", "other", "id");
  assert.equal(repeat.MessageId, first.MessageId);
  assert.equal(repeat.SequenceNumber, first.SequenceNumber);
  assert.deepEqual(await bodies(), []);
  const again = await aws.reopen();
  again.clock.advance(299_999);
  await fifoOf(again, url).send("three", "g", "id");
  assert.deepEqual(await fifoOf(again, url).bodies(), []);
  again.clock.advance(1);
  const next = await fifoOf(again, url).send("four", "g", "id");
  assert.ok(BigInt(next.SequenceNumber) > BigInt(first.SequenceNumber));
  assert.match(next.SequenceNumber, /^\d{20}$/);
  assert.deepEqual(await fifoOf(again, url).bodies(), ["four"]);
  await again.clock.advanceAsync(302_000);
  const notes = async (): Promise<number> =>
    (await again.database().read("SELECT * FROM sqs_deduplication")).length;
  while ((await notes()) > 0) await again.clock.advanceAsync(10);
});

test("without an id the content is one, its attributes aside, or the message is refused", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q.fifo");
  const without = { MessageGroupId: "g" };
  const neither =
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly";
  await assert.rejects(aws.send(url, "m", without), refusal("InvalidParameterValueException", neither));
  await assert.rejects(
    aws.call("SendMessageBatch", { QueueUrl: url, Entries: [{ Id: "1", MessageBody: "m", ...without }] }),
    refusal("InvalidParameterValueException", neither),
  );
  await assert.rejects(
    aws.send(url, "m", { MessageDeduplicationId: "d" }),
    refusal("MissingRequiredParameterException", "The request must contain the parameter MessageGroupId."),
  );
  await aws.call("SetQueueAttributes", { QueueUrl: url, Attributes: { ContentBasedDeduplication: "true" } });
  await aws.send(url, "m", without);
  await aws.send(url, "m", {
    ...without,
    MessageAttributes: { a: { DataType: "String", StringValue: "x" } },
  });
  await aws.send(url, "m", { ...without, MessageDeduplicationId: "explicit" });
  const found = await aws.receive(url, { MaxNumberOfMessages: 10, AttributeNames: ["All"] });
  assert.deepEqual(
    found.map((one) => one.Attributes.MessageDeduplicationId),
    ["62c66a7a5dd70c3146618063c344e531e6d4b59e379808443ce962b3abd63c5a", "explicit"],
  );
  assert.equal(found[0].Attributes.MessageGroupId, "g");
  for (const id of ["", "a".repeat(129), "a b"]) {
    await assert.rejects(
      aws.send(url, "m", { ...without, MessageDeduplicationId: id }),
      refusal("InvalidParameterValueException", /MessageDeduplicationId can only include/),
    );
  }
});

test("the scope of deduplication is the queue, or each group", async (t) => {
  const aws = await openSqs(t);
  const { url, send, bodies } = fifoOf(
    aws,
    await aws.queue("q.fifo", {
      DeduplicationScope: "messageGroup",
      FifoThroughputLimit: "perMessageGroupId",
    }),
  );
  await send("Test1", "1", "same");
  await send("Test2", "2", "same");
  assert.deepEqual(await bodies(), ["Test1", "Test2"]);
  await aws.call("SetQueueAttributes", {
    QueueUrl: url,
    Attributes: { DeduplicationScope: "queue", FifoThroughputLimit: "perQueue" },
  });
  await send("Test3", "3", "same");
  await send("Test4", "4", "same");
  assert.deepEqual(await bodies(), ["Test3"]);
});

test("a purge forgets deduplication", async (t) => {
  const aws = await openSqs(t);
  const { url, send, bodies } = fifoOf(aws, await aws.queue("q.fifo"));
  await send("m", "g");
  await bodies();
  await aws.call("PurgeQueue", { QueueUrl: url });
  await send("m", "g");
  assert.deepEqual(await bodies(), ["m"]);
});

test("a delay is the queue's alone, and a new one holds for what waits", async (t) => {
  const aws = await openSqs(t);
  const { url, send, bodies } = fifoOf(aws, await aws.queue("q.fifo", { DelaySeconds: "3" }));
  await assert.rejects(
    aws.send(url, "m", { MessageGroupId: "g", MessageDeduplicationId: "d", DelaySeconds: 2 }),
    refusal(
      "InvalidParameterValueException",
      "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.",
    ),
  );
  await aws.send(url, "zero", { MessageGroupId: "g", MessageDeduplicationId: "d", DelaySeconds: 0 });
  assert.deepEqual(await bodies(), []);
  aws.clock.advance(3000);
  assert.deepEqual(await bodies(), ["zero"]);
  await send("sooner", "h");
  await aws.call("SetQueueAttributes", { QueueUrl: url, Attributes: { DelaySeconds: "1" } });
  aws.clock.advance(999);
  assert.deepEqual(await bodies(), []);
  aws.clock.advance(1);
  assert.deepEqual(await bodies(), ["sooner"]);
});

test("a receive whose answer was lost can be repeated by its attempt id", async (t) => {
  const aws = await openSqs(t);
  const { url, send } = fifoOf(aws, await aws.queue("q.fifo"));
  for (const body of ["1", "2", "3"]) await send(body, "g");
  const attempt = (ReceiveRequestAttemptId: string): Promise<Output[]> =>
    aws.receive(url, { MaxNumberOfMessages: 2, ReceiveRequestAttemptId });
  const first = await attempt("try");
  aws.clock.advance(20_000);
  assert.deepEqual(await attempt("try"), first);
  assert.deepEqual(await attempt("another"), []);
  aws.clock.advance(20_000);
  assert.deepEqual(await attempt("another"), [], "the repetition hid them anew");
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: first[0].ReceiptHandle });
  assert.deepEqual(await attempt("try"), [], "one of them is gone: the attempt is over");
});

test("order, locks and deduplication hold after a reopening", async (t) => {
  const aws = await openSqs(t);
  const { url, send } = fifoOf(aws, await aws.queue("q.fifo"));
  for (const body of ["1", "2", "3"]) await send(body, "g");
  const [first] = await aws.receive(url);
  const again = await aws.reopen();
  const after = fifoOf(again, url);
  assert.deepEqual(await after.bodies(), []);
  await after.send("2", "g");
  await after.send("4", "g");
  await again.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: first.ReceiptHandle });
  assert.deepEqual(await after.bodies(), ["2", "3", "4"]);
});

test("expired messages at the head of a group do not block it", async (t) => {
  const aws = await openSqs(t);
  const { send, bodies } = fifoOf(aws, await aws.queue("q.fifo", { MessageRetentionPeriod: "60" }));
  for (let number = 0; number < 25; number += 1) await send(`old${String(number)}`, "g");
  aws.clock.advance(59_000);
  await send("young", "g");
  aws.clock.advance(2000);
  assert.deepEqual(await bodies(), ["young"]);
});

test("a group of thousands keeps its order, sent all at once and received in batches", async (t) => {
  const aws = await openSqs(t);
  const { url, send } = fifoOf(aws, await aws.queue("q.fifo"));
  await Promise.all(Array.from({ length: 3000 }, (_, index) => send(String(index), "big")));
  const seen: string[] = [];
  for (let round = 0; round < 20; round += 1) {
    const batch = await aws.receive(url, { MaxNumberOfMessages: 10 });
    seen.push(...batch.map((one) => one.Body as string));
    const Entries = batch.map((one, index) => ({
      Id: String(index),
      ReceiptHandle: one.ReceiptHandle as string,
    }));
    await aws.call("DeleteMessageBatch", { QueueUrl: url, Entries });
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 200 }, (_, index) => String(index)),
  );
});

test("receivers at once never share a group, and each group is processed in its order", async (t) => {
  const aws = await openSqs(t);
  const { url, send } = fifoOf(aws, await aws.queue("q.fifo"));
  const groups = 12;
  const each = 40;
  const sends = Array.from({ length: groups * each }, (_, index) =>
    send(`${String(index % groups)}:${String(Math.floor(index / groups))}`, String(index % groups)),
  );
  const held = new Set<string>();
  const done = new Map<string, number[]>();
  let left = groups * each;
  async function consume(): Promise<void> {
    while (left > 0) {
      const batch = await aws.receive(url, { MaxNumberOfMessages: 4, WaitTimeSeconds: 1 });
      const mine = new Set(batch.map((one) => (one.Body as string).split(":")[0] ?? ""));
      for (const group of mine) {
        assert.ok(!held.has(group), `two receivers have group ${group}`);
        held.add(group);
      }
      for (const { Body } of batch) {
        const [group = "", number] = (Body as string).split(":");
        done.set(group, [...(done.get(group) ?? []), Number(number)]);
      }
      left -= batch.length;
      // Time for the others to make a mistake.
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      // The group is free when its last message is deleted, so it must not be held here any more by then.
      for (const group of mine) held.delete(group);
      for (const { ReceiptHandle } of batch)
        await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle });
      // Whoever waits for nothing more is let go.
      if (left === 0) await aws.clock.advanceAsync(1000);
    }
  }
  await Promise.all([...sends, ...Array.from({ length: 6 }, consume)]);
  const inOrder = Array.from({ length: each }, (_, index) => index);
  assert.equal(done.size, groups);
  for (const [group, numbers] of done) assert.deepEqual(numbers, inOrder, `group ${group}`);
});
