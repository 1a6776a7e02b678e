/** Functions whose archives lie in a bucket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { GetFunctionConfigurationCommand, UpdateFunctionCodeCommand } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { zip } from "../../src/testing/zip.ts";
import { clients, refusal } from "../e2e/client.ts";
import { SDK_CONFIG, startServer } from "../e2e/server.ts";

function source(answer: string): Readonly<Record<string, string>> {
  return { "app.py": `def handler(event, context):\n    return ${JSON.stringify(answer)}\n` };
}

test("CreateFunction and UpdateFunctionCode take archives from S3, by version too", async () => {
  await using server = await startServer();
  const { lambda, create, invoke, destroy } = clients(server);
  const s3 = new S3Client({ ...SDK_CONFIG, endpoint: server.endpoint, forcePathStyle: true });
  try {
    await s3.send(new CreateBucketCommand({ Bucket: "code" }));
    await s3.send(
      new PutBucketVersioningCommand({ Bucket: "code", VersioningConfiguration: { Status: "Enabled" } }),
    );
    const put = async (answer: string): Promise<string | undefined> =>
      (await s3.send(new PutObjectCommand({ Bucket: "code", Key: "f.zip", Body: await zip(source(answer)) })))
        .VersionId;
    const first = await put("one");
    await put("two");
    await create("f", {}, { Code: { S3Bucket: "code", S3Key: "f.zip" } });
    assert.equal((await invoke("f")).payload, "two");
    const older = { FunctionName: "f", S3Bucket: "code", S3Key: "f.zip", S3ObjectVersion: first };
    await lambda.send(new UpdateFunctionCodeCommand(older));
    assert.equal((await invoke("f")).payload, "one");
    const { CodeSha256 } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: "f" }));
    assert.ok(CodeSha256);

    const missing = await refusal(
      lambda.send(new UpdateFunctionCodeCommand({ FunctionName: "f", S3Bucket: "code", S3Key: "no.zip" })),
    );
    assert.equal(missing.name, "InvalidParameterValueException");
    assert.equal(
      missing.message,
      "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
    );
    const nowhere = await refusal(
      lambda.send(new UpdateFunctionCodeCommand({ FunctionName: "f", S3Bucket: "none", S3Key: "no.zip" })),
    );
    assert.match(nowhere.message, /S3 Error Code: NoSuchBucket\. S3 Error Message: The specified bucket/u);
    const both = { ZipFile: await zip(source("x")), S3Bucket: "code", S3Key: "f.zip" };
    const two = await refusal(lambda.send(new UpdateFunctionCodeCommand({ FunctionName: "f", ...both })));
    assert.match(two.message, /Please do not provide other FunctionCode parameters/u);
  } finally {
    destroy();
    s3.destroy();
  }
});
