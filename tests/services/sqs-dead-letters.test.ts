/** Dead-letter queues and message move tasks. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { arnOf, openSqs, refusal, type Output, type SqsHarness } from "./sqs-harness.ts";

function redrive(target: string, maxReceiveCount: number | string = 1): Record<string, string> {
  return { RedrivePolicy: JSON.stringify({ deadLetterTargetArn: arnOf(target), maxReceiveCount }) };
}

async function until(aws: SqsHarness, what: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 5000; turn += 1) {
    if (await what()) return;
    await aws.clock.advanceAsync(5);
  }
  throw new Error("it never came to be");
}

test("a message received too often goes to the dead-letter queue", async (t) => {
  const aws = await openSqs(t);
  const dead = await aws.queue("dead");
  const url = await aws.queue("q", { ...redrive("dead", 2), VisibilityTimeout: "5" });
  const { MessageId } = await aws.send(url, "poison");
  const sentAt = String(aws.clock.now());
  await aws.send(url, "fine");
  for (let receive = 0; receive < 2; receive += 1) {
    const got = await aws.receive(url, { MaxNumberOfMessages: 10 });
    for (const { Body, ReceiptHandle } of got) {
      if (Body === "fine") await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle });
    }
    aws.clock.advance(5000);
  }
  await aws.send(url, "next");
  assert.deepEqual(await aws.bodies(url), ["next"], "the third receive buries it and gets what is behind");
  const [buried] = await aws.receive(dead, { AttributeNames: ["All"] });
  assert.equal(buried.MessageId, MessageId);
  assert.deepEqual(buried.Attributes, {
    SenderId: "AIDATESTER",
    SentTimestamp: sentAt,
    ApproximateReceiveCount: "1",
    ApproximateFirstReceiveTimestamp: String(aws.clock.now()),
    DeadLetterQueueSourceArn: arnOf("q"),
  });
});

test("a poller of the dead-letter queue is woken, and retention counts from the first sending", async (t) => {
  const aws = await openSqs(t);
  const dead = await aws.queue("dead", { MessageRetentionPeriod: "60" });
  const url = await aws.queue("q", { ...redrive("dead"), VisibilityTimeout: "0" });
  await aws.send(url, "m");
  await aws.receive(url);
  const poll = aws.bodies(dead, { WaitTimeSeconds: 20, VisibilityTimeout: 0 });
  aws.clock.advance(1);
  assert.deepEqual(await aws.bodies(url), []);
  assert.deepEqual(await poll, ["m"]);
  aws.clock.advance(60_000);
  assert.deepEqual(await aws.bodies(dead), []);
});

test("a queue of nothing but poison is buried without end in sight of the caller", async (t) => {
  const aws = await openSqs(t);
  const dead = await aws.queue("dead");
  const url = await aws.queue("q", { ...redrive("dead"), VisibilityTimeout: "0" });
  await Promise.all(Array.from({ length: 2500 }, (_, index) => aws.send(url, String(index))));
  await aws.database().commit([{ sql: "UPDATE sqs_messages SET receive_count = 1", params: [] }]);
  await aws.send(url, "fine");
  assert.deepEqual(await aws.bodies(url), [], "two thousand at a time");
  assert.equal(await aws.attribute(dead, "ApproximateNumberOfMessages"), "2000");
  assert.deepEqual(await aws.bodies(url), ["fine"]);
  assert.equal(await aws.attribute(dead, "ApproximateNumberOfMessages"), "2500");
});

test("a chain of dead-letter queues: each counts for itself", async (t) => {
  const aws = await openSqs(t);
  const q3 = await aws.queue("q3");
  const q2 = await aws.queue("q2", { ...redrive("q3"), VisibilityTimeout: "0" });
  const q1 = await aws.queue("q1", { ...redrive("q2"), VisibilityTimeout: "0" });
  await aws.send(q1, "m");
  assert.deepEqual(await aws.bodies(q1), ["m"]);
  assert.deepEqual(await aws.bodies(q1), []);
  assert.deepEqual(await aws.bodies(q2), ["m"]);
  assert.deepEqual(await aws.bodies(q2), []);
  assert.deepEqual(await aws.bodies(q3), ["m"]);
});

test("FIFO: the head of a group is buried, its order kept, its deduplication id no obstacle", async (t) => {
  const aws = await openSqs(t);
  const dead = await aws.queue("dead.fifo");
  const url = await aws.queue("q.fifo", { ...redrive("dead.fifo"), ContentBasedDeduplication: "true" });
  const sent: Output[] = [];
  for (const body of ["1", "2", "3"]) sent.push(await aws.send(url, body, { MessageGroupId: "g" }));
  assert.deepEqual(await aws.bodies(url, { MaxNumberOfMessages: 2, VisibilityTimeout: 0 }), ["1", "2"]);
  aws.clock.advance(1);
  assert.deepEqual(await aws.bodies(url), ["3"]);
  const buried = await aws.receive(dead, { MaxNumberOfMessages: 10, AttributeNames: ["All"] });
  assert.deepEqual(
    buried.map((one) => [one.Body, one.Attributes.MessageDeduplicationId, one.Attributes.MessageGroupId]),
    [
      ["1", sent[0].MessageId, "g"],
      ["2", sent[1].MessageId, "g"],
    ],
  );
});

test("redrive policies are checked and shown in one form", async (t) => {
  const aws = await openSqs(t);
  await aws.queue("dead");
  await aws.queue("dead.fifo");
  const url = await aws.queue("q");
  const set = (RedrivePolicy: string): Promise<unknown> =>
    aws.call("SetQueueAttributes", { QueueUrl: url, Attributes: { RedrivePolicy } });
  const dead = arnOf("dead");
  const cases: [string, RegExp][] = [
    ["nonsense", /Redrive policy is not a valid JSON map\.$/],
    ["[]", /Redrive policy is not a valid JSON map\.$/],
    [JSON.stringify({ maxReceiveCount: 1 }), /does not contain mandatory attribute: deadLetterTargetArn\.$/],
    [
      JSON.stringify({ deadLetterTargetArn: dead }),
      /does not contain mandatory attribute: maxReceiveCount\.$/,
    ],
    [
      JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 0 }),
      /Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive\.$/,
    ],
    [JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 1001 }), /maxReceiveCount: 1001/],
    [JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: "x" }), /maxReceiveCount: x/],
    [
      JSON.stringify({ deadLetterTargetArn: "arn", maxReceiveCount: 1 }),
      /Invalid value for deadLetterTargetArn\.$/,
    ],
    [redrive("nowhere")["RedrivePolicy"] ?? "", /Dead letter target does not exist\.$/],
    [redrive("dead.fifo")["RedrivePolicy"] ?? "", /must be same type of queue as the source\.$/],
  ];
  for (const [text, sentence] of cases) {
    await assert.rejects(set(text), refusal("InvalidParameterValueException", sentence));
    await assert.rejects(
      aws.call("CreateQueue", { QueueName: "new", Attributes: { RedrivePolicy: text } }),
      refusal("InvalidParameterValueException", sentence),
    );
  }
  await set(redrive("dead", "7")["RedrivePolicy"] ?? "");
  assert.equal(
    await aws.attribute(url, "RedrivePolicy"),
    JSON.stringify({ deadLetterTargetArn: dead, maxReceiveCount: 7 }),
  );
  await set("");
  assert.equal(await aws.attribute(url, "RedrivePolicy"), undefined);
});

test("a redrive allow policy says which queues may", async (t) => {
  const aws = await openSqs(t);
  const dead = await aws.queue("dead");
  const [one, two] = [await aws.queue("one"), await aws.queue("two")];
  const allow = (policy: object): Promise<unknown> =>
    aws.call("SetQueueAttributes", {
      QueueUrl: dead,
      Attributes: { RedriveAllowPolicy: JSON.stringify(policy) },
    });
  const set = (url: string): Promise<unknown> =>
    aws.call("SetQueueAttributes", { QueueUrl: url, Attributes: redrive("dead") });
  await allow({ redrivePermission: "denyAll" });
  await assert.rejects(set(one), refusal("InvalidParameterValueException", /redrive allow policy/));
  await allow({ redrivePermission: "byQueue", sourceQueueArns: [arnOf("one")] });
  await set(one);
  await assert.rejects(set(two), refusal("InvalidParameterValueException", /redrive allow policy/));
  await allow({ redrivePermission: "allowAll" });
  await set(two);
  for (const policy of [
    {},
    { redrivePermission: "x" },
    { redrivePermission: "byQueue" },
    { redrivePermission: "allowAll", sourceQueueArns: [arnOf("one")] },
    { redrivePermission: "byQueue", sourceQueueArns: Array.from({ length: 11 }, () => arnOf("one")) },
  ]) {
    await assert.rejects(allow(policy), refusal("InvalidParameterValueException", /RedriveAllowPolicy/));
  }
  const sources = await aws.call("ListDeadLetterSourceQueues", { QueueUrl: dead });
  assert.deepEqual(sources, { queueUrls: [one, two] });
  const page = await aws.call("ListDeadLetterSourceQueues", { QueueUrl: dead, MaxResults: 1 });
  assert.deepEqual(page.queueUrls, [one]);
  const { NextToken } = page;
  const rest = await aws.call("ListDeadLetterSourceQueues", { QueueUrl: dead, MaxResults: 1, NextToken });
  assert.deepEqual(rest, { queueUrls: [two] });
  assert.deepEqual(await aws.call("ListDeadLetterSourceQueues", { QueueUrl: one }), { queueUrls: [] });
});

/** Two messages that were buried, on a source with a redrive policy. */
async function buriedTwo(aws: SqsHarness): Promise<{ dead: string; url: string }> {
  const dead = await aws.queue("dead");
  const url = await aws.queue("q", { ...redrive("dead"), VisibilityTimeout: "0" });
  for (const body of ["1", "2"]) await aws.send(url, body);
  await aws.receive(url, { MaxNumberOfMessages: 10 });
  aws.clock.advance(1);
  assert.deepEqual(await aws.receive(url), []);
  return { dead, url };
}

