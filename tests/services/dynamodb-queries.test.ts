/** Query and Scan: ranges, order, pages, filters, indexes, segments. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { item, openDynamodb, type DynamodbHarness, type Output } from "./dynamodb-harness.ts";

const T = { TableName: "things" };
const INDEXED = {
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "N" },
    { AttributeName: "g", AttributeType: "S" },
    { AttributeName: "r", AttributeType: "N" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "byG",
      KeySchema: [
        { AttributeName: "g", KeyType: "HASH" },
        { AttributeName: "r", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "INCLUDE", NonKeyAttributes: ["kept"] },
    },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: "byR",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "r", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "KEYS_ONLY" },
    },
  ],
};
const SORTED = [-1e20, -10, -2, 0, 0.5, 1, 3, 9, 10, 100];

/** Partition `a` with ten sort keys, put in no order; every other item is in the indexes. */
async function filled(t: TestContext): Promise<DynamodbHarness> {
  const h = await openDynamodb(t);
  await h.table("things", INDEXED);
  const shuffled = SORTED.map((sk, index) => ({ sk, index })).toSorted(
    (a, b) => (a.index % 3) - (b.index % 3),
  );
  for (const { sk, index } of shuffled) {
    const inIndex = index % 2 === 0 ? { g: "x", r: 100 - index, kept: "k", lost: "l" } : {};
    await h.put(
      "things",
      item({ pk: "a", sk: { N: sk.toFixed(sk === 0.5 ? 1 : 0) }, even: index % 2, ...inIndex }),
    );
  }
  await h.put("things", item({ pk: "b", sk: 1, g: "x", r: 1 }));
  return h;
}

const sks = (answer: Output): number[] => answer.Items.map((one: Output) => Number(one.sk.N));
const values = (...numbers: number[]): object => ({
  ExpressionAttributeValues: {
    ":pk": { S: "a" },
    ...Object.fromEntries(numbers.map((number, index) => [`:v${String(index)}`, { N: String(number) }])),
  },
});

test("sort key conditions are ranges of the key's own order", async (t) => {
  const h = await filled(t);
  const query = async (range: string, ...numbers: number[]): Promise<number[]> =>
    sks(
      await h.call("Query", {
        ...T,
        KeyConditionExpression: `pk = :pk${range === "" ? "" : ` AND ${range}`}`,
        ...values(...numbers),
      }),
    );
  assert.deepEqual(await query(""), SORTED);
  assert.deepEqual(await query("sk = :v0", 3), [3]);
  assert.deepEqual(await query("sk < :v0", 0), [-1e20, -10, -2]);
  assert.deepEqual(await query("sk <= :v0", 0), [-1e20, -10, -2, 0]);
  assert.deepEqual(await query("sk > :v0", 9), [10, 100]);
  assert.deepEqual(await query(":v0 <= sk", 9), [9, 10, 100]);
  assert.deepEqual(await query("sk BETWEEN :v0 AND :v1", -2, 1), [-2, 0, 0.5, 1]);
});

test("begins_with on strings and binaries", async (t) => {
  const h = await openDynamodb(t);
  for (const [name, type] of [
    ["strings", "S"],
    ["bytes", "B"],
  ] as const) {
    await h.table(name, {
      AttributeDefinitions: [
        { AttributeName: "pk", AttributeType: "S" },
        { AttributeName: "sk", AttributeType: type },
      ],
    });
    const keys = ["a", "ab", "abc", "ac", "b", "é"];
    const value = (text: string): Output =>
      type === "S" ? { S: text } : { B: new Uint8Array(Buffer.from(text)) };
    for (const key of keys) await h.put(name, { pk: { S: "p" }, sk: value(key) });
    const found = await h.call("Query", {
      TableName: name,
      KeyConditionExpression: "pk = :p AND begins_with(sk, :s)",
      ExpressionAttributeValues: { ":p": { S: "p" }, ":s": value("ab") },
    });
    assert.deepEqual(
      found.Items.map((one: Output) => one.sk.S ?? Buffer.from(one.sk.B).toString()),
      ["ab", "abc"],
    );
  }
});

test("pages by Limit, both ways, filters after the limit", async (t) => {
  const h = await filled(t);
  for (const ScanIndexForward of [true, false]) {
    const found: number[] = [];
    let ExclusiveStartKey: Output;
    do {
      const page: Output = await h.call("Query", {
        ...T,
        KeyConditionExpression: "pk = :pk",
        ...values(),
        Limit: 3,
        ScanIndexForward,
        ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
      });
      found.push(...sks(page));
      ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey !== undefined);
    assert.deepEqual(found, ScanIndexForward ? SORTED : SORTED.toReversed());
  }
  const filter = {
    ...T,
    KeyConditionExpression: "pk = :pk",
    FilterExpression: "even = :v0",
    ...values(0),
    Limit: 4,
  };
  const page = await h.call("Query", filter);
  assert.deepEqual([page.Count, page.ScannedCount, page.LastEvaluatedKey], [2, 4, item({ pk: "a", sk: 0 })]);
  const counted = await h.call("Query", { ...filter, Limit: 100, Select: "COUNT" });
  assert.deepEqual(counted, { Count: 5, ScannedCount: 10 });
});

