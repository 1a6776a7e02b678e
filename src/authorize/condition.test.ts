import assert from "node:assert/strict";
import { test } from "node:test";
import { compileCondition, holds, isWithin } from "./condition.ts";

type Case = readonly [
  operator: string,
  wanted: unknown,
  given: readonly string[] | undefined,
  expected: boolean | undefined,
];

const CASES: readonly Case[] = [
  ["StringEquals", "a", ["a"], true],
  ["constructor", "a", ["a"], undefined],
  ["StringEquals", "a", ["A"], false],
  ["StringEquals", ["a", "b"], ["b"], true],
  ["StringEquals", "a*", ["ab"], false],
  ["StringEquals", "a*", ["a*"], true],
  ["StringEquals", "a", undefined, false],
  ["StringEqualsIfExists", "a", undefined, true],
  ["StringEqualsIfExists", "a", ["b"], false],
  ["StringNotEquals", "a", ["b"], true],
  ["StringNotEquals", ["a", "b"], ["b"], false],
  ["StringNotEquals", "a", undefined, true],
  ["StringNotEquals", "a", ["b", "a"], false],
  ["StringEqualsIgnoreCase", "Abc", ["aBC"], true],
  ["StringNotEqualsIgnoreCase", "Abc", ["aBC"], false],
  ["StringLike", "a?c*", ["abcd"], true],
  ["StringLike", "a?c", ["abbc"], false],
  ["StringLike", "", [""], true],
  ["StringLike", "${aws:username}/*", ["ann/x"], true],
  ["StringLike", "${aws:nobody}/*", ["ann/x"], false],
  ["StringLike", "${aws:nobody, 'ann'}/*", ["ann/x"], true],
  ["StringLike", "a${*}b", ["axb"], false],
  ["StringLike", "a${*}b", ["a*b"], true],
  ["StringNotLike", "a*", ["ab"], false],
  ["NumericEquals", "5", ["5.0"], true],
  ["NumericNotEquals", 5, ["6"], true],
  ["NumericLessThan", 5, ["5"], false],
  ["NumericLessThanEquals", "5", ["5"], true],
  ["NumericGreaterThan", 5, ["10"], true],
  ["NumericGreaterThanEquals", 5, ["4"], false],
  ["NumericEquals", 5, ["five"], false],
  ["DateEquals", "2026-01-01T00:00:00Z", ["1767225600"], true],
  ["DateNotEquals", "2026-01-01T00:00:00Z", ["2026-01-02T00:00:00Z"], true],
  ["DateLessThan", "2026-01-01T00:00:00Z", ["2025-12-31T23:59:59Z"], true],
  ["DateLessThanEquals", "2026-01-01", ["2026-01-01T00:00:00Z"], true],
  ["DateGreaterThan", "2026-01-01T00:00:00Z", ["2026-01-01T00:00:00Z"], false],
  ["DateGreaterThanEquals", "1767225600", ["2026-01-01T00:00:00Z"], true],
  ["Bool", "true", ["TRUE"], true],
  ["Bool", true, ["true"], true],
  ["Bool", "true", ["false"], false],
  ["Bool", "false", undefined, false],
  ["BoolIfExists", "true", undefined, true],
  ["BinaryEquals", "QmluYXJ5", ["QmluYXJ5"], true],
  ["BinaryEquals", "QmluYXJ5", ["QmluYXJ6"], false],
  ["IpAddress", "203.0.113.0/24", ["203.0.113.9"], true],
  ["IpAddress", "203.0.113.0/24", ["203.0.114.9"], false],
  ["IpAddress", ["10.0.0.0/8", "2001:db8::/32"], ["2001:db8::1"], true],
  ["NotIpAddress", "203.0.113.0/24", ["203.0.113.9"], false],
  ["NotIpAddress", "203.0.113.0/24", ["198.51.100.1"], true],
  ["ArnEquals", "arn:aws:s3:::b*", ["arn:aws:s3:::bucket"], true],
  ["ArnLike", "arn:aws:sns:*:123456789012:t", ["arn:aws:sns:eu-west-1:123456789012:t"], true],
  // A wildcard stays within its part of the ARN, but for the last part.
  ["ArnLike", "arn:aws:sns:*:t", ["arn:aws:sns:eu-west-1:123456789012:t"], false],
  ["ArnLike", "arn:aws:logs:*:*:*", ["arn:aws:logs:eu-west-1:123456789012:log-group:a:*"], true],
  ["ArnNotEquals", "arn:aws:s3:::b", ["arn:aws:s3:::c"], true],
  ["ArnNotLike", "arn:aws:s3:::b*", ["arn:aws:s3:::bucket"], false],
  ["Null", "true", undefined, true],
  ["Null", "true", ["x"], false],
  ["Null", "false", ["x"], true],
  ["Null", true, undefined, true],
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "b", "a"], true],
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "c"], false],
  ["ForAllValues:StringEquals", ["a"], undefined, true],
  ["ForAnyValue:StringEquals", ["a"], ["c", "a"], true],
  ["ForAnyValue:StringEquals", ["a"], ["c"], false],
  ["ForAnyValue:StringEquals", ["a"], undefined, false],
  ["ForAnyValue:StringNotEquals", ["a"], ["a", "c"], true],
  ["ForAllValues:StringNotEquals", ["a"], ["a", "c"], false],
  ["ForAnyValue:StringLike", "x/*", ["y", "x/1"], true],
  ["StringEqualsSometimes", "a", ["a"], undefined],
];

test("every operator, with lists, missing keys and the words around its name", () => {
  for (const [operator, wanted, given, expected] of CASES) {
    const keys = new Map<string, readonly string[]>([["aws:username", ["ann"]]]);
    if (given !== undefined) keys.set("aws:key", given);
    const condition = compileCondition(operator, "AWS:Key", wanted, true);
    assert.equal(
      holds(condition, keys),
      expected,
      `${operator} ${JSON.stringify(wanted)} of ${String(given)}`,
    );
  }
});

test("policies of 2008 have no variables", () => {
  const keys = new Map([
    ["aws:username", ["ann"]],
    ["k", ["${aws:username}"]],
  ]);
  assert.equal(holds(compileCondition("StringEquals", "k", "${aws:username}", false), keys), true);
  assert.equal(holds(compileCondition("StringEquals", "k", "${aws:username}", true), keys), false);
});

test("addresses within blocks", () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "0.0.0.0/0", true],
    ["10.1.2.3", "10.1.2.3/32", true],
    ["10.1.2.4", "10.1.2.3/32", false],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["2001:db8::1", "2001:DB8::/32", true],
    ["2001:db9::1", "2001:db8::/32", false],
    ["10.1.2.3", "::/0", false],
    ["10.1.2.3", "10.0.0.0/33", false],
    ["10.1.2.3", "nonsense", false],
    ["nonsense", "0.0.0.0/0", false],
  ];
  for (const [value, range, expected] of cases)
    assert.equal(isWithin(value, range), expected, `${value} in ${range}`);
});
