import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceError } from "../../kernel/errors.ts";
import { checkJson, JsonScanner } from "./json-scan.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

const VALID = [
  "{}",
  "[]",
  "null",
  "true",
  "false",
  "0",
  "-0",
  "1e5",
  "-1.5E-10",
  '""',
  ' {"a" : [1, {"b":null}], "c":"x\\u00e9\\n"} ',
  '[[],{},"\\"",1.0]',
  "  12  ",
  '"ü"',
  "[true]",
  '{"a":false}',
];
const INVALID = [
  "",
  "  ",
  "{",
  "[1,",
  '{"a"',
  '{"a":}',
  '{"a":1,}',
  "[1 2]",
  "nul",
  "truex",
  "01",
  "-",
  "1.",
  "1e",
  '"abc',
  '"\\x"',
  '"\\u12g4"',
  "{a:1}",
  "[,]",
  "}",
  "<xml/>",
  "test data",
  '"a\nb"',
  "+1",
  ".5",
  "[1]]",
  "{} {}",
  "'a'",
];

test("the scanner and the engine's parser agree, wherever the scanner is interrupted", () => {
  for (const text of [...VALID, ...INVALID]) {
    let parses = true;
    try {
      JSON.parse(text);
    } catch {
      parses = false;
    }
    assert.equal(VALID.includes(text), parses, text);
    for (const step of [1, 2, 7, 1000]) {
      const scanner = new JsonScanner(bytes(text));
      let ok = true;
      for (let end = step; ok; end += step) {
        ok = scanner.run(Math.min(end, bytes(text).byteLength));
        if (end >= bytes(text).byteLength) break;
      }
      assert.equal(ok && scanner.finish(), parses, `${text} in steps of ${step}`);
    }
  }
});

test("what is not JSON is refused in AWS's words", () => {
  const cases: [string, string][] = [
    [
      "test data",
      "Could not parse request body into json: Could not parse payload into json: Unrecognized token 'test': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (byte[])\"test data\"; line: 1, column: 6]",
    ],
    [
      "<a/>",
      "Could not parse request body into json: Could not parse payload into json: Unexpected character ('<' (code 60)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: (byte[])\"<a/>\"; line: 1, column: 2]",
    ],
  ];
  for (const [text, message] of cases) {
    assert.throws(
      () => checkJson(bytes(text)),
      (error: ServiceError) =>
        error.code === "InvalidRequestContentException" && error.status === 400 && error.message === message,
    );
  }
  for (const text of INVALID)
    assert.throws(() => checkJson(bytes(text)), { name: "InvalidRequestContentException" });
  for (const text of VALID) assert.equal(checkJson(bytes(text)), undefined);
  assert.throws(() => checkJson(Uint8Array.of(0x22, 0xff, 0x22)), { name: "InvalidRequestContentException" });
});

test("bytes that are no UTF-8 are named", () => {
  const cases: [number[], RegExp][] = [
    [[0x6e, 0x87, 0x72], /json: Invalid UTF-8 start byte 0x87\n[\s\S]*line: 1, column: 3\]$/],
    [[0x99, 0x20], /json: Unexpected character \('[\s\S]' \(code 153\)\): expected a valid value/],
    [[0x22, 0xc3, 0x28, 0x22], /json: Invalid UTF-8 middle byte 0x28\n/],
  ];
  for (const [payload, message] of cases) {
    assert.throws(() => checkJson(Uint8Array.from(payload)), {
      name: "InvalidRequestContentException",
      message,
    });
  }
});

test("a large payload is checked in slices", async () => {
  const large = JSON.stringify({ list: Array.from({ length: 40_000 }, (_, i) => ({ i, text: `é${i}` })) });
  await checkJson(bytes(large));
  await assert.rejects(async () => checkJson(bytes(large.slice(0, -1))), {
    name: "InvalidRequestContentException",
    message:
      /Unexpected end-of-input: expected close marker for Object[\s\S]*\[truncated \d+ bytes\]; line: 1, column: \d+\]$/,
  });
});
