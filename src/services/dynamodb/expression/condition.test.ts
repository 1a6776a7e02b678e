/** What conditions say of an item, and what is said of conditions that are none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Item } from "../value/item.ts";
import { meets, readCondition } from "./condition.ts";
import { Placeholders } from "./placeholders.ts";

const KIND = "ConditionExpression";
const VALUES: Item = {
  ":one": { N: "1" },
  ":five": { N: "5" },
  ":x": { S: "x" },
  ":h": { S: "he" },
  ":word": { S: "hello" },
  ":set": { SS: ["b", "a"] },
  ":yes": { BOOL: true },
  ":null": { NULL: true },
  ":map": { M: {} },
  ":list": { L: [] },
  ":bin": { B: Uint8Array.of(2, 3) },
  ":N": { S: "N" },
};
const ITEM: Item = {
  n: { N: "5" },
  s: { S: "hello" },
  l: { L: [{ N: "1" }, { S: "x" }, { L: [{ BOOL: true }] }] },
  m: { M: { a: { N: "1" }, "b.c": { S: "dot" } } },
  ss: { SS: ["a", "b"] },
  ns: { NS: ["1", "5"] },
  b: { B: Uint8Array.of(1, 2, 3) },
  t: { BOOL: true },
  z: { NULL: true },
  valueOf: { S: "x" },
};

function used(expression: string): Item {
  return Object.fromEntries(
    Object.entries(VALUES).filter(([name]) => new RegExp(`${name}\\b`).test(expression)),
  );
}

function read(expression: string, names?: Record<string, string>): ReturnType<typeof readCondition> {
  const values = used(expression);
  const placeholders = new Placeholders(
    {
      ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
      ...(names === undefined ? {} : { ExpressionAttributeNames: names }),
    },
    { [KIND]: expression },
    [KIND],
  );
  const condition = readCondition(KIND, expression, placeholders);
  placeholders.refuseUnused();
  return condition;
}

for (const [expression, expected] of [
  ["n = :five", true],
  ["n = :one", false],
  ["n <> :one", true],
  ["n > :one and n <= :five", true],
  ["n < :one OR s = :word", true],
  // AND binds closer than OR, NOT closer than both.
  ["n = :five OR n = :one AND s = :x", true],
  ["(n = :five OR n = :one) AND s = :x", false],
  ["NOT n = :one AND s = :word", true],
  ["NOT (n = :five AND s = :word)", false],
  ["not not n = :five", true],
  ["n BETWEEN :one AND :five", true],
  ["n BETWEEN :one AND :five AND s = :x", false],
  ["n IN (:one, :five)", true],
  ["n IN (:one, (:x))", false],
  ["(n) = (:five)", true],
  [":five = n", true],
  // Without the attribute only <> holds.
  ["gone = :one", false],
  ["gone <> :one", true],
  ["gone < :one", false],
  ["n < :word", false],
  ["ss = :set", true],
  ["attribute_exists(m.a)", true],
  ["attribute_exists(m.gone)", false],
  ["attribute_not_exists(l[9])", true],
  ["attribute_exists(l[2][0])", true],
  ["attribute_type(n, :N)", true],
  ["attribute_type(s, :N)", false],
  ["begins_with(s, :h)", true],
  ["begins_with(n, :h)", false],
  ["contains(s, :h)", true],
  ["contains(ss, :x)", false],
  ["contains(ns, :five)", true],
  ["contains(l, :x)", true],
  ["contains(b, :bin)", true],
  ["size(s) = :five", true],
  ["size(m) > :one", true],
  ["size(n) = :one", false],
  ["size(l[2]) = :one", true],
  ["l[0] = :one", true],
  ["m . a = :one", true],
  // Names like those of JavaScript's objects are names like any other.
  ["valueOf = :x", true],
  ["attribute_exists(toString)", false],
  ["attribute_exists(hasOwnProperty)", false],
] as const) {
  test(`${expression} is ${String(expected)}`, () => assert.equal(meets(read(expression), ITEM), expected));
}

test("placeholders stand for names with dots", () => {
  assert.equal(meets(read("attribute_exists(m.#d)", { "#d": "b.c" }), ITEM), true);
});

for (const [expression, why] of [
  ["foo", 'Syntax error; token: "<EOF>", near: "foo"'],
  ["n = :one AND", 'Syntax error; token: "<EOF>", near: "AND"'],
  ["n = :one OR OR", 'Syntax error; token: "OR", near: "OR OR"'],
  ["n == :one", 'Syntax error; token: "=", near: "== :one"'],
  ["n != :one", 'Syntax error; token: "!", near: "n !="'],
  ["n = :one )", 'Syntax error; token: ")", near: ":one )"'],
  ["( n = :one", 'Syntax error; token: "<EOF>", near: ":one"'],
  ["n in :one", 'Syntax error; token: ":one", near: "in :one"'],
  ["n BETWEEN :one OR :five", 'Syntax error; token: "OR", near: ":one OR :five"'],
  ["l[a] = :one", 'Syntax error; token: "a", near: "[a]"'],
  ["attribute_exists()", 'Syntax error; token: ")", near: "()"'],
  ["and = :one", 'Syntax error; token: "and", near: "and ="'],
  [" ", 'Syntax error; token: "<EOF>", near: " "'],
  ["", "The expression can not be empty;"],
  ["((n = :one))", "The expression has redundant parentheses;"],
  ["((n)) = :one", "The expression has redundant parentheses;"],
  ["n = ((:one))", "The expression has redundant parentheses;"],
  ["foo(n)", "Invalid function name; function: foo"],
  [
    "if_not_exists(n, :one)",
    "The function is not allowed in a condition expression; function: if_not_exists",
  ],
  ["size(s)", "The function is not allowed to be used this way in an expression; function: size"],
  [
    "n = attribute_exists(n)",
    "The function is not allowed to be used this way in an expression; function: attribute_exists",
  ],
  ["abort = :one", "Attribute name is a reserved keyword; reserved keyword: abort"],
  ["size = :one", "Attribute name is a reserved keyword; reserved keyword: size"],
  ["m.Status = :one", "Attribute name is a reserved keyword; reserved keyword: Status"],
  ["#q = :one", "An expression attribute name used in the document path is not defined; attribute name: #q"],
  ["n = :gone", "An expression attribute value used in expression is not defined; attribute value: :gone"],
  [
    "attribute_exists(n, s)",
    "Incorrect number of operands for operator or function; operator or function: attribute_exists, number of operands: 2",
  ],
  [
    "attribute_exists(:one)",
    "Operator or function requires a document path; operator or function: attribute_exists",
  ],
  [
    "begins_with(s, :one)",
    "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
  ],
  [
    "size(:one) = :one",
    "Incorrect operand type for operator or function; operator or function: size, operand type: N",
  ],
  [
    "n < :yes",
    "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
  ],
  [
    "attribute_type(n, :x)",
    "Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
  ],
  [
    "n = n",
    "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [n]",
  ],
  [
    "l[0] IN (:one, l[0])",
    "The first operand must be distinct from the remaining operands for this operator or function; operator: IN, first operand: [l, [0]]",
  ],
  [
    "n BETWEEN :five AND :one",
    "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {N:1}",
  ],
  [
    "n BETWEEN :one AND :x",
    "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {N:1}, upper bound operand: AttributeValue: {S:x}",
  ],
  ["l[99999999999] = :one", "List index is not within the allowable range; index: [99999999999]"],
] as const) {
  test(`"${expression}" is refused`, () => {
    assert.throws(() => read(expression), { message: `Invalid ConditionExpression: ${why}` });
  });
}

test("nesting without end is refused before the stack is", () => {
  const deep = `${"NOT ".repeat(5000)}n = :one`.slice(0, 4000);
  assert.throws(() => read(`${deep} n = :one`), /Invalid ConditionExpression/);
});

test("random text is refused or read, and never anything else", () => {
  const words = [
    "n",
    "s",
    ":one",
    ":x",
    "#a",
    "(",
    ")",
    "=",
    "<>",
    "AND",
    "OR",
    "NOT",
    "BETWEEN",
    "IN",
    ",",
    "size",
    "[",
    "]",
    "0",
    ".",
  ];
  let state = 5;
  const pick = (): string => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return words[state % words.length] ?? "";
  };
  for (let i = 0; i < 3000; i++) {
    const expression = Array.from({ length: 1 + (i % 9) }, pick).join(" ");
    try {
      meets(read(expression), ITEM);
    } catch (error) {
      assert.equal((error as Error).name, "ValidationException", `${expression}: ${String(error)}`);
    }
  }
});
