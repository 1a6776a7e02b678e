/** SNS topics with functions, queues and web servers behind them, through the AWS SDK. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AddPermissionCommand } from "@aws-sdk/client-lambda";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from "@aws-sdk/client-sqs";
import { clients, type Clients } from "./client.ts";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const ACCOUNT = "000000000000";
const ECHO = `import json
def handler(event, context):
    print("EVENT " + json.dumps(event))
`;

let server: RunningServer;
let api: Clients;
let sns: SNSClient;
let sqs: SQSClient;

function connect(): void {
  api = clients(server);
  sns = new SNSClient({ ...SDK_CONFIG, endpoint: server.endpoint });
  sqs = new SQSClient({ ...SDK_CONFIG, endpoint: server.endpoint });
}

function disconnect(): void {
  api?.destroy();
  sns?.destroy();
  sqs?.destroy();
}

before(async () => {
  server = await startServer();
  connect();
});
after(async () => {
  disconnect();
  await server?.[Symbol.asyncDispose]();
});

async function topic(Name: string): Promise<string> {
  return (await sns.send(new CreateTopicCommand({ Name }))).TopicArn ?? "";
}

/** The events that the function has printed. */
async function events(name: string): Promise<Record<string, unknown>[]> {
  const lines = await api.lines(name, "EVENT").catch(() => []);
  return lines.map((line) => JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>);
}

test("a function is called with AWS's event, a queue gets AWS's JSON", async () => {
  await api.create("listener", { "app.py": ECHO });
  const TopicArn = await topic("news");
  const QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "news" }))).QueueUrl ?? "";
  await api.lambda.send(
    new AddPermissionCommand({
      FunctionName: "listener",
      StatementId: "sns",
      Action: "lambda:InvokeFunction",
      Principal: "sns.amazonaws.com",
      SourceArn: TopicArn,
    }),
  );
  const Endpoint = `arn:aws:lambda:us-east-1:${ACCOUNT}:function:listener`;
  const { SubscriptionArn } = await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "lambda", Endpoint }),
  );
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: `arn:aws:sqs:us-east-1:${ACCOUNT}:news` }),
  );
  const { MessageId } = await sns.send(
    new PublishCommand({
      TopicArn,
      Message: "Hello",
      MessageAttributes: { store: { DataType: "String", StringValue: "a" } },
    }),
  );
  await until("the function was called", async () => (await events("listener")).length > 0);
  const [event] = await events("listener");
  const [record] = (event as { Records: Record<string, unknown>[] }).Records;
  const { Sns: message, ...rest } = record as { Sns: Record<string, unknown> };
  assert.deepEqual(rest, {
    EventSource: "aws:sns",
    EventVersion: "1.0",
    EventSubscriptionArn: SubscriptionArn,
  });
  const { Timestamp, Signature, SigningCertUrl, UnsubscribeUrl, ...plain } = message;
  assert.deepEqual(plain, {
    Type: "Notification",
    MessageId,
    TopicArn,
    Subject: null,
    Message: "Hello",
    SignatureVersion: "1",
    MessageAttributes: { store: { Type: "String", Value: "a" } },
  });
  assert.match(String(Timestamp), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/u);
  assert.match(String(Signature), /^[A-Za-z0-9+/]{342}==$/u);
  assert.match(String(SigningCertUrl), /\/SimpleNotificationService-[0-9a-f]{32}\.pem$/u);
  assert.equal(
    UnsubscribeUrl,
    `${server.endpoint}/?Action=Unsubscribe&SubscriptionArn=${SubscriptionArn ?? ""}`,
  );

  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
  const body = JSON.parse(Messages[0]?.Body ?? "") as Record<string, unknown>;
  assert.deepEqual(Object.keys(body), [
    "Type",
    "MessageId",
    "TopicArn",
    "Message",
    "Timestamp",
    "SignatureVersion",
    "Signature",
    "SigningCertURL",
    "UnsubscribeURL",
    "MessageAttributes",
  ]);
  assert.equal(body["Message"], "Hello");
});

test("what Publish answered is delivered by the next server when this one is killed", async () => {
  const TopicArn = await topic("kept");
  const QueueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: "kept" }))).QueueUrl ?? "";
  await sns.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: "sqs",
      Endpoint: `arn:aws:sqs:us-east-1:${ACCOUNT}:kept`,
      Attributes: { RawMessageDelivery: "true" },
    }),
  );
  const answered: string[] = [];
  const sending = Array.from({ length: 40 }, async (_, index) => {
    const Message = `m${String(index)}`;
    await sns.send(new PublishCommand({ TopicArn, Message }));
    answered.push(Message);
  });
  await until("half of them are answered", () => answered.length >= 20);
  const { dataDir, port } = server;
  await server.kill();
  await Promise.allSettled(sending);
  disconnect();
  server = await startServer({ dataDir, port });
  connect();
  const received = new Set<string>();
  await until("everything that was answered has arrived", async () => {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
    );
    for (const { Body = "" } of Messages) received.add(Body);
    return answered.every((message) => received.has(message));
  });
});
