/** What holds for every operation alike: which refusals it has, and that what it did is there after a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, arnOf, openSqs, refusal, saw, type Output } from "./sqs-harness.ts";

/** Operations on a queue, with an input that is complete but for the queue. */
const ON_A_QUEUE: Readonly<Record<string, object>> = {
  AddPermission: { Label: "l", AWSAccountIds: [ACCOUNT], Actions: ["SendMessage"] },
  ChangeMessageVisibility: { ReceiptHandle: "x", VisibilityTimeout: 1 },
  ChangeMessageVisibilityBatch: { Entries: [{ Id: "1", ReceiptHandle: "x", VisibilityTimeout: 1 }] },
  DeleteMessage: { ReceiptHandle: "x" },
  DeleteMessageBatch: { Entries: [{ Id: "1", ReceiptHandle: "x" }] },
  DeleteQueue: {},
  GetQueueAttributes: {},
  ListDeadLetterSourceQueues: {},
  ListQueueTags: {},
  PurgeQueue: {},
  ReceiveMessage: {},
  RemovePermission: { Label: "l" },
  SendMessage: { MessageBody: "m" },
  SendMessageBatch: { Entries: [{ Id: "1", MessageBody: "m" }] },
  SetQueueAttributes: { Attributes: {} },
  TagQueue: { Tags: {} },
  UntagQueue: { TagKeys: [] },
};

test("an operation on a queue that is not there, at no address, or without one", async (t) => {
  const aws = await openSqs(t);
  for (const [operation, input] of Object.entries(ON_A_QUEUE)) {
    await assert.rejects(
      aws.call(operation, { ...input, QueueUrl: `http://127.0.0.1:4566/${ACCOUNT}/nowhere` }),
      refusal("QueueDoesNotExist", "The specified queue does not exist."),
      operation,
    );
    await assert.rejects(
      aws.call(operation, { ...input, QueueUrl: "nonsense" }),
      refusal("InvalidAddress"),
      operation,
    );
    await assert.rejects(
      aws.call(operation, input),
      refusal("MissingRequiredParameterException", "The request must contain the parameter QueueUrl."),
      operation,
    );
  }
  await assert.rejects(aws.call("GetQueueUrl", { QueueName: "nowhere" }), refusal("QueueDoesNotExist"));
});

test("the rules of batches hold for each of them", async (t) => {
  const aws = await openSqs(t);
  const QueueUrl = await aws.queue("q");
  const entry = { ReceiptHandle: "x", VisibilityTimeout: 1, MessageBody: "m" };
  for (const operation of ["SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"]) {
    const call = (ids: string[]): Promise<unknown> =>
      aws.call(operation, { QueueUrl, Entries: ids.map((Id) => ({ ...entry, Id })) });
    const many = Array.from({ length: 11 }, (_, index) => String(index));
    await assert.rejects(call([]), refusal("EmptyBatchRequest"));
    await assert.rejects(call(many), refusal("TooManyEntriesInBatchRequest"));
    await assert.rejects(call(["a", "a"]), refusal("BatchEntryIdsNotDistinct", "Id a repeated."));
    await assert.rejects(call(["a b"]), refusal("InvalidBatchEntryId"));
  }
});

