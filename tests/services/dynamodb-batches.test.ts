/** Batches and transactions. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { item, openDynamodb, type Output } from "./dynamodb-harness.ts";

const key = (pk: string, sk = 1): Output => item({ pk, sk });
const put = (pk: string, more: object = {}): Output => ({
  Put: { TableName: "things", Item: { ...key(pk), ...more } },
});

test("a batch writes and reads many, each on its own", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  await h.table("others");
  await h.put("things", key("old"));
  const written = await h.call("BatchWriteItem", {
    RequestItems: {
      things: [
        { PutRequest: { Item: { ...key("a"), v: { N: "1" } } } },
        { DeleteRequest: { Key: key("old") } },
      ],
      others: [{ PutRequest: { Item: key("b") } }],
    },
    ReturnConsumedCapacity: "TOTAL",
  });
  assert.deepEqual(written, {
    UnprocessedItems: {},
    ConsumedCapacity: [
      { TableName: "things", CapacityUnits: 2 },
      { TableName: "others", CapacityUnits: 1 },
    ],
  });
  const read = await h.call("BatchGetItem", {
    RequestItems: {
      things: {
        Keys: [key("a"), key("old")],
        ProjectionExpression: "#v",
        ExpressionAttributeNames: { "#v": "v" },
      },
      others: { Keys: [key("b")] },
    },
  });
  assert.deepEqual(read, {
    Responses: { things: [{ v: { N: "1" } }], others: [key("b")] },
    UnprocessedKeys: {},
  });
});

test("an answer ends at 16 MB and says what is left", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const keys = Array.from({ length: 45 }, (_each, index) => key(`k${String(index)}`));
  await Promise.all(keys.map((one) => h.put("things", { ...one, x: { S: "x".repeat(400_000) } })));
  const read = await h.call("BatchGetItem", { RequestItems: { things: { Keys: keys } } });
  assert.equal(read.Responses.things.length, 41);
  assert.deepEqual(read.UnprocessedKeys.things.Keys, keys.slice(41));
});

test("batches that cannot be write nothing", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const good = { PutRequest: { Item: key("good") } };
  for (const [requests, sentence] of [
    [[good, { DeleteRequest: { Key: key("good") } }], "Provided list of item keys contains duplicates"],
    [
      [good, {}],
      "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes",
    ],
    [
      [good, { DeleteRequest: { Key: { pk: { S: "x" } } } }],
      "The provided key element does not match the schema",
    ],
    [
      [good, { PutRequest: { Item: { pk: { S: "x" } } } }],
      "The provided key element does not match the schema",
    ],
    [
      [good, { PutRequest: { Item: { ...key("x"), b: { S: "x".repeat(409_600) } } } }],
      "Item size has exceeded the maximum allowed size",
    ],
  ] as const) {
    assert.equal(
      await h.refusal("BatchWriteItem", { RequestItems: { things: requests } }),
      `ValidationException: ${sentence}`,
    );
  }
  const many = Array.from({ length: 14 }, (_each, index) => ({ PutRequest: { Item: key(String(index)) } }));
  await h.table("others");
  const tooMany = { RequestItems: { things: many, others: many } };
  const sentence = "ValidationException: Too many items requested for the BatchWriteItem call";
  assert.equal(await h.refusal("BatchWriteItem", tooMany), sentence);
  for (const operation of ["BatchGetItem", "BatchWriteItem"]) {
    const none = `ValidationException: The requestItems parameter is required for ${operation}`;
    assert.equal(await h.refusal(operation, { RequestItems: {} }), none);
  }
  for (const requests of [[...many, ...many], []]) {
    assert.match(
      await h.refusal("BatchWriteItem", { RequestItems: { things: requests } }),
      /^ValidationException: 1 validation error detected: Value '\{things=\[.*\]\}' at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: \[Member must have length less than or equal to 25, Member must have length greater than or equal to 1\]$/s,
    );
  }
  assert.equal(
    await h.refusal("BatchWriteItem", { RequestItems: { things: [good], nowhere: [good] } }),
    "ResourceNotFoundException: Requested resource not found",
  );
  assert.equal(
    await h.refusal("BatchGetItem", { RequestItems: { things: { Keys: [key("a"), key("a")] } } }),
    "ValidationException: Provided list of item keys contains duplicates",
  );
  assert.equal((await h.call("Scan", { TableName: "things" })).Count, 0);
});

test("a transaction is all or nothing, and says why it was cancelled", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  await h.put("things", { ...key("a"), v: { N: "1" } });
  const cancelled = async (items: Output[]): Promise<Output> => {
    const failure: Output = await h.call("TransactWriteItems", { TransactItems: items }).then(
      () => assert.fail("it went through"),
      (error: unknown) => error,
    );
    return [failure.code, failure.message, failure.members.CancellationReasons];
  };
  const sentence = "Transaction cancelled, please refer cancellation reasons for specific reasons";
  const once = { ConditionExpression: "attribute_not_exists(pk)" };
  assert.deepEqual(await cancelled([put("new"), { Put: { TableName: "things", Item: key("a"), ...once } }]), [
    "TransactionCanceledException",
    `${sentence} [None, ConditionalCheckFailed]`,
    [{ Code: "None" }, { Code: "ConditionalCheckFailed", Message: "The conditional request failed" }],
  ]);
  const withItem = { ConditionExpression: "v = :two", ExpressionAttributeValues: { ":two": { N: "2" } } };
  const check = {
    TableName: "things",
    Key: key("a"),
    ...withItem,
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  };
  const [, , reasons] = await cancelled([{ ConditionCheck: check }, put("new")]);
  assert.deepEqual(reasons[0].Item, { ...key("a"), v: { N: "1" } });
  const add = {
    TableName: "things",
    Key: key("new"),
    UpdateExpression: "SET v = gone + :one",
    ExpressionAttributeValues: { ":one": { N: "1" } },
  };
  assert.deepEqual((await cancelled([{ Update: add }, put("b")]))[2], [
    {
      Code: "ValidationError",
      Message: "The provided expression refers to an attribute that does not exist in the item",
    },
    { Code: "None" },
  ]);
  assert.deepEqual((await cancelled([{ Delete: { TableName: "things", Key: { pk: { S: "x" } } } }]))[2], [
    { Code: "ValidationError", Message: "The provided key element does not match the schema" },
  ]);
  assert.equal((await h.call("Scan", { TableName: "things" })).Count, 1);

  const done = await h.call("TransactWriteItems", {
    TransactItems: [
      put("b", { v: { N: "7" } }),
      { Delete: { TableName: "things", Key: key("a"), ConditionExpression: "attribute_exists(pk)" } },
      { ConditionCheck: { TableName: "things", Key: key("none"), ...once } },
    ],
    ReturnConsumedCapacity: "TOTAL",
  });
  assert.deepEqual(done, {
    ConsumedCapacity: [{ TableName: "things", CapacityUnits: 6, WriteCapacityUnits: 6 }],
  });
  const read = await h.call("TransactGetItems", {
    TransactItems: ["a", "b"].map((pk) => ({
      Get: { TableName: "things", Key: key(pk), ProjectionExpression: "v" },
    })),
  });
  assert.deepEqual(read, { Responses: [{}, { Item: { v: { N: "7" } } }] });
});

test("transactions that cannot be", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const both = { ...put("a"), Delete: { TableName: "things", Key: key("b") } };
  const large = Array.from({ length: 11 }, (_each, index) =>
    put(String(index), { x: { S: "x".repeat(390_000) } }),
  );
  for (const [TransactItems, pattern] of [
    [
      [put("a"), { Delete: { TableName: "things", Key: key("a") } }],
      /^ValidationException: Transaction request cannot include multiple operations on one item$/,
    ],
    [[both], /^ValidationException: TransactItems can only contain one of Check, Put, Update or Delete$/],
    [
      [{}],
      /^ValidationException: Invalid Request: TransactWriteRequest should contain Delete or Put or Update request$/,
    ],
    [
      [],
      /at 'transactItems' failed to satisfy constraint: Member must have length greater than or equal to 1$/,
    ],
    [large, /^ValidationException: Transaction payload size cannot exceed 4MB/],
    // What the request alone tells is refused before anything is tried.
    [
      [put("a"), put("b", { x: { S: "x".repeat(409_600) } })],
      /^ValidationException: Item size has exceeded the maximum allowed size$/,
    ],
    [
      [{ Put: { TableName: "nowhere", Item: key("a") } }],
      /^ResourceNotFoundException: Requested resource not found$/,
    ],
    [
      [{ ConditionCheck: { TableName: "things", Key: key("a") } }],
      /at 'transactItems\.1\.member\.conditionCheck\.conditionExpression' failed to satisfy constraint: Member must not be null$/,
    ],
  ] as const) {
    assert.match(await h.refusal("TransactWriteItems", { TransactItems }), pattern);
  }
  assert.equal((await h.call("Scan", { TableName: "things" })).Count, 0);
});

test("a token makes a repeat harmless for ten minutes, also after a restart", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const add = {
    Update: {
      TableName: "things",
      Key: key("a"),
      UpdateExpression: "ADD v :one",
      ExpressionAttributeValues: { ":one": { N: "1" } },
    },
  };
  const request = { TransactItems: [add], ClientRequestToken: "token", ReturnConsumedCapacity: "TOTAL" };
  const answers = await Promise.all([1, 2, 3].map(() => h.call("TransactWriteItems", request)));
  const sides = answers.map((answer: Output) => Object.keys(answer.ConsumedCapacity[0]).at(-1));
  assert.deepEqual(sides, ["WriteCapacityUnits", "ReadCapacityUnits", "ReadCapacityUnits"]);
  const again = await h.reopen();
  await again.call("TransactWriteItems", request);
  assert.deepEqual((await again.get("things", key("a"))).v, { N: "1" });
  assert.equal(
    await again.refusal("TransactWriteItems", { ...request, TransactItems: [put("b")] }),
    "IdempotentParameterMismatchException: Request Token and Parameters do not match",
  );
  again.clock.advance(600_001);
  await again.call("TransactWriteItems", request);
  assert.deepEqual((await again.get("things", key("a"))).v, { N: "2" });
});

test("transfers between accounts under way at once neither make nor lose money", async (t) => {
  const h = await openDynamodb(t);
  await h.table("things");
  const names = ["a", "b", "c", "d"];
  for (const name of names) await h.put("things", { ...key(name), v: { N: "100" } });
  const move = (from: string, to: string): Promise<Output> => {
    const change = (pk: string, sign: string): Output => ({
      Update: {
        TableName: "things",
        Key: key(pk),
        UpdateExpression: `SET v = v ${sign} :one`,
        ExpressionAttributeValues: { ":one": { N: "1" } },
      },
    });
    return h.call("TransactWriteItems", { TransactItems: [change(from, "-"), change(to, "+")] });
  };
  const moves = Array.from({ length: 120 }, (_each, index) =>
    move(
      names[index % 4] ?? "a",
      names[(index * 3 + 1) % 4 === index % 4 ? (index + 1) % 4 : (index * 3 + 1) % 4] ?? "b",
    ),
  );
  const sums: number[] = [];
  const look = async (): Promise<void> => {
    const { Responses } = await h.call("TransactGetItems", {
      TransactItems: names.map((pk) => ({ Get: { TableName: "things", Key: key(pk) } })),
    });
    sums.push(Responses.reduce((sum: number, { Item }: Output) => sum + Number(Item.v.N), 0));
  };
  await Promise.all([...moves, look(), look(), look()]);
  await look();
  assert.deepEqual(new Set(sums), new Set([400]));
});
