/** Streams: what is recorded, in which order, for how long, and how it is read. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { item, openDynamodb, REGION, type DynamodbHarness, type Output } from "./dynamodb-harness.ts";

const ID = {
  KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
  AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" }],
};
const stream = (StreamViewType: string): object => ({
  StreamSpecification: { StreamEnabled: true, StreamViewType },
});
const T = { TableName: "things" };

async function streamOf(h: DynamodbHarness): Promise<{ arn: string; shard: string }> {
  const { Table } = await h.call("DescribeTable", T);
  const arn = Table.LatestStreamArn as string;
  const { StreamDescription } = await h.call("DescribeStream", { StreamArn: arn });
  return { arn, shard: StreamDescription.Shards[0].ShardId };
}

async function iterator(h: DynamodbHarness, type: string, sequence?: string): Promise<string> {
  const { arn, shard } = await streamOf(h);
  const { ShardIterator } = await h.call("GetShardIterator", {
    StreamArn: arn,
    ShardId: shard,
    ShardIteratorType: type,
    ...(sequence === undefined ? {} : { SequenceNumber: sequence }),
  });
  return ShardIterator;
}

const ids = (records: Output[]): string[] => records.map((record) => record.dynamodb.Keys.id.S as string);

test("inserts, changes and removals of single writes and batches, field by field", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("NEW_AND_OLD_IMAGES") });
  const fred = item({ id: "Fred" });
  await h.put("things", fred);
  await h.call("BatchWriteItem", {
    RequestItems: { things: [{ PutRequest: { Item: item({ id: "NewKey" }) } }] },
  });
  await h.call("BatchWriteItem", {
    RequestItems: { things: [{ DeleteRequest: { Key: item({ id: "NewKey" }) } }] },
  });
  await h.call("BatchWriteItem", {
    RequestItems: { things: [{ PutRequest: { Item: { ...fred, name: { S: "Fred" } } } }] },
  });
  const records = await h.records("things");
  const seen = records.map(({ eventID, dynamodb, ...rest }) => {
    assert.match(eventID, /^[0-9a-f]{32}$/);
    const { ApproximateCreationDateTime, SequenceNumber, ...body } = dynamodb;
    assert.equal(ApproximateCreationDateTime.getTime() % 1000, 0);
    assert.match(SequenceNumber, /^\d{21,40}$/);
    return { ...rest, dynamodb: body };
  });
  const common = { awsRegion: REGION, eventSource: "aws:dynamodb", eventVersion: "1.1" };
  const view = { StreamViewType: "NEW_AND_OLD_IMAGES" };
  const other = item({ id: "NewKey" });
  const named = { ...fred, name: { S: "Fred" } };
  assert.deepEqual(seen, [
    { ...common, eventName: "INSERT", dynamodb: { Keys: fred, NewImage: fred, SizeBytes: 12, ...view } },
    { ...common, eventName: "INSERT", dynamodb: { Keys: other, NewImage: other, SizeBytes: 16, ...view } },
    { ...common, eventName: "REMOVE", dynamodb: { Keys: other, OldImage: other, SizeBytes: 16, ...view } },
    {
      ...common,
      eventName: "MODIFY",
      dynamodb: { Keys: fred, NewImage: named, OldImage: fred, SizeBytes: 26, ...view },
    },
  ]);
  const numbers = records.map((record) => record.dynamodb.SequenceNumber as string);
  assert.deepEqual(numbers, numbers.toSorted());
  assert.equal(new Set(numbers).size, 4);
});

for (const [view, images] of [
  ["KEYS_ONLY", []],
  ["NEW_IMAGE", ["NewImage"]],
  ["OLD_IMAGE", ["OldImage"]],
  ["NEW_AND_OLD_IMAGES", ["NewImage", "OldImage"]],
] as const) {
  test(`a stream of ${view} shows ${images.join(" and ") || "keys"}`, async (t) => {
    const h = await openDynamodb(t);
    await h.table("things", { ...ID, ...stream(view) });
    await h.put("things", { ...item({ id: "a" }), b: { B: Uint8Array.of(1, 2) } });
    await h.put("things", { ...item({ id: "a" }), b: { B: Uint8Array.of(3) } });
    const [, changed] = await h.records("things");
    assert.equal(changed.eventName, "MODIFY");
    assert.deepEqual(
      Object.keys(changed.dynamodb)
        .filter((name) => name.endsWith("Image"))
        .toSorted(),
      [...images],
    );
    if (changed.dynamodb.NewImage !== undefined)
      assert.deepEqual(changed.dynamodb.NewImage.b, { B: Uint8Array.of(3) });
  });
}

test("a write that changes nothing leaves no record; a transaction leaves one a change", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("KEYS_ONLY") });
  await h.put("things", item({ id: "a", n: { N: "1" } }));
  await h.put("things", item({ id: "a", n: { N: "1.0" } }));
  await h.call("UpdateItem", { ...T, Key: item({ id: "a" }), UpdateExpression: "REMOVE gone" });
  await h.call("DeleteItem", { ...T, Key: item({ id: "none" }) });
  const put = (id: string): object => ({ Put: { ...T, Item: item({ id }) } });
  const check = {
    ConditionCheck: { ...T, Key: item({ id: "a" }), ConditionExpression: "attribute_exists(id)" },
  };
  await h.call("TransactWriteItems", { TransactItems: [put("b"), check, put("c")] });
  assert.deepEqual(ids(await h.records("things")), ["a", "b", "c"]);
});

test("the deletion of an expired item says who did it", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("OLD_IMAGE") });
  await h.call("UpdateTimeToLive", {
    ...T,
    TimeToLiveSpecification: { Enabled: true, AttributeName: "ttl" },
  });
  await h.put("things", item({ id: "a", ttl: Math.floor(h.clock.now() / 1000) - 5 }));
  for (;;) {
    await h.dynamodb.sweep();
    if ((await h.call("Scan", T)).Count === 0) break;
    await h.clock.sleep(5);
  }
  const removed = (await h.records("things")).at(-1);
  assert.equal(removed.eventName, "REMOVE");
  assert.deepEqual(removed.userIdentity, { Type: "Service", PrincipalId: "dynamodb.amazonaws.com" });
});

test("iterators start where they say and go on from there", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("KEYS_ONLY") });
  const latest = await iterator(h, "LATEST");
  for (const id of ["a", "b", "c"]) await h.put("things", item({ id }));
  const read = async (ShardIterator: string, more: object = {}): Promise<Output> =>
    h.call("GetRecords", { ShardIterator, ...more });
  const all = await read(latest);
  assert.deepEqual(ids(all.Records), ["a", "b", "c"]);
  const second = all.Records[1].dynamodb.SequenceNumber as string;
  assert.deepEqual(ids((await read(await iterator(h, "AT_SEQUENCE_NUMBER", second))).Records), ["b", "c"]);
  assert.deepEqual(ids((await read(await iterator(h, "AFTER_SEQUENCE_NUMBER", second))).Records), ["c"]);
  assert.deepEqual(ids((await read(await iterator(h, "LATEST"))).Records), []);
  const one = await read(await iterator(h, "TRIM_HORIZON"), { Limit: 1 });
  assert.deepEqual(ids(one.Records), ["a"]);
  assert.deepEqual(ids((await read(one.NextShardIterator)).Records), ["b", "c"]);
  const { arn } = await streamOf(h);
  assert.ok(latest.startsWith(`${arn}|1|`));
  // Nothing is lost by a restart.
  const again = await h.reopen();
  assert.deepEqual(ids((await again.call("GetRecords", { ShardIterator: one.NextShardIterator })).Records), [
    "b",
    "c",
  ]);
});

test("streams and iterators that are none", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("KEYS_ONLY") });
  const { arn, shard } = await streamOf(h);
  const none = arn.replace(/stream\/.*/, "stream/2024-11-18T14:36:44.149");
  assert.equal(
    await h.refusal("DescribeStream", { StreamArn: none }),
    `ResourceNotFoundException: Requested resource not found: Stream: ${none} not found`,
  );
  const ask = { StreamArn: arn, ShardId: shard };
  for (const [input, sentence] of [
    [
      { ShardIteratorType: "AT_SEQUENCE_NUMBER" },
      "One or more parameter values were invalid: Invalid SequenceNumber",
    ],
    [
      { ShardIteratorType: "LATEST", SequenceNumber: `1${"0".repeat(20)}` },
      "One or more parameter values were invalid: SequenceNumber should not be passed for this iterator type",
    ],
    [
      { ShardIteratorType: "AT_SEQUENCE_NUMBER", SequenceNumber: `1${"0".repeat(20)}` },
      "Invalid SequenceNumber for the shard",
    ],
  ] as const) {
    assert.equal(
      await h.refusal("GetShardIterator", { ...ask, ...input }),
      `ValidationException: ${sentence}`,
    );
  }
  const many =
    "ValidationException: One or more parameter values were invalid: Limit should be less than or equal to";
  assert.equal(await h.refusal("ListStreams", { Limit: 101 }), `${many} 100`);
  assert.equal(await h.refusal("DescribeStream", { StreamArn: arn, Limit: 101 }), `${many} 100`);
  const { ShardIterator } = await h.call("GetShardIterator", { ...ask, ShardIteratorType: "LATEST" });
  assert.equal(await h.refusal("GetRecords", { ShardIterator, Limit: 1001 }), `${many} 1000`);
  const elsewhere = { ...ask, ShardId: "shardId-00000000000000000000-00000000", ShardIteratorType: "LATEST" };
  assert.equal(
    await h.refusal("GetShardIterator", elsewhere),
    "ResourceNotFoundException: Requested resource not found: Shard does not exist",
  );
  assert.equal(
    await h.refusal("GetRecords", { ShardIterator: "abc" }),
    "ValidationException: Invalid ShardIterator",
  );
  const old = await iterator(h, "LATEST");
  h.clock.advance(16 * 60_000);
  assert.match(await h.refusal("GetRecords", { ShardIterator: old }), /^ExpiredIteratorException: /);
});

