import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryEnd } from "../events/outbox/relay.ts";
import { endNote, retryNote } from "./delivery-notes.ts";

const SCOPE = { accountId: "000000000000", region: "us-east-1" };
const at = (service: string, resource: string): string =>
  `arn:aws:${service}:us-east-1:000000000000:${resource}`;
const delivery: DeliveryEnd["delivery"] = {
  id: "1",
  scope: SCOPE,
  principal: "events.amazonaws.com",
  sourceArn: at("events", "rule/r"),
  targetArn: at("lambda", "function:f"),
  body: "{}",
  retry: { maxRetries: 1, maxAgeMs: 1000 },
};
const failure = { code: "AccessDenied", message: "not allowed", retryable: false };

test("a delivery is one line, found by its function", () => {
  const note = endNote({ delivery, attempts: 1 }, 7);
  assert.deepEqual(note, { at: 7, scope: SCOPE, functions: ["f"], text: "events rule r → f", failed: false });
});

test("what AWS would refuse says what to add", () => {
  const note = endNote({ delivery, attempts: 1, hint: "aws lambda add-permission …" }, 7);
  assert.equal(note.text, "events rule r → f (AWS would refuse this)");
  assert.deepEqual([note.failed, note.next], [false, "aws lambda add-permission …"]);
});

test("a failure says why, what became of it and what to do", () => {
  const dropped = endNote({ delivery, attempts: 1, failure, next: "do this" }, 7);
  assert.equal(dropped.text, "events rule r → f FAILED AccessDenied: not allowed; dropped");
  assert.deepEqual([dropped.failed, dropped.next], [true, "do this"]);
  const kept = endNote({ delivery, attempts: 1, failure, deadLetterArn: at("sqs", "dead") }, 7);
  assert.equal(kept.text, "events rule r → f FAILED AccessDenied: not allowed; sent to sqs dead");
  const again = retryNote({ delivery, attempts: 2, failure: { ...failure, message: "" } }, 4_000, 1_000);
  assert.equal(again.text, "events rule r → f FAILED AccessDenied; attempt 3 in 3 s");
});
