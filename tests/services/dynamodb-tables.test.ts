/** Tables: what they are told to be, what they answer, how they change. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, item, openDynamodb, PK_SK, REGION, type Output } from "./dynamodb-harness.ts";

const ARN = `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table`;
const S = (AttributeName: string): object => ({ AttributeName, AttributeType: "S" });
const HASH = (AttributeName: string): object => ({ AttributeName, KeyType: "HASH" });
const RANGE = (AttributeName: string): object => ({ AttributeName, KeyType: "RANGE" });
const ALL = { ProjectionType: "ALL" };
const FIVE = { ReadCapacityUnits: 5, WriteCapacityUnits: 5 };
const ID = { KeySchema: [HASH("id")], AttributeDefinitions: [S("id")] };
const GSI = {
  KeySchema: [HASH("TID")],
  AttributeDefinitions: [S("TID"), S("TRID")],
  GlobalSecondaryIndexes: [{ IndexName: "TransactionRecordID", KeySchema: [HASH("TRID")], Projection: ALL }],
};

/** Without what differs from run to run; that must be there. */
function stable({ CreationDateTime, TableId, ...rest }: Output): Output {
  assert.ok(CreationDateTime instanceof Date);
  assert.match(TableId, /^[0-9a-f-]{36}$/);
  return rest;
}

test("an on-demand table with a global index, created and described", async (t) => {
  const h = await openDynamodb(t);
  const { TableDescription } = await h.call("CreateTable", {
    TableName: "txs",
    ...GSI,
    BillingMode: "PAY_PER_REQUEST",
  });
  const none = { NumberOfDecreasesToday: 0, ReadCapacityUnits: 0, WriteCapacityUnits: 0 };
  const index = {
    IndexArn: `${ARN}/txs/index/TransactionRecordID`,
    IndexName: "TransactionRecordID",
    IndexSizeBytes: 0,
    IndexStatus: "CREATING",
    ItemCount: 0,
    KeySchema: [HASH("TRID")],
    Projection: ALL,
    ProvisionedThroughput: none,
  };
  const created = {
    AttributeDefinitions: [S("TID"), S("TRID")],
    BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" },
    DeletionProtectionEnabled: false,
    GlobalSecondaryIndexes: [index],
    ItemCount: 0,
    KeySchema: [HASH("TID")],
    ProvisionedThroughput: none,
    TableArn: `${ARN}/txs`,
    TableName: "txs",
    TableSizeBytes: 0,
    TableStatus: "CREATING",
  };
  assert.deepEqual(stable(TableDescription), created);
  const warm = { ReadUnitsPerSecond: 12_000, WriteUnitsPerSecond: 4000, Status: "ACTIVE" };
  const { BillingModeSummary, ...described } = stable(await h.active("txs"));
  assert.equal(BillingModeSummary.BillingMode, "PAY_PER_REQUEST");
  assert.ok(BillingModeSummary.LastUpdateToPayPerRequestDateTime instanceof Date);
  const { BillingModeSummary: _summary, ...rest } = created;
  assert.deepEqual(described, {
    ...rest,
    TableStatus: "ACTIVE",
    GlobalSecondaryIndexes: [{ ...index, IndexStatus: "ACTIVE", WarmThroughput: warm }],
    WarmThroughput: warm,
  });
});

