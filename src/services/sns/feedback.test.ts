import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeliveryEnd } from "../../events/outbox/relay.ts";
import type { Delivery } from "../../ports/outbox.ts";
import { lineOf, writerOf } from "./feedback.ts";

const ATTRIBUTES = {
  SQSSuccessFeedbackRoleArn: "good",
  SQSSuccessFeedbackSampleRate: "50",
  SQSFailureFeedbackRoleArn: "bad",
  LambdaSuccessFeedbackRoleArn: "lambda",
};

const WRITERS: readonly (readonly [string, boolean, number, string | undefined])[] = [
  ["SQS", true, 0.49, "good"],
  ["SQS", true, 0.5, undefined],
  ["SQS", false, 0.99, "bad"],
  ["Lambda", true, 0.99, "lambda"],
  ["Lambda", false, 0, undefined],
  ["HTTP", true, 0, undefined],
];
for (const [prefix, ok, share, role] of WRITERS) {
  test(`${prefix}, ${ok ? "delivered" : "failed"}, share ${String(share)}: ${role ?? "nobody"} writes`, () => {
    assert.equal(writerOf(ATTRIBUTES, prefix, ok, share), role);
  });
}

const AT = Date.parse("2026-01-02T03:04:05.678Z");
const end = (prefix: string, more: Partial<DeliveryEnd> = {}): DeliveryEnd => ({
  delivery: {
    id: "delivery",
    sourceArn: "topic",
    targetArn: "target",
    about: { prefix, messageMD5Sum: "md5", messageId: "message", timestamp: "2026-01-02T03:04:05.678Z" },
  } as unknown as Delivery,
  attempts: 3,
  ...more,
});
const denied = { code: "AccessDenied", message: "no", retryable: false };
const LINES: readonly (readonly [DeliveryEnd, number | undefined, object, string])[] = [
  [
    end("Lambda"),
    undefined,
    { providerResponse: '{"lambdaRequestId":"delivery"}', statusCode: 202 },
    "SUCCESS",
  ],
  [
    end("SQS", { answer: { MessageId: "m" } }),
    undefined,
    { providerResponse: '{"sqsRequestId":"delivery","sqsMessageId":"m"}', statusCode: 200 },
    "SUCCESS",
  ],
  [end("HTTP"), 204, { providerResponse: "OK", attempts: 3, statusCode: 204 }, "SUCCESS"],
  [
    end("SQS", { failure: denied }),
    undefined,
    { providerResponse: '{"ErrorCode":"AccessDenied","ErrorMessage":"no"}', statusCode: 403 },
    "FAILURE",
  ],
];
for (const [given, answered, delivery, status] of LINES) {
  test(`the line of ${given.delivery.about?.["prefix"] ?? ""}, ${status}`, () => {
    assert.deepEqual(JSON.parse(lineOf(given, AT + 20, answered)), {
      notification: {
        messageMD5Sum: "md5",
        messageId: "message",
        topicArn: "topic",
        timestamp: "2026-01-02 03:04:05.678",
      },
      delivery: { deliveryId: "delivery", destination: "target", dwellTimeMs: 20, ...delivery },
      status,
    });
  });
}
