import assert from "node:assert/strict";
import { test } from "node:test";
import { batchReport, type BatchReport } from "./report.ts";

const ITEMS = new Set(["a", "b"]);
const CASES: readonly (readonly [answer: string, expected: BatchReport])[] = [
  ["", "success"],
  ["null", "success"],
  ["{}", "success"],
  ['"text"', "success"],
  ['{"batchItemFailures":[]}', "success"],
  ['{"batchItemFailures":null}', "success"],
  ['{"batchItemFailures":[{"itemIdentifier":"b"}]}', new Set(["b"])],
  ['{"batchItemFailures":[{"itemIdentifier":"b"},{"itemIdentifier":"b"},{"itemIdentifier":"a"}]}', ITEMS],
  ['{"batchItemFailures":[{"itemIdentifier":""}]}', "failure"],
  ['{"batchItemFailures":[{"itemIdentifier":null}]}', "failure"],
  ['{"batchItemFailures":[{"itemIdentifier":"of another batch"}]}', "failure"],
  ['{"batchItemFailures":[{"foo":"a"}]}', "failure"],
  ['{"batchItemFailures":[null]}', "failure"],
  ['{"batchItemFailures":"a"}', "failure"],
  ["{not json", "failure"],
];

for (const [answer, expected] of CASES) {
  test(`the answer ${answer}`, () => assert.deepEqual(batchReport(Buffer.from(answer), ITEMS), expected));
}