test("a provisioned table with a stream", async (t) => {
  const h = await openDynamodb(t);
  const StreamSpecification = { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" };
  const { TableDescription } = await h.call("CreateTable", {
    TableName: "things",
    ...ID,
    ProvisionedThroughput: FIVE,
    StreamSpecification,
  });
  const { LatestStreamArn, LatestStreamLabel, ...rest } = stable(TableDescription);
  assert.match(LatestStreamLabel, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$/);
  assert.equal(LatestStreamArn, `${ARN}/things/stream/${LatestStreamLabel}`);
  assert.deepEqual(rest, {
    AttributeDefinitions: [S("id")],
    DeletionProtectionEnabled: false,
    ItemCount: 0,
    KeySchema: [HASH("id")],
    ProvisionedThroughput: { NumberOfDecreasesToday: 0, ...FIVE },
    StreamSpecification,
    TableArn: `${ARN}/things`,
    TableName: "things",
    TableSizeBytes: 0,
    TableStatus: "CREATING",
  });
  const { WarmThroughput } = await h.active("things");
  assert.deepEqual(WarmThroughput, { ReadUnitsPerSecond: 5, WriteUnitsPerSecond: 5, Status: "ACTIVE" });
});

test("a table is there, is gone, and can be made again", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  await h.put("things", item({ pk: "a", sk: 1 }));
  const again = { TableName: "things", ...PK_SK };
  assert.equal(await h.refusal("CreateTable", again), "ResourceInUseException: Table already exists: things");
  const { TableDescription } = await h.call("DeleteTable", { TableName: "things" });
  assert.equal(TableDescription.TableStatus, "DELETING");
  const named = "ResourceNotFoundException: Requested resource not found: Table: things not found";
  for (;;) {
    const answer = await h
      .call("DescribeTable", { TableName: "things" })
      .catch((error: Error) => error.message);
    if (typeof answer === "string") {
      assert.equal(`ResourceNotFoundException: ${answer}`, named);
      break;
    }
    assert.equal(answer.Table.TableStatus, "DELETING");
    await h.clock.sleep(5);
  }
  assert.equal(await h.refusal("DeleteTable", { TableName: "things" }), named);
  assert.equal(
    await h.refusal("UpdateTable", { TableName: "things", BillingMode: "PAY_PER_REQUEST" }),
    named,
  );
  await h.table("things");
  assert.equal((await h.call("Scan", { TableName: "things" })).Count, 0);
});

test("items are counted as they come and go; what was dropped leaves the file", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  await h.put("things", item({ pk: "a", sk: 1 }));
  await h.put("things", item({ pk: "b", sk: 1, more: "12345" }));
  const counted = await h.active("things");
  assert.deepEqual([counted.ItemCount, counted.TableSizeBytes], [2, 7 + 16]);
  await h.call("DeleteItem", { TableName: "things", Key: item({ pk: "a", sk: 1 }) });
  assert.equal((await h.active("things")).ItemCount, 1);
  await h.call("DeleteTable", { TableName: "things" });
  const left = async (): Promise<number> =>
    (await h.database().read<{ n: number }>("SELECT COUNT(*) AS n FROM ddb_tables"))[0]?.n ?? 0;
  while ((await left()) > 0) await h.clock.sleep(5);
  await h.dynamodb.sweep();
  for (const table of ["ddb_items", "ddb_entries", "ddb_counts", "ddb_garbage"]) {
    const [row] = await h.database().read<{ n: number }>(`SELECT COUNT(*) AS n FROM ${table}`);
    assert.equal(row?.n, 0, table);
  }
});

test("a table that was being created when the server stopped is ready after its start", async (t) => {
  const h = await openDynamodb(t);
  await h.call("CreateTable", { TableName: "things", ...PK_SK });
  const again = await h.reopen();
  assert.equal((await again.active("things")).TableStatus, "ACTIVE");
});