const list = (aws: SqsHarness, more: object = {}): Promise<Output> =>
  aws.call("ListMessageMoveTasks", { SourceArn: arnOf("dead"), ...more });

test("a move task brings messages back to where they came from", async (t) => {
  const aws = await openSqs(t);
  const { dead, url } = await buriedTwo(aws);
  const StartedTimestamp = aws.clock.now();
  const { TaskHandle } = await aws.call("StartMessageMoveTask", { SourceArn: arnOf("dead") });
  assert.match(TaskHandle, /^[A-Za-z0-9+/=]+$/);
  await until(aws, async () => (await list(aws)).Results[0].Status === "COMPLETED");
  assert.deepEqual(await list(aws), {
    Results: [
      {
        Status: "COMPLETED",
        SourceArn: arnOf("dead"),
        ApproximateNumberOfMessagesMoved: 2,
        ApproximateNumberOfMessagesToMove: 2,
        StartedTimestamp,
      },
    ],
  });
  const back = await aws.receive(url, { MaxNumberOfMessages: 10, AttributeNames: ["All"] });
  assert.deepEqual(
    back.map((one) => [
      one.Body,
      one.Attributes.ApproximateReceiveCount,
      one.Attributes.DeadLetterQueueSourceArn,
    ]),
    [
      ["1", "1", undefined],
      ["2", "1", undefined],
    ],
  );
  assert.deepEqual(await aws.receive(dead), []);
  await assert.rejects(
    aws.call("CancelMessageMoveTask", { TaskHandle }),
    refusal("InvalidParameterValueException", "Only active tasks can be cancelled."),
  );
});

