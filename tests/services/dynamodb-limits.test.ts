/** Quotas, item collections, and what happens when writes meet: on one item, and with other processes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conflict, type Database } from "../../src/ports/database.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { item, openDynamodb, PK_SK, type DynamodbHarness, type Output } from "./dynamodb-harness.ts";

const T = { TableName: "things" };
const key = (pk: string, sk = 1): Output => item({ pk, sk });
const TTL = { TimeToLiveSpecification: { AttributeName: "ttl", Enabled: true } };
const LOCAL = {
  AttributeDefinitions: [...PK_SK.AttributeDefinitions, { AttributeName: "l", AttributeType: "S" }],
  LocalSecondaryIndexes: [
    {
      IndexName: "local",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "l", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" },
    },
  ],
};

test("an account has so many tables in a region", async (t) => {
  const h = await openDynamodb(t, { limits: { tables: 2 } });
  await h.table("one");
  await h.table("two");
  const three = { ...PK_SK, TableName: "three" };
  assert.equal(
    await h.refusal("CreateTable", three),
    "LimitExceededException: Subscriber limit exceeded: There is a limit of 2 tables per subscriber",
  );
  await h.call("CreateTable", three, { region: "us-east-1" });
});

test("so many tables are created, changed or deleted at once", async (t) => {
  // Time stands still, so what is under way stays so.
  const clock = fakeClock();
  const h = await openDynamodb(t, { clock, limits: { tablesUnderWay: 1 } });
  await h.call("CreateTable", { ...PK_SK, TableName: "ready" });
  await clock.advanceAsync(100);
  // What has settled may count for another moment.
  await t.waitFor(() => h.call("CreateTable", { ...PK_SK, TableName: "coming" }));
  const crowded =
    "LimitExceededException: Subscriber limit exceeded: Only 1 tables can be created, updated, or deleted simultaneously";
  const ready = { TableName: "ready" };
  for (const [operation, input] of [
    ["CreateTable", { ...PK_SK, TableName: "third" }],
    ["UpdateTable", { ...ready, TableClass: "STANDARD_INFREQUENT_ACCESS" }],
    ["UpdateTimeToLive", { ...ready, ...TTL }],
    ["DeleteTable", ready],
  ] as const) {
    assert.equal(await h.refusal(operation, input), crowded, operation);
  }
  // Deletion protection is switched at once, so it is not among them.
  await h.call("UpdateTable", { ...ready, DeletionProtectionEnabled: true });
  await clock.advanceAsync(100);
  await t.waitFor(() => h.call("UpdateTable", { ...ready, TableClass: "STANDARD_INFREQUENT_ACCESS" }));
});

test("a table under way is in use", async (t) => {
  const h = await openDynamodb(t, { clock: fakeClock() });
  await h.call("CreateTable", { ...PK_SK, ...T });
  const used =
    "ResourceInUseException: Attempt to change a resource which is still in use: Table is being created: things";
  assert.equal(await h.refusal("DeleteTable", T), used);
  assert.equal(await h.refusal("UpdateTimeToLive", { ...T, ...TTL }), used);
  assert.equal(await h.refusal("UpdateTable", { ...T, TableClass: "STANDARD" }), used);
});

test("one index a time is made or dropped", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  assert.equal(
    await h.refusal("UpdateTable", {
      ...T,
      GlobalSecondaryIndexUpdates: ["abc", "abd"].map((IndexName) => ({ Delete: { IndexName } })),
    }),
    "LimitExceededException: Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table",
  );
});

test("an item collection grows up to its limit, with its indexes' entries", async (t) => {
  const h = await openDynamodb(t, { limits: { collectionBytes: 1000 } });
  await h.table("things", LOCAL);
  const full = "ItemCollectionSizeLimitExceededException: Collection size exceeded.";
  const large = (sk: number, bytes: number): Output => ({ ...key("a", sk), x: { S: "x".repeat(bytes) } });
  await h.put("things", large(1, 900));
  assert.equal(await h.refusal("PutItem", { ...T, Item: large(2, 100) }), full);
  // It would fit without its entry in the index.
  assert.equal(
    await h.refusal("PutItem", { ...T, Item: { ...large(2, 60), l: { S: "l".repeat(15) } } }),
    full,
  );
  const more = {
    UpdateExpression: "SET x = :x",
    ExpressionAttributeValues: { ":x": { S: "x".repeat(1000) } },
  };
  assert.equal(await h.refusal("UpdateItem", { ...T, Key: key("a"), ...more }), full);
  const write = { PutRequest: { Item: large(2, 200) } };
  assert.equal(await h.refusal("BatchWriteItem", { RequestItems: { things: [write] } }), full);
  await assert.rejects(
    h.call("TransactWriteItems", { TransactItems: [{ Put: { ...T, Item: large(2, 200) } }] }),
    (error: Output) => {
      const reason = { Code: "ItemCollectionSizeLimitExceeded", Message: "Collection size exceeded." };
      assert.deepEqual(error.members.CancellationReasons, [reason]);
      return error.code === "TransactionCanceledException";
    },
  );
  // Others have room, smaller is always possible, and what is gone makes room.
  await h.put("things", { ...large(2, 900), pk: { S: "b" } });
  await h.put("things", large(1, 800));
  await h.put("things", large(2, 100));
  assert.equal(await h.refusal("PutItem", { ...T, Item: large(3, 100) }), full);
  await h.call("DeleteItem", { ...T, Key: key("a", 1) });
  await h.put("things", large(3, 700));
});

test("the estimate of a collection's size is the gigabyte it is in", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", LOCAL);
  const metrics = { ReturnItemCollectionMetrics: "SIZE" };
  const first = await h.put("things", key("a"), metrics);
  assert.deepEqual(first.ItemCollectionMetrics.SizeEstimateRangeGB, [0, 1]);
  await h.database().commit([{ sql: "UPDATE ddb_collections SET bytes = ?", params: [3.5 * 2 ** 30] }]);
  const second = await h.call("DeleteItem", { ...T, Key: key("a"), ...metrics });
  assert.deepEqual(second.ItemCollectionMetrics.SizeEstimateRangeGB, [3, 4]);
});

/** A harness that counts commits, and whose commits of items miss while `isBehind` says so. */
async function openWatched(
  t: Parameters<typeof openDynamodb>[0],
): Promise<{ h: DynamodbHarness; watch: { commits: number; isBehind: () => boolean } }> {
  const watch = { commits: 0, isBehind: () => false };
  const wrap = (database: Database): Database => ({
    ...database,
    dialect: database.dialect,
    read: (sql, params) => database.read(sql, params),
    close: () => database.close(),
    commit(unit, options) {
      const isOfItems = unit.some(({ sql }) => sql.includes("ddb_items"));
      if (isOfItems) watch.commits += 1;
      return isOfItems && watch.isBehind()
        ? Promise.reject(new Conflict(0, "somebody was faster"))
        : database.commit(unit, options);
    },
  });
  return { h: await openDynamodb(t, { wrap }), watch };
}

