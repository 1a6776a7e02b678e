/** Of every operation: what it says where there is no such table, and that what it did outlasts a restart. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, item, openDynamodb, REGION, sawPersistence, type Output } from "./dynamodb-harness.ts";

const NONE = { TableName: "nowhere" };
const KEY = item({ pk: "a", sk: 1 });
const ARN = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table`;
const TTL = { AttributeName: "ttl", Enabled: true };
const ONE = { ExpressionAttributeValues: { ":one": { N: "1" } } };

test("every operation says when there is no such table", async (t) => {
  const h = await openDynamodb(t);
  const items = "Requested resource not found";
  const table = `${items}: Table: nowhere not found`;
  const arn = `${items}: ResourcArn: ${ARN}/nowhere not found`;
  const ResourceArn = `${ARN}/nowhere`;
  for (const [operation, input, message] of [
    ["BatchGetItem", { RequestItems: { nowhere: { Keys: [KEY] } } }, items],
    ["BatchWriteItem", { RequestItems: { nowhere: [{ DeleteRequest: { Key: KEY } }] } }, items],
    ["DeleteItem", { ...NONE, Key: KEY }, items],
    ["GetItem", { ...NONE, Key: KEY }, items],
    ["PutItem", { ...NONE, Item: KEY }, items],
    ["UpdateItem", { ...NONE, Key: KEY }, items],
    [
      "Query",
      { ...NONE, KeyConditionExpression: "pk = :a", ExpressionAttributeValues: { ":a": { S: "a" } } },
      items,
    ],
    ["Scan", NONE, items],
    ["TransactGetItems", { TransactItems: [{ Get: { ...NONE, Key: KEY } }] }, items],
    ["TransactWriteItems", { TransactItems: [{ Delete: { ...NONE, Key: KEY } }] }, items],
    ["DeleteTable", NONE, table],
    ["DescribeContributorInsights", NONE, table],
    ["DescribeKinesisStreamingDestination", NONE, table],
    ["DescribeTable", NONE, table],
    ["DescribeTimeToLive", NONE, table],
    ["UpdateTable", { ...NONE, DeletionProtectionEnabled: true }, table],
    ["UpdateTimeToLive", { ...NONE, TimeToLiveSpecification: TTL }, table],
    ["ListTagsOfResource", { ResourceArn }, arn],
    ["TagResource", { ResourceArn, Tags: [{ Key: "a", Value: "b" }] }, arn],
    ["UntagResource", { ResourceArn, TagKeys: ["a"] }, arn],
  ] as const) {
    assert.equal(await h.refusal(operation, input), `ResourceNotFoundException: ${message}`, operation);
  }
  const recovery = { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false } };
  for (const operation of ["DescribeContinuousBackups", "UpdateContinuousBackups"]) {
    assert.equal(
      await h.refusal(operation, { ...NONE, ...recovery }),
      "TableNotFoundException: Table not found: nowhere",
    );
  }
});

test("a transaction of reads is cancelled by a key that is none", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const get = (Key: Output): Output => ({ Get: { TableName: "things", Key } });
  await assert.rejects(
    h.call("TransactGetItems", { TransactItems: [get(KEY), get({ pk: { S: "a" } })] }),
    (error: Output) => {
      const sentence = "The provided key element does not match the schema";
      const reasons = [{ Code: "None" }, { Code: "ValidationError", Message: sentence }];
      assert.deepEqual(error.members.CancellationReasons, reasons);
      return (
        error.code === "TransactionCanceledException" && error.message.endsWith("[None, ValidationError]")
      );
    },
  );
});

test("what each operation did is there after a restart", async (t) => {
  const before = await openDynamodb(t);
  const T = { TableName: "things" };
  const ResourceArn = `${ARN}/things`;
  await before.table("things", { Tags: [{ Key: "gone", Value: "" }] });
  await before.table("dropped");
  await before.call("UpdateTable", { ...T, DeletionProtectionEnabled: true });
  await before.call("UpdateTimeToLive", { ...T, TimeToLiveSpecification: TTL });
  await before.call("UpdateContinuousBackups", {
    ...T,
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
  });
  await before.call("TagResource", { ResourceArn, Tags: [{ Key: "kept", Value: "yes" }] });
  await before.call("UntagResource", { ResourceArn, TagKeys: ["gone"] });
  await before.call("DeleteTable", { TableName: "dropped" });
  const key = (sk: number): Output => item({ pk: "a", sk });
  for (const sk of [1, 2, 3]) await before.put("things", key(sk));
  await before.call("UpdateItem", { ...T, Key: key(1), UpdateExpression: "SET v = :one", ...ONE });
  await before.call("DeleteItem", { ...T, Key: key(2) });
  await before.call("BatchWriteItem", { RequestItems: { things: [{ DeleteRequest: { Key: key(3) } }] } });
  const update = { ...T, Key: key(4), UpdateExpression: "SET v = :one", ...ONE };
  await before.call("TransactWriteItems", { TransactItems: [{ Update: update }] });

  const h = await before.reopen();
  const items = [
    { ...key(1), v: { N: "1" } },
    { ...key(4), v: { N: "1" } },
  ];
  const Keys = [1, 2, 3, 4].map(key);
  // What was DELETING when the service closed goes now.
  await t.waitFor(async () => assert.deepEqual((await h.call("ListTables")).TableNames, ["things"]));
  assert.equal((await h.active("things")).DeletionProtectionEnabled, true);
  const { TimeToLiveDescription } = await h.call("DescribeTimeToLive", T);
  assert.equal(TimeToLiveDescription.AttributeName, "ttl");
  const { ContinuousBackupsDescription } = await h.call("DescribeContinuousBackups", T);
  assert.equal(ContinuousBackupsDescription.ContinuousBackupsStatus, "DISABLED");
  const { Tags } = await h.call("ListTagsOfResource", { ResourceArn });
  assert.deepEqual(Tags, [{ Key: "kept", Value: "yes" }]);
  const query = { KeyConditionExpression: "pk = :a", ExpressionAttributeValues: { ":a": { S: "a" } } };
  assert.deepEqual((await h.call("Query", { ...T, ...query })).Items, items);
  assert.deepEqual((await h.call("Scan", T)).Items, items);
  const batch = await h.call("BatchGetItem", { RequestItems: { things: { Keys } } });
  assert.deepEqual(batch.Responses.things, items);
  const TransactItems = Keys.map((Key) => ({ Get: { ...T, Key } }));
  const [first, ...rest] = (await h.call("TransactGetItems", { TransactItems })).Responses;
  assert.deepEqual([first, ...rest], [{ Item: items[0] }, {}, {}, { Item: items[1] }]);
  sawPersistence([
    "BatchGetItem",
    "BatchWriteItem",
    "CreateTable",
    "DeleteItem",
    "DeleteTable",
    "PutItem",
    "Query",
    "Scan",
    "TagResource",
    "TransactGetItems",
    "TransactWriteItems",
    "UntagResource",
    "UpdateContinuousBackups",
    "UpdateItem",
    "UpdateTable",
    "UpdateTimeToLive",
  ]);
});

test("a stream's records are refused once trimmed, and its iterator once the stream is gone", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { StreamSpecification: { StreamEnabled: true, StreamViewType: "KEYS_ONLY" } });
  await h.put("things", KEY);
  const { Table } = await h.call("DescribeTable", { TableName: "things" });
  const StreamArn = Table.LatestStreamArn;
  const { StreamDescription } = await h.call("DescribeStream", { StreamArn });
  const [{ ShardId, SequenceNumberRange }] = StreamDescription.Shards;
  const iterator = async (): Promise<Output> =>
    h.call("GetShardIterator", {
      StreamArn,
      ShardId,
      ShardIteratorType: "AT_SEQUENCE_NUMBER",
      SequenceNumber: SequenceNumberRange.StartingSequenceNumber,
    });
  const near = await iterator();
  assert.equal((await h.call("GetRecords", near)).Records.length, 1);
  await h.put("things", item({ pk: "b", sk: 1 }));
  // The iterator is younger than 15 minutes, its record older than a day.
  h.clock.advance(24 * 3_600_000 - 600_000);
  const late = await iterator();
  h.clock.advance(600_001);
  await h.put("things", item({ pk: "c", sk: 1 }));
  assert.equal(
    await h.refusal("GetRecords", late),
    "TrimmedDataAccessException: The operation attempted to read past the oldest stream record in a shard",
  );
  await h.call("UpdateTable", { TableName: "things", StreamSpecification: { StreamEnabled: false } });
  const { ShardIterator } = await h.call("GetShardIterator", {
    StreamArn,
    ShardId,
    ShardIteratorType: "LATEST",
  });
  const elsewhere = ShardIterator.replace("table/things/", "table/other/");
  assert.match(await h.refusal("GetRecords", { ShardIterator: elsewhere }), /^ResourceNotFoundException: /);
});
