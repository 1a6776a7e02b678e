/** What S3 tells others: which changes, to whom, in which words, and what it refuses to be told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectTaggingCommand,
  GetBucketNotificationConfigurationCommand,
  type NotificationConfiguration,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { ServiceError } from "../../src/kernel/errors.ts";
import { ACCOUNT, refusal, REGION, serveS3, type Served } from "./s3-fixture.ts";

const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:q`;
const TOPIC = `arn:aws:sns:${REGION}:${ACCOUNT}:t`;
const FUNCTION = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:f`;

async function configured(
  served: Served,
  Bucket: string,
  NotificationConfiguration: NotificationConfiguration,
): Promise<S3Client> {
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }));
  return s3;
}

interface EventRecord {
  readonly eventName: string;
  readonly eventVersion: string;
  readonly s3: { readonly configurationId: string; readonly object: Record<string, unknown> };
}

function records(served: Served): EventRecord[] {
  return served.sent.map((delivery) => (JSON.parse(delivery.body) as { Records: [EventRecord] }).Records[0]);
}

test("a put becomes AWS's event, field by field", async (t) => {
  const served = await serveS3(t);
  const s3 = await configured(served, "events", {
    QueueConfigurations: [{ Id: "mine", QueueArn: QUEUE, Events: ["s3:ObjectCreated:*"] }],
  });
  await s3.send(new PutObjectCommand({ Bucket: "events", Key: "a b/ü+1.txt", Body: "hello" }));
  const [delivery] = served.sent;
  assert.equal(served.sent.length, 1);
  assert.equal(delivery?.targetArn, QUEUE);
  assert.equal(delivery?.principal, "s3.amazonaws.com");
  assert.equal(delivery?.sourceArn, "arn:aws:s3:::events");
  const { Records } = JSON.parse(delivery?.body ?? "") as { Records: Record<string, unknown>[] };
  const [record] = Records;
  const {
    eventTime,
    responseElements,
    userIdentity,
    s3: part,
    ...rest
  } = record as never as Record<string, never>;
  assert.deepEqual(rest, {
    eventVersion: "2.1",
    eventSource: "aws:s3",
    awsRegion: REGION,
    eventName: "ObjectCreated:Put",
    requestParameters: { sourceIPAddress: "127.0.0.1" },
  });
  assert.match(eventTime ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
  assert.deepEqual(Object.keys(responseElements ?? {}), ["x-amz-request-id", "x-amz-id-2"]);
  assert.deepEqual(Object.keys(userIdentity ?? {}), ["principalId"]);
  const { bucket, object, ...schema } = part as unknown as Record<string, Record<string, unknown>>;
  assert.deepEqual(schema, { s3SchemaVersion: "1.0", configurationId: "mine" });
  assert.equal(bucket?.["name"], "events");
  assert.equal(bucket?.["arn"], "arn:aws:s3:::events");
  const { sequencer, ...shown } = object ?? {};
  assert.deepEqual(shown, { key: "a+b/%C3%BC%2B1.txt", size: 5, eTag: "5d41402abc4b2a76b9719d911017c592" });
  assert.match(String(sequencer), /^[0-9A-F]{18}$/u);
});

test("copies, multipart uploads, deletes, markers and tags have names of their own", async (t) => {
  const served = await serveS3(t);
  const Bucket = "kinds";
  const s3 = await configured(served, Bucket, {
    QueueConfigurations: [
      {
        QueueArn: QUEUE,
        Events: ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put"],
      },
    ],
  });
  const Key = "k";
  await s3.send(new PutObjectCommand({ Bucket, Key, Body: "x" }));
  await s3.send(new CopyObjectCommand({ Bucket, Key: "c", CopySource: `${Bucket}/k` }));
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "m" }));
  const { ETag } = await s3.send(
    new UploadPartCommand({ Bucket, Key: "m", UploadId, PartNumber: 1, Body: "part" }),
  );
  const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
  await s3.send(new CompleteMultipartUploadCommand({ Bucket, Key: "m", UploadId, MultipartUpload }));
  await s3.send(
    new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet: [{ Key: "a", Value: "b" }] } }),
  );
  await s3.send(new DeleteObjectTaggingCommand({ Bucket, Key }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: "never-there" }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  const { VersionId } = await s3.send(new PutObjectCommand({ Bucket, Key, Body: "y" }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key }));
  await s3.send(new DeleteObjectCommand({ Bucket, Key, VersionId }));
  const told = records(served).map((record) => [
    record.eventName,
    record.eventVersion,
    Object.keys(record.s3.object).join(),
  ]);
  assert.deepEqual(told, [
    ["ObjectCreated:Put", "2.1", "key,size,eTag,sequencer"],
    ["ObjectCreated:Copy", "2.1", "key,size,eTag,sequencer"],
    ["ObjectCreated:CompleteMultipartUpload", "2.1", "key,size,eTag,sequencer"],
    ["ObjectTagging:Put", "2.3", "key,eTag"],
    ["ObjectTagging:Delete", "2.3", "key,eTag"],
    ["ObjectRemoved:Delete", "2.1", "key,sequencer"],
    ["ObjectCreated:Put", "2.1", "key,size,eTag,versionId,sequencer"],
    ["ObjectRemoved:DeleteMarkerCreated", "2.1", "key,eTag,versionId,sequencer"],
    ["ObjectRemoved:Delete", "2.1", "key,versionId,sequencer"],
  ]);
  const order = records(served).flatMap((record) => record.s3.object["sequencer"] ?? []);
  assert.deepEqual(order, order.toSorted());
});

test("prefix and suffix choose; functions, topics and the event bus are told as well", async (t) => {
  const served = await serveS3(t);
  const Filter = {
    Key: {
      FilterRules: [
        { Name: "prefix" as const, Value: "in/" },
        { Name: "suffix" as const, Value: ".csv" },
      ],
    },
  };
  const Events = ["s3:ObjectCreated:Put" as const];
  const s3 = await configured(served, "choice", {
    LambdaFunctionConfigurations: [{ LambdaFunctionArn: FUNCTION, Events, Filter }],
    TopicConfigurations: [{ TopicArn: TOPIC, Events: ["s3:ObjectRemoved:*"] }],
    EventBridgeConfiguration: {},
  });
  await s3.send(new PutObjectCommand({ Bucket: "choice", Key: "in/a.csv", Body: "1" }));
  await s3.send(new PutObjectCommand({ Bucket: "choice", Key: "out/a.csv", Body: "1" }));
  await s3.send(new DeleteObjectCommand({ Bucket: "choice", Key: "in/a.csv" }));
  const bus = `arn:aws:events:${REGION}:${ACCOUNT}:event-bus/default`;
  assert.deepEqual(
    served.sent.map((delivery) => delivery.targetArn),
    [FUNCTION, bus, bus, TOPIC, bus],
  );
  const entry = served.sent[1];
  assert.equal(entry?.source, "aws.s3");
  assert.equal(entry?.detailType, "Object Created");
  assert.deepEqual(entry?.resources, ["arn:aws:s3:::choice"]);
  const { "request-id": id, ...detail } = JSON.parse(entry?.body ?? "") as Record<string, unknown>;
  assert.equal(typeof id, "string");
  const { sequencer: _sequencer, ...object } = detail["object"] as Record<string, unknown>;
  assert.deepEqual(object, { key: "in/a.csv", size: 1, etag: "c4ca4238a0b923820dcc509a6f75849b" });
  assert.deepEqual(
    { ...detail, object: {} },
    {
      version: "0",
      bucket: { name: "choice" },
      object: {},
      requester: ACCOUNT,
      "source-ip-address": "127.0.0.1",
      reason: "PutObject",
    },
  );
  const last = JSON.parse(served.sent[4]?.body ?? "") as Record<string, unknown>;
  assert.equal(last["deletion-type"], "Permanently Deleted");
  const shown = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: "choice" }));
  assert.deepEqual(shown.LambdaFunctionConfigurations?.[0]?.Filter?.Key?.FilterRules, [
    { Name: "Prefix", Value: "in/" },
    { Name: "Suffix", Value: ".csv" },
  ]);
  assert.deepEqual(shown.EventBridgeConfiguration, {});
});

test("queues and topics are asked with the test event, functions without running", async (t) => {
  const served = await serveS3(t);
  const Events = ["s3:ObjectCreated:*" as const];
  const s3 = await configured(served, "asked", {
    QueueConfigurations: [{ QueueArn: QUEUE, Events }],
    LambdaFunctionConfigurations: [{ LambdaFunctionArn: FUNCTION, Events: ["s3:ObjectRemoved:*"] }],
  });
  assert.deepEqual(
    served.called.map((call) => [call.service, call.operation, call.as.kind]),
    [
      ["lambda", "Invoke", "service"],
      ["sqs", "SendMessage", "service"],
    ],
  );
  assert.equal(served.called[0]?.input["InvocationType"], "DryRun");
  const test = JSON.parse(String(served.called[1]?.input["MessageBody"])) as Record<string, unknown>;
  assert.deepEqual(Object.keys(test), ["Service", "Event", "Time", "Bucket", "RequestId", "HostId"]);
  assert.equal(test["Event"], "s3:TestEvent");
  served.refusals.set(FUNCTION, new ServiceError("AccessDeniedException", 403, "no"));
  served.refusals.set(":q", new ServiceError("QueueDoesNotExist", 400, "no"));
  served.refusals.set("/q", new ServiceError("QueueDoesNotExist", 400, "no"));
  const refused = await refusal(
    s3.send(
      new PutBucketNotificationConfigurationCommand({
        Bucket: "asked",
        NotificationConfiguration: {
          LambdaFunctionConfigurations: [{ LambdaFunctionArn: FUNCTION, Events }],
          QueueConfigurations: [{ QueueArn: QUEUE, Events: ["s3:ObjectRemoved:*"] }],
        },
      }),
    ),
  );
  assert.equal(refused.code, "InvalidArgument");
  assert.equal(refused.message, "Unable to validate the following destination configurations");
  assert.equal(refused.fields["ArgumentName1"], `${FUNCTION}, null`);
  assert.equal(refused.fields["ArgumentValue1"], `Not authorized to invoke function [${FUNCTION}]`);
  assert.equal(refused.fields["ArgumentName2"], QUEUE);
  assert.equal(refused.fields["ArgumentValue2"], "The destination queue does not exist");
});

test("configurations that contradict themselves are refused in AWS's words", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  const Bucket = "wrong";
  await s3.send(new CreateBucketCommand({ Bucket }));
  const Events = ["s3:ObjectCreated:*" as const];
  const rules = (Name: string, Value: string): never =>
    ({ Key: { FilterRules: [{ Name, Value }] } }) as never;
  const overlapping =
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.";
  const table: readonly (readonly [NotificationConfiguration, string])[] = [
    [{ QueueConfigurations: [{ QueueArn: "invalid-queue", Events }] }, "The ARN could not be parsed"],
    [{ TopicConfigurations: [{ TopicArn: QUEUE, Events }] }, "The ARN could not be parsed"],
    [
      { QueueConfigurations: [{ QueueArn: QUEUE, Events: ["s3:Nothing:*" as never] }] },
      "A specified event is not supported for notifications.",
    ],
    [
      { QueueConfigurations: [{ QueueArn: QUEUE, Events, Filter: rules("INVALID", "x") }] },
      "filter rule name must be either prefix or suffix",
    ],
    [
      {
        QueueConfigurations: [{ QueueArn: QUEUE, Events }],
        TopicConfigurations: [{ TopicArn: TOPIC, Events: ["s3:ObjectCreated:Put"] }],
      },
      "Configurations overlap. Configurations on the same bucket cannot share a common event type.",
    ],
    [
      {
        QueueConfigurations: [
          { QueueArn: QUEUE, Events, Filter: rules("prefix", "a/") },
          { QueueArn: QUEUE, Events, Filter: rules("suffix", ".jpg") },
        ],
      },
      overlapping,
    ],
    [
      { QueueConfigurations: [{ QueueArn: QUEUE.replace(REGION, "eu-west-1"), Events }] },
      "The notification destination service region is not valid for the bucket location constraint",
    ],
  ];
  for (const [NotificationConfiguration, message] of table) {
    const put = new PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration,
      SkipDestinationValidation: true,
    });
    const refused = await refusal(s3.send(put));
    assert.deepEqual([refused.code, refused.status, refused.message], ["InvalidArgument", 400, message]);
  }
});
