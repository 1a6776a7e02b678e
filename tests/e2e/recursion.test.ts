/**
 * Functions that call themselves through a queue, a topic, a bucket or an asynchronous invocation, with the
 * SDKs as they come: each loop gets sixteen invocations, and its last event ends where failures end.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  AddPermissionCommand,
  CreateEventSourceMappingCommand,
  GetFunctionRecursionConfigCommand,
  InvokeCommand,
  PutFunctionEventInvokeConfigCommand,
  PutFunctionRecursionConfigCommand,
  type CreateFunctionCommandInput,
} from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutBucketNotificationConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  type Message,
} from "@aws-sdk/client-sqs";
import { resourceOf } from "../../src/lambda/model/lineage.ts";
import { arnOf } from "./cli-session.ts";
import { clients, refusal, type Clients } from "./client.ts";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const INVOCATIONS = 16;
/** A first invocation imports an SDK; a message that was seen again before its end would be taken for dead. */
const PATIENT_SECONDS = 6;

/** Each says that it ran, and sends itself what makes it run again. */
const AGAIN = {
  queue: `import boto3, os
sqs = boto3.client("sqs")
def handler(event, context):
    print("HOP", os.environ["_X_AMZN_TRACE_ID"])
    sqs.send_message(QueueUrl=os.environ["AGAIN"], MessageBody=event["Records"][0]["body"])
`,
  topic: `import boto3, os
sns = boto3.client("sns")
def handler(event, context):
    print("HOP")
    sns.publish(TopicArn=os.environ["AGAIN"], Message="again")
`,
  bucket: `import boto3, os
s3 = boto3.client("s3")
def handler(event, context):
    print("HOP")
    s3.put_object(Bucket=os.environ["AGAIN"], Key=context.aws_request_id, Body=b"again")
`,
  itself: `const { LambdaClient, InvokeCommand } = require("@aws-sdk/client-lambda");
const lambda = new LambdaClient();
exports.handler = async ({ hop = 1, most = 1000 }, context) => {
  console.log("HOP", hop);
  if (hop >= most) return;
  const Payload = JSON.stringify({ hop: hop + 1, most });
  await lambda.send(new InvokeCommand({ FunctionName: context.functionName, InvocationType: "Event", Payload }));
};
`,
} as const;

let server: RunningServer;
let api: Clients;
let sqs: SQSClient;
let sns: SNSClient;
let s3: S3Client;

before(async () => {
  server = await startServer({ env: { LAMBENT_SDK: "auto" } });
  api = clients(server);
  const config = { ...SDK_CONFIG, endpoint: server.endpoint };
  sqs = new SQSClient(config);
  sns = new SNSClient(config);
  s3 = new S3Client({ ...config, forcePathStyle: true });
});
after(async () => {
  for (const client of [api, sqs, sns, s3]) client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

async function create(
  name: string,
  kind: keyof typeof AGAIN,
  again = "",
  options: Partial<CreateFunctionCommandInput> = {},
): Promise<void> {
  const [file, language] =
    kind === "itself"
      ? ["index.js", { Runtime: "nodejs22.x", Handler: "index.handler" } as const]
      : ["app.py", {}];
  const Environment = { Variables: { AGAIN: again } };
  await api.create(name, { [file]: AGAIN[kind] }, { Environment, Timeout: 10, ...language, ...options });
}

async function queue(QueueName: string, Attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  return QueueUrl;
}

async function arrival(QueueUrl: string): Promise<Message> {
  let first: Message | undefined;
  await until(
    `${QueueUrl} has a message`,
    async () => {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MessageAttributeNames: ["All"],
          MessageSystemAttributeNames: ["All"],
        }),
      );
      first = Messages[0];
      return first !== undefined;
    },
    60,
  );
  return first ?? {};
}

async function allow(FunctionName: string, service: string): Promise<void> {
  const Principal = `${service}.amazonaws.com`;
  const Action = "lambda:InvokeFunction";
  await api.lambda.send(new AddPermissionCommand({ FunctionName, StatementId: "s", Action, Principal }));
}

