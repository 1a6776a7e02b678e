/** The decisions that need no file, as tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../testing/fake-clock.ts";
import { changeAttributes, firstDifference, settingsOf } from "./attributes.ts";
import { checkBatch } from "./batch.ts";
import { planReceive, type GroupHead, type HeadMessage } from "./fifo.ts";
import { md5OfAttributes, messageBytes, selectAttributes, type AttributeMap } from "./message.ts";
import { parseQueueArn, parseQueueUrl, queueUrl } from "./names.ts";
import { nextToken, openToken } from "./page-token.ts";
import { readReceipt, writeReceipt } from "./receipt.ts";
import { allowsRedrive } from "./redrive.ts";
import { createSequence, sequenceNumber } from "./sequence.ts";

const NOW = 1_000_000;

function message(seq: number, more: Partial<HeadMessage> = {}): HeadMessage {
  return {
    seq,
    visibleAt: 0,
    sentAt: NOW - 1,
    receives: 0,
    firstReceivedAt: undefined,
    sourceArn: undefined,
    ...more,
  };
}

function group(groupId: string, ...messages: HeadMessage[]): GroupHead {
  return { groupId, readyAt: 0, messages };
}

test("a receive is planned group by group", () => {
  const rules = { now: NOW, max: 3, retentionMs: 1000, maxReceiveCount: 2 };
  const table: [string, GroupHead[], [string, number[], number[]][]][] = [
    ["nothing", [], []],
    [
      "one group fills the batch",
      [group("a", message(1), message(2), message(3), message(4)), group("b", message(5))],
      [["a", [1, 2, 3], []]],
    ],
    [
      "then the next",
      [group("a", message(1)), group("b", message(2), message(3), message(4))],
      [
        ["a", [1], []],
        ["b", [2, 3], []],
      ],
    ],
    [
      "what is not visible ends the group",
      [group("a", message(1), message(2, { visibleAt: NOW + 1 }), message(3))],
      [["a", [1], []]],
    ],
    [
      "what came too often is buried, and takes no place",
      [group("a", message(1, { receives: 2 }), message(2), message(3), message(4))],
      [["a", [2, 3, 4], [1]]],
    ],
    [
      "a group of the buried alone",
      [group("a", message(1, { receives: 5 })), group("b", message(2))],
      [
        ["a", [], [1]],
        ["b", [2], []],
      ],
    ],
    [
      "what is past its retention is passed over",
      [group("a", message(1, { sentAt: NOW - 1000 }), message(2))],
      [["a", [2], []]],
    ],
    ["a group of the expired alone", [group("a", message(1, { sentAt: NOW - 1000 }))], []],
  ];
  for (const [name, groups, expected] of table) {
    const plans = planReceive(groups, rules).map(({ groupId, take, bury }) => [
      groupId,
      take.map(({ seq }) => seq),
      bury.map(({ seq }) => seq),
    ]);
    assert.deepEqual(plans, expected, name);
  }
  const [unlimited] = planReceive([group("a", message(1, { receives: 999 }))], {
    ...rules,
    maxReceiveCount: undefined,
  });
  assert.deepEqual([unlimited?.take.length, unlimited?.bury.length], [1, 0]);
});

test("queue URLs and ARNs", () => {
  const at = (region: string): object => ({ accountId: "123456789012", region, name: "q" });
  assert.deepEqual(parseQueueUrl("http://127.0.0.1:4566/123456789012/q", "eu-west-1"), at("eu-west-1"));
  assert.deepEqual(
    parseQueueUrl("https://sqs.us-gov-west-1.amazonaws.com/123456789012/q", "eu-west-1"),
    at("us-gov-west-1"),
  );
  assert.deepEqual(parseQueueUrl("http://h/queue/ap-south-1/123456789012/q", "eu-west-1"), at("ap-south-1"));
  for (const url of [
    "http://h/12/q",
    "http://h/123456789012/q/r",
    "http://h/123456789012/",
    "h/123456789012/q",
  ]) {
    assert.throws(() => parseQueueUrl(url, "eu-west-1"), { code: "InvalidAddress" }, url);
  }
  const queue = { accountId: "123456789012", region: "eu-west-1", name: "q" };
  assert.deepEqual(parseQueueUrl(queueUrl("http://h:1", queue, "us-east-1"), "us-east-1"), queue);
  assert.deepEqual(parseQueueArn("arn:aws-cn:sqs:cn-north-1:123456789012:q.fifo"), {
    accountId: "123456789012",
    region: "cn-north-1",
    name: "q.fifo",
  });
  for (const arn of [
    "arn:aws:sns:eu-west-1:123456789012:q",
    "arn:aws:sqs:eu-west-1:1:q",
    "q",
    "arn:aws:sqs:eu-west-1:123456789012:",
  ]) {
    assert.equal(parseQueueArn(arn), undefined, arn);
  }
});

test("digests of attributes do not depend on their order", () => {
  const a: AttributeMap = {
    b: { DataType: "Number", StringValue: "1" },
    a: { DataType: "Binary.x", BinaryValue: new Uint8Array([0]) },
  };
  assert.equal(md5OfAttributes(a), md5OfAttributes(Object.fromEntries(Object.entries(a).toReversed())));
  assert.equal(md5OfAttributes({}), undefined);
  assert.equal(messageBytes("é", a), 2 + (1 + 6 + 1) + (1 + 8 + 1));
  assert.deepEqual(Object.keys(selectAttributes(a, ["a*", "b.*"])), ["b"]);
});

test("receipts are read back, and nothing else is", () => {
  const receipt = { queueId: 1, boxId: 2, seq: Number.MAX_SAFE_INTEGER, receive: 4 };
  assert.deepEqual(readReceipt(writeReceipt(receipt)), receipt);
  for (const handle of [
    "",
    "ü",
    "AAAA",
    Buffer.from("lambent1:1:2:3").toString("base64"),
    Buffer.from("lambent1:1:2:x:4").toString("base64"),
  ]) {
    assert.equal(readReceipt(handle), undefined);
  }
});

test("numbers grow, whatever the clock does", () => {
  const clock = fakeClock(1000);
  const next = createSequence(clock, 0);
  const first = [next(), next()];
  clock.advance(5);
  const later = next();
  assert.ok((first[0] ?? 0) < (first[1] ?? 0) && (first[1] ?? 0) < later);
  assert.equal(createSequence(fakeClock(1000), later)(), later + 1);
  assert.match(sequenceNumber(later), /^\d{20}$/);
});

test("attributes: the difference that counts, and what they mean", () => {
  const table: [Record<string, string>, Record<string, string>, string | undefined][] = [
    [{}, {}, undefined],
    [{ DelaySeconds: "1" }, {}, undefined],
    [{}, { DelaySeconds: "0", VisibilityTimeout: "30" }, undefined],
    [{ DelaySeconds: "1" }, { DelaySeconds: "0" }, "DelaySeconds"],
    [{}, { Policy: "{}" }, "Policy"],
    [{ Policy: "{}" }, { Policy: "" }, undefined],
  ];
  for (const [existing, asked, expected] of table) {
    assert.equal(firstDifference(existing, asked, false), expected, JSON.stringify(asked));
  }
  assert.equal(
    settingsOf(changeAttributes({}, { VisibilityTimeout: "007" }, false)).visibilityTimeoutMs,
    7000,
  );
  assert.equal(settingsOf({}).deduplicationScope, "queue");
});

test("who may have a queue as dead-letter queue", () => {
  assert.ok(allowsRedrive(undefined, "a"));
  assert.ok(allowsRedrive({ redrivePermission: "allowAll" }, "a"));
  assert.ok(!allowsRedrive({ redrivePermission: "denyAll" }, "a"));
  assert.ok(allowsRedrive({ redrivePermission: "byQueue", sourceQueueArns: ["a"] }, "a"));
  assert.ok(!allowsRedrive({ redrivePermission: "byQueue", sourceQueueArns: ["b"] }, "a"));
});

test("batches of one and of ten", () => {
  const entries = (count: number): { Id: string }[] =>
    Array.from({ length: count }, (_, index) => ({ Id: `i-${String(index)}` }));
  checkBatch(entries(1), "X");
  checkBatch(entries(10), "X");
  assert.throws(() => checkBatch(entries(11), "X"), { code: "TooManyEntriesInBatchRequest" });
});

test("page tokens belong to their question", () => {
  const token = nextToken("name:with:colons", { prefix: "a" });
  assert.equal(openToken(token, { prefix: "a" }), "name:with:colons");
  for (const other of [token.slice(2), "", "?"]) {
    assert.throws(() => openToken(other, { prefix: "a" }), { code: "InvalidParameterValueException" });
  }
  assert.throws(() => openToken(token, { prefix: "b" }), { code: "InvalidParameterValueException" });
});