const INVALID = "One or more parameter values were invalid: ";
const CREATE_REFUSALS: readonly [object, string][] = [
  [
    { StreamSpecification: { StreamEnabled: false, StreamViewType: "NEW_IMAGE" } },
    `${INVALID}Table is being created with a stream disabled, UpdateViewType should not be specified`,
  ],
  [
    { TableName: "ab" },
    "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3",
  ],
  [
    { TableName: "a b c" },
    "1 validation error detected: Value 'a b c' at 'tableName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
  ],
  [
    { ProvisionedThroughput: FIVE },
    `${INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST`,
  ],
  [
    { BillingMode: "PROVISIONED" },
    `${INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED`,
  ],
  [{ KeySchema: [RANGE("id")] }, "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"],
  [
    { KeySchema: [HASH("id"), HASH("x")] },
    "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
  ],
  [
    { KeySchema: [HASH("id"), RANGE("id")] },
    "Invalid KeySchema: Some index key attribute have no definition",
  ],
  [
    { KeySchema: [HASH("x")] },
    `${INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [x], AttributeDefinitions: [id]`,
  ],
  [
    { AttributeDefinitions: [S("id"), S("x")] },
    `${INVALID}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions`,
  ],
  [
    { ...GSI, AttributeDefinitions: [S("TID"), S("TRID"), S("z")] },
    `${INVALID}Some AttributeDefinitions are not used. AttributeDefinitions: [TID, TRID, z], keys used: [TID, TRID]`,
  ],
  [
    { ...GSI, AttributeDefinitions: [S("TID")] },
    `${INVALID}Some index key attributes are not defined in AttributeDefinitions. Keys: [TRID], AttributeDefinitions: [TID]`,
  ],
  [
    { ...GSI, GlobalSecondaryIndexes: [...GSI.GlobalSecondaryIndexes, ...GSI.GlobalSecondaryIndexes] },
    `${INVALID}Duplicate index name: TransactionRecordID`,
  ],
  [
    {
      ...GSI,
      GlobalSecondaryIndexes: Array.from({ length: 21 }, (_each, index) => ({
        ...GSI.GlobalSecondaryIndexes[0],
        IndexName: `index${String(index)}`,
      })),
    },
    `${INVALID}GlobalSecondaryIndex count exceeds the per-table limit of 20`,
  ],
  [{ GlobalSecondaryIndexes: [] }, `${INVALID}List of GlobalSecondaryIndexes is empty`],
  [
    { LocalSecondaryIndexes: [{ IndexName: "local", KeySchema: [HASH("id"), RANGE("x")], Projection: ALL }] },
    `${INVALID}Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex`,
  ],
  [
    { ...GSI, GlobalSecondaryIndexes: [{ ...GSI.GlobalSecondaryIndexes[0], Projection: {} }] },
    `${INVALID}Unknown ProjectionType: null`,
  ],
  [
    {
      ...GSI,
      GlobalSecondaryIndexes: [
        { ...GSI.GlobalSecondaryIndexes[0], Projection: { ProjectionType: "ALL", NonKeyAttributes: ["a"] } },
      ],
    },
    `${INVALID}ProjectionType is ALL, but NonKeyAttributes is specified`,
  ],
  [
    { KeySchema: [HASH("id"), RANGE("a"), RANGE("b")] },
    "1 validation error detected: Value '[KeySchemaElement(attributeName=id, keyType=HASH), KeySchemaElement(attributeName=a, keyType=RANGE), KeySchemaElement(attributeName=b, keyType=RANGE)]' at 'keySchema' failed to satisfy constraint: Member must have length less than or equal to 2",
  ],
  [
    {
      ...GSI,
      GlobalSecondaryIndexes: [
        { ...GSI.GlobalSecondaryIndexes[0], KeySchema: [HASH("a"), HASH("b"), RANGE("c")] },
      ],
    },
    "A KeySchema of more than two attributes is not supported by Lambent",
  ],
  [
    { BillingMode: "PROVISIONED", ProvisionedThroughput: { ...FIVE, ReadCapacityUnits: 1_000_000_000_001 } },
    "Given value 1000000000001 for ReadCapacityUnits is out of bounds",
  ],
  [
    {
      BillingMode: "PROVISIONED",
      ProvisionedThroughput: FIVE,
      OnDemandThroughput: { MaxReadRequestUnits: 5 },
    },
    `${INVALID}Neither MaxReadRequestUnits nor MaxWriteRequestUnits can be specified when BillingMode is PROVISIONED`,
  ],
  [
    { OnDemandThroughput: {} },
    `${INVALID}OnDemandThroughput needs MaxReadRequestUnits, MaxWriteRequestUnits or both`,
  ],
  [
    { OnDemandThroughput: { MaxWriteRequestUnits: 0 } },
    "Given value 0 for MaxWriteRequestUnits is out of bounds",
  ],
  [{ WarmThroughput: { ReadUnitsPerSecond: 5 } }, "WarmThroughput is not supported by Lambent"],
  [
    { SSESpecification: { Enabled: true, KMSMasterKeyId: "alias/mine" } },
    "A KMSMasterKeyId of your own is not supported by Lambent",
  ],
];

