import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationRecord, errorMessageOf } from "./record.ts";

const ARN = "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST";
const event = { requestId: "r1", functionArn: ARN, invokeCount: 3, payload: Buffer.from(`{"n": 1}`) };

test("a failure's record has AWS's fields", () => {
  const response = {
    executedVersion: "$LATEST",
    functionError: "Unhandled",
    payload: Buffer.from(`{"errorType":"E"}`),
  };
  assert.deepEqual(JSON.parse(destinationRecord({ ...event, response }, "RetriesExhausted", 0)), {
    version: "1.0",
    timestamp: "1970-01-01T00:00:00.000Z",
    requestContext: {
      requestId: "r1",
      functionArn: ARN,
      condition: "RetriesExhausted",
      approximateInvokeCount: 3,
    },
    requestPayload: { n: 1 },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
    responsePayload: { errorType: "E" },
  });
});

test("a success has no functionError", () => {
  const response = { executedVersion: "7", payload: Buffer.from(`"ok"`) };
  const record = JSON.parse(destinationRecord({ ...event, response }, "Success", 0)) as Record<
    string,
    unknown
  >;
  assert.deepEqual(record["responseContext"], { statusCode: 200, executedVersion: "7" });
  assert.equal(record["responsePayload"], "ok");
});

test("an event that never ran has no response", () => {
  const record = JSON.parse(destinationRecord(event, "EventAgeExceeded", 0)) as object;
  assert.equal("responseContext" in record || "responsePayload" in record, false);
});

test("payloads that are not JSON stay readable", () => {
  const response = { executedVersion: "1", payload: Buffer.from("plain") };
  const text = destinationRecord({ ...event, payload: Buffer.alloc(0), response }, "Success", 0);
  const record = JSON.parse(text) as Record<string, unknown>;
  assert.equal(record["responsePayload"], "plain");
  assert.equal(record["requestPayload"], null);
});

test("the dead-letter message is the function's error message, cut to 1 KB", () => {
  assert.equal(errorMessageOf(Buffer.from(`{"errorMessage":"no sku"}`)), "no sku");
  assert.equal(errorMessageOf(Buffer.from("boom")), "boom");
  assert.equal(errorMessageOf(Buffer.from(JSON.stringify({ errorMessage: "x".repeat(5000) }))).length, 1024);
});
