import assert from "node:assert/strict";
import { test } from "node:test";
import { nextStep } from "./next-step.ts";
import { shownArn, shownDelivery } from "./shown.ts";

const at = (service: string, resource: string): string =>
  `arn:aws:${service}:us-east-1:000000000000:${resource}`;
const FUNCTION = at("lambda", "function:f:live");

const ARNS: readonly (readonly [arn: string, shown: string])[] = [
  [FUNCTION, "f:live"],
  [at("sqs", "q.fifo"), "sqs q.fifo"],
  [at("sns", "t"), "sns t"],
  ["arn:aws:s3:::my-bucket", "s3 my-bucket"],
  [at("events", "rule/r"), "events rule r"],
  [at("events", "rule/bus/r"), "events rule bus/r"],
  [at("events", "event-bus/default"), "events bus default"],
  [at("dynamodb", "table/users/stream/2026-01-01T00:00:00.000"), "dynamodb users"],
  [at("logs", "log-group:/aws/events/x:*"), "logs /aws/events/x"],
  ["https://example.com/hook", "https://example.com/hook"],
  ["https://me:secret@example.com/hook?token=secret", "https://example.com/hook"],
];
for (const [arn, shown] of ARNS) test(arn, () => assert.equal(shownArn(arn), shown));

test("an object's event says which one, as the user wrote its key", () => {
  const body = JSON.stringify({
    Records: [{ eventName: "ObjectCreated:Put", s3: { object: { key: "my+holiday/%C3%A4.png" } } }],
  });
  const delivery = { principal: "s3.amazonaws.com", sourceArn: "arn:aws:s3:::b", targetArn: FUNCTION, body };
  assert.equal(shownDelivery(delivery), "s3 b ObjectCreated:Put my holiday/ä.png → f:live");
  const odd = JSON.stringify({
    Records: [{ eventName: "ObjectCreated:Put", s3: { object: { key: "100%" } } }],
  });
  assert.equal(shownDelivery({ ...delivery, body: odd }), "s3 b ObjectCreated:Put 100% → f:live");
  const bridge = {
    ...delivery,
    targetArn: at("events", "event-bus/default"),
    detailType: "Object Created",
    body: '{"object":{"key":"a"}}',
  };
  assert.equal(shownDelivery(bridge), "s3 b Object Created a → events bus default");
  assert.equal(shownDelivery({ ...delivery, body: "no JSON" }), "s3 b → f:live");
});

test("a rule's delivery", () => {
  const delivery = { principal: "events.amazonaws.com", sourceArn: at("events", "rule/r"), body: "{}" };
  assert.equal(shownDelivery({ ...delivery, targetArn: at("sqs", "q") }), "events rule r → sqs q");
});

test("what is missing is made, or no longer sent to; else the refusing service is heard", () => {
  const delivery = { principal: "events.amazonaws.com", targetArn: at("sqs", "q") };
  assert.equal(
    nextStep(delivery, "QueueDoesNotExist", undefined),
    "aws sqs create-queue --queue-name q, or send nothing there any more: aws events remove-targets …",
  );
  assert.equal(
    nextStep({ principal: "s3.amazonaws.com", targetArn: FUNCTION }, "ResourceNotFoundException", "h"),
    "there is no f:live: aws lambda create-function …, or send nothing there any more: aws s3api put-bucket-notification-configuration …",
  );
  assert.equal(nextStep(delivery, "AccessDenied", "a command"), "a command");
  assert.equal(nextStep(delivery, "InternalError", undefined), undefined);
});