test("tables that cannot be", async (t) => {
  const h = await openDynamodb(t);
  for (const [input, sentence] of CREATE_REFUSALS) {
    const asked = { TableName: "things", ...ID, BillingMode: "PAY_PER_REQUEST", ...input };
    assert.equal(await h.refusal("CreateTable", asked), `ValidationException: ${sentence}`);
  }
  assert.deepEqual(await h.call("ListTables"), { TableNames: [] });
});

test("tables are listed in pages, by name", async (t) => {
  const h = await openDynamodb(t);
  for (const name of ["ccc", "aaa", "bbb"]) await h.table(name);
  assert.deepEqual(await h.call("ListTables"), { TableNames: ["aaa", "bbb", "ccc"] });
  const first = await h.call("ListTables", { Limit: 2 });
  assert.deepEqual(first, { TableNames: ["aaa", "bbb"], LastEvaluatedTableName: "bbb" });
  const rest = await h.call("ListTables", { ExclusiveStartTableName: "bbb" });
  assert.deepEqual(rest, { TableNames: ["ccc"] });
});

test("an index added later is filled from what was there, kept up meanwhile, and can be dropped", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const keys = Array.from({ length: 450 }, (_each, index) => index);
  const one = (index: number): object =>
    item({ pk: `p${String(index)}`, sk: 1, g: index % 3 === 0 ? "x" : "y" });
  await Promise.all(keys.map((index) => h.put("things", one(index))));
  const Create = { IndexName: "byG", KeySchema: [HASH("g")], Projection: { ProjectionType: "KEYS_ONLY" } };
  const { TableDescription } = await h.call("UpdateTable", {
    TableName: "things",
    AttributeDefinitions: [...PK_SK.AttributeDefinitions, S("g")],
    GlobalSecondaryIndexUpdates: [{ Create }],
  });
  const [made] = TableDescription.GlobalSecondaryIndexes;
  assert.deepEqual(
    [TableDescription.TableStatus, made.IndexStatus, made.Backfilling],
    ["UPDATING", "CREATING", true],
  );
  // Writes go on while it is being filled.
  await Promise.all(
    keys.slice(0, 60).map((index) => h.put("things", item({ pk: `p${String(index)}`, sk: 1, g: "z" }))),
  );
  const settled = await h.active("things");
  assert.equal(settled.GlobalSecondaryIndexes[0].IndexStatus, "ACTIVE");
  const count = async (g: string): Promise<number> =>
    (
      await h.call("Query", {
        TableName: "things",
        IndexName: "byG",
        KeyConditionExpression: "g = :g",
        ExpressionAttributeValues: { ":g": { S: g } },
        Select: "COUNT",
      })
    ).Count;
  assert.deepEqual([await count("x"), await count("y"), await count("z")], [130, 260, 60]);
  const inUse = { TableName: "things", GlobalSecondaryIndexUpdates: [{ Create }] };
  assert.match(await h.refusal("UpdateTable", inUse), /already exists: byG$/);
  const drop = { TableName: "things", GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: "byG" } }] };
  const dropping = await h.call("UpdateTable", drop);
  assert.equal(dropping.TableDescription.GlobalSecondaryIndexes[0].IndexStatus, "DELETING");
  while ((await h.call("DescribeTable", { TableName: "things" })).Table.TableStatus !== "ACTIVE")
    await h.clock.sleep(5);
  const { Table } = await h.call("DescribeTable", { TableName: "things" });
  assert.equal(Table.GlobalSecondaryIndexes, undefined);
  assert.deepEqual(Table.AttributeDefinitions, PK_SK.AttributeDefinitions);
});