test("records are kept for a day, then reading them is refused, not skipped", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("KEYS_ONLY") });
  await h.put("things", item({ id: "old" }));
  await h.put("things", item({ id: "old2" }));
  const second = (await h.records("things"))[1].dynamodb.SequenceNumber as string;
  h.clock.advance(24 * 3_600_000 + 1000);
  await h.put("things", item({ id: "new" }));
  assert.deepEqual(ids(await h.records("things")), ["new"]);
  await h.dynamodb.sweep();
  const [row] = await h.database().read<{ n: number }>("SELECT COUNT(*) AS n FROM ddb_records");
  assert.equal(row?.n, 1);
  const { arn, shard } = await streamOf(h);
  const trimmed = {
    StreamArn: arn,
    ShardId: shard,
    ShardIteratorType: "AT_SEQUENCE_NUMBER",
    SequenceNumber: second,
  };
  assert.match(await h.refusal("GetShardIterator", trimmed), /^TrimmedDataAccessException: /);
});

test("a stream that was switched off can be read to its end; the next one is another", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("KEYS_ONLY") });
  await h.put("things", item({ id: "a" }));
  const { arn, shard } = await streamOf(h);
  const start = await iterator(h, "TRIM_HORIZON");
  const off = await h.call("UpdateTable", { ...T, StreamSpecification: { StreamEnabled: false } });
  assert.equal(off.TableDescription.StreamSpecification, undefined);
  assert.equal(off.TableDescription.LatestStreamArn, arn);
  await h.active("things");
  await h.put("things", item({ id: "unseen" }));
  const { StreamDescription } = await h.call("DescribeStream", { StreamArn: arn });
  assert.equal(StreamDescription.StreamStatus, "DISABLED");
  const range = StreamDescription.Shards[0].SequenceNumberRange;
  const { Records, NextShardIterator } = await h.call("GetRecords", { ShardIterator: start });
  assert.deepEqual(ids(Records), ["a"]);
  assert.equal(Records[0].dynamodb.SequenceNumber, range.EndingSequenceNumber);
  assert.equal(NextShardIterator, undefined);
  h.clock.advance(1);
  await h.call("UpdateTable", { ...T, ...stream("NEW_IMAGE") });
  await h.active("things");
  const next = await streamOf(h);
  assert.notEqual(next.arn, arn);
  assert.notEqual(next.shard, shard);
  const { Streams } = await h.call("ListStreams", T);
  assert.deepEqual(
    Streams.map((one: Output) => one.StreamArn),
    [arn, next.arn],
  );
  const first = await h.call("ListStreams", { Limit: 1 });
  assert.equal(first.LastEvaluatedStreamArn, arn);
  const rest = await h.call("ListStreams", { ExclusiveStartStreamArn: arn });
  assert.deepEqual(
    rest.Streams.map((one: Output) => one.StreamArn),
    [next.arn],
  );
  for (const [ExclusiveStartShardId, count] of [
    [next.shard, 0],
    [shard, 1],
  ] as const) {
    const described = await h.call("DescribeStream", { StreamArn: next.arn, ExclusiveStartShardId });
    assert.equal(described.StreamDescription.Shards.length, count);
  }
  const children = { StreamArn: next.arn, ShardFilter: { Type: "CHILD_SHARDS", ShardId: next.shard } };
  assert.deepEqual((await h.call("DescribeStream", children)).StreamDescription.Shards, []);
});

test("who waits for a stream is woken by its next record", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("KEYS_ONLY") });
  const { arn } = await streamOf(h);
  const woken = h.wakeup.wait(arn, 60_000).then(() => "woken");
  await h.put("things", item({ id: "a" }));
  assert.equal(await woken, "woken");
});

test("records of concurrent writes are in the order of their commits, a change a number", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { ...ID, ...stream("NEW_IMAGE") });
  const add = {
    ...T,
    Key: item({ id: "a" }),
    UpdateExpression: "ADD n :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
    ReturnValues: "UPDATED_NEW",
  };
  await Promise.all([
    ...Array.from({ length: 40 }, () => h.call("UpdateItem", add)),
    ...Array.from({ length: 40 }, (_each, index) => h.put("things", item({ id: `other${String(index)}` }))),
  ]);
  const records = await h.records("things");
  assert.equal(records.length, 80);
  const counts = records
    .filter((record) => record.dynamodb.Keys.id.S === "a")
    .map((record) => record.dynamodb.NewImage.n.N);
  assert.deepEqual(
    counts,
    Array.from({ length: 40 }, (_each, index) => String(index + 1)),
  );
});
