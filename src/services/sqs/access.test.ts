import assert from "node:assert/strict";
import { test } from "node:test";
import { access } from "./access.ts";

const SCOPE = { accountId: "123456789012", region: "eu-west-1" };
const ARN = "arn:aws:sqs:eu-west-1:123456789012:q";
const QueueUrl = "http://127.0.0.1:4566/123456789012/q";
const OTHER = "arn:aws:sqs:eu-west-1:123456789012:other";

const { rules, resourcePolicy } = access(() => Promise.reject(new Error("not asked")));

test("what each operation needs", () => {
  const TaskHandle = Buffer.from(JSON.stringify({ taskId: "t", sourceArn: ARN })).toString("base64");
  const table: [string, object, readonly string[] | undefined, readonly string[]][] = [
    ["SendMessage", { QueueUrl }, undefined, [ARN]],
    ["SendMessageBatch", { QueueUrl }, ["sqs:SendMessage"], [ARN]],
    ["DeleteMessageBatch", { QueueUrl }, ["sqs:DeleteMessage"], [ARN]],
    ["ChangeMessageVisibilityBatch", { QueueUrl }, ["sqs:ChangeMessageVisibility"], [ARN]],
    [
      "ReceiveMessage",
      { QueueUrl: "https://sqs.us-east-1.amazonaws.com/210987654321/x" },
      undefined,
      ["arn:aws:sqs:us-east-1:210987654321:x"],
    ],
    ["ReceiveMessage", { QueueUrl: "nonsense" }, undefined, ["*"]],
    ["CreateQueue", { QueueName: "q" }, undefined, [ARN]],
    [
      "GetQueueUrl",
      { QueueName: "q", QueueOwnerAWSAccountId: "210987654321" },
      undefined,
      ["arn:aws:sqs:eu-west-1:210987654321:q"],
    ],
    ["ListQueues", {}, undefined, ["*"]],
    [
      "StartMessageMoveTask",
      { SourceArn: ARN },
      ["sqs:StartMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
      [ARN],
    ],
    [
      "CancelMessageMoveTask",
      { TaskHandle },
      ["sqs:CancelMessageMoveTask", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
      [ARN],
    ],
  ];
  for (const [operation, input, actions, resources] of table) {
    const rule = rules[operation];
    assert.deepEqual(rule?.actions?.(input as Record<string, unknown>), actions, operation);
    assert.deepEqual(rule?.resources(input as Record<string, unknown>, SCOPE), resources, operation);
  }
  assert.deepEqual(rules["StartMessageMoveTask"]?.also?.({ SourceArn: ARN, DestinationArn: OTHER }, SCOPE), [
    { actions: ["sqs:SendMessage"], resources: [OTHER] },
  ]);
});

test("a handle that names two queues is the one that the operation takes it for", () => {
  const two = `{"taskId":"t","sourceArn":"${ARN}","sourceArn":"${OTHER}"}`;
  const TaskHandle = Buffer.from(two).toString("base64");
  assert.deepEqual(rules["CancelMessageMoveTask"]?.resources({ TaskHandle }, SCOPE), [OTHER]);
});

test("every operation has a rule", async () => {
  const { table } = await import("../../aws/model/generated/sqs.ts");
  assert.deepEqual(Object.keys(rules).toSorted(), Object.keys(table.operations).toSorted());
  await assert.rejects(async () => resourcePolicy?.(ARN), /not asked/);
});
