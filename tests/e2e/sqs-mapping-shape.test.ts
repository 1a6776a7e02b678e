/** What a mapping of a queue looks like, and the event its function gets, field by field as on AWS. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  PublishVersionCommand,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
} from "@aws-sdk/client-lambda";
import { CreateQueueCommand, SendMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { arnOf } from "./cli-session.ts";
import { clients, refusal, type Clients } from "./client.ts";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const SHOW = `import json
def handler(event, context):
    print("EVENT " + json.dumps({"version": context.function_version, "records": event["Records"]}))
`;

interface Seen {
  readonly version: string;
  readonly records: readonly Record<string, unknown>[];
}

let server: RunningServer;
let api: Clients;
let sqs: SQSClient;

before(async () => {
  server = await startServer();
  api = clients(server);
  sqs = new SQSClient({ ...SDK_CONFIG, endpoint: server.endpoint });
});
after(async () => {
  api?.destroy();
  sqs?.destroy();
  await server?.[Symbol.asyncDispose]();
});

async function mapped(
  name: string,
  more: Partial<CreateEventSourceMappingCommandInput> = {},
): Promise<{ readonly url: string; readonly made: Record<string, unknown>; readonly uuid: string }> {
  await api.create(name, { "app.py": SHOW });
  const url = (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl ?? "";
  const { $metadata, LastModified, ...made } = await api.lambda.send(
    new CreateEventSourceMappingCommand({ FunctionName: name, EventSourceArn: arnOf.queue(name), ...more }),
  );
  assert.equal($metadata.httpStatusCode, 202);
  assert.ok(LastModified instanceof Date);
  return { url, made, uuid: made.UUID ?? "" };
}

async function seen(name: string, count: number): Promise<Seen[]> {
  const events = async (): Promise<Seen[]> => {
    const lines = await api.lines(name, "EVENT").catch(() => []);
    return lines.map((line) => JSON.parse(line.slice("EVENT ".length)) as Seen);
  };
  await until("the events have come", async () => (await events()).length >= count);
  return events();
}

/** A record without what differs each time, which is looked at by its form. */
function checked(record: Record<string, unknown> | undefined): Record<string, unknown> {
  const { messageId, receiptHandle, attributes, ...rest } = record ?? {};
  assert.match(String(messageId), /^[0-9a-f-]{36}$/);
  assert.ok(String(receiptHandle).length > 20);
  const { ApproximateReceiveCount, SentTimestamp, SenderId, ApproximateFirstReceiveTimestamp, ...none } =
    attributes as Record<string, string>;
  assert.deepEqual(none, {});
  assert.equal(ApproximateReceiveCount, "1");
  assert.match(SentTimestamp ?? "", /^\d{13}$/);
  assert.match(ApproximateFirstReceiveTimestamp ?? "", /^\d{13}$/);
  assert.ok((SenderId ?? "").length > 0);
  return rest;
}

const common = (name: string): Record<string, unknown> => ({
  eventSource: "aws:sqs",
  eventSourceARN: arnOf.queue(name),
  awsRegion: "us-east-1",
});

test("a mapping of a queue with its defaults, and a message with attributes", async () => {
  const { url, made, uuid } = await mapped("plain");
  assert.deepEqual(made, {
    BatchSize: 10,
    EventSourceArn: arnOf.queue("plain"),
    EventSourceMappingArn: `arn:aws:lambda:us-east-1:000000000000:event-source-mapping:${uuid}`,
    FunctionArn: arnOf.function("plain"),
    FunctionResponseTypes: [],
    MaximumBatchingWindowInSeconds: 0,
    State: "Creating",
    StateTransitionReason: "USER_INITIATED",
    UUID: uuid,
  });
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: url,
      MessageBody: "{not a json body",
      MessageAttributes: {
        Title: { DataType: "String", StringValue: "The Whistler" },
        Author: { DataType: "String", StringValue: "John Grisham" },
        WeeksOn: { DataType: "Number", StringValue: "6" },
      },
    }),
  );
  const [first] = await seen("plain", 1);
  const text = { stringListValues: [], binaryListValues: [] };
  assert.deepEqual(checked(first?.records[0]), {
    ...common("plain"),
    body: "{not a json body",
    messageAttributes: {
      Title: { stringValue: "The Whistler", ...text, dataType: "String" },
      Author: { stringValue: "John Grisham", ...text, dataType: "String" },
      WeeksOn: { stringValue: "6", ...text, dataType: "Number" },
    },
    md5OfMessageAttributes: "d25a6aea97eb8f585bfa92d314504a92",
    md5OfBody: "31cdbb9ef1f2ba04a260d4619069c1a5",
  });
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "bare" }));
  const [, second] = await seen("plain", 2);
  assert.deepEqual(checked(second?.records[0]), {
    ...common("plain"),
    body: "bare",
    messageAttributes: {},
    md5OfBody: "8604aecae9ee64a74c52d4c1965bb0ef",
  });
  const error = await refusal(
    api.lambda.send(new UpdateEventSourceMappingCommand({ UUID: uuid, BatchSize: 11 })),
  );
  assert.equal(
    error.message,
    "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10",
  );
});

test("with a batching window, absent attributes have a digest that is null", async () => {
  const { url } = await mapped("windowed", { MaximumBatchingWindowInSeconds: 1 });
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "bare" }));
  const [first] = await seen("windowed", 1);
  assert.deepEqual(checked(first?.records[0]), {
    ...common("windowed"),
    body: "bare",
    messageAttributes: {},
    md5OfMessageAttributes: null,
    md5OfBody: "8604aecae9ee64a74c52d4c1965bb0ef",
  });
});

test("a mapping moves to another version, and its messages with it", async () => {
  const { url, uuid } = await mapped("moving", { MaximumBatchingWindowInSeconds: 1 });
  const { Version } = await api.lambda.send(new PublishVersionCommand({ FunctionName: "moving" }));
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "one" }));
  assert.equal((await seen("moving", 1))[0]?.version, "$LATEST");
  const updated = await api.lambda.send(
    new UpdateEventSourceMappingCommand({ UUID: uuid, FunctionName: `moving:${Version ?? ""}` }),
  );
  assert.equal(updated.State, "Updating");
  assert.equal(updated.FunctionArn, `${arnOf.function("moving")}:${Version ?? ""}`);
  await until("it is enabled again", async () => {
    const now = await api.lambda.send(new GetEventSourceMappingCommand({ UUID: uuid }));
    return now.State === "Enabled";
  });
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "two" }));
  const events = await seen("moving", 2);
  assert.deepEqual([events[1]?.version, events[1]?.records[0]?.["body"]], [Version, "two"]);
});