async function onFailure(FunctionName: string, queueName: string): Promise<string> {
  const url = await queue(queueName);
  const DestinationConfig = { OnFailure: { Destination: arnOf.queue(queueName) } };
  await api.lambda.send(new PutFunctionEventInvokeConfigCommand({ FunctionName, DestinationConfig }));
  return url;
}

/** What was printed, when the loop's end was told and all of its lines are there: nothing runs afterwards. */
async function hops(name: string, count = INVOCATIONS): Promise<readonly string[]> {
  let lines: readonly string[] = [];
  await until(`${name} ran ${String(count)} times`, async () => {
    lines = await api.lines(name, "HOP");
    return lines.length >= count;
  });
  return lines;
}

test("through a queue: the message that would be the seventeenth ends in the queue's dead-letter queue", async () => {
  const dead = await queue("loop-dead");
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arnOf.queue("loop-dead"), maxReceiveCount: 1 });
  const url = await queue("loop", { RedrivePolicy, VisibilityTimeout: String(PATIENT_SECONDS) });
  await create("by-queue", "queue", url, { Timeout: PATIENT_SECONDS });
  const EventSourceArn = arnOf.queue("loop");
  await api.lambda.send(new CreateEventSourceMappingCommand({ FunctionName: "by-queue", EventSourceArn }));
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "round and round" }));
  assert.equal((await arrival(dead)).Body, "round and round");
  const lines = await hops("by-queue");
  assert.equal(lines.length, INVOCATIONS);
  const lineages = lines.map((line) => /Lineage=(\d+):([\da-f]{8}):(\d+)/.exec(line));
  assert.deepEqual(
    lineages.map((found) => [found?.[1], found?.[3]]),
    Array.from({ length: INVOCATIONS }, (_, at) => [String(at + 1), String(at)]),
  );
  assert.equal(new Set(lineages.map((found) => found?.[2])).size, 1);
});

test("through a topic and through a bucket: the event ends at the on-failure destination", async () => {
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "loop" }));
  await create("by-topic", "topic", TopicArn);
  await allow("by-topic", "sns");
  await sns.send(
    new SubscribeCommand({ TopicArn, Protocol: "lambda", Endpoint: arnOf.function("by-topic") }),
  );
  await create("by-bucket", "bucket", "loop-bucket");
  await allow("by-bucket", "s3");
  await s3.send(new CreateBucketCommand({ Bucket: "loop-bucket" }));
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: "loop-bucket",
      NotificationConfiguration: {
        LambdaFunctionConfigurations: [
          { LambdaFunctionArn: arnOf.function("by-bucket"), Events: ["s3:ObjectCreated:*"] },
        ],
      },
    }),
  );
  const ended = {
    "by-topic": await onFailure("by-topic", "topic-ended"),
    "by-bucket": await onFailure("by-bucket", "bucket-ended"),
  };
  await sns.send(new PublishCommand({ TopicArn, Message: "first" }));
  await api.invoke("by-bucket");
  for (const [name, url] of Object.entries(ended)) {
    const { Attributes, Body } = await arrival(url);
    assert.match(Attributes?.["AWSTraceHeader"] ?? "", /^Root=1-.*;Lineage=17:[\da-f]{8}:16$/);
    const { requestContext, responseContext } = JSON.parse(Body ?? "{}");
    assert.equal(requestContext.functionArn, `${arnOf.function(name)}:$LATEST`);
    assert.equal(requestContext.approximateInvokeCount, 0);
    assert.equal(responseContext, undefined);
    assert.equal((await hops(name)).length, INVOCATIONS, name);
  }
});

