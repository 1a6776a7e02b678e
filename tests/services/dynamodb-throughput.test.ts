/** A provisioned table under `--dynamodb-throughput enforce`: five minutes of its units at once, then its rate. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import {
  ACCOUNT,
  item,
  openDynamodb,
  PK_SK,
  REGION,
  type DynamodbHarness,
  type Output,
} from "./dynamodb-harness.ts";

const T = { TableName: "things" };
const ARN = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/things`;
const key = (sk: number): Output => item({ pk: "a", sk });
const UNITS = { ReadCapacityUnits: 1, WriteCapacityUnits: 1 };
const EXCEEDED =
  "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
/** A write of 300 units: all that a table of one unit has. */
const LARGE = { ...key(1), x: { S: "x".repeat(300 * 1024 - 100) } };

async function openProvisioned(
  t: TestContext,
  more: object = {},
): Promise<DynamodbHarness & { clock: FakeClock }> {
  const clock = fakeClock();
  const h = await openDynamodb(t, { clock, throughput: "enforce" });
  for (const TableName of ["things", "others"]) {
    await h.call("CreateTable", {
      ...PK_SK,
      BillingMode: "PROVISIONED",
      ProvisionedThroughput: UNITS,
      TableName,
      ...more,
    });
    await clock.advanceAsync(100);
    await h.active(TableName);
  }
  return { ...h, clock };
}

async function throttled(h: DynamodbHarness, operation: string, input: object): Promise<Output> {
  return h.call(operation, input).then(
    () => assert.fail(`${operation} was let in`),
    ({ code, message, members }) => {
      assert.equal(code, "ProvisionedThroughputExceededException", operation);
      return [message, members.ThrottlingReasons];
    },
  );
}

test("writes beyond a table's throughput are throttled until it has come back", async (t) => {
  const h = await openProvisioned(t);
  await h.put("things", LARGE);
  const reasons = [{ reason: "TableWriteProvisionedThroughputExceeded", resource: ARN }];
  const update = {
    ...T,
    Key: key(2),
    UpdateExpression: "SET v = :v",
    ExpressionAttributeValues: { ":v": { N: "1" } },
  };
  for (const [operation, input] of [
    ["PutItem", { ...T, Item: key(2) }],
    ["UpdateItem", update],
    ["DeleteItem", { ...T, Key: key(1) }],
    ["BatchWriteItem", { RequestItems: { things: [{ PutRequest: { Item: key(2) } }] } }],
  ] as const) {
    assert.deepEqual(await throttled(h, operation, input), [EXCEEDED, reasons], operation);
  }
  await assert.rejects(
    h.call("TransactWriteItems", {
      TransactItems: [{ Put: { TableName: "others", Item: key(1) } }, { Update: update }],
    }),
    (error: Output) => {
      const reason = { Code: "ProvisionedThroughputExceeded", Message: EXCEEDED };
      assert.deepEqual(error.members.CancellationReasons, [{ Code: "None" }, reason]);
      return error.code === "TransactionCanceledException";
    },
  );
  const put = { PutRequest: { Item: key(2) } };
  const batch = await h.call("BatchWriteItem", { RequestItems: { things: [put], others: [put] } });
  assert.deepEqual(batch.UnprocessedItems, { things: [put] });
  assert.deepEqual(await h.get("others", key(2)), key(2));
  assert.equal(await h.get("things", key(2)), undefined);
  h.clock.advance(2000);
  await h.put("things", key(2));
});

test("a write that its condition refuses costs what the item there costs", async (t) => {
  const h = await openProvisioned(t);
  await h.put("things", { ...key(1), x: { S: "x".repeat(149 * 1024) } });
  const once = { ...T, Item: key(1), ConditionExpression: "attribute_not_exists(pk)" };
  const failed = "ConditionalCheckFailedException: The conditional request failed";
  // 150 units each, of 300.
  assert.equal(await h.refusal("PutItem", once), failed);
  await throttled(h, "PutItem", once);
  h.clock.advance(1000);
  assert.equal(await h.refusal("PutItem", once), failed);
});

