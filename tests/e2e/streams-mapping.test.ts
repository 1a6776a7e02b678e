/** DynamoDB streams as event sources: what a function gets, what it may refuse, and where that goes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DeleteItemCommand, UpdateItemCommand } from "@aws-sdk/client-dynamodb";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { CreateEventSourceMappingCommand, GetEventSourceMappingCommand } from "@aws-sdk/client-lambda";
import { arnOf } from "./cli-session.ts";
import { refusal } from "./client.ts";
import { SDK_CONFIG, until } from "./server.ts";
import { idsOf, openStreams, SHOW, type Streams } from "./streams-fixture.ts";

let streams: Streams;
let sqs: SQSClient;
let sns: SNSClient;
let s3: S3Client;

before(async () => {
  streams = await openStreams();
  const config = { ...SDK_CONFIG, endpoint: streams.server.endpoint };
  sqs = new SQSClient(config);
  sns = new SNSClient(config);
  s3 = new S3Client({ ...config, forcePathStyle: true });
});
after(async () => {
  for (const client of [sqs, sns, s3]) client?.destroy();
  await streams?.[Symbol.asyncDispose]();
});

async function bodies(queueName: string): Promise<unknown[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: `${streams.server.endpoint}/000000000000/${queueName}`,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
    }),
  );
  return Messages.map(({ Body = "" }) => JSON.parse(Body) as unknown);
}

test("an event is AWS's, field by field, and the mapping too", async () => {
  await streams.api.create("shape", { "app.py": SHOW });
  const stream = await streams.table("shape");
  const UUID = await streams.map("shape", stream, { BatchSize: 1, MaximumBatchingWindowInSeconds: 1 });
  await streams.dynamodb.send(
    new UpdateItemCommand({
      TableName: "shape",
      Key: { id: { S: "first" } },
      UpdateExpression: "SET id2 = :v",
      ExpressionAttributeValues: { ":v": { S: "id2_new_value" } },
    }),
  );
  await streams.dynamodb.send(new DeleteItemCommand({ TableName: "shape", Key: { id: { S: "first" } } }));
  await until("all have come", async () => (await streams.events("shape")).length === 3);
  const [inserted, modified, removed] = await streams.events("shape");
  const common = {
    eventVersion: "1.1",
    eventSource: "aws:dynamodb",
    awsRegion: "us-east-1",
    eventSourceARN: stream,
  };
  const record = (event: typeof inserted): Record<string, unknown> => {
    const { eventID, dynamodb, ...rest } = (event?.Records[0] ?? {}) as unknown as Record<string, unknown>;
    const { SequenceNumber, ApproximateCreationDateTime, ...change } = dynamodb as Record<string, unknown>;
    assert.match(String(eventID), /^[0-9a-f]{32}$/);
    assert.match(String(SequenceNumber), /^\d+$/);
    // Seconds since 1970, on any day from 2020 to 2100.
    assert.ok(Number(ApproximateCreationDateTime) > 1.58e9 && Number(ApproximateCreationDateTime) < 4.11e9);
    return { ...rest, dynamodb: change };
  };
  const Keys = { id: { S: "first" } };
  const StreamViewType = "NEW_AND_OLD_IMAGES";
  assert.deepEqual(record(inserted), {
    ...common,
    eventName: "INSERT",
    dynamodb: { Keys, NewImage: { id: { S: "first" } }, SizeBytes: 14, StreamViewType },
  });
  const second = { id: { S: "first" }, id2: { S: "id2_new_value" } };
  assert.deepEqual(record(modified), {
    ...common,
    eventName: "MODIFY",
    dynamodb: { Keys, NewImage: second, OldImage: { id: { S: "first" } }, SizeBytes: 37, StreamViewType },
  });
  assert.deepEqual(record(removed), {
    ...common,
    eventName: "REMOVE",
    dynamodb: { Keys, OldImage: second, SizeBytes: 30, StreamViewType },
  });

  const { $metadata, LastModified, LastProcessingResult, ...mapping } = await streams.api.lambda.send(
    new GetEventSourceMappingCommand({ UUID }),
  );
  assert.equal($metadata.httpStatusCode, 200);
  assert.ok(LastModified instanceof Date);
  assert.equal(LastProcessingResult, "OK");
  assert.deepEqual(mapping, {
    BatchSize: 1,
    BisectBatchOnFunctionError: false,
    DestinationConfig: { OnFailure: {} },
    EventSourceArn: stream,
    EventSourceMappingArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${UUID}`,
    FunctionArn: arnOf.function("shape"),
    FunctionResponseTypes: [],
    MaximumBatchingWindowInSeconds: 1,
    MaximumRecordAgeInSeconds: -1,
    MaximumRetryAttempts: -1,
    ParallelizationFactor: 1,
    StartingPosition: "TRIM_HORIZON",
    State: "Enabled",
    StateTransitionReason: "User action",
    TumblingWindowInSeconds: 0,
    UUID,
  });
});

test("a destination of failed batches must be there", async () => {
  await streams.api.create("nowhere", { "app.py": SHOW });
  const stream = await streams.table("nowhere");
  for (const Destination of [
    arnOf.queue("none"),
    "arn:aws:sns:us-east-1:000000000000:none",
    arnOf.bucket("no-such-bucket"),
  ]) {
    const error = await refusal(
      streams.map("nowhere", stream, { DestinationConfig: { OnFailure: { Destination } } }),
    );
    assert.equal(error.name, "InvalidParameterValueException");
    assert.equal(error.message, `The destination ARN ${Destination} is invalid.`);
  }
});

test("filters let through what they name", async () => {
  await streams.api.create("filter", { "app.py": SHOW });
  const stream = await streams.table("filter");
  const pattern = { eventName: ["INSERT"], dynamodb: { NewImage: { kind: { S: [{ prefix: "wanted" }] } } } };
  await streams.map("filter", stream, {
    FilterCriteria: { Filters: [{ Pattern: JSON.stringify(pattern) }] },
  });
  await streams.put("filter", "a", { kind: "unwanted" });
  await streams.put("filter", "b", { kind: "wanted-1" });
  await streams.put("filter", "b", { kind: "wanted-2" });
  await streams.put("filter", "c", { kind: "wanted-3" });
  await until("the last one has come", async () =>
    (await streams.events("filter")).flatMap(idsOf).includes("c"),
  );
  assert.deepEqual((await streams.events("filter")).flatMap(idsOf), ["b", "c"]);
});

test("a reported failure holds back what follows it, and is given up into a queue", async () => {
  await streams.api.create("report", { "app.py": SHOW });
  const stream = await streams.table("report");
  await sqs.send(new CreateQueueCommand({ QueueName: "report-failures" }));
  for (const id of ["a", "b"]) await streams.put("report", id);
  await streams.put("report", "c", { do: "report" });
  await streams.put("report", "d");
  await streams.map("report", stream, {
    FunctionResponseTypes: ["ReportBatchItemFailures"],
    MaximumRetryAttempts: 1,
    DestinationConfig: { OnFailure: { Destination: arnOf.queue("report-failures") } },
  });
  await until("the record is told of", async () => (await bodies("report-failures")).length === 1);
  const events = await streams.events("report");
  const ids = events.map(idsOf);
  assert.deepEqual(ids[0], ["first", "a", "b", "c", "d"]);
  assert.deepEqual(ids[1], ["c", "d"], "what came before the failure is done");
  const failed = events[0]?.Records[3]?.dynamodb.SequenceNumber;
  const last = events[0]?.Records[4]?.dynamodb.SequenceNumber;
  const [record] = (await bodies("report-failures")) as Record<string, Record<string, unknown>>[];
  const { requestContext, responseContext, DDBStreamBatchInfo, timestamp, ...rest } = record ?? {};
  assert.deepEqual(rest, { version: "1.0" });
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const { requestId, ...context } = requestContext ?? {};
  assert.match(String(requestId), /^[0-9a-f-]{36}$/);
  assert.deepEqual(context, {
    functionArn: arnOf.function("report"),
    condition: "RetryAttemptsExhausted",
    approximateInvokeCount: 2,
  });
  assert.deepEqual(responseContext, { statusCode: 200, executedVersion: "$LATEST", functionError: null });
  const { shardId, approximateArrivalOfFirstRecord, approximateArrivalOfLastRecord, ...info } =
    DDBStreamBatchInfo ?? {};
  assert.match(String(shardId), /^shardId-\d{20}-[0-9a-f]{8}$/);
  assert.match(String(approximateArrivalOfFirstRecord), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.match(String(approximateArrivalOfLastRecord), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(info, {
    startSequenceNumber: failed,
    endSequenceNumber: last,
    batchSize: 2,
    streamArn: stream,
  });
});

test("bisecting finds the poisoned record, and only that one is given up, into a bucket with its payload", async () => {
  await streams.api.create("bisect", { "app.py": SHOW });
  const stream = await streams.table("bisect");
  await s3.send(new CreateBucketCommand({ Bucket: "bisect-failures" }));
  for (const id of ["a", "b", "c", "d", "e"])
    await streams.put("bisect", id, id === "d" ? { do: "crash" } : {});
  await streams.map("bisect", stream, {
    BisectBatchOnFunctionError: true,
    MaximumRetryAttempts: 1,
    DestinationConfig: { OnFailure: { Destination: arnOf.bucket("bisect-failures") } },
  });
  const keys = async (): Promise<string[]> => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: "bisect-failures" }));
    return Contents.map(({ Key = "" }) => Key);
  };
  await until("the record is in the bucket", async () => (await keys()).length === 1);
  await streams.put("bisect", "after");
  await until("what follows has come", async () =>
    (await streams.events("bisect")).flatMap(idsOf).includes("after"),
  );
  const ids = (await streams.events("bisect")).map(idsOf);
  assert.deepEqual(ids[0], ["first", "a", "b", "c", "d", "e"]);
  const went = ids.filter((batch) => !batch.includes("d")).flat();
  assert.deepEqual([...new Set(went)], ["first", "a", "b", "c", "e", "after"]);
  assert.deepEqual(ids.filter((batch) => batch.join() === "d").length, 2, "alone it was tried twice");
  const [Key = ""] = await keys();
  assert.match(
    Key,
    /^aws\/lambda\/[0-9a-f-]{36}\/shardId-\d{20}-[0-9a-f]{8}\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$/,
  );
  const object = await s3.send(new GetObjectCommand({ Bucket: "bisect-failures", Key }));
  const record = JSON.parse((await object.Body?.transformToString()) ?? "") as Record<string, unknown>;
  const payload = JSON.parse(String(record["payload"])) as { Records: { dynamodb: { Keys: unknown } }[] };
  assert.deepEqual(
    payload.Records.map((one) => one.dynamodb.Keys),
    [{ id: { S: "d" } }],
  );
  assert.deepEqual(record["responseContext"], {
    statusCode: 200,
    executedVersion: "$LATEST",
    functionError: "Unhandled",
  });
});

test("what is given up is told to a topic", async () => {
  await streams.api.create("topic", { "app.py": SHOW });
  const stream = await streams.table("topic");
  await sqs.send(new CreateQueueCommand({ QueueName: "topic-failures" }));
  const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: "topic-failures" }));
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arnOf.queue("topic-failures") }),
  );
  await streams.put("topic", "bad", { do: "crash" });
  await streams.map("topic", stream, {
    BatchSize: 1,
    MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: TopicArn } },
  });
  await until("the topic was told", async () => (await bodies("topic-failures")).length === 1);
  const [message] = (await bodies("topic-failures")) as { Type: string; Message: string }[];
  assert.equal(message?.Type, "Notification");
  const record = JSON.parse(message?.Message ?? "") as { requestContext: Record<string, unknown> };
  assert.equal(record.requestContext["approximateInvokeCount"], 1);
  assert.equal(record.requestContext["condition"], "RetryAttemptsExhausted");
});

test("what a mapping of a stream cannot be is refused in AWS's words", async () => {
  await streams.api.create("refused", { "app.py": SHOW });
  const stream = await streams.table("refused");
  const refused = async (input: object): Promise<string> => {
    const error = await refusal(
      streams.api.lambda.send(
        new CreateEventSourceMappingCommand({
          FunctionName: "refused",
          EventSourceArn: stream,
          StartingPosition: "LATEST",
          ...input,
        }),
      ),
    );
    return `${error.name}: ${error.message}`;
  };
  const nowhere = arnOf
    .queue("x")
    .replace(":sqs:", ":dynamodb:")
    .replace(/:x$/, ":table/no/stream/2025-02-22T03:03:25.490");
  const invalid = "InvalidParameterValueException";
  assert.equal(await refused({ EventSourceArn: nowhere }), `${invalid}: Stream not found: ${nowhere}`);
  assert.equal(
    await refused({ FilterCriteria: { Filters: [{ Pattern: '[{"eventName": ["INSERT"=123}]' }] } }),
    `${invalid}: Invalid filter pattern definition.`,
  );
  assert.equal(
    await refused({ StartingPosition: "AT_TIMESTAMP", StartingPositionTimestamp: new Date() }),
    `${invalid}: Unsupported starting position for arn type: ${stream}`,
  );
  const ownCluster = {
    EventSourceArn: undefined,
    SelfManagedEventSource: { Endpoints: { KAFKA_BOOTSTRAP_SERVERS: ["broker:9092"] } },
    Topics: ["topic"],
  };
  assert.equal(
    await refused(ownCluster),
    `${invalid}: Required 'sourceAccessConfigurations' parameter is missing.`,
  );
  const uuid = await streams.map("refused", stream);
  assert.equal(
    await refused({}),
    `ResourceConflictException: The event source arn (" ${stream} ") and function (" refused ") provided mapping already exists. Please update or delete the existing mapping with UUID ${uuid}`,
  );
});