test("a page ends at 1 MB, and the next one goes on", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  for (let sk = 0; sk < 6; sk++) await h.put("things", item({ pk: "a", sk, x: "x".repeat(300_000) }));
  const query = { ...T, KeyConditionExpression: "pk = :pk", ...values(), ReturnConsumedCapacity: "TOTAL" };
  const first = await h.call("Query", query);
  assert.deepEqual(sks(first), [0, 1, 2, 3]);
  assert.equal(first.ConsumedCapacity.CapacityUnits, Math.ceil((4 * 300_009) / 4096) / 2);
  const rest = await h.call("Query", { ...query, ExclusiveStartKey: first.LastEvaluatedKey });
  assert.deepEqual(sks(rest), [4, 5]);
  assert.equal(rest.LastEvaluatedKey, undefined);
});

test("indexes hold who has their keys, in their order, with what they project", async (t) => {
  const h = await filled(t);
  const byG = {
    ...T,
    IndexName: "byG",
    KeyConditionExpression: "g = :g",
    ExpressionAttributeValues: { ":g": { S: "x" } },
  };
  const found = await h.call("Query", byG);
  assert.deepEqual(
    found.Items.map((one: Output) => Number(one.r.N)),
    [1, 92, 94, 96, 98, 100],
  );
  assert.deepEqual(found.Items[1], item({ pk: "a", sk: 10, g: "x", r: 92, kept: "k" }));
  const first = await h.call("Query", { ...byG, Limit: 2 });
  assert.deepEqual(first.LastEvaluatedKey, item({ pk: "a", sk: 10, g: "x", r: 92 }));
  const rest = await h.call("Query", { ...byG, ExclusiveStartKey: first.LastEvaluatedKey });
  assert.equal(rest.Count, 4);
  const byR = { ...T, IndexName: "byR", KeyConditionExpression: "pk = :pk", ...values() };
  const local = await h.call("Query", byR);
  assert.deepEqual(local.Items[0], item({ pk: "a", sk: 10, r: 92 }));
  const whole = await h.call("Query", {
    ...byR,
    Select: "ALL_ATTRIBUTES",
    ReturnConsumedCapacity: "INDEXES",
  });
  assert.equal(whole.Items[0].lost.S, "l");
  assert.deepEqual(whole.ConsumedCapacity, {
    TableName: "things",
    CapacityUnits: 3,
    Table: { CapacityUnits: 2.5 },
    LocalSecondaryIndexes: { byR: { CapacityUnits: 0.5 } },
  });
  // An item leaves the index with its key.
  const strip = { ...T, Key: item({ pk: "a", sk: 10 }), UpdateExpression: "REMOVE r" };
  await h.call("UpdateItem", strip);
  assert.equal((await h.call("Query", byG)).Count, 5);
  assert.equal((await h.call("Scan", { ...T, IndexName: "byR" })).Count, 5);
});

test("segments of a scan together are the table, each once", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const all = Array.from({ length: 120 }, (_each, index) => `u${String(index)}`);
  await Promise.all(all.map((pk) => h.put("things", item({ pk, sk: 1 }))));
  for (const TotalSegments of [1, 3, 8]) {
    const found: string[] = [];
    for (let Segment = 0; Segment < TotalSegments; Segment++) {
      let ExclusiveStartKey: Output;
      do {
        const page: Output = await h.call("Scan", {
          ...T,
          Segment,
          TotalSegments,
          Limit: 7,
          ...(ExclusiveStartKey === undefined ? {} : { ExclusiveStartKey }),
        });
        found.push(...page.Items.map((one: Output) => one.pk.S as string));
        ExclusiveStartKey = page.LastEvaluatedKey;
      } while (ExclusiveStartKey !== undefined);
    }
    assert.deepEqual(found.toSorted(), all.toSorted());
  }
});