test("an update: throughput, billing, class, protection; seen under way, refused meanwhile", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", { BillingMode: "PROVISIONED", ProvisionedThroughput: FIVE });
  const update = async (input: object): Promise<Output> => {
    await h.call("UpdateTable", { TableName: "things", ...input });
    return h.active("things");
  };
  const changed = await update({ ProvisionedThroughput: { ReadCapacityUnits: 7, WriteCapacityUnits: 3 } });
  assert.equal(changed.ProvisionedThroughput.ReadCapacityUnits, 7);
  assert.ok(changed.ProvisionedThroughput.LastIncreaseDateTime instanceof Date);
  assert.equal(changed.ProvisionedThroughput.NumberOfDecreasesToday, 1);
  const lower = await update({ ProvisionedThroughput: { ReadCapacityUnits: 6, WriteCapacityUnits: 3 } });
  assert.equal(lower.ProvisionedThroughput.NumberOfDecreasesToday, 2);
  h.clock.advance(86_400_000);
  assert.equal((await h.active("things")).ProvisionedThroughput.NumberOfDecreasesToday, 0);
  const onDemand = await update({ BillingMode: "PAY_PER_REQUEST" });
  assert.equal(onDemand.BillingModeSummary.BillingMode, "PAY_PER_REQUEST");
  assert.equal(onDemand.ProvisionedThroughput.ReadCapacityUnits, 0);
  const back = await update({ BillingMode: "PROVISIONED", ProvisionedThroughput: FIVE });
  assert.equal(back.BillingModeSummary.BillingMode, "PROVISIONED");
  const infrequent = await update({ TableClass: "STANDARD_INFREQUENT_ACCESS" });
  assert.equal(infrequent.TableClassSummary.TableClass, "STANDARD_INFREQUENT_ACCESS");
  await update({ DeletionProtectionEnabled: true });
  const kept =
    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.";
  assert.equal(await h.refusal("DeleteTable", { TableName: "things" }), `ValidationException: ${kept}`);
  await update({ DeletionProtectionEnabled: false });
  await h.call("UpdateTable", { TableName: "things", TableClass: "STANDARD" });
  assert.equal(
    await h.refusal("UpdateTable", { TableName: "things", TableClass: "STANDARD" }),
    "ResourceInUseException: Attempt to change a resource which is still in use: Table is being updated: things",
  );
  await h.active("things");
  for (const [input, pattern] of [
    [{}, /^ValidationException: At least one of ProvisionedThroughput, BillingMode/],
    [
      { ProvisionedThroughput: FIVE },
      /^ValidationException: The provisioned throughput for the table will not change/,
    ],
    [
      { BillingMode: "PAY_PER_REQUEST", ProvisionedThroughput: FIVE },
      /Neither ReadCapacityUnits nor WriteCapacityUnits/,
    ],
    [{ GlobalSecondaryIndexUpdates: [] }, /^ValidationException: At least one of ProvisionedThroughput/],
    [
      { GlobalSecondaryIndexUpdates: [{}] },
      /: One of GlobalSecondaryIndexUpdate\.Update, GlobalSecondaryIndexUpdate\.Create, GlobalSecondaryIndexUpdate\.Delete must not be null$/,
    ],
    [
      { GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: "abc" } }, { Delete: { IndexName: "abc" } }] },
      /: Only one global secondary index update per index is allowed simultaneously\. Index: abc$/,
    ],
    [
      { GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: "nope" } }] },
      /^ResourceNotFoundException: Requested resource not found/,
    ],
    [
      { StreamSpecification: { StreamEnabled: false } },
      /^ValidationException: Table does not have an enabled stream/,
    ],
    [
      { ReplicaUpdates: [{ Create: { RegionName: "us-east-1" } }] },
      /^ValidationException: ReplicaUpdates is not supported by Lambent$/,
    ],
  ] as const) {
    assert.match(await h.refusal("UpdateTable", { TableName: "things", ...input }), pattern);
  }
});

