/** Queues that name a key, where there is no KMS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openSqs, REGION, refusal } from "./sqs-harness.ts";

test("a key that is not there can be named, and nothing can be sent with it", async (t) => {
  const aws = await openSqs(t);
  const url = await aws.queue("q", { KmsMasterKeyId: "alias/mine" });
  const send = (): Promise<unknown> => aws.call("SendMessage", { QueueUrl: url, MessageBody: "x" });
  const batch = (): Promise<unknown> =>
    aws.call("SendMessageBatch", { QueueUrl: url, Entries: [{ Id: "1", MessageBody: "x" }] });
  const missing = refusal("KmsNotFound", `Alias arn:aws:kms:${REGION}:${ACCOUNT}:alias/mine is not found.`);
  await assert.rejects(send(), missing);
  await assert.rejects(batch(), missing);
  await aws.call("SetQueueAttributes", { QueueUrl: url, Attributes: { KmsMasterKeyId: "alias/aws/sqs" } });
  await send();
  await batch();
});
