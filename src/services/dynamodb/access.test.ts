/** What IAM is asked, and that no spelling of a request hides a partition key from `dynamodb:LeadingKeys`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createAccess } from "./access.ts";

const SCOPE = { accountId: "123456789012", region: "eu-west-1" };
const ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/things";
const tagsOf = (): Promise<Record<string, string>> => Promise.resolve({});
const KNOWN = createAccess({
  tagsOf,
  hashNames: (name) => ({ things: ["pk"], "things/index/byG": ["g"] })[name] ?? [],
});
const UNKNOWN = createAccess({ hashNames: () => [], tagsOf });
const T = { TableName: "things" };
const KEY = { sk: { S: "mine" }, pk: { S: "theirs" } };

function leading(access: typeof KNOWN, operation: string, input: object): unknown {
  return access.rules[operation]?.conditions?.({ ...T, ...input }, SCOPE)["dynamodb:LeadingKeys"];
}

const query = (KeyConditionExpression: string, more: object = {}): object => ({
  KeyConditionExpression,
  ExpressionAttributeValues: { ":mine": { S: "mine" }, ":theirs": { S: "theirs" } },
  ...more,
});

for (const [operation, input, known, unknown] of [
  ["GetItem", { Key: KEY }, ["theirs"], ["mine", "theirs"]],
  ["PutItem", { Item: { ...KEY, n: { N: "7" }, l: { L: [] } } }, ["theirs"], ["mine", "theirs", "7"]],
  ["Query", query("sk = :mine AND pk = :theirs"), ["theirs"], ["mine", "theirs"]],
  ["Query", query(":theirs = pk AND sk > :mine"), ["theirs"], ["theirs", "mine"]],
  ["Query", query("((pk) = (:theirs)) AND begins_with(sk, :mine)"), ["theirs"], ["theirs", "mine"]],
  ["Query", query("sk BETWEEN :mine AND :mine AND pk = :theirs"), ["theirs"], ["mine", "mine", "theirs"]],
  ["Query", query("g = :theirs AND r < :mine", { IndexName: "byG" }), ["theirs"], ["theirs", "mine"]],
  ["Query", query("#k = :theirs", { ExpressionAttributeNames: { "#k": "pk" } }), ["theirs"], ["theirs"]],
  ["Query", query("g = :theirs", { IndexName: "byG" }), ["theirs"], ["theirs"]],
  ["BatchGetItem", { RequestItems: { things: { Keys: [KEY] } } }, ["theirs"], ["mine", "theirs"]],
  [
    "BatchWriteItem",
    { RequestItems: { things: [{ PutRequest: { Item: KEY } }, { DeleteRequest: { Key: KEY } }] } },
    ["theirs", "theirs"],
    ["mine", "theirs", "mine", "theirs"],
  ],
] as const) {
  test(`${operation} ${JSON.stringify(input).slice(0, 60)}`, () => {
    assert.deepEqual(leading(KNOWN, operation, input), known);
    assert.deepEqual(leading(UNKNOWN, operation, input), unknown);
  });
}

test("an index is asked for by its ARN, a table also by its name", () => {
  const resources = (operation: string, input: object): unknown =>
    KNOWN.rules[operation]?.resources({ ...T, ...input }, SCOPE);
  assert.deepEqual(resources("Query", { IndexName: "byG" }), [`${ARN}/index/byG`]);
  assert.deepEqual(resources("GetItem", {}), [ARN]);
  assert.deepEqual(resources("GetItem", { TableName: ARN }), [ARN]);
  assert.deepEqual(resources("BatchGetItem", { RequestItems: { things: {}, others: {} } }), [
    ARN,
    ARN.replace("things", "others"),
  ]);
});

test("a transaction asks for each action on its own table", () => {
  const TransactItems = [
    { Put: { ...T, Item: KEY } },
    { ConditionCheck: { TableName: "others", Key: { id: { S: "x" } } } },
  ];
  const needs = KNOWN.rules["TransactWriteItems"]?.also?.({ TransactItems }, SCOPE) ?? [];
  assert.deepEqual(
    needs.map(({ actions, resources, conditions }) => [
      actions,
      resources,
      conditions?.["dynamodb:LeadingKeys"],
    ]),
    [
      [["dynamodb:PutItem"], [ARN], ["theirs"]],
      [["dynamodb:ConditionCheckItem"], [ARN.replace("things", "others")], ["x"]],
    ],
  );
});

test("attributes are those of keys, items and expressions, by their real names", () => {
  const conditions = KNOWN.rules["UpdateItem"]?.conditions?.(
    {
      ...T,
      Key: { pk: { S: "a" } },
      UpdateExpression: "SET plain.inner = if_not_exists(#n, :v) REMOVE gone[0]",
      ExpressionAttributeNames: { "#n": "real" },
    },
    SCOPE,
  );
  assert.deepEqual(conditions?.["dynamodb:Attributes"], ["pk", "plain", "real", "gone"]);
});

test("whatever follows a table's name in its ARN, it is that table that is asked for", () => {
  for (const TableName of ["things", ARN, `${ARN}/x`, `${ARN}/index/byG`]) {
    assert.deepEqual(KNOWN.rules["GetItem"]?.resources({ TableName }, SCOPE), [ARN]);
  }
  const foreign = ARN.replace("123456789012", "210987654321");
  assert.deepEqual(KNOWN.rules["GetItem"]?.resources({ TableName: foreign }, SCOPE), [foreign]);
});