test("an on-demand table's maximum, and its index's, can be set, changed and taken away", async (t) => {
  const h = await openDynamodb(t);
  const created = await h.table("things", {
    AttributeDefinitions: [...PK_SK.AttributeDefinitions, S("g")],
    OnDemandThroughput: { MaxReadRequestUnits: 10, MaxWriteRequestUnits: 5 },
    GlobalSecondaryIndexes: [
      {
        IndexName: "byG",
        KeySchema: [HASH("g")],
        Projection: ALL,
        OnDemandThroughput: { MaxReadRequestUnits: 3 },
      },
    ],
  });
  assert.deepEqual(created.OnDemandThroughput, { MaxReadRequestUnits: 10, MaxWriteRequestUnits: 5 });
  const [index] = created.GlobalSecondaryIndexes;
  assert.deepEqual(index.OnDemandThroughput, { MaxReadRequestUnits: 3, MaxWriteRequestUnits: -1 });
  const update = async (input: object): Promise<Output> => {
    await h.call("UpdateTable", { TableName: "things", ...input });
    return h.active("things");
  };
  const onlyRead = await update({ OnDemandThroughput: { MaxWriteRequestUnits: -1 } });
  assert.deepEqual(onlyRead.OnDemandThroughput, { MaxReadRequestUnits: 10, MaxWriteRequestUnits: -1 });
  const Update = { IndexName: "byG", OnDemandThroughput: { MaxReadRequestUnits: -1 } };
  const freed = await update({ GlobalSecondaryIndexUpdates: [{ Update }] });
  assert.equal("OnDemandThroughput" in freed.GlobalSecondaryIndexes[0], false);
  assert.deepEqual(freed.OnDemandThroughput, { MaxReadRequestUnits: 10, MaxWriteRequestUnits: -1 });
  const provisioned = { BillingMode: "PROVISIONED", ProvisionedThroughput: FIVE };
  const ofIndex = { Update: { IndexName: "byG", ProvisionedThroughput: FIVE } };
  const fixed = await update({ ...provisioned, GlobalSecondaryIndexUpdates: [ofIndex] });
  assert.equal("OnDemandThroughput" in fixed, false);
});

test("encryption names the account's key and stays as it is until it is switched off", async (t) => {
  const h = await openDynamodb(t);
  const made = await h.table("things", { SSESpecification: { Enabled: true } });
  assert.equal(made.SSEDescription.Status, "ENABLED");
  assert.equal(made.SSEDescription.SSEType, "KMS");
  assert.match(
    made.SSEDescription.KMSMasterKeyArn,
    /^arn:aws:kms:eu-west-1:123456789012:key\/[0-9a-f-]{36}$/,
  );
  await h.call("UpdateTable", {
    TableName: "things",
    BillingMode: "PROVISIONED",
    ProvisionedThroughput: FIVE,
  });
  assert.deepEqual((await h.active("things")).SSEDescription, made.SSEDescription);
  const off = await h.call("UpdateTable", { TableName: "things", SSESpecification: { Enabled: false } });
  assert.deepEqual(off.TableDescription.SSEDescription, { ...made.SSEDescription, Status: "UPDATING" });
  assert.equal((await h.active("things")).SSEDescription, undefined);
});

test("expired items go, and only they", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const now = Math.floor(h.clock.now() / 1000);
  const put = (pk: string, ttl: unknown): Promise<Output> => h.put("things", item({ pk, sk: 1, ttl }));
  await put("before", now - 10);
  const spec = (Enabled: boolean, AttributeName = "ttl"): object => ({
    TableName: "things",
    TimeToLiveSpecification: { Enabled, AttributeName },
  });
  const off = { TimeToLiveDescription: { TimeToLiveStatus: "DISABLED" } };
  assert.deepEqual(await h.call("DescribeTimeToLive", { TableName: "things" }), off);
  assert.equal(
    await h.refusal("UpdateTimeToLive", spec(false)),
    "ValidationException: TimeToLive is already disabled",
  );
  const told = await h.call("UpdateTimeToLive", spec(true));
  assert.deepEqual(told, { TimeToLiveSpecification: { Enabled: true, AttributeName: "ttl" } });
  for (;;) {
    const { TimeToLiveDescription } = await h.call("DescribeTimeToLive", { TableName: "things" });
    if (TimeToLiveDescription.TimeToLiveStatus === "ENABLED") break;
    assert.equal(TimeToLiveDescription.TimeToLiveStatus, "ENABLING");
    await h.clock.sleep(5);
  }
  assert.equal(
    await h.refusal("UpdateTimeToLive", spec(true)),
    "ValidationException: TimeToLive is already enabled",
  );
  assert.match(
    await h.refusal("UpdateTimeToLive", spec(true, "other")),
    /active on a different AttributeName/,
  );
  await put("soon", now + 60);
  await put("later", now + 6000);
  await put("text", String(now - 10));
  await put("ancient", now - 6 * 365 * 86_400);
  await put("moved", now - 10);
  await put("moved", now + 6000);
  const left = async (): Promise<string[]> =>
    (await h.call("Scan", { TableName: "things" })).Items.map((one: Output) => one.pk.S as string).toSorted();
  await h.dynamodb.sweep();
  assert.deepEqual(await left(), ["ancient", "later", "moved", "soon", "text"]);
  h.clock.advance(120_000);
  await h.dynamodb.sweep();
  assert.deepEqual(await left(), ["ancient", "later", "moved", "text"]);
  assert.equal((await h.active("things")).ItemCount, 4);
});

