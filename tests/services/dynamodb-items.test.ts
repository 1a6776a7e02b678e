/** Items: what writes return, what they cost, what they are refused with. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { item, openDynamodb, type DynamodbHarness, type Output } from "./dynamodb-harness.ts";

const KEY = item({ pk: "a", sk: 1 });
const T = { TableName: "things" };
const GSI = {
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "N" },
    { AttributeName: "g", AttributeType: "S" },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: "byG",
      KeySchema: [{ AttributeName: "g", KeyType: "HASH" }],
      Projection: { ProjectionType: "KEYS_ONLY" },
    },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: "local",
      KeySchema: [
        { AttributeName: "pk", KeyType: "HASH" },
        { AttributeName: "g", KeyType: "RANGE" },
      ],
      Projection: { ProjectionType: "ALL" },
    },
  ],
};

test("every type comes back as it was put, numbers normalised, sets in their order", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const bytes = Uint8Array.of(0, 255, 7);
  const all = {
    ...KEY,
    s: { S: "" },
    n: { N: "001.500" },
    b: { B: bytes },
    ss: { SS: ["b", "", "a"] },
    ns: { NS: ["2e2", "1.0"] },
    bs: { BS: [bytes, new Uint8Array(0)] },
    m: { M: { inner: { L: [{ M: { deep: { B: bytes } } }, { NULL: true }] }, __proto__x: { BOOL: false } } },
    l: { L: [] },
  };
  await h.put("things", all);
  const got = await h.get("things", KEY);
  const sets = {
    ss: { SS: ["", "a", "b"] },
    ns: { NS: ["1", "200"] },
    bs: { BS: [new Uint8Array(0), bytes] },
  };
  assert.deepEqual(got, { ...all, n: { N: "1.5" }, ...sets });
  assert.deepEqual((await (await h.reopen()).get("things", KEY)).b, { B: bytes });
});

describe("return values", () => {
  const OLD = { ...KEY, n: { N: "1" }, m: { M: { a: { S: "x" }, b: { S: "y" } } } };
  const UPDATE = {
    ...T,
    Key: KEY,
    UpdateExpression: "SET n = n + :one, m.a = :z, fresh = :one",
    ExpressionAttributeValues: { ":one": { N: "1" }, ":z": { S: "z" } },
  };
  const NEW = { ...OLD, n: { N: "2" }, m: { M: { a: { S: "z" }, b: { S: "y" } } }, fresh: { N: "1" } };
  const CASES: readonly [string, Output][] = [
    ["NONE", undefined],
    ["ALL_OLD", OLD],
    ["ALL_NEW", NEW],
    ["UPDATED_OLD", { n: { N: "1" }, m: { M: { a: { S: "x" } } } }],
    ["UPDATED_NEW", { n: { N: "2" }, m: { M: { a: { S: "z" } } }, fresh: { N: "1" } }],
  ];
  for (const [ReturnValues, expected] of CASES) {
    test(`of an update: ${ReturnValues}`, async (t) => {
      const h = await openDynamodb(t);
      await h.table("things");
      await h.put("things", OLD);
      assert.deepEqual((await h.call("UpdateItem", { ...UPDATE, ReturnValues })).Attributes, expected);
      assert.deepEqual(await h.get("things", KEY), NEW);
    });
  }

  test("of an update within documents: the paths that were written, and nothing beside them", async (t) => {
    const h = await openDynamodb(t);
    await h.table("things");
    const n = (value: number): Output => ({ N: String(value) });
    const before = {
      ...KEY,
      l: { L: [n(1), n(2), n(3)] },
      m: { M: { a: n(1), b: { M: { c: n(2), d: { L: [n(5), n(6)] } } } } },
    };
    for (const [UpdateExpression, old, fresh] of [
      ["SET l[1] = :n", { l: { L: [n(2)] } }, { l: { L: [n(42)] } }],
      ["SET l[0] = :n, l[2] = :n", { l: { L: [n(1), n(3)] } }, { l: { L: [n(42), n(42)] } }],
      // It is appended, so nothing is where the path points.
      ["SET l[9] = :n", undefined, undefined],
      ["SET m.a = :n, m.z = :n", { m: { M: { a: n(1) } } }, { m: { M: { a: n(42), z: n(42) } } }],
      [
        "SET m.b.d[0] = :n",
        { m: { M: { b: { M: { d: { L: [n(5)] } } } } } },
        { m: { M: { b: { M: { d: { L: [n(42)] } } } } } },
      ],
      ["ADD m.b.c :n", { m: { M: { b: { M: { c: n(2) } } } } }, { m: { M: { b: { M: { c: n(44) } } } } }],
      ["SET fresh = :n REMOVE m.b", { m: { M: { b: before.m.M.b } } }, { fresh: n(42) }],
    ] as const) {
      for (const [ReturnValues, expected] of [
        ["UPDATED_OLD", old],
        ["UPDATED_NEW", fresh],
      ] as const) {
        await h.put("things", before);
        const values = { ExpressionAttributeValues: { ":n": n(42) } };
        const answer = await h.call("UpdateItem", {
          ...T,
          Key: KEY,
          UpdateExpression,
          ...values,
          ReturnValues,
        });
        const shown = `${ReturnValues} of ${UpdateExpression}`;
        assert.deepEqual(answer, expected === undefined ? {} : { Attributes: expected }, shown);
      }
    }
  });

  test("of puts and deletes: the old item, where there was one", async (t) => {
    const h = await openDynamodb(t);
    await h.table("things");
    assert.deepEqual(await h.put("things", OLD, { ReturnValues: "ALL_OLD" }), {});
    assert.deepEqual(await h.put("things", NEW, { ReturnValues: "ALL_OLD" }), { Attributes: OLD });
    const gone = await h.call("DeleteItem", { ...T, Key: KEY, ReturnValues: "ALL_OLD" });
    assert.deepEqual(gone, { Attributes: NEW });
    assert.deepEqual(await h.call("DeleteItem", { ...T, Key: KEY, ReturnValues: "ALL_OLD" }), {});
    for (const ReturnValues of ["ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"]) {
      const why = "ValidationException: ReturnValues can only be ALL_OLD or NONE";
      assert.equal(await h.refusal("PutItem", { ...T, Item: KEY, ReturnValues }), why);
      assert.equal(await h.refusal("DeleteItem", { ...T, Key: KEY, ReturnValues }), why);
    }
  });
});

test("an update makes the item where there is none; without an expression only its key", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  await h.call("UpdateItem", { ...T, Key: KEY });
  assert.deepEqual(await h.get("things", KEY), KEY);
});

test("conditions guard each write, and show the item when asked", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const once = { ConditionExpression: "attribute_not_exists(pk)" };
  await h.put("things", { ...KEY, v: { N: "1" } }, once);
  const refused = (operation: string, input: object): Promise<Output> =>
    h.call(operation, { ...T, ...input, ...once, ReturnValuesOnConditionCheckFailure: "ALL_OLD" }).then(
      () => assert.fail("the condition held"),
      (error: Output) => error,
    );
  for (const [operation, input] of [
    ["PutItem", { Item: KEY }],
    ["DeleteItem", { Key: KEY }],
    ["UpdateItem", { Key: KEY, UpdateExpression: "REMOVE v" }],
  ] as const) {
    const error = await refused(operation, input);
    assert.equal(error.code, "ConditionalCheckFailedException");
    assert.equal(error.message, "The conditional request failed");
    assert.deepEqual(error.members, { Item: { ...KEY, v: { N: "1" } } }, operation);
  }
  assert.deepEqual(await h.get("things", KEY), { ...KEY, v: { N: "1" } });
});

test("a hundred increments at once are a hundred", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const add = {
    ...T,
    Key: KEY,
    UpdateExpression: "ADD n :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  };
  await Promise.all(Array.from({ length: 100 }, () => h.call("UpdateItem", add)));
  assert.deepEqual((await h.get("things", KEY)).n, { N: "100" });
});

const LONG = "x".repeat(2049);
const nest = (levels: number): Output => (levels === 0 ? { S: "x" } : { L: [nest(levels - 1)] });
const ITEM_REFUSALS: readonly [string, object, string][] = [
  ["no key", { pk: { S: "a" } }, "One or more parameter values were invalid: Missing the key sk in the item"],
  [
    "wrong key",
    { ...KEY, sk: { S: "1" } },
    "One or more parameter values were invalid: Type mismatch for key sk expected: N actual: S",
  ],
  [
    "empty key",
    { ...KEY, pk: { S: "" } },
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
  ],
  [
    "long key",
    { ...KEY, pk: { S: LONG } },
    "One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes",
  ],
  [
    "index key",
    { ...KEY, g: { N: "1" } },
    "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: byG",
  ],
  [
    "empty index key",
    { ...KEY, g: { S: "" } },
    "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: byG, IndexKey: g",
  ],
  [
    "no type",
    { ...KEY, x: {} },
    "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
  ],
  [
    "two types",
    { ...KEY, x: { S: "a", N: "1" } },
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
  ],
  ["no number", { ...KEY, x: { N: "abc" } }, "The parameter cannot be converted to a numeric value: abc"],
  [
    "empty SS",
    { ...KEY, x: { SS: [] } },
    "One or more parameter values were invalid: An string set  may not be empty",
  ],
  [
    "empty NS",
    { ...KEY, x: { NS: [] } },
    "One or more parameter values were invalid: An number set  may not be empty",
  ],
  [
    "empty BS",
    { ...KEY, x: { BS: [] } },
    "One or more parameter values were invalid: Binary sets should not be empty",
  ],
  [
    "SS twice",
    { ...KEY, x: { SS: ["a", "a"] } },
    "One or more parameter values were invalid: Input collection [a, a] contains duplicates.",
  ],
  ["NS twice", { ...KEY, x: { NS: ["1", "1.0"] } }, "Input collection contains duplicates"],
  [
    "BS twice",
    { ...KEY, x: { BS: [Uint8Array.of(1), Uint8Array.of(1)] } },
    "One or more parameter values were invalid: Input collection [AQ==, AQ==]of type BS contains duplicates.",
  ],
  [
    "NULL false",
    { ...KEY, x: { NULL: false } },
    "One or more parameter values were invalid: Null attribute value types must have the value of true",
  ],
  ["empty name", { ...KEY, x: { M: { "": { S: "a" } } } }, "Empty attribute name"],
  [
    "33 levels",
    { ...KEY, x: nest(32) },
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit",
  ],
  [
    "over 400 KB",
    { ...KEY, x: { S: "x".repeat(409_600) } },
    "Item size has exceeded the maximum allowed size",
  ],
];

test("items that cannot be", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", GSI);
  for (const [what, Item, sentence] of ITEM_REFUSALS) {
    assert.equal(await h.refusal("PutItem", { ...T, Item }), `ValidationException: ${sentence}`, what);
  }
  assert.equal((await h.call("Scan", T)).Count, 0);
  const set = (value: object): object => ({
    ...T,
    Key: KEY,
    UpdateExpression: "SET g = :g",
    ExpressionAttributeValues: { ":g": value },
  });
  const empty =
    "One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string value.";
  assert.equal(await h.refusal("UpdateItem", set({ S: "" })), `ValidationException: ${empty}`);
  const update = { TransactItems: [{ Update: set({ S: "" }) }] };
  assert.equal(await h.refusal("TransactWriteItems", update), `ValidationException: ${empty}`);
  assert.match(
    await h.refusal("UpdateItem", set({ N: "1" })),
    /Type mismatch for Index Key g Expected: S Actual: N/,
  );
  await h.put("things", { ...KEY, x: nest(31), big: { S: "x".repeat(400_000) } });
});

const MISMATCH = "ValidationException: The provided key element does not match the schema";
test("keys that are none, tables that are none", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  for (const Key of [{ pk: { S: "a" } }, { ...KEY, z: { S: "a" } }, { pk: { S: "a" }, sk: { S: "1" } }, {}]) {
    for (const operation of ["GetItem", "DeleteItem", "UpdateItem"]) {
      assert.equal(
        await h.refusal(operation, { ...T, Key }),
        MISMATCH,
        `${operation} ${JSON.stringify(Key)}`,
      );
    }
  }
  const nowhere = "ResourceNotFoundException: Requested resource not found";
  assert.equal(await h.refusal("GetItem", { TableName: "nowhere", Key: KEY }), nowhere);
  assert.equal(await h.refusal("PutItem", { TableName: "nowhere", Item: KEY }), nowhere);
  const own = {
    ...T,
    Key: KEY,
    UpdateExpression: "SET pk = :x",
    ExpressionAttributeValues: { ":x": { S: "b" } },
  };
  const sentence = "Cannot update attribute pk. This attribute is part of the key";
  assert.equal(
    await h.refusal("UpdateItem", own),
    `ValidationException: One or more parameter values were invalid: ${sentence}`,
  );
});

const EXPRESSION_REFUSALS: readonly [object, string][] = [
  [
    { ExpressionAttributeNames: { "#a": "b" } },
    "ExpressionAttributeNames can only be specified when using expressions",
  ],
  [
    { ExpressionAttributeValues: { ":a": { S: "b" } } },
    "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression and ConditionExpression are null",
  ],
  [
    { UpdateExpression: "REMOVE a", ExpressionAttributeNames: {} },
    "ExpressionAttributeNames must not be empty",
  ],
  [
    { UpdateExpression: "REMOVE a", ExpressionAttributeValues: {} },
    "ExpressionAttributeValues must not be empty",
  ],
  [
    { UpdateExpression: "REMOVE a", ExpressionAttributeNames: { a: "b" } },
    'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"',
  ],
  [
    { UpdateExpression: "REMOVE a", ExpressionAttributeValues: { "#a": { S: "b" } } },
    'ExpressionAttributeValues contains invalid key: Syntax error; key: "#a"',
  ],
  [
    { UpdateExpression: "SET a = :n", ExpressionAttributeValues: { ":n": { N: "zz" } } },
    "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a numeric value: zz for key :n",
  ],
  [
    { UpdateExpression: "REMOVE a", ExpressionAttributeNames: { "#x": "b", "#y": "c" } },
    "Value provided in ExpressionAttributeNames unused in expressions: keys: {#x, #y}",
  ],
  [
    { UpdateExpression: "REMOVE a", ExpressionAttributeValues: { ":x": { S: "b" } } },
    "Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}",
  ],
  [
    { AttributeUpdates: { a: { Action: "DELETE" } } },
    "The legacy parameter AttributeUpdates is not supported by Lambent",
  ],
  [
    { AttributeUpdates: { a: { Action: "DELETE" } }, UpdateExpression: "REMOVE a" },
    "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: {AttributeUpdates} Expression parameters: {UpdateExpression}",
  ],
];

test("placeholders that do not fit their expressions", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  for (const [input, sentence] of EXPRESSION_REFUSALS) {
    assert.equal(
      await h.refusal("UpdateItem", { ...T, Key: KEY, ...input }),
      `ValidationException: ${sentence}`,
    );
  }
});

async function consumed(h: DynamodbHarness, operation: string, input: object): Promise<Output> {
  return (await h.call(operation, { ...T, ...input, ReturnConsumedCapacity: "INDEXES" })).ConsumedCapacity;
}

test("what writes and reads cost, with their indexes", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things", GSI);
  const units = (count: number, local?: number, global?: number): Output => ({
    TableName: "things",
    CapacityUnits: count + (local ?? 0) + (global ?? 0),
    Table: { CapacityUnits: count },
    ...(local === undefined ? {} : { LocalSecondaryIndexes: { local: { CapacityUnits: local } } }),
    ...(global === undefined ? {} : { GlobalSecondaryIndexes: { byG: { CapacityUnits: global } } }),
  });
  assert.deepEqual(await consumed(h, "PutItem", { Item: KEY }), units(1));
  assert.deepEqual(await consumed(h, "PutItem", { Item: { ...KEY, g: { S: "1" } } }), units(1, 1, 1));
  // The same again touches no index; another key leaves the old place and takes the new one.
  assert.deepEqual(await consumed(h, "PutItem", { Item: { ...KEY, g: { S: "1" } } }), units(1));
  assert.deepEqual(await consumed(h, "PutItem", { Item: { ...KEY, g: { S: "2" } } }), units(1, 2, 2));
  const big = { ...KEY, g: { S: "2" }, x: { S: "x".repeat(2500) } };
  assert.deepEqual(await consumed(h, "PutItem", { Item: big }), units(3, 3));
  assert.deepEqual(await consumed(h, "GetItem", { Key: KEY }), units(0.5));
  assert.deepEqual(await consumed(h, "GetItem", { Key: KEY, ConsistentRead: true }), units(1));
  assert.deepEqual(await consumed(h, "GetItem", { Key: item({ pk: "none", sk: 1 }) }), units(0.5));
  assert.deepEqual(await consumed(h, "DeleteItem", { Key: KEY }), units(3, 3, 1));
  const total = await h.call("PutItem", { ...T, Item: KEY, ReturnConsumedCapacity: "TOTAL" });
  assert.deepEqual(total, { ConsumedCapacity: { TableName: "things", CapacityUnits: 1 } });
  const metrics = await h.call("PutItem", { ...T, Item: KEY, ReturnItemCollectionMetrics: "SIZE" });
  assert.deepEqual(metrics.ItemCollectionMetrics, {
    ItemCollectionKey: { pk: { S: "a" } },
    SizeEstimateRangeGB: [0, 1],
  });
});

test("accounts and regions have tables of their own, and a table may be called by its ARN", async (t) => {
  const h = await openDynamodb(t);
  const table = await h.table("things");
  await h.put(table.TableArn, KEY);
  assert.deepEqual(await h.get(table.TableArn, KEY), KEY);
  const elsewhere = h.call("GetItem", { ...T, Key: KEY }, { region: "us-east-2" });
  await assert.rejects(elsewhere, { code: "ResourceNotFoundException" });
});