test("reads beyond a table's throughput are throttled, an index's for itself", async (t) => {
  const h = await openProvisioned(t, {
    AttributeDefinitions: [...PK_SK.AttributeDefinitions, { AttributeName: "g", AttributeType: "S" }],
    GlobalSecondaryIndexes: [
      {
        IndexName: "byG",
        KeySchema: [{ AttributeName: "g", KeyType: "HASH" }],
        Projection: { ProjectionType: "ALL" },
        ProvisionedThroughput: UNITS,
      },
    ],
  });
  await h.put("things", { ...LARGE, g: { S: "g" } });
  const query = { KeyConditionExpression: "pk = :a", ExpressionAttributeValues: { ":a": { S: "a" } } };
  // 75 units of 300 each.
  for (let n = 0; n < 4; n++) await h.call("Scan", { ...T, ConsistentRead: true });
  const reasons = [{ reason: "TableReadProvisionedThroughputExceeded", resource: ARN }];
  for (const [operation, input] of [
    ["GetItem", { ...T, Key: key(1) }],
    ["Query", { ...T, ...query }],
    ["Scan", T],
    ["BatchGetItem", { RequestItems: { things: { Keys: [key(1)] } } }],
  ] as const) {
    assert.deepEqual(await throttled(h, operation, input), [EXCEEDED, reasons], operation);
  }
  const asked = { things: { Keys: [key(1)] }, others: { Keys: [key(1)] } };
  const { Responses, UnprocessedKeys } = await h.call("BatchGetItem", { RequestItems: asked });
  assert.deepEqual([Responses, UnprocessedKeys], [{ others: [] }, { things: asked.things }]);
  await assert.rejects(
    h.call("TransactGetItems", { TransactItems: [{ Get: { ...T, Key: key(1) } }] }),
    (error: Output) => {
      const reason = { Code: "ProvisionedThroughputExceeded", Message: EXCEEDED };
      assert.deepEqual(error.members.CancellationReasons, [reason]);
      return error.code === "TransactionCanceledException";
    },
  );
  // The index has been written to its end, and not read yet.
  const byG = {
    IndexName: "byG",
    KeyConditionExpression: "g = :g",
    ExpressionAttributeValues: { ":g": { S: "g" } },
  };
  assert.equal((await h.call("Query", { ...T, ...byG })).Count, 1);
  h.clock.advance(2000);
  assert.deepEqual((await h.get("things", key(1))).pk, { S: "a" });
  // What the index lacks holds up the table's writes that would change it, and only these.
  await h.put("things", key(5));
  h.clock.advance(10_000);
  await h.put("things", { ...LARGE, ...key(6) });
  h.clock.advance(300_000);
  await h.call("UpdateTable", { ...T, ProvisionedThroughput: { ...UNITS, WriteCapacityUnits: 100 } });
  await h.clock.advanceAsync(100);
  await h.active("things");
  await h.put("things", { ...LARGE, g: { S: "other" } });
  const [message, [reason]] = await throttled(h, "PutItem", { ...T, Item: { ...key(7), g: { S: "g" } } });
  assert.match(
    message,
    /^The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded\./,
  );
  assert.deepEqual(reason, {
    reason: "IndexWriteProvisionedThroughputExceeded",
    resource: `${ARN}/index/byG`,
  });
  await h.put("things", key(8));
});

test("an on-demand table is throttled at the maximum it was given", async (t) => {
  const clock = fakeClock();
  const h = await openDynamodb(t, { clock, throughput: "enforce" });
  const OnDemandThroughput = { MaxReadRequestUnits: 1, MaxWriteRequestUnits: 1 };
  for (const TableName of ["things", "others"]) {
    await h.call("CreateTable", {
      ...PK_SK,
      TableName,
      ...(TableName === "things" ? { OnDemandThroughput } : {}),
    });
    await clock.advanceAsync(100);
    await h.active(TableName);
  }
  await h.put("things", LARGE);
  for (let n = 0; n < 4; n++) await h.call("Scan", { ...T, ConsistentRead: true });
  const put = { PutRequest: { Item: key(2) } };
  const query = { KeyConditionExpression: "pk = :a", ExpressionAttributeValues: { ":a": { S: "a" } } };
  for (const [operation, input] of [
    ["PutItem", { ...T, Item: key(2) }],
    ["UpdateItem", { ...T, Key: key(2) }],
    ["DeleteItem", { ...T, Key: key(1) }],
    ["BatchWriteItem", { RequestItems: { things: [put] } }],
    ["GetItem", { ...T, Key: key(1) }],
    ["Query", { ...T, ...query }],
    ["Scan", T],
    ["BatchGetItem", { RequestItems: { things: { Keys: [key(1)] } } }],
  ] as const) {
    await assert.rejects(h.call(operation, input), (error: Output) => {
      assert.equal(
        error.message,
        "Throughput exceeds the maximum OnDemandThroughput configured on table or index",
      );
      const [{ reason, resource }] = error.members.throttlingReasons;
      assert.match(reason, /^Table(?:Read|Write)MaxOnDemandThroughputExceeded$/);
      return error.code === "ThrottlingException" && resource === ARN;
    });
  }
  const batch = await h.call("BatchWriteItem", { RequestItems: { things: [put], others: [put] } });
  assert.deepEqual(batch.UnprocessedItems, { things: [put] });
  for (const [operation, action] of [
    ["TransactWriteItems", { Put: { ...T, Item: key(2) } }],
    ["TransactGetItems", { Get: { ...T, Key: key(1) } }],
  ] as const) {
    await assert.rejects(
      h.call(operation, { TransactItems: [action] }),
      (error: Output) => error.members.CancellationReasons[0].Code === "ThrottlingError",
    );
  }
  clock.advance(2000);
  await h.put("things", key(2));
});

test("without `enforce` nobody is held back", async (t) => {
  const clock = fakeClock();
  const h = await openDynamodb(t, { clock });
  await h.call("CreateTable", { ...PK_SK, BillingMode: "PROVISIONED", ProvisionedThroughput: UNITS, ...T });
  await clock.advanceAsync(100);
  await h.active("things");
  for (const sk of [1, 2, 3]) await h.put("things", { ...LARGE, ...key(sk) });
  assert.equal((await h.call("Scan", T)).Count, 3);
});
