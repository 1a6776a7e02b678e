/** https://docs.aws.amazon.com/lambda/latest/dg/with-sqs-filtering.html: which body a pattern can match. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkFilters, recordFilter } from "./filter.ts";

const passes = (patterns: readonly object[], record: Readonly<Record<string, unknown>>): boolean =>
  recordFilter(
    patterns.map((pattern) => JSON.stringify(pattern)),
    "body",
  )(record);

test("a pattern of fields is compared with JSON bodies, a pattern of values with plain ones", () => {
  const fields = { body: { kind: ["wanted"] } };
  const values = { body: ["wanted"] };
  assert.equal(passes([fields], { body: '{"kind":"wanted"}' }), true);
  assert.equal(passes([fields], { body: '{"kind":"other"}' }), false);
  assert.equal(passes([fields], { body: "wanted" }), false);
  assert.equal(passes([values], { body: "wanted" }), true);
  assert.equal(passes([values], { body: '{"kind":"wanted"}' }), false);
});

test("a pattern that does not speak of the body looks at the rest", () => {
  const rest = { messageAttributes: { kind: { stringValue: ["wanted"] } } };
  const record = { body: "anything", messageAttributes: { kind: { stringValue: "wanted" } } };
  assert.equal(passes([rest], record), true);
  assert.equal(passes([rest], { ...record, messageAttributes: {} }), false);
});

test("one of several patterns is enough; none at all lets everything through", () => {
  const patterns = [{ body: ["a"] }, { body: { b: [{ exists: true }] } }];
  assert.equal(passes(patterns, { body: "a" }), true);
  assert.equal(passes(patterns, { body: '{"b":1}' }), true);
  assert.equal(passes(patterns, { body: "c" }), false);
  assert.equal(passes([], { body: "c" }), true);
});

test("what is no pattern is refused", () => {
  const invalid = { message: "Invalid filter pattern definition." };
  for (const text of [
    "",
    "simple string",
    "[]",
    "{}",
    '{"body":"x"}',
    '{"body":[]}',
    '{"eventSource":"aws:sqs"}',
    // Rules of a bus know these operators, filters do not.
    '{"body":[{"wildcard":"a*"}]}',
    '{"body":[{"cidr":"10.0.0.0/8"}]}',
    '{"body":[{"anything-but":{"prefix":"a"}}]}',
  ]) {
    assert.throws(() => checkFilters([text]), invalid, text);
  }
  assert.throws(() => checkFilters([`{"body":["${"x".repeat(4096)}"]}`]), invalid);
  for (const operator of [
    '{"numeric":[">",1]}',
    '{"exists":false}',
    '{"prefix":"a"}',
    '{"suffix":"a"}',
    '{"equals-ignore-case":"a"}',
    '{"anything-but":["a"]}',
    "null",
    '""',
  ]) {
    checkFilters([`{"body":{"a":[${operator}]}}`]);
  }
});