test("what each operation did is there after a restart", async (t) => {
  let aws = await openSqs(t);
  const persisted = async (
    operations: string[],
    look: () => Promise<unknown>,
    expected: unknown,
  ): Promise<void> => {
    aws = await aws.reopen();
    assert.deepEqual(await look(), expected, operations.join());
    for (const operation of operations) saw(operation, "persistence");
  };
  const attribute = (name: string) => () => aws.attribute(QueueUrl, name);
  const QueueUrl = await aws.queue("q");
  await aws.queue("gone");
  await aws.call("DeleteQueue", { QueueUrl: `http://h/${ACCOUNT}/gone` });
  await persisted(["CreateQueue", "DeleteQueue"], async () => (await aws.call("ListQueues")).QueueUrls, [
    QueueUrl,
  ]);

  assert.deepEqual(await aws.call("GetQueueUrl", { QueueName: "q" }), { QueueUrl });
  assert.deepEqual(await aws.call("GetQueueUrl", { QueueName: "q", QueueOwnerAWSAccountId: ACCOUNT }), {
    QueueUrl,
  });

  await aws.call("SetQueueAttributes", { QueueUrl, Attributes: { VisibilityTimeout: "77" } });
  await assert.rejects(
    aws.call("SetQueueAttributes", { QueueUrl, Attributes: { VisibilityTimeout: "x" } }),
    refusal("InvalidAttributeValue"),
  );
  await persisted(["SetQueueAttributes"], attribute("VisibilityTimeout"), "77");

  await aws.call("TagQueue", { QueueUrl, Tags: { a: "1", b: "2" } });
  await aws.call("UntagQueue", { QueueUrl, TagKeys: ["a"] });
  const tags = async (): Promise<unknown> => (await aws.call("ListQueueTags", { QueueUrl })).Tags;
  await persisted(["TagQueue", "UntagQueue"], tags, { b: "2" });

  for (const Label of ["kept", "gone"]) {
    await aws.call("AddPermission", { QueueUrl, Label, AWSAccountIds: [ACCOUNT], Actions: ["SendMessage"] });
  }
  await aws.call("RemovePermission", { QueueUrl, Label: "gone" });
  const labels = async (): Promise<unknown> =>
    (
      JSON.parse((await aws.attribute(QueueUrl, "Policy")) ?? "") as { Statement: { Sid: string }[] }
    ).Statement.map(({ Sid }) => Sid);
  await persisted(["AddPermission", "RemovePermission"], labels, ["kept"]);

  await aws.send(QueueUrl, "1");
  const Entries = ["2", "3", "4", "5"].map((body) => ({ Id: body, MessageBody: body }));
  await aws.call("SendMessageBatch", { QueueUrl, Entries });
  await persisted(["SendMessage", "SendMessageBatch"], attribute("ApproximateNumberOfMessages"), "5");

  const [one, two, three, four] = (await aws.receive(QueueUrl, { MaxNumberOfMessages: 4 })) as Output[];
  await persisted(["ReceiveMessage"], attribute("ApproximateNumberOfMessagesNotVisible"), "4");
  const handle = (message: Output): { ReceiptHandle: string } => ({ ReceiptHandle: message.ReceiptHandle });
  await aws.call("DeleteMessage", { QueueUrl, ...handle(one) });
  await aws.call("DeleteMessageBatch", { QueueUrl, Entries: [{ Id: "2", ...handle(two) }] });
  await persisted(
    ["DeleteMessage", "DeleteMessageBatch"],
    attribute("ApproximateNumberOfMessagesNotVisible"),
    "2",
  );
  await aws.call("ChangeMessageVisibility", { QueueUrl, ...handle(three), VisibilityTimeout: 0 });
  await aws.call("ChangeMessageVisibilityBatch", {
    QueueUrl,
    Entries: [{ Id: "4", ...handle(four), VisibilityTimeout: 0 }],
  });
  const changed = ["ChangeMessageVisibility", "ChangeMessageVisibilityBatch"];
  await persisted(changed, attribute("ApproximateNumberOfMessages"), "3");

  await aws.call("PurgeQueue", { QueueUrl });
  await persisted(["PurgeQueue"], attribute("ApproximateNumberOfMessages"), "0");

  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf("q"), maxReceiveCount: 1 });
  await aws.queue("source", { RedrivePolicy });
  for (const body of ["a", "b", "c"]) await aws.send(QueueUrl, body);
  const SourceArn = arnOf("q");
  const rate = { DestinationArn: arnOf("source"), MaxNumberOfMessagesPerSecond: 1 };
  const { TaskHandle } = await aws.call("StartMessageMoveTask", { SourceArn, ...rate });
  const tasks = async (): Promise<unknown> =>
    (await aws.call("ListMessageMoveTasks", { SourceArn })).Results.map((task: Output) => task.TaskHandle);
  await persisted(["StartMessageMoveTask"], tasks, [TaskHandle]);
  await aws.call("CancelMessageMoveTask", { TaskHandle });
  await persisted(["CancelMessageMoveTask"], tasks, [undefined]);
});
