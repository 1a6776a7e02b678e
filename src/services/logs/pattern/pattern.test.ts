import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern } from "./index.ts";

type Case = readonly [pattern: string, message: string, matches: boolean];

function check(cases: readonly Case[]): void {
  for (const [pattern, message, matches] of cases) {
    assert.equal(compilePattern(pattern)(message), matches, `${pattern} on ${message}`);
  }
}

test("terms", () => {
  check([
    ["", "anything", true],
    [" ", "anything", true],
    ["ERROR", "[ERROR 400] BAD REQUEST", true],
    ["ERROR", "error", false],
    ["ERROR", "MYERRORS", true],
    ["ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true],
    ["ERROR ARGUMENTS", "[ERROR 420] INVALID", false],
    ['"INTERNAL SERVER ERROR"', "[ERROR 500] INTERNAL SERVER ERROR", true],
    ['"INTERNAL SERVER ERROR"', "INTERNAL ERROR SERVER", false],
    ['"a \\"b\\""', 'x a "b" y', true],
    ["?ERROR ?WARN", "WARN low disk", true],
    ["?ERROR ?WARN", "INFO fine", false],
    ["?ERROR ?WARN REQUEST", "INFO REQUEST", true],
    ["?ERROR ?WARN REQUEST", "ERROR", false],
    ["ERROR -ARGUMENTS", "ERROR 400", true],
    ["ERROR -ARGUMENTS", "ERROR ARGUMENTS", false],
    ['ERROR -"TIMED OUT"', "ERROR TIMED OUT", false],
    ["-DEBUG", "INFO", true],
  ]);
});

test("regular expressions", () => {
  check([
    ["%AUTHORIZED%", "UNAUTHORIZED REQUEST", true],
    ["%^4[0-9]{2}$%", "404", true],
    ["%^4[0-9]{2}$%", "4040", false],
    ["%gray|grey%", "a grey cat", true],
    ["{ $.ip = %10\\.0\\.0\\.[0-9]+% }", '{"ip":"10.0.0.7"}', true],
    ["{ $.ip = %10\\.0\\.0\\.[0-9]+% }", '{"ip":"10.0.1.7"}', false],
  ]);
});

const EVENT = JSON.stringify({
  eventType: "UpdateTrail",
  sourceIPAddress: "111.111.111.111",
  arrayKey: ["value", "another value"],
  objectList: [
    { name: "a", id: 1 },
    { name: "b", id: 2 },
  ],
  SomeObject: null,
  ThisFlag: true,
  errorCode: 400,
  latency: "12.5",
  user: { id: 1, email: "John.Stiles@example.com" },
  "dotted.key": "x",
});

test("JSON", () => {
  const cases: readonly (readonly [string, boolean])[] = [
    ['{ $.eventType = "UpdateTrail" }', true],
    ["{ $.eventType = UpdateTrail }", true],
    ['{ $.eventType = "updatetrail" }', false],
    ['{ $.eventType != "CreateTrail" }', true],
    ["{ $.missing != 1 }", false],
    ["{ $.sourceIPAddress = 111.111.* }", true],
    ["{ $.sourceIPAddress != 123.123.* }", true],
    ['{ $.eventType = "*Trail" }', true],
    ['{ $.eventType = "U*e*l" }', true],
    ['{ $.arrayKey[0] = "value" }', true],
    ['{ $.arrayKey[1] = "value" }', false],
    ['{ $.arrayKey[*] = "another value" }', true],
    ["{ $.objectList[1].id = 2 }", true],
    ["{ $.objectList[5].id NOT EXISTS }", true],
    ["{ $.SomeObject IS NULL }", true],
    ["{ $.eventType IS NULL }", false],
    ["{ $.SomeOtherObject NOT EXISTS }", true],
    ["{ $.eventType NOT EXISTS }", false],
    ["{ $.eventType EXISTS }", true],
    ["{ $.ThisFlag IS TRUE }", true],
    ["{ $.ThisFlag IS FALSE }", false],
    ["{ $.ThisFlag is true }", true],
    ["{ $.errorCode = 400 }", true],
    ["{ $.errorCode >= 400 && $.errorCode < 500 }", true],
    ["{ $.errorCode > 4e2 }", false],
    ["{ $.errorCode = 4* }", true],
    ["{ $.latency > 12 }", true],
    ['{ ($.user.id = 1) && ($.user.email = "John.Stiles@*") }', true],
    ['{ $.user.id = 2 && $.eventType = "x" || $.errorCode = 400 }', true],
    ['{ $.user.id = 2 && ($.eventType = "x" || $.errorCode = 400) }', false],
    ['{ $.["dotted.key"] = "x" }', true],
    ['{ $."dotted.key" = "x" }', true],
    ["{ $.toString EXISTS }", false],
  ];
  const dotted = cases.map(([pattern, matches]) => [pattern.replace("$.[", "$["), EVENT, matches] as const);
  check(dotted);
  check([
    ["{ $.a = 1 }", "not json", false],
    ["{ $.a = 1 }", '{"a": 1', false],
    ["{ $[0] = 1 }", "[1]", true],
  ]);
});

test("words of a line", () => {
  const line = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534';
  const cases: readonly (readonly [string, boolean])[] = [
    ["[ip, user, username, timestamp, request, status_code, bytes]", true],
    ["[ip, user, username, timestamp, request, status_code]", false],
    ["[ip, user, username, timestamp, request = *.html*, status_code = 4*, bytes]", true],
    ["[ip, user, username, timestamp, request, status_code = 4*, bytes > 1000]", true],
    ["[ip, user, username, timestamp, request, status_code = 4*, bytes > 2000]", false],
    ["[..., status_code = 404, bytes]", true],
    ["[..., bytes >= 1534]", true],
    ["[ip = 127.*, ..., bytes]", true],
    ["[ip, ...]", true],
    ['[ip, user = Prod, username != "bob", ...]', true],
    ["[..., status_code = 404 || status_code = 410, bytes]", true],
    ["[..., status_code != 404 && status_code != 410, bytes]", false],
    ["[..., status_code = %4[0-9]{2}%, bytes]", true],
  ];
  check(cases.map(([pattern, matches]) => [pattern, line, matches] as const));
});

test("what cannot be read is refused", () => {
  for (const pattern of [
    "{ $.a = }",
    "{ $.a = 1",
    "{ a = 1 }",
    "{ $.a > text }",
    '"open',
    "[a, b",
    "[a = ]",
    "[..., a, ...]",
    "%(a)%",
    "%a*b*c*d*e*f*%",
    "{ $.a = 1 } trailing",
  ]) {
    assert.throws(() => compilePattern(pattern), { code: "InvalidParameterException" }, pattern);
  }
});