test("a move task has a rate, can be cancelled, and fails when its destination goes", async (t) => {
  const aws = await openSqs(t);
  const dead = await aws.queue("dead");
  await aws.queue("q", redrive("dead"));
  const target = await aws.queue("target");
  for (let number = 0; number < 10; number += 1) await aws.send(dead, String(number));
  const start = (): Promise<Output> =>
    aws.call("StartMessageMoveTask", {
      SourceArn: arnOf("dead"),
      DestinationArn: arnOf("target"),
      MaxNumberOfMessagesPerSecond: 1,
    });
  const { TaskHandle } = await start();
  await assert.rejects(
    start(),
    refusal(
      "InvalidParameterValueException",
      "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    ),
  );
  await until(aws, async () => (await list(aws)).Results[0].ApproximateNumberOfMessagesMoved === 3);
  assert.equal((await list(aws)).Results[0].TaskHandle, TaskHandle);
  assert.deepEqual(await aws.call("CancelMessageMoveTask", { TaskHandle }), {
    ApproximateNumberOfMessagesMoved: 3,
  });
  await until(aws, async () => (await list(aws)).Results[0].Status === "CANCELLED");
  assert.equal(await aws.attribute(target, "ApproximateNumberOfMessages"), "3");
  aws.clock.advance(1);
  await start();
  await until(aws, async () => (await list(aws)).Results[0].ApproximateNumberOfMessagesMoved === 1);
  await aws.call("DeleteQueue", { QueueUrl: target });
  await until(aws, async () => (await list(aws)).Results[0].Status === "FAILED");
  const { Results } = await list(aws, { MaxResults: 10 });
  assert.deepEqual(
    Results.map((task: Output) => [task.Status, task.FailureReason, task.MaxNumberOfMessagesPerSecond]),
    [
      ["FAILED", "AWS.SimpleQueueService.NonExistentQueue", 1],
      ["CANCELLED", undefined, 1],
    ],
  );
  assert.equal(Results[0].DestinationArn, arnOf("target"));
  assert.equal(Results[0].ApproximateNumberOfMessagesToMove, 7);
});

test("a move task goes on after a reopening, FIFO groups keep their order", async (t) => {
  const aws = await openSqs(t);
  const dead = await aws.queue("dead.fifo");
  await aws.queue("q.fifo", redrive("dead.fifo"));
  const target = await aws.queue("target.fifo");
  for (let number = 0; number < 6; number += 1) {
    await aws.send(dead, String(number), { MessageGroupId: "g", MessageDeduplicationId: String(number) });
  }
  const SourceArn = arnOf("dead.fifo");
  await aws.call("StartMessageMoveTask", {
    SourceArn,
    DestinationArn: arnOf("target.fifo"),
    MaxNumberOfMessagesPerSecond: 2,
  });
  const moved = async (one: SqsHarness): Promise<Output> =>
    (await one.call("ListMessageMoveTasks", { SourceArn })).Results[0];
  await until(aws, async () => (await moved(aws)).ApproximateNumberOfMessagesMoved >= 2);
  const again = await aws.reopen();
  await until(again, async () => (await moved(again)).Status === "COMPLETED");
  assert.deepEqual(await again.bodies(target), ["0", "1", "2", "3", "4", "5"]);
  assert.deepEqual(await again.bodies(dead), []);
});

test("a message nobody buried has no source to go back to", async (t) => {
  const aws = await openSqs(t);
  const { dead } = await buriedTwo(aws);
  await aws.send(dead, "direct");
  await aws.call("StartMessageMoveTask", { SourceArn: arnOf("dead") });
  await until(aws, async () => (await list(aws)).Results[0].Status === "FAILED");
  const [task] = (await list(aws)).Results;
  assert.deepEqual(
    [task.FailureReason, task.ApproximateNumberOfMessagesMoved],
    ["CouldNotDetermineMessageSource", 2],
  );
});

test("move tasks are refused in AWS's words", async (t) => {
  const aws = await openSqs(t);
  await aws.queue("plain");
  await aws.queue("dead");
  await aws.queue("dead.fifo");
  await aws.queue("q", redrive("dead"));
  const start = (SourceArn: string, more: object = {}): Promise<unknown> =>
    aws.call("StartMessageMoveTask", { SourceArn, ...more });
  const missing = (name: string): string =>
    `The resource that you specified for the ${name} parameter doesn't exist.`;
  await assert.rejects(
    start(arnOf("plain")),
    refusal("InvalidParameterValueException", "Source queue must be configured as a Dead Letter Queue."),
  );
  await assert.rejects(start(arnOf("nowhere")), refusal("ResourceNotFoundException", missing("SourceArn")));
  await assert.rejects(
    start("nonsense"),
    refusal("InvalidParameterValueException", /You must use this format/),
  );
  await assert.rejects(
    start(arnOf("dead"), { DestinationArn: arnOf("nowhere") }),
    refusal("ResourceNotFoundException", missing("DestinationArn")),
  );
  await assert.rejects(
    start(arnOf("dead"), { DestinationArn: arnOf("dead.fifo") }),
    refusal("InvalidParameterValueException"),
  );
  for (const MaxNumberOfMessagesPerSecond of [0, 501]) {
    await assert.rejects(
      start(arnOf("dead"), { MaxNumberOfMessagesPerSecond }),
      refusal("InvalidParameterValueException"),
    );
  }
  const handle = (taskId: string, sourceArn: string): string =>
    Buffer.from(JSON.stringify({ taskId, sourceArn })).toString("base64");
  for (const [TaskHandle, code, sentence] of [
    [handle("x", arnOf("nowhere")), "ResourceNotFoundException", missing("SourceArn")],
    [handle("x", arnOf("dead")), "ResourceNotFoundException", "Task does not exist."],
    ["nonsense", "InvalidParameterValueException", /TaskHandle is invalid/],
  ] as const) {
    await assert.rejects(aws.call("CancelMessageMoveTask", { TaskHandle }), refusal(code, sentence));
  }
  assert.deepEqual(await list(aws), { Results: [] });
  await assert.rejects(list(aws, { MaxResults: 11 }), refusal("InvalidParameterValueException"));
  await assert.rejects(
    aws.call("ListMessageMoveTasks", { SourceArn: arnOf("nowhere") }),
    refusal("ResourceNotFoundException", missing("SourceArn")),
  );
});