test("through a bucket, its topic and the topic's queue: none of them loses the count", async () => {
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "chain" }));
  const dead = await queue("chain-dead");
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: arnOf.queue("chain-dead"),
    maxReceiveCount: 1,
  });
  await queue("chain", { RedrivePolicy, VisibilityTimeout: String(PATIENT_SECONDS) });
  await sns.send(new SubscribeCommand({ TopicArn, Protocol: "sqs", Endpoint: arnOf.queue("chain") }));
  await create("by-chain", "bucket", "chain-bucket", { Timeout: PATIENT_SECONDS });
  await api.lambda.send(
    new CreateEventSourceMappingCommand({ FunctionName: "by-chain", EventSourceArn: arnOf.queue("chain") }),
  );
  await s3.send(new CreateBucketCommand({ Bucket: "chain-bucket" }));
  const NotificationConfiguration = {
    TopicConfigurations: [{ TopicArn, Events: ["s3:ObjectCreated:*" as const] }],
  };
  // It begins with the test event that a bucket sends when it is told where to.
  await s3.send(
    new PutBucketNotificationConfigurationCommand({ Bucket: "chain-bucket", NotificationConfiguration }),
  );
  assert.match((await arrival(dead)).Attributes?.["AWSTraceHeader"] ?? "", /;Lineage=16:[\da-f]{8}:15$/);
  assert.equal((await hops("by-chain")).length, INVOCATIONS);
});

test("through itself: to the function's dead-letter queue, unless recursion is allowed", async () => {
  const dead = await queue("itself-dead");
  await create("itself", "itself", "", { DeadLetterConfig: { TargetArn: arnOf.queue("itself-dead") } });
  const FunctionName = "itself";
  const get = new GetFunctionRecursionConfigCommand({ FunctionName });
  assert.equal((await api.lambda.send(get)).RecursiveLoop, "Terminate");
  await api.lambda.send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload: "{}" }));
  const { Body, MessageAttributes } = await arrival(dead);
  assert.deepEqual(JSON.parse(Body ?? ""), { hop: INVOCATIONS + 1, most: 1000 });
  assert.equal(MessageAttributes?.["ErrorCode"]?.StringValue, "400");
  assert.match(MessageAttributes?.["ErrorMessage"]?.StringValue ?? "", /^Lambda has detected your function /);
  assert.equal((await hops("itself")).length, INVOCATIONS);

  const allowed = await api.lambda.send(
    new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: "Allow" }),
  );
  assert.equal(allowed.RecursiveLoop, "Allow");
  assert.equal((await api.lambda.send(get)).RecursiveLoop, "Allow");
  const Payload = JSON.stringify({ most: 20 });
  await api.lambda.send(new InvokeCommand({ FunctionName, InvocationType: "Event", Payload }));
  assert.equal((await hops("itself", INVOCATIONS + 20)).length, INVOCATIONS + 20);
});

test("a caller that waits is told; the metrics count it, and the server's log says what to do", async () => {
  const FunctionName = "asked";
  await create(FunctionName, "itself");
  const invoke = async (lineage: string): Promise<number | undefined> => {
    const command = new InvokeCommand({ FunctionName, Payload: '{"most":0}' });
    command.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers["X-Amzn-Trace-Id"] = `Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=${lineage}`;
        return next(args);
      },
      { step: "build" },
    );
    return (await api.lambda.send(command)).StatusCode;
  };
  const resource = resourceOf(arnOf.function(FunctionName));
  assert.equal(await invoke("16:01234567:15"), 200, "another function's loop");
  assert.equal(await invoke(`15:${resource}:14`), 200, "its sixteenth");
  const refused = await refusal(invoke(`16:${resource}:15`));
  assert.equal(refused.name, "RecursiveInvocationException");
  assert.match(refused.message, /^Lambda has detected your function being invoked in a recursive loop/);
  const metrics = await (await fetch(`${server.endpoint}/metrics`)).text();
  const dropped = /^lambent_recursive_invocations_dropped_total (\d+)$/m.exec(metrics)?.[1];
  assert.ok(Number(dropped) >= 1, metrics);
  assert.match(server.output(), /put-function-recursion-config --function-name asked --recursive-loop Allow/);
});