const add = (pk: string): Output => ({
  ...T,
  Key: key(pk),
  UpdateExpression: "ADD n :one",
  ExpressionAttributeValues: { ":one": { N: "1" } },
  ReturnValues: "UPDATED_NEW",
});

test("writes of a hot item share commits, decided in their order, with a record each", async (t) => {
  const { h, watch } = await openWatched(t);
  await h.table("things", { StreamSpecification: { StreamEnabled: true, StreamViewType: "NEW_IMAGE" } });
  const sums: Output[] = await Promise.all(
    Array.from({ length: 60 }, () => h.call("UpdateItem", add("hot"))),
  );
  assert.deepEqual(
    sums.map(({ Attributes }) => Number(Attributes.n.N)),
    Array.from({ length: 60 }, (_each, index) => index + 1),
  );
  assert.ok(watch.commits <= 4, `${String(watch.commits)} commits`);
  const records = await h.records("things");
  assert.deepEqual(
    records.map(({ eventName, dynamodb }) => [eventName, dynamodb.NewImage.n.N]),
    Array.from({ length: 60 }, (_each, index) => [index === 0 ? "INSERT" : "MODIFY", String(index + 1)]),
  );
  assert.equal((await h.call("DescribeTable", T)).Table.ItemCount, 1);
});

test("of those who want to be first one is, whoever they share a commit with", async (t) => {
  const { h } = await openWatched(t);
  await h.table("things");
  const claims = Array.from({ length: 40 }, (_each, n) =>
    h
      .put(
        "things",
        { ...key("lock"), owner: { N: String(n) } },
        { ConditionExpression: "attribute_not_exists(pk)" },
      )
      .then(
        () => n,
        ({ code }) => code as string,
      ),
  );
  const wins = (await Promise.all(claims)).filter((claim) => typeof claim === "number");
  assert.equal(wins.length, 1);
  assert.equal((await h.get("things", key("lock"))).owner.N, String(wins[0]));
  // Put, removed and put again within one commit.
  const mixed = await Promise.all([
    h.call("UpdateItem", add("mix")),
    h.call("DeleteItem", { ...T, Key: key("mix"), ReturnValues: "ALL_OLD" }),
    h.call("DeleteItem", { ...T, Key: key("mix"), ReturnValues: "ALL_OLD" }),
    h.call("UpdateItem", add("mix")),
  ]);
  assert.deepEqual(
    mixed.map(({ Attributes }) => Attributes?.n?.N),
    ["1", "1", undefined, "1"],
  );
});

test("a write that other processes keep overtaking begins anew, and gives up in the end", async (t) => {
  const { h, watch } = await openWatched(t);
  await h.table("things");
  let misses = 3;
  watch.isBehind = () => misses-- > 0;
  await h.call("UpdateItem", add("a"));
  assert.equal((await h.get("things", key("a"))).n.N, "1");
  watch.isBehind = () => true;
  const conflict = "TransactionConflictException: Transaction is ongoing for the item";
  for (const [operation, input] of [
    ["PutItem", { ...T, Item: key("new") }],
    ["UpdateItem", add("a")],
    ["DeleteItem", { ...T, Key: key("a") }],
  ] as const) {
    assert.equal(await h.refusal(operation, input), conflict, operation);
  }
  await assert.rejects(
    h.call("TransactWriteItems", { TransactItems: [{ Put: { ...T, Item: key("b") } }] }),
    (error: Output) => {
      const reason = { Code: "TransactionConflict", Message: "Transaction is ongoing for the item" };
      assert.deepEqual(error.members.CancellationReasons, [reason]);
      return error.code === "TransactionCanceledException";
    },
  );
});
