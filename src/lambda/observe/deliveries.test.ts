import assert from "node:assert/strict";
import { test } from "node:test";
import { Deliveries, shownError, type DeliveryNote } from "./deliveries.ts";

const NOTE: DeliveryNote = {
  at: 1,
  scope: { accountId: "000000000000", region: "us-east-1" },
  functions: ["f"],
  text: "s3 b → f",
  failed: false,
};

test("a note is made for those who follow, and for nobody else", () => {
  const deliveries = new Deliveries();
  const heard: DeliveryNote[] = [];
  deliveries.tell(() => assert.fail("nobody follows"));
  const stop = deliveries.subscribe((note) => heard.push(note));
  deliveries.tell(() => NOTE);
  stop();
  deliveries.tell(() => assert.fail("nobody follows any more"));
  assert.deepEqual(heard, [NOTE]);
});

const ERRORS: readonly (readonly [payload: string, shown: string])[] = [
  [`{"errorType":"KeyError","errorMessage":"'sku'","stackTrace":[]}`, "KeyError: 'sku'"],
  ['{"errorMessage":"Task timed out after 3.00 seconds"}', "Task timed out after 3.00 seconds"],
  ['{"errorType":"E","errorMessage":"one\\ntwo"}', "E: one"],
  ["{}", "Unhandled"],
  ["null", "Unhandled"],
  ["no JSON", "Unhandled"],
  [`{"errorMessage":"${"x".repeat(300)}"}`, "x".repeat(200)],
];
for (const [payload, shown] of ERRORS) {
  test(`an error is shown as ${shown.slice(0, 40)}`, () => {
    assert.equal(shownError(Buffer.from(payload), "Unhandled"), shown);
  });
}
