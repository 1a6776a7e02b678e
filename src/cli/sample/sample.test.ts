import assert from "node:assert/strict";
import { test } from "node:test";
import { filled, holds, memberOf, type Operation } from "./sample.ts";
import { kebab, shownCommand } from "./shown-command.ts";

const COMMANDS: readonly (readonly [operation: Operation, shown: string])[] = [
  [["sqs", "CreateQueue", { QueueName: "q" }], "aws sqs create-queue --queue-name q"],
  [["s3", "CreateBucket", { Bucket: "b" }], "aws s3api create-bucket --bucket b"],
  [
    ["s3", "PutObject", { Bucket: "b", Key: "a b", Body: "file:a.csv" }],
    "aws s3api put-object --bucket b --key 'a b' --body a.csv",
  ],
  [
    ["dynamodb", "Scan", { TableName: "t", ConsistentRead: true }],
    "aws dynamodb scan --table-name t --consistent-read",
  ],
  [
    ["events", "RemoveTargets", { Rule: "r", Ids: ["1", "2"] }],
    "aws events remove-targets --rule r --ids 1 2",
  ],
  [
    ["sqs", "SendMessage", { MessageBody: "it's" }],
    String.raw`aws sqs send-message --message-body 'it'\''s'`,
  ],
  [
    ["lambda", "CreateFunction", { FunctionName: "f", Code: { ZipFile: new Uint8Array(1) } }],
    "aws lambda create-function --function-name f --zip-file fileb://function.zip",
  ],
  [
    ["lambda", "UpdateEventSourceMapping", { UUID: "u", Enabled: false }],
    "aws lambda update-event-source-mapping --uuid u --no-enabled",
  ],
  [
    ["lambda", "Invoke", { FunctionName: "f" }],
    "aws lambda invoke --function-name f --cli-binary-format raw-in-base64-out response.json",
  ],
];
for (const [operation, shown] of COMMANDS) test(shown, () => assert.equal(shownCommand(operation), shown));

test("names as the AWS CLI spells them", () => {
  assert.equal(kebab("MaximumBatchingWindowInSeconds"), "maximum-batching-window-in-seconds");
  assert.equal(kebab("SSEKMSKeyId"), "ssekms-key-id");
});

test("names are filled in everywhere, but in bytes; one that is not set is a fault of the sample", () => {
  const bytes = Buffer.from("${run}");
  const value = filled({ a: ["${run}-x", 1], b: { c: "${run}${run}" }, bytes }, { run: "7" });
  assert.deepEqual(value, { a: ["7-x", 1], b: { c: "77" }, bytes });
  assert.equal(value.bytes, bytes);
  assert.throws(() => filled("${other}", {}), /other.* is not set/);
});

test("an answer holds what is expected of it", () => {
  const answer = { Items: [{ Body: "one", N: 1 }, { Body: "two" }], Count: 2 };
  assert.ok(holds(answer, { Count: 2 }));
  assert.ok(holds(answer, { Items: [{ Body: "two" }] }));
  assert.ok(holds(answer, { Items: [{ Body: "~n" }] }));
  assert.ok(!holds(answer, { Items: [{ Body: "three" }] }));
  assert.ok(!holds(answer, { Missing: { a: 1 } }));
  assert.ok(!holds(undefined, { a: 1 }));
  assert.ok(!holds(undefined, ["a"]));
});

test("a member of an answer by its path", () => {
  assert.equal(memberOf({ a: [{ b: 3 }] }, "a.0.b"), 3);
  assert.equal(memberOf({}, "a.b"), undefined);
});
