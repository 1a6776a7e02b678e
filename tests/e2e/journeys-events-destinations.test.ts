/**
 * An asynchronous event that fails (J23): 202 at once, three attempts a minute and two apart, then what
 * became of it at every kind of destination, and at a dead-letter queue. Through the AWS SDK.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import {
  AddPermissionCommand,
  InvokeCommand,
  PutFunctionEventInvokeConfigCommand,
  UpdateFunctionConfigurationCommand,
  waitUntilFunctionUpdatedV2,
} from "@aws-sdk/client-lambda";
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, S3Client } from "@aws-sdk/client-s3";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient, type Message } from "@aws-sdk/client-sqs";
import { ACCOUNT, arnOf } from "./cli-session.ts";
import { clients, refusal, type Clients } from "./client.ts";
import { advanceClock, SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const FAILS = `def handler(event, context):
    print("ATTEMPT")
    if event.get("fail"):
        raise Exception("intentional failure!")
    return {"hello": "world"}
`;
const SHOW = `import json
def handler(event, context):
    print("EVENT " + json.dumps(event))
`;
const KINDS = ["queue", "topic", "bus", "function", "bucket", "dead"] as const;
type Kind = (typeof KINDS)[number];

let server: RunningServer;
let api: Clients;
let sqs: SQSClient;
let sns: SNSClient;
let s3: S3Client;
let events: EventBridgeClient;

before(async () => {
  server = await startServer();
  api = clients(server);
  const config = { ...SDK_CONFIG, endpoint: server.endpoint };
  sqs = new SQSClient(config);
  sns = new SNSClient(config);
  events = new EventBridgeClient(config);
  s3 = new S3Client({ ...config, forcePathStyle: true });
});
after(async () => {
  for (const client of [api, sqs, sns, s3, events]) client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

const nameOf = (kind: Kind): string => `fails-${kind}`;

async function messages(queueName: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: `${server.endpoint}/${ACCOUNT}/${queueName}`,
      MaxNumberOfMessages: 10,
      VisibilityTimeout: 0,
      MessageAttributeNames: ["All"],
    }),
  );
  return Messages;
}

/** Queues for what is to be looked at, and everything that leads there. */
async function makeDestinations(): Promise<Readonly<Record<Exclude<Kind, "dead">, string>>> {
  for (const QueueName of ["from-queue", "from-topic", "from-bus", "from-dead"]) {
    await sqs.send(new CreateQueueCommand({ QueueName }));
  }
  const { TopicArn = "" } = await sns.send(new CreateTopicCommand({ Name: "ends" }));
  await sns.send(
    new SubscribeCommand({
      TopicArn,
      Protocol: "sqs",
      Endpoint: arnOf.queue("from-topic"),
      Attributes: { RawMessageDelivery: "true" },
    }),
  );
  const EventPattern = JSON.stringify({ source: ["lambda"] });
  await events.send(new PutRuleCommand({ Name: "ends", EventPattern }));
  await events.send(
    new PutTargetsCommand({ Rule: "ends", Targets: [{ Id: "1", Arn: arnOf.queue("from-bus") }] }),
  );
  await api.create("from-function", { "app.py": SHOW });
  await api.lambda.send(
    new AddPermissionCommand({
      FunctionName: "from-function",
      StatementId: "s",
      Action: "lambda:InvokeFunction",
      Principal: "lambda.amazonaws.com",
    }),
  );
  await s3.send(new CreateBucketCommand({ Bucket: "from-bucket" }));
  return {
    queue: arnOf.queue("from-queue"),
    topic: TopicArn,
    bus: arnOf.bus("default"),
    function: arnOf.function("from-function"),
    bucket: arnOf.bucket("from-bucket"),
  };
}

const attempts = async (kind: Kind): Promise<number> =>
  (await api.lines(nameOf(kind), "ATTEMPT").catch(() => [])).length;

/**
 * A retry is in the queue a moment after the attempt's line is in the log: the clock is moved by `waitMs`
 * until each has run.
 */
async function allTried(count: number, waitMs = 0): Promise<void> {
  await until(`each was tried ${String(count)} times`, async () => {
    if (waitMs > 0) await advanceClock(server, waitMs);
    const counts = await Promise.all(KINDS.map(attempts));
    return counts.every((one) => one >= count);
  });
}

/** The record of the end of a failed event, but for what differs each time. */
function checkRecord(text: string | undefined, kind: Kind): void {
  const { timestamp, requestContext, responsePayload, ...rest } = JSON.parse(text ?? "{}") as Record<
    string,
    Record<string, unknown>
  >;
  assert.match(String(timestamp), /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/);
  const { requestId, ...context } = requestContext ?? {};
  assert.deepEqual(context, {
    functionArn: `${arnOf.function(nameOf(kind))}:$LATEST`,
    condition: "RetriesExhausted",
    approximateInvokeCount: 3,
  });
  assert.deepEqual(responsePayload, {
    errorMessage: "intentional failure!",
    errorType: "Exception",
    requestId,
    stackTrace: [
      '  File "/var/task/app.py", line 4, in handler\n    raise Exception("intentional failure!")\n',
    ],
  });
  assert.deepEqual(rest, {
    version: "1.0",
    requestPayload: { fail: true },
    responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
  });
}

