/** An object is put, and a function reads it, writes another one and is told what it was told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { clients } from "../e2e/client.ts";
import { SDK_CONFIG, startServer, until } from "../e2e/server.ts";

/** Talks to S3 over plain HTTP, with what every sandbox has. */
const SOURCE = `
import json, os, urllib.parse, urllib.request

def handler(event, context):
    for record in event["Records"]:
        bucket = record["s3"]["bucket"]["name"]
        key = urllib.parse.unquote_plus(record["s3"]["object"]["key"])
        print("SAW", bucket, record["eventName"], key, record["requestParameters"]["sourceIPAddress"])
        if bucket != "inbox" or not record["eventName"].startswith("ObjectCreated"):
            continue
        base = os.environ["AWS_ENDPOINT_URL"]
        path = base + "/" + bucket + "/" + urllib.parse.quote(key)
        text = urllib.request.urlopen(path).read().decode()
        out = base + "/outbox/" + urllib.parse.quote(key)
        request = urllib.request.Request(out, method="PUT", data=text.upper().encode(), headers={"Content-Type": "text/plain"})
        urllib.request.urlopen(request).read()
`;

test("S3 calls a function, which reads and writes objects from inside", async () => {
  await using server = await startServer();
  const made = clients(server);
  const s3 = new S3Client({ ...SDK_CONFIG, endpoint: server.endpoint, forcePathStyle: true });
  try {
    for (const Bucket of ["inbox", "outbox"]) await s3.send(new CreateBucketCommand({ Bucket }));
    await made.create("upper", { "app.py": SOURCE });
    await made.lambda.send(
      new AddPermissionCommand({
        FunctionName: "upper",
        StatementId: "s3",
        Action: "lambda:InvokeFunction",
        Principal: "s3.amazonaws.com",
        SourceArn: "arn:aws:s3:::*box",
      }),
    );
    const LambdaFunctionArn = "arn:aws:lambda:us-east-1:000000000000:function:upper";
    for (const Bucket of ["inbox", "outbox"])
      await s3.send(
        new PutBucketNotificationConfigurationCommand({
          Bucket,
          NotificationConfiguration: {
            LambdaFunctionConfigurations: [
              { LambdaFunctionArn, Events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"] },
            ],
          },
        }),
      );
    await s3.send(new PutObjectCommand({ Bucket: "inbox", Key: "a b/ü.txt", Body: "hello" }));
    await until("the function wrote its answer", async () => {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: "outbox", Key: "a b/ü.txt" }));
      return (await Body?.transformToString()) === "HELLO";
    });
    await s3.send(new DeleteObjectCommand({ Bucket: "inbox", Key: "a b/ü.txt" }));
    await until("all events were seen", async () => (await made.lines("upper", "SAW")).length === 3);
    const seen = (await made.lines("upper", "SAW")).map((line) => line.trim());
    assert.deepEqual(seen.toSorted(), [
      "SAW inbox ObjectCreated:Put a b/ü.txt 127.0.0.1",
      "SAW inbox ObjectRemoved:Delete a b/ü.txt 127.0.0.1",
      "SAW outbox ObjectCreated:Put a b/ü.txt 10.0.0.1",
    ]);
  } finally {
    made.destroy();
    s3.destroy();
  }
});