test("tags", async (t) => {
  const h = await openDynamodb(t);
  const table = await h.table("things", { Tags: [{ Key: "a", Value: "1" }] });
  const ResourceArn = table.TableArn as string;
  await h.call("TagResource", {
    ResourceArn,
    Tags: [
      { Key: "b", Value: "2" },
      { Key: "a", Value: "3" },
    ],
  });
  const tags = [
    { Key: "a", Value: "3" },
    { Key: "b", Value: "2" },
  ];
  assert.deepEqual(await h.call("ListTagsOfResource", { ResourceArn }), { Tags: tags });
  await h.call("UntagResource", { ResourceArn, TagKeys: ["a", "none"] });
  assert.deepEqual(await h.call("ListTagsOfResource", { ResourceArn }), { Tags: tags.slice(1) });
  const nowhere = `${ARN}/nowhere`;
  assert.equal(
    await h.refusal("TagResource", { ResourceArn: nowhere, Tags: tags }),
    `ResourceNotFoundException: Requested resource not found: ResourcArn: ${nowhere} not found`,
  );
  const many = Array.from({ length: 50 }, (_each, index) => ({ Key: `k${String(index)}`, Value: "" }));
  assert.match(await h.refusal("TagResource", { ResourceArn, Tags: many }), /exceeds the limit of 50$/);
});

test("what is described as absent, and what is refused by name", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const T = { TableName: "things" };
  const bad = { TableName: "bad-table" };
  assert.deepEqual(await h.call("DescribeContributorInsights", T), {
    ...T,
    ContributorInsightsStatus: "DISABLED",
  });
  assert.deepEqual(await h.call("DescribeKinesisStreamingDestination", T), {
    ...T,
    KinesisDataStreamDestinations: [],
  });
  const stream = { StreamArn: `arn:aws:kinesis:${REGION}:${ACCOUNT}:stream/none-such-stream` };
  const missing = "ResourceNotFoundException: Requested resource not found: Table: bad-table not found";
  for (const operation of ["EnableKinesisStreamingDestination", "DisableKinesisStreamingDestination"]) {
    assert.equal(await h.refusal(operation, { ...bad, ...stream }), missing);
    assert.equal(
      await h.refusal(operation, { ...T, ...stream }),
      `ValidationException: ${operation} is not supported by Lambent`,
    );
  }
  const { ContinuousBackupsDescription } = await h.call("DescribeContinuousBackups", T);
  assert.equal(
    ContinuousBackupsDescription.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus,
    "DISABLED",
  );
  assert.equal(
    await h.refusal("DescribeContinuousBackups", bad),
    "TableNotFoundException: Table not found: bad-table",
  );
  const recovery = { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } };
  assert.match(
    await h.refusal("UpdateContinuousBackups", { ...T, ...recovery }),
    /not supported by Lambent$/,
  );
  const off = { PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false } };
  assert.deepEqual(await h.call("UpdateContinuousBackups", { ...T, ...off }), {
    ContinuousBackupsDescription,
  });
  const policy = await h.refusal("GetResourcePolicy", { ResourceArn: `${ARN}/things` });
  assert.match(policy, /^PolicyNotFoundException: Resource-based policy not found/);
  assert.deepEqual(await h.call("DescribeLimits"), {
    AccountMaxReadCapacityUnits: 80_000,
    AccountMaxWriteCapacityUnits: 80_000,
    TableMaxReadCapacityUnits: 40_000,
    TableMaxWriteCapacityUnits: 40_000,
  });
  assert.equal((await h.call("DescribeEndpoints")).Endpoints[0].Address, "127.0.0.1:4566");
});