test("three attempts, then every kind of destination is told", async () => {
  const destinations = await makeDestinations();
  for (const kind of KINDS) {
    const FunctionName = nameOf(kind);
    await api.create(FunctionName, { "app.py": FAILS });
    if (kind === "dead") {
      const DeadLetterConfig = { TargetArn: arnOf.queue("from-dead") };
      await api.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, DeadLetterConfig }));
      await waitUntilFunctionUpdatedV2(
        { client: api.lambda, maxWaitTime: 10, minDelay: 1 },
        { FunctionName },
      );
      continue;
    }
    await api.lambda.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName,
        DestinationConfig: { OnFailure: { Destination: destinations[kind] } },
      }),
    );
  }
  for (const kind of KINDS) {
    const answer = await api.lambda.send(
      new InvokeCommand({ FunctionName: nameOf(kind), InvocationType: "Event", Payload: '{"fail": true}' }),
    );
    assert.equal(answer.StatusCode, 202);
  }
  await allTried(1);
  assert.deepEqual(await messages("from-queue"), []);
  await allTried(2, 62_000);
  await allTried(3, 125_000);

  for (const kind of ["queue", "topic"] as const) {
    await until(`${kind} was told`, async () => (await messages(`from-${kind}`)).length === 1);
    checkRecord((await messages(`from-${kind}`))[0]?.Body, kind);
  }

  await until("the bus was told", async () => (await messages("from-bus")).length === 1);
  const event = JSON.parse((await messages("from-bus"))[0]?.Body ?? "{}") as Record<string, unknown>;
  assert.equal(event["source"], "lambda");
  assert.equal(event["detail-type"], "Lambda Function Invocation Result - Failure");
  assert.deepEqual(event["resources"], [arnOf.bus("default"), `${arnOf.function("fails-bus")}:$LATEST`]);
  checkRecord(JSON.stringify(event["detail"]), "bus");

  const lines = async (): Promise<readonly string[]> => api.lines("from-function", "EVENT").catch(() => []);
  await until("the function was told", async () => (await lines()).length === 1);
  checkRecord((await lines())[0]?.slice("EVENT ".length), "function");

  const keys = async (): Promise<string[]> => {
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: "from-bucket" }));
    return Contents.map(({ Key = "" }) => Key);
  };
  await until("the bucket was told", async () => (await keys()).length === 1);
  const [Key = ""] = await keys();
  assert.match(
    Key,
    /^aws\/lambda\/async\/fails-bucket\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$/,
  );
  const object = await s3.send(new GetObjectCommand({ Bucket: "from-bucket", Key }));
  checkRecord(await object.Body?.transformToString(), "bucket");

  await until("the dead-letter queue has the event", async () => (await messages("from-dead")).length === 1);
  const [dead] = await messages("from-dead");
  assert.equal(dead?.Body, '{"fail": true}');
  const { RequestID, ...attributes } = dead?.MessageAttributes ?? {};
  assert.match(RequestID?.StringValue ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(attributes, {
    ErrorCode: { DataType: "Number", StringValue: "200" },
    ErrorMessage: { DataType: "String", StringValue: "intentional failure!" },
  });
});

test("success is told too, but never to a bucket", async () => {
  await api.create("succeeds", { "app.py": FAILS });
  await sqs.send(new CreateQueueCommand({ QueueName: "successes" }));
  const configure = (Destination: string): Promise<unknown> =>
    api.lambda.send(
      new PutFunctionEventInvokeConfigCommand({
        FunctionName: "succeeds",
        DestinationConfig: { OnSuccess: { Destination } },
      }),
    );
  const error = await refusal(configure(arnOf.bucket("from-bucket")));
  assert.equal(error.name, "InvalidParameterValueException");
  await configure(arnOf.queue("successes"));
  await api.lambda.send(
    new InvokeCommand({ FunctionName: "succeeds", InvocationType: "Event", Payload: '{"a": 1}' }),
  );
  await until("it was told", async () => (await messages("successes")).length === 1);
  const record = JSON.parse((await messages("successes"))[0]?.Body ?? "{}") as Record<string, unknown>;
  assert.deepEqual(record["requestPayload"], { a: 1 });
  assert.deepEqual(record["responsePayload"], { hello: "world" });
  assert.deepEqual(record["responseContext"], { statusCode: 200, executedVersion: "$LATEST" });
  assert.equal((record["requestContext"] as Record<string, unknown>)["condition"], "Success");
});
