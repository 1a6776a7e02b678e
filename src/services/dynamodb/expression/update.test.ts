/** What updates make of an item, and what is said of those that are none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item } from "../value/item.ts";
import { Placeholders } from "./placeholders.ts";
import { project, readProjection } from "./paths.ts";
import { applyUpdate, readUpdate } from "./update.ts";

const KIND = "UpdateExpression";
const VALUES: Item = {
  ":one": { N: "1" },
  ":x": { S: "x" },
  ":list": { L: [{ N: "9" }] },
  ":map": { M: { k: { S: "v" } } },
  ":ab": { SS: ["a", "b"] },
  ":a": { SS: ["a"] },
  ":nums": { NS: ["1"] },
};
const ITEM: Item = {
  n: { N: "5" },
  s: { S: "hello" },
  l: { L: [{ N: "1" }, { S: "two" }, { S: "three" }] },
  m: { M: { a: { N: "1" } } },
  ss: { SS: ["a", "c"] },
};

function used(expression: string): Item {
  return Object.fromEntries(
    Object.entries(VALUES).filter(([name]) => new RegExp(`${name}\\b`).test(expression)),
  );
}

function update(expression: string, item: Item = ITEM, names?: Record<string, string>): Item {
  const values = used(expression);
  const placeholders = new Placeholders(
    {
      ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
      ...(names === undefined ? {} : { ExpressionAttributeNames: names }),
    },
    { [KIND]: expression },
    [KIND],
  );
  const actions = readUpdate(expression, placeholders);
  placeholders.refuseUnused();
  return applyUpdate(item, actions);
}

for (const [expression, changed] of [
  ["SET n = :one", { n: { N: "1" } }],
  ["set n = n + :one, s = :x", { n: { N: "6" }, s: { S: "x" } }],
  ["SET n = :one - n", { n: { N: "-4" } }],
  ["SET c = (n + n)", { c: { N: "10" } }],
  // Every operand is read before anything is changed.
  ["SET n = :one, c = n", { n: { N: "1" }, c: { N: "5" } }],
  ["SET l[0] = l[1], l[1] = l[0]", { l: { L: [{ S: "two" }, { N: "1" }, { S: "three" }] } }],
  ["SET c = if_not_exists(n, :x)", { c: { N: "5" } }],
  ["SET c = if_not_exists(gone, :x)", { c: { S: "x" } }],
  ["SET c = if_not_exists(gone, if_not_exists(gone2, :one))", { c: { N: "1" } }],
  ["SET n = n + if_not_exists(gone, :one)", { n: { N: "6" } }],
  ["SET l = list_append(l, :list)", { l: { L: [{ N: "1" }, { S: "two" }, { S: "three" }, { N: "9" }] } }],
  ["SET m.b = :x", { m: { M: { a: { N: "1" }, b: { S: "x" } } } }],
  [
    "SET l[9] = :x, l[7] = :one",
    { l: { L: [{ N: "1" }, { S: "two" }, { S: "three" }, { N: "1" }, { S: "x" }] } },
  ],
  ["REMOVE l[0], l[2]", { l: { L: [{ S: "two" }] } }],
  ["SET l[1] = :x REMOVE l[0]", { l: { L: [{ S: "x" }, { S: "three" }] } }],
  ["REMOVE l[9], m.gone, gone", {}],
  ["ADD n :one", { n: { N: "6" } }],
  ["ADD fresh :one", { fresh: { N: "1" } }],
  ["ADD ss :ab", { ss: { SS: ["a", "b", "c"] } }],
  ["DELETE ss :a", { ss: { SS: ["c"] } }],
  ["DELETE gone :a", {}],
  [
    "SET c = :map REMOVE s ADD n :one DELETE ss :a",
    { c: { M: { k: { S: "v" } } }, s: undefined, n: { N: "6" }, ss: { SS: ["c"] } },
  ],
] as const) {
  test(expression, () => {
    const before = structuredClone(ITEM);
    const expected = Object.fromEntries(
      Object.entries({ ...ITEM, ...changed }).filter(([, value]) => value !== undefined),
    );
    assert.deepEqual(update(expression), expected);
    assert.deepEqual(ITEM, before, "the item before was changed");
  });
}

test("a set that loses its last member is gone", () => {
  assert.deepEqual(update("DELETE ss :ab", { ss: { SS: ["a"] } }), {});
});

test("an attribute may be called __proto__", () => {
  const after = update("SET #p = :x", {}, { "#p": "__proto__" });
  assert.deepEqual(Object.entries(after), [["__proto__", { S: "x" }]]);
  assert.equal(({} as Record<string, unknown>)["S"], undefined);
});

for (const [expression, why] of [
  ["foo", 'Syntax error; token: "foo", near: "foo"'],
  ["SET", 'Syntax error; token: "<EOF>", near: "SET"'],
  ["SET a = :one, ", 'Syntax error; token: "<EOF>", near: ", "'],
  ["SET a = :one b = :one", 'Syntax error; token: "b", near: ":one b ="'],
  ["SET a = n + n + n", 'Syntax error; token: "+", near: "n + n"'],
  ["SET a = 1", 'Syntax error; token: "1", near: "= 1"'],
  ["SET a-b = :one", 'Syntax error; token: "-", near: "a-b"'],
  ["SET _a = :one", 'Syntax error; token: "_", near: "SET _a"'],
  ["REMOVE ADD n :one", 'Syntax error; token: "ADD", near: "REMOVE ADD n"'],
  ["ADD n n", 'Syntax error; token: "n", near: "n n"'],
  ["SET a = if_not_exists(a, n + :one)", 'Syntax error; token: "+", near: "n + :one"'],
  ["SET a = :one SET b = :one", 'The "SET" section can only be used once in an update expression;'],
  ["SET a = ((:one))", "The expression has redundant parentheses;"],
  [
    "SET a.b = :one, a = :one",
    "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a, b], path two: [a]",
  ],
  [
    "SET a[1] = :one, a.b = :one",
    "Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [a, [1]], path two: [a, b]",
  ],
  ["SET a = foo(:one)", "Invalid function name; function: foo"],
  ["SET a = size(n)", "The function is not allowed in an update expression; function: size"],
  [
    "SET a = list_append(l, list_append(l, :list))",
    "The function is not allowed to be used this way in an expression; function: list_append",
  ],
  [
    "SET a = if_not_exists(:one, :x)",
    "Operator or function requires a document path; operator or function: if_not_exists",
  ],
  [
    "SET a = if_not_exists(a)",
    "Incorrect number of operands for operator or function; operator or function: if_not_exists, number of operands: 1",
  ],
  [
    "SET a = list_append(:one, :list)",
    "Incorrect operand type for operator or function; operator or function: list_append, operand type: N",
  ],
  [
    "SET a = n + :x",
    "Incorrect operand type for operator or function; operator or function: +, operand type: S",
  ],
  [
    "ADD n :x",
    "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
  ],
  [
    "DELETE ss :one",
    "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND",
  ],
] as const) {
  test(`"${expression}" is refused`, () => {
    assert.throws(() => update(expression), { message: `Invalid UpdateExpression: ${why}` });
  });
}

for (const [expression, why] of [
  ["SET a = gone", "The provided expression refers to an attribute that does not exist in the item"],
  [
    "SET a = if_not_exists(n, gone)",
    "The provided expression refers to an attribute that does not exist in the item",
  ],
  ["SET a = gone + :one", "The provided expression refers to an attribute that does not exist in the item"],
  ["SET gone.b = :one", "The document path provided in the update expression is invalid for update"],
  ["SET s.b = :one", "The document path provided in the update expression is invalid for update"],
  ["SET m[0] = :one", "The document path provided in the update expression is invalid for update"],
  ["REMOVE s.z", "The document path provided in the update expression is invalid for update"],
  ["SET a = n + s", "An operand in the update expression has an incorrect data type"],
  ["SET a = list_append(l, m)", "An operand in the update expression has an incorrect data type"],
  ["ADD s :one", "An operand in the update expression has an incorrect data type"],
  ["ADD ss :nums", "An operand in the update expression has an incorrect data type"],
  ["DELETE ss :nums", "An operand in the update expression has an incorrect data type"],
] as const) {
  test(`"${expression}" does not fit the item`, () =>
    assert.throws(() => update(expression), { message: why }));
}

function show(expression: string): Item {
  return project(
    ITEM,
    readProjection(expression, new Placeholders({}, { ProjectionExpression: expression }, [])),
  );
}

for (const [expression, shown] of [
  ["n, s", { n: { N: "5" }, s: { S: "hello" } }],
  ["m.a, l[2], l[0]", { m: { M: { a: { N: "1" } } }, l: { L: [{ N: "1" }, { S: "three" }] } }],
  ["m.gone, gone, l[9], s.x, n[0]", {}],
] as const) {
  test(`projection ${expression}`, () => assert.deepEqual(show(expression), shown));
}

for (const [expression, why] of [
  ["a,", 'Syntax error; token: "<EOF>", near: ","'],
  ["a = b", 'Syntax error; token: "=", near: "a = b"'],
  [
    "a, a",
    "Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [a], path two: [a]",
  ],
  ["size(a)", 'Syntax error; token: "(", near: "size(a"'],
] as const) {
  test(`projection "${expression}" is refused`, () => {
    assert.throws(() => show(expression), { message: `Invalid ProjectionExpression: ${why}` });
  });
}
