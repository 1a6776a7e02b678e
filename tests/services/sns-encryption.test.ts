/** Topics that name a key, where there is no KMS. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PublishBatchCommand, SetTopicAttributesCommand } from "@aws-sdk/client-sns";
import { ACCOUNT, REGION, refused, serveSns } from "./sns-harness.ts";

test("a key that is not there can be named, and nothing can be published with it", async (t) => {
  const served = await serveSns(t);
  const { client } = served;
  const key = `arn:aws:kms:${REGION}:${ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
  const TopicArn = await served.topic("sealed", { KmsMasterKeyId: key });
  const batch = (): Promise<unknown> =>
    client.send(
      new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [{ Id: "1", Message: "x" }] }),
    );
  const missing = { code: "KMSNotFound", status: 400, message: `Key '${key}' does not exist` };
  assert.deepEqual(await refused(served.publish(TopicArn, "x")), missing);
  assert.deepEqual(await refused(batch()), missing);
  const AttributeName = "KmsMasterKeyId";
  for (const AttributeValue of ["alias/aws/sns", ""]) {
    await client.send(new SetTopicAttributesCommand({ TopicArn, AttributeName, AttributeValue }));
    await served.publish(TopicArn, "x");
    await batch();
  }
});
