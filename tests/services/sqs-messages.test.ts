/** Standard queues: what may be sent, what is received, visibility, delays, long polls, batches, retention. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSqs, refusal } from "./sqs-harness.ts";

const STRING = (StringValue: string): object => ({ DataType: "String", StringValue });

test("a message comes back as it was sent, with its digests", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const binary = new Uint8Array(
    Buffer.from("traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"),
  );
  const sent = await aws.send(url, "test", {
    MessageAttributes: { attr1: { DataType: "Binary", BinaryValue: binary } },
  });
  assert.deepEqual(
    { ...sent, MessageId: "" },
    {
      MD5OfMessageBody: "098f6bcd4621d373cade4e832627b4f6",
      MD5OfMessageAttributes: "8cbe4db156db8a94db8b801b7addb984",
      MessageId: "",
    },
  );
  const [message] = await aws.receive(url, { MessageAttributeNames: ["All"] });
  assert.match(message.ReceiptHandle, /^[A-Za-z0-9+/=]+$/);
  assert.deepEqual(
    { ...message, ReceiptHandle: "" },
    {
      MessageId: sent.MessageId,
      ReceiptHandle: "",
      MD5OfBody: "098f6bcd4621d373cade4e832627b4f6",
      Body: "test",
      MD5OfMessageAttributes: "8cbe4db156db8a94db8b801b7addb984",
      MessageAttributes: { attr1: { DataType: "Binary", BinaryValue: binary } },
    },
  );
});

test("message attributes are chosen by name, by prefix, or all", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { VisibilityTimeout: "0" });
  const sent = await aws.send(url, "msg", {
    MessageAttributes: { "Help.Me": STRING("Me"), Hello: STRING("There"), General: STRING("Kenobi") },
  });
  assert.equal(sent.MD5OfMessageAttributes, "4c360f3fdafd970e05fae2f149d997f5");
  const expected: [string[], string[], string | undefined][] = [
    [[], [], undefined],
    [["All"], ["General", "Hello", "Help.Me"], "4c360f3fdafd970e05fae2f149d997f5"],
    [[".*"], ["General", "Hello", "Help.Me"], "4c360f3fdafd970e05fae2f149d997f5"],
    [["Nope", "Nada"], [], undefined],
    [["Hello", "General"], ["General", "Hello"], "fca026605781cb4126a1e9044df24232"],
    [["Hello", "Nope"], ["Hello"], "a311262e065454b75da111d535b8dacd"],
    [["Hel.*"], ["Hello", "Help.Me"], "83fee93c1bcd8b9a5a923ffacdc636c7"],
    [["AWS."], [], undefined],
    [["..foo"], [], undefined],
  ];
  for (const [names, found, digest] of expected) {
    const [message] = await aws.receive(url, { MessageAttributeNames: names });
    assert.deepEqual(Object.keys(message.MessageAttributes ?? {}).toSorted(), found, names.join());
    assert.equal(message.MD5OfMessageAttributes, digest);
  }
});

test("system attributes are given as asked for", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { VisibilityTimeout: "0" });
  const trace = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1";
  const sent = await aws.send(url, "msg", {
    MessageSystemAttributes: { AWSTraceHeader: STRING(trace) },
    MessageGroupId: "tenant-1",
  });
  assert.match(sent.MD5OfMessageSystemAttributes, /^[0-9a-f]{32}$/);
  const sentAt = String(aws.clock.now());
  aws.clock.advance(1500);
  const now = String(aws.clock.now());
  const [first] = await aws.receive(url, { MessageSystemAttributeNames: ["All"] });
  assert.deepEqual(first.Attributes, {
    SenderId: "AIDATESTER",
    SentTimestamp: sentAt,
    ApproximateReceiveCount: "1",
    ApproximateFirstReceiveTimestamp: now,
    AWSTraceHeader: trace,
    MessageGroupId: "tenant-1",
  });
  aws.clock.advance(10);
  const [second] = await aws.receive(url, {
    AttributeNames: ["ApproximateReceiveCount", "ApproximateFirstReceiveTimestamp"],
  });
  assert.deepEqual(second.Attributes, {
    ApproximateReceiveCount: "2",
    ApproximateFirstReceiveTimestamp: now,
  });
  const [third] = await aws.receive(url, { AttributeNames: ["DeadLetterQueueSourceArn"] });
  assert.equal(third.Attributes, undefined);
  await assert.rejects(
    aws.receive(url, { MessageSystemAttributeNames: ["Nonsense"] }),
    refusal("InvalidAttributeName", "Unknown Attribute Nonsense."),
  );
});

test("what AWS does not take is refused in its words", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { MaximumMessageSize: "1024" });
  const cases: [string, object, string, string | RegExp][] = [
    ["", {}, "MissingRequiredParameterException", "The request must contain the parameter MessageBody."],
    ["a\u0000b", {}, "InvalidMessageContents", /'#x0' was found/],
    ["a\uffffb", {}, "InvalidMessageContents", /'#xFFFF' was found/],
    ["a\ud800b", {}, "InvalidMessageContents", /'#xD800' was found/],
    [
      "x".repeat(1025),
      {},
      "InvalidParameterValueException",
      "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    ],
    [
      "x".repeat(1014),
      { MessageAttributes: { abc: STRING("12") } },
      "InvalidParameterValueException",
      "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    ],
    [
      "x",
      { DelaySeconds: 901 },
      "InvalidParameterValueException",
      "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    ],
    [
      "x",
      { MessageAttributes: { ErrorDetails: STRING("") } },
      "InvalidParameterValueException",
      "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'.",
    ],
    [
      "x",
      { MessageAttributes: { n: { DataType: "Number", StringValue: "ten" } } },
      "InvalidParameterValueException",
      /Can't cast the value/,
    ],
    [
      "x",
      { MessageAttributes: { n: { DataType: "Blob", StringValue: "ten" } } },
      "InvalidParameterValueException",
      /Binary, Number, String/,
    ],
    [
      "x",
      { MessageAttributes: { n: { StringValue: "ten" } } },
      "InvalidParameterValueException",
      /non-empty attribute type/,
    ],
    ["x", { MessageAttributes: { "AWS.n": STRING("v") } }, "InvalidParameterValueException", /reserved/],
    [
      "x",
      { MessageAttributes: { "a b": STRING("v") } },
      "InvalidParameterValueException",
      /attribute name 'a b'/,
    ],
    [
      "x",
      { MessageAttributes: { a: { ...STRING("v"), StringListValues: ["w"] } } },
      "UnsupportedOperation",
      /list values/,
    ],
    ["x", { MessageSystemAttributes: { Other: STRING("v") } }, "InvalidParameterValueException", /Other/],
    [
      "x",
      {
        MessageAttributes: Object.fromEntries(
          Array.from({ length: 11 }, (_, i) => [`a${String(i)}`, STRING("v")]),
        ),
      },
      "InvalidParameterValueException",
      "Number of message attributes [11] exceeds the allowed maximum [10].",
    ],
    ...["", "a".repeat(129), "group 123"].map((id): [string, object, string, string] => [
      "x",
      { MessageGroupId: id },
      "InvalidParameterValueException",
      `Value ${id} for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
    ]),
    ["x", { MessageDeduplicationId: "d" }, "InvalidParameterValueException", /not valid for this queue type/],
  ];
  for (const [body, more, code, sentence] of cases) {
    await assert.rejects(aws.send(url, body, more), refusal(code, sentence));
  }
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessages"), "0");
  await aws.send(url, "\t\n\r😀\ufffd", {
    MessageAttributes: { n: { DataType: "Number.int", StringValue: "-1.5e3" } },
  });
  assert.deepEqual(await aws.bodies(url), ["\t\n\r😀\ufffd"]);
});

test("a mebibyte is taken and comes back", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const body = "é".repeat(1 << 19);
  await aws.send(url, body);
  assert.deepEqual(await aws.bodies(url), [body]);
  await assert.rejects(aws.send(url, `${body}x`), refusal("InvalidParameterValueException", /1048576 bytes/));
});

test("a received message is hidden, comes back, and goes when it is deleted", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { VisibilityTimeout: "10" });
  await aws.send(url, "m");
  const [first] = await aws.receive(url);
  assert.deepEqual(await aws.receive(url), []);
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessagesNotVisible"), "1");
  aws.clock.advance(10_000);
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessages"), "1");
  const [second] = await aws.receive(url, { VisibilityTimeout: 3 });
  assert.notEqual(second.ReceiptHandle, first.ReceiptHandle);
  // The handle of the first receive is stale: it deletes nothing, and nobody is told.
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: first.ReceiptHandle });
  aws.clock.advance(3000);
  // Nobody received it since, so the handle still deletes.
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: second.ReceiptHandle });
  assert.deepEqual(await aws.receive(url), []);
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: second.ReceiptHandle });
  const rows = await aws.database().read("SELECT * FROM sqs_bodies");
  assert.deepEqual(rows, []);
});

test("a handle put together by hand reaches no message of another queue", async (t) => {
  const aws = await openSqs(t);
  for (const suffix of ["", ".fifo"]) {
    const Attributes = suffix === "" ? {} : { FifoQueue: "true" };
    const more = suffix === "" ? {} : { MessageGroupId: "g", MessageDeduplicationId: "d" };
    const mine = await aws.queue(`mine${suffix}`, Attributes);
    const theirs = await aws.queue(`theirs${suffix}`, Attributes);
    const handleOf = async (url: string): Promise<string> => {
      await aws.send(url, "x", more);
      return (await aws.receive(url))[0].ReceiptHandle;
    };
    const parts = (handle: string): string[] => Buffer.from(handle, "base64").toString().split(":");
    const [version = "", own = ""] = parts(await handleOf(mine));
    const their = await handleOf(theirs);
    const forged = [version, own, ...parts(their).slice(2)].join(":");
    const ReceiptHandle = Buffer.from(forged).toString("base64");
    await aws.call("DeleteMessage", { QueueUrl: mine, ReceiptHandle }).catch(() => undefined);
    const hidden = { QueueUrl: mine, ReceiptHandle, VisibilityTimeout: 0 };
    await assert.rejects(aws.call("ChangeMessageVisibility", hidden));
    assert.deepEqual(await aws.receive(theirs), [], "it is still in flight");
    await aws.call("ChangeMessageVisibility", {
      QueueUrl: theirs,
      ReceiptHandle: their,
      VisibilityTimeout: 0,
    });
    assert.equal((await aws.receive(theirs)).length, 1, "it is still there");
  }
});

test("receipt handles of other queues and invented ones are invalid", async (t) => {
  const aws = await openSqs(t);
  const [one, other] = [await aws.queue("one"), await aws.queue("other")];
  await aws.send(one, "m");
  const [message] = await aws.receive(one);
  for (const ReceiptHandle of [message.ReceiptHandle, "garbage", "", "AQEB"]) {
    for (const [operation, more] of [
      ["DeleteMessage", {}],
      ["ChangeMessageVisibility", { VisibilityTimeout: 1 }],
    ] as const) {
      await assert.rejects(
        aws.call(operation, { QueueUrl: other, ReceiptHandle, ...more }),
        refusal(
          "ReceiptHandleIsInvalid",
          `The input receipt handle "${ReceiptHandle}" is not a valid receipt handle.`,
        ),
      );
    }
  }
});

test("visibility can be changed, up to twelve hours in all", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  await aws.send(url, "m");
  const [message] = await aws.receive(url);
  const hide = (VisibilityTimeout: number): Promise<unknown> =>
    aws.call("ChangeMessageVisibility", {
      QueueUrl: url,
      ReceiptHandle: message.ReceiptHandle,
      VisibilityTimeout,
    });
  await hide(100);
  aws.clock.advance(99_000);
  assert.deepEqual(await aws.receive(url), []);
  await assert.rejects(hide(43_200), refusal("InvalidParameterValueException", /Total VisibilityTimeout/));
  for (const seconds of [-1, 43_201]) {
    await assert.rejects(
      hide(seconds),
      refusal("InvalidParameterValueException", /VisibilityTimeout is invalid/),
    );
  }
  aws.clock.advance(1000);
  // Visible again and not yet received by anybody else: still changeable.
  await hide(5);
  assert.deepEqual(await aws.receive(url), []);
  await hide(0);
  const [again] = await aws.receive(url);
  assert.equal(again.Body, "m");
  await assert.rejects(
    hide(10),
    refusal("InvalidParameterValueException", /not available for visibility timeout change/),
  );
  await aws.call("DeleteMessage", { QueueUrl: url, ReceiptHandle: again.ReceiptHandle });
  await assert.rejects(
    aws.call("ChangeMessageVisibility", {
      QueueUrl: url,
      ReceiptHandle: again.ReceiptHandle,
      VisibilityTimeout: 1,
    }),
    refusal("InvalidParameterValueException", /not available for visibility timeout change/),
  );
});

test("a delay of the queue, or of the message alone", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { DelaySeconds: "5" });
  await aws.send(url, "queue's");
  await aws.send(url, "own", { DelaySeconds: 2 });
  await aws.send(url, "none", { DelaySeconds: 0 });
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessagesDelayed"), "2");
  assert.deepEqual(await aws.bodies(url), ["none"]);
  aws.clock.advance(2000);
  assert.deepEqual(await aws.bodies(url), ["own"]);
  aws.clock.advance(3000);
  assert.deepEqual(await aws.bodies(url), ["queue's"]);
  // A standard queue's new delay does not touch what waits already.
  await aws.send(url, "waiting");
  await aws.call("SetQueueAttributes", { QueueUrl: url, Attributes: { DelaySeconds: "0" } });
  assert.deepEqual(await aws.bodies(url), []);
  aws.clock.advance(5000);
  assert.deepEqual(await aws.bodies(url), ["waiting"]);
});

test("ReceiveMessage's numbers are checked", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  for (const [more, sentence] of [
    [
      { MaxNumberOfMessages: 11 },
      "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    ],
    [
      { MaxNumberOfMessages: 0 },
      "Value 0 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    ],
    [
      { WaitTimeSeconds: 21 },
      "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    ],
    [
      { WaitTimeSeconds: -1 },
      "Value -1 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    ],
    [
      { VisibilityTimeout: 43_201 },
      "Value 43201 for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided.",
    ],
    [{ ReceiveRequestAttemptId: "a" }, /not valid for this queue type/],
  ] as const) {
    await assert.rejects(aws.receive(url, more), refusal("InvalidParameterValueException", sentence));
  }
});

test("a long poll ends with what comes, when a message becomes visible, or with its time", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { ReceiveMessageWaitTimeSeconds: "20" });
  const sent = aws.bodies(url);
  await settle();
  await aws.send(url, "sent");
  assert.deepEqual(await sent, ["sent"]);

  await aws.send(url, "delayed", { DelaySeconds: 7 });
  const startedAt = aws.clock.now();
  const delayed = aws.bodies(url);
  await settle();
  aws.clock.advance(6500);
  await settle();
  await aws.clock.advanceAsync(500);
  assert.deepEqual(await delayed, ["delayed"]);
  assert.equal(aws.clock.now() - startedAt, 7000);

  const [hidden] = await aws.receive(url, { WaitTimeSeconds: 0, VisibilityTimeout: 1 });
  assert.equal(hidden, undefined);
  const nothing = aws.bodies(url, { WaitTimeSeconds: 3 });
  await settle();
  await aws.clock.advanceAsync(3000);
  assert.deepEqual(await nothing, []);

  const changed = aws.bodies(url);
  await settle();
  await aws.send(url, "received", {});
  assert.deepEqual(await changed, ["received"]);
});

test("each message wakes one poller, and a batch wakes as many as it has messages", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const polls = Array.from({ length: 3 }, () =>
    aws.bodies(url, { WaitTimeSeconds: 20, MaxNumberOfMessages: 1 }),
  );
  await settle();
  await aws.call("SendMessageBatch", {
    QueueUrl: url,
    Entries: ["a", "b", "c"].map((body) => ({ Id: body, MessageBody: body })),
  });
  assert.deepEqual((await Promise.all(polls)).flat().toSorted(), ["a", "b", "c"]);
});

test("a poller that hung up takes nothing", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const hungUp = new AbortController();
  const poll = aws.call("ReceiveMessage", { QueueUrl: url, WaitTimeSeconds: 20 }, { signal: hungUp.signal });
  await settle();
  hungUp.abort();
  assert.deepEqual(await poll, {});
  await aws.send(url, "m");
  const [message] = await aws.receive(url, { AttributeNames: ["ApproximateReceiveCount"] });
  assert.equal(message.Attributes.ApproximateReceiveCount, "1");
});

test("a poller that hangs up while it is woken passes the wake-up on", async (t) => {
  const hungUp = new AbortController();
  const aws = await openSqs(t, { onArrival: () => hungUp.abort() });
  const url = await aws.queue("q");
  const first = aws.call("ReceiveMessage", { QueueUrl: url, WaitTimeSeconds: 20 }, { signal: hungUp.signal });
  await settle();
  const second = aws.bodies(url, { WaitTimeSeconds: 20 });
  await settle();
  await aws.send(url, "m");
  assert.deepEqual(await first, {});
  assert.deepEqual(await second, ["m"]);
});

test("what was taken for a poller in the moment it hung up is given back", async (t) => {
  const aws = await openSqs(t);
  for (const name of ["q", "q.fifo"]) {
    const url = await aws.queue(name);
    await aws.send(url, "m", name === "q" ? {} : { MessageGroupId: "g", MessageDeduplicationId: "d" });
    const hungUp = new AbortController();
    const database = aws.database();
    const commit = database.commit.bind(database);
    database.commit = (unit) => {
      if (unit.some(({ sql }) => sql.includes("receive_count + 1"))) hungUp.abort();
      return commit(unit);
    };
    assert.deepEqual(await aws.call("ReceiveMessage", { QueueUrl: url }, { signal: hungUp.signal }), {});
    database.commit = commit;
    assert.ok(hungUp.signal.aborted);
    const [message] = await aws.receive(url, { AttributeNames: ["ApproximateReceiveCount"] });
    assert.equal(message.Attributes.ApproximateReceiveCount, "1", name);
  }
});

test("a long poll on a queue that is deleted ends with the queue", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const poll = aws.receive(url, { WaitTimeSeconds: 20 });
  await settle();
  const rejected = assert.rejects(poll, refusal("QueueDoesNotExist"));
  await aws.call("DeleteQueue", { QueueUrl: url });
  await rejected;
});

test("closing ends the long polls", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  const poll = aws.receive(url, { WaitTimeSeconds: 20 });
  await settle();
  await aws.close();
  assert.deepEqual(await poll, []);
});

test("batches: each entry has its own outcome, a malformed batch has none", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { MaximumMessageSize: "1024" });
  const send = (Entries: object[] | undefined): Promise<{ Successful?: object[]; Failed?: object[] }> =>
    aws.call("SendMessageBatch", { QueueUrl: url, ...(Entries === undefined ? {} : { Entries }) });
  const result = await send([
    { Id: "big", MessageBody: "x".repeat(1025) },
    { Id: "ok", MessageBody: "y", DelaySeconds: 0 },
    { Id: "late", MessageBody: "y", DelaySeconds: 1000 },
    { Id: "empty", MessageBody: "" },
    { Id: "nul", MessageBody: "\u0001" },
  ]);
  assert.deepEqual(
    result.Successful?.map((one) => (one as { Id: string }).Id),
    ["ok"],
  );
  assert.deepEqual(
    result.Failed?.map((one) => ({ ...one, Message: undefined })),
    [
      { Id: "big", SenderFault: true, Code: "InvalidParameterValue", Message: undefined },
      { Id: "late", SenderFault: true, Code: "InvalidParameterValue", Message: undefined },
      { Id: "empty", SenderFault: true, Code: "MissingParameter", Message: undefined },
      { Id: "nul", SenderFault: true, Code: "InvalidMessageContents", Message: undefined },
    ],
  );
  assert.equal(
    (result.Failed as { Message: string }[])[0]?.Message,
    "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes.",
  );
  const id =
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
  const many = (count: number): object[] =>
    Array.from({ length: count }, (_, index) => ({ Id: String(index), MessageBody: "m" }));
  const bad: [object[] | undefined, string, string][] = [
    [[], "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."],
    [
      undefined,
      "EmptyBatchRequest",
      "There should be at least one SendMessageBatchRequestEntry in the request.",
    ],
    [
      many(20),
      "TooManyEntriesInBatchRequest",
      "Maximum number of entries per request are 10. You have sent 20.",
    ],
    [[...many(1), ...many(1)], "BatchEntryIdsNotDistinct", "Id 0 repeated."],
    [[{ Id: "", MessageBody: "m" }], "InvalidBatchEntryId", id],
    [[{ Id: "invalid:id", MessageBody: "m" }], "InvalidBatchEntryId", id],
    [[{ Id: "testLongId".repeat(10), MessageBody: "m" }], "InvalidBatchEntryId", id],
    [
      many(2).map((entry) => ({ ...entry, MessageBody: "z".repeat(524_289) })),
      "BatchRequestTooLong",
      "Batch requests cannot be longer than 1048576 bytes. You have sent 1048578 bytes.",
    ],
  ];
  for (const [entries, code, sentence] of bad) await assert.rejects(send(entries), refusal(code, sentence));
});

test("batches of deletions and of visibility", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  for (const body of ["a", "b"]) await aws.send(url, body);
  const [a, b] = await aws.receive(url, { MaxNumberOfMessages: 10 });
  const entries = [a, b].map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
  assert.deepEqual(
    await aws.call("ChangeMessageVisibilityBatch", {
      QueueUrl: url,
      Entries: [
        ...entries.map((entry) => ({ ...entry, VisibilityTimeout: 0 })),
        { Id: "x", ReceiptHandle: "nonsense", VisibilityTimeout: 1 },
      ],
    }),
    {
      Successful: [{ Id: "0" }, { Id: "1" }],
      Failed: [
        {
          Id: "x",
          SenderFault: true,
          Code: "ReceiptHandleIsInvalid",
          Message: 'The input receipt handle "nonsense" is not a valid receipt handle.',
        },
      ],
    },
  );
  assert.deepEqual(await aws.call("DeleteMessageBatch", { QueueUrl: url, Entries: entries }), {
    Successful: [{ Id: "0" }, { Id: "1" }],
  });
  assert.deepEqual(await aws.receive(url), []);
  for (const operation of ["DeleteMessageBatch", "ChangeMessageVisibilityBatch"]) {
    await assert.rejects(
      aws.call(operation, { QueueUrl: url, Entries: [] }),
      refusal("EmptyBatchRequest", `There should be at least one ${operation}RequestEntry in the request.`),
    );
    await assert.rejects(
      aws.call(operation, {
        QueueUrl: url,
        Entries: [{ Id: "a:b", ReceiptHandle: "x", VisibilityTimeout: 0 }],
      }),
      refusal("InvalidBatchEntryId"),
    );
  }
});

test("messages are gone after their retention, from the file too", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { MessageRetentionPeriod: "60", VisibilityTimeout: "0" });
  await aws.send(url, "old");
  aws.clock.advance(30_000);
  await aws.send(url, "young");
  aws.clock.advance(30_000);
  assert.deepEqual(await aws.bodies(url), ["young"]);
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessages"), "1");
  await aws.clock.advanceAsync(2000);
  const bodies = async (): Promise<number> =>
    (await aws.database().read("SELECT seq FROM sqs_bodies")).length;
  while ((await bodies()) > 1) await aws.clock.advanceAsync(10);
  // Raised in time, the retention holds for what is there.
  await aws.call("SetQueueAttributes", { QueueUrl: url, Attributes: { MessageRetentionPeriod: "1209600" } });
  await aws.clock.advanceAsync(86_400_000);
  assert.deepEqual(await aws.bodies(url), ["young"]);
});

test("no more than 120,000 messages are in flight", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  await aws.send(url, "one too many");
  const [box] = await aws.database().read<{ box_id: number }>("SELECT box_id FROM sqs_queues");
  await aws.database().commit([
    {
      sql: `INSERT INTO sqs_messages (box_id, seq, visible_at, sent_at, receive_count)
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
        SELECT ?, i, ?, ?, 1 FROM n`,
      params: [box?.box_id ?? 0, aws.clock.now() + 30_000, aws.clock.now()],
    },
  ]);
  assert.equal(await aws.attribute(url, "ApproximateNumberOfMessagesNotVisible"), "120000");
  await assert.rejects(aws.receive(url), refusal("OverLimit"));
  aws.clock.advance(30_000);
  assert.equal((await aws.receive(url)).length, 1);
});

test("everything is there after a reopening, hidden ones hidden", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q");
  for (const body of ["first", "second"])
    await aws.send(url, body, { MessageAttributes: { k: STRING(body) } });
  const [first] = await aws.receive(url);
  const again = await aws.reopen();
  const [second] = await again.receive(url, { MaxNumberOfMessages: 10, MessageAttributeNames: ["k"] });
  assert.deepEqual(
    [first.Body, second.Body, second.MessageAttributes.k.StringValue],
    ["first", "second", "second"],
  );
  again.clock.advance(30_000);
  const redelivered = await again.receive(url, { MaxNumberOfMessages: 10, AttributeNames: ["All"] });
  assert.deepEqual(
    redelivered.map((one) => [one.Body, one.Attributes.ApproximateReceiveCount]),
    [
      ["first", "2"],
      ["second", "2"],
    ],
  );
});

/** Lets what was called run until it waits for something. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