const KEYS = "Invalid KeyConditionExpression: ";
const QUERY_REFUSALS: readonly [object, string][] = [
  [{}, "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."],
  [{ k: "sk = :n" }, "Query condition missed key schema element: pk"],
  [{ k: "pk = :s AND g = :s2" }, "Query condition missed key schema element: sk"],
  [{ k: "pk > :s" }, "Query key condition not supported"],
  [{ k: "begins_with(pk, :s)" }, "Query key condition not supported"],
  [
    { k: "pk = :n" },
    "One or more parameter values were invalid: Condition parameter type does not match schema type",
  ],
  [{ k: "pk = :s OR sk = :n" }, "Invalid operator used in KeyConditionExpression: OR"],
  [{ k: "NOT pk = :s" }, "Invalid operator used in KeyConditionExpression: NOT"],
  [{ k: "pk = :s AND sk <> :n" }, "Invalid operator used in KeyConditionExpression: <>"],
  [{ k: "pk = :s AND sk IN (:n)" }, "Invalid operator used in KeyConditionExpression: IN"],
  [{ k: "attribute_exists(pk)" }, "Invalid operator used in KeyConditionExpression: attribute_exists"],
  [
    { k: "pk = :s AND pk = :s2" },
    "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one condition per key",
  ],
  [
    { k: "pk = sk" },
    "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
  ],
  [{ k: "size(pk) = :n" }, "KeyConditionExpressions cannot contain nested operations"],
  [
    { k: "pk.a = :s" },
    "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk",
  ],
  [
    { k: "pk = :s AND begins_with(sk, :n)" },
    `${KEYS}Incorrect operand type for operator or function; operator or function: begins_with, operand type: N`,
  ],
  [
    { k: "pk = :s", FilterExpression: "sk = :n" },
    "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
  ],
  [{ k: "pk = :s", IndexName: "nope" }, "The table does not have the specified index: nope"],
  [
    { k: "g = :s", IndexName: "byG", ConsistentRead: true },
    "Consistent reads are not supported on global secondary indexes",
  ],
  [
    { k: "g = :s", IndexName: "byG", Select: "ALL_ATTRIBUTES" },
    "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index byG because its projection type is not ALL",
  ],
  [
    { k: "g = :s", IndexName: "byG", ProjectionExpression: "lost" },
    "One or more parameter values were invalid: Global secondary index byG does not project [lost]",
  ],
  [
    { k: "g = :s", IndexName: "byG", FilterExpression: "lost = :n" },
    "One or more parameter values were invalid: Secondary index byG does not project one or more filter attributes: [lost]",
  ],
  [
    { k: "pk = :s", Select: "ALL_PROJECTED_ATTRIBUTES" },
    "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
  ],
  [
    { k: "pk = :s", Select: "SPECIFIC_ATTRIBUTES" },
    "Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES",
  ],
  [
    { k: "pk = :s", Select: "COUNT", ProjectionExpression: "a" },
    "Cannot specify the ProjectionExpression when choosing to get only the Count",
  ],
  [
    { k: "pk = :s", ExclusiveStartKey: { pk: { S: "a" } } },
    "The provided starting key is invalid: The provided key element does not match the schema",
  ],
  [
    { k: "pk = :s", ExclusiveStartKey: item({ pk: "other", sk: 1 }) },
    "The provided starting key is outside query boundaries based on provided conditions",
  ],
  [
    { k: "pk = :s AND sk > :n", ExclusiveStartKey: item({ pk: "a", sk: 1 }) },
    "The provided starting key does not match the range key predicate",
  ],
  [
    { k: "g = :s", IndexName: "byG", ExclusiveStartKey: item({ pk: "a", sk: 1 }) },
    "The provided starting key is invalid",
  ],
  [
    { KeyConditions: { pk: { ComparisonOperator: "EQ", AttributeValueList: [{ S: "a" }] } } },
    "The legacy parameter KeyConditions is not supported by Lambent",
  ],
];

test("queries that cannot be", async (t) => {
  const h = await filled(t);
  const every: Output = { ":s": { S: "a" }, ":s2": { S: "b" }, ":n": { N: "1" } };
  for (const [{ k, ...rest }, sentence] of QUERY_REFUSALS as readonly [{ k?: string }, string][]) {
    const expressions = `${k ?? ""} ${(rest as { FilterExpression?: string }).FilterExpression ?? ""}`;
    const used = Object.entries(every).filter(([name]) => new RegExp(`${name}\\b`).test(expressions));
    const input = {
      ...T,
      ...rest,
      ...(k === undefined ? {} : { KeyConditionExpression: k }),
      ...(used.length === 0 ? {} : { ExpressionAttributeValues: Object.fromEntries(used) }),
    };
    assert.equal(await h.refusal("Query", input), `ValidationException: ${sentence}`);
  }
});

test("scans that cannot be", async (t) => {
  const h = await filled(t);
  const all = (await h.call("Scan", T)).Items as Output[];
  const first = { pk: all[0].pk, sk: all[0].sk };
  for (const [input, sentence] of [
    [
      { Segment: 1 },
      "The TotalSegments parameter is required but was not present in the request when Segment parameter is present",
    ],
    [
      { TotalSegments: 2 },
      "The Segment parameter is required but was not present in the request when parameter TotalSegments is present",
    ],
    [
      { Segment: 2, TotalSegments: 2 },
      "The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: 2 is not less than TotalSegments: 2",
    ],
    [
      { Limit: 0 },
      "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [
      { IndexName: "byG", ConsistentRead: true },
      "Consistent reads are not supported on global secondary indexes",
    ],
    [{ ScanFilter: {} }, "The legacy parameter ScanFilter is not supported by Lambent"],
    [
      { Segment: 9, TotalSegments: 10, ExclusiveStartKey: first },
      "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. TotalSegments: 10 Segment: 9",
    ],
  ] as const) {
    assert.equal(await h.refusal("Scan", { ...T, ...input }), `ValidationException: ${sentence}`);
  }
});
