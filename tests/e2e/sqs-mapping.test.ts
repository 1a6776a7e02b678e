/** SQS queues as event sources, through the AWS SDK, with functions in real sandboxes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  CreateEventSourceMappingCommand,
  DeleteEventSourceMappingCommand,
  GetEventSourceMappingCommand,
  ListEventSourceMappingsCommand,
  PutFunctionConcurrencyCommand,
  UpdateEventSourceMappingCommand,
  type CreateEventSourceMappingCommandInput,
} from "@aws-sdk/client-lambda";
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { clients, type Clients } from "./client.ts";
import { lambent, SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const ARN = "arn:aws:sqs:us-east-1:000000000000";
/** Prints each record's body, fails those that ask for it, and says so item by item. */
const REPORTER = `import json
def handler(event, context):
    bodies = [record["body"] for record in event["Records"]]
    print("BATCH " + json.dumps(bodies))
    if any("crash" in body for body in bodies):
        raise Exception("crash")
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}
        for record in event["Records"] if "poison" in record["body"]]}
`;

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

async function queue(name: string, attributes: Record<string, string> = {}): Promise<string> {
  const answer = await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }));
  return answer.QueueUrl ?? "";
}

async function map(
  functionName: string,
  queueName: string,
  more: Partial<CreateEventSourceMappingCommandInput> = {},
): Promise<string> {
  const made = await api.lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName: functionName,
      EventSourceArn: `${ARN}:${queueName}`,
      ...more,
    }),
  );
  assert.equal(made.State, "Creating");
  return made.UUID ?? "";
}

async function batches(name: string): Promise<string[][]> {
  // The log group comes with the first line.
  const lines = await api.lines(name, "BATCH").catch(() => []);
  return lines.map((line) => JSON.parse(line.slice(line.indexOf("["))) as string[]);
}

async function count(url: string, attribute: "Visible" | "NotVisible"): Promise<number> {
  const name =
    attribute === "Visible" ? "ApproximateNumberOfMessages" : "ApproximateNumberOfMessagesNotVisible";
  const answer = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] }));
  return Number(answer.Attributes?.[name]);
}

const stateOf = async (uuid: string): Promise<string | undefined> =>
  (await api.lambda.send(new GetEventSourceMappingCommand({ UUID: uuid }))).State;

test("a poisoned message ends in the dead-letter queue, the others are processed once", async () => {
  await api.create("poison", { "app.py": REPORTER });
  const dead = await queue("poison-dead");
  const url = await queue("poison", {
    VisibilityTimeout: "3",
    RedrivePolicy: JSON.stringify({ deadLetterTargetArn: `${ARN}:poison-dead`, maxReceiveCount: 2 }),
  });
  const entries = Array.from({ length: 10 }, (_, n) => ({ Id: String(n), MessageBody: `m${String(n)}` }));
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries: entries }));
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "poison" }));
  await map("poison", "poison", { FunctionResponseTypes: ["ReportBatchItemFailures"] });
  await until(
    "the message is in the dead-letter queue",
    async () => (await count(dead, "Visible")) === 1,
    30,
  );
  const seen = (await batches("poison")).flat();
  const good = seen.filter((body) => body !== "poison").toSorted();
  assert.deepEqual(good, entries.map((entry) => entry.MessageBody).toSorted());
  assert.equal(seen.filter((body) => body === "poison").length, 2);
  const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: dead }));
  assert.equal(Messages[0]?.Body, "poison");
});

test("a batching window gathers more than ten; what no filter wants is deleted", async () => {
  await api.create("gather", { "app.py": REPORTER });
  const url = await queue("gather");
  const bodies = Array.from({ length: 30 }, (_, n) => JSON.stringify({ n, wanted: n % 2 === 0 }));
  for (let at = 0; at < bodies.length; at += 10) {
    const Entries = bodies.slice(at, at + 10).map((MessageBody, n) => ({ Id: String(n), MessageBody }));
    await sqs.send(new SendMessageBatchCommand({ QueueUrl: url, Entries }));
  }
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "no JSON" }));
  await map("gather", "gather", {
    BatchSize: 100,
    MaximumBatchingWindowInSeconds: 1,
    FilterCriteria: { Filters: [{ Pattern: JSON.stringify({ body: { wanted: [true] } }) }] },
  });
  await until("the batch has run", async () => (await batches("gather")).flat().length === 15);
  assert.deepEqual((await batches("gather"))[0]?.length, 15);
  await until("the queue is empty", async () => {
    return (await count(url, "Visible")) + (await count(url, "NotVisible")) === 0;
  });
});

test("a failing FIFO group is repeated in its order and holds back no other", async () => {
  await api.create("ordered", {
    "app.py": `import json
def handler(event, context):
    for record in event["Records"]:
        print("BATCH " + json.dumps([record["body"]]))
        if record["body"] == "a1" and record["attributes"]["ApproximateReceiveCount"] == "1":
            raise Exception("once")
`,
  });
  const url = await queue("ordered.fifo", { FifoQueue: "true", VisibilityTimeout: "3" });
  for (const body of ["a1", "a2", "b1", "a3", "b2"]) {
    await sqs.send(
      new SendMessageCommand({
        QueueUrl: url,
        MessageBody: body,
        MessageGroupId: body.slice(0, 1),
        MessageDeduplicationId: body,
      }),
    );
  }
  await map("ordered", "ordered.fifo", { BatchSize: 1 });
  await until("all have run", async () => (await batches("ordered")).length === 6);
  const order = (await batches("ordered")).flat();
  assert.deepEqual(
    order.filter((body) => body.startsWith("a")),
    ["a1", "a1", "a2", "a3"],
  );
  assert.deepEqual(
    order.filter((body) => body.startsWith("b")),
    ["b1", "b2"],
  );
});

test("a throttle is no failure: the messages are processed once the function may run", async () => {
  await api.create("throttled", { "app.py": REPORTER });
  await api.lambda.send(
    new PutFunctionConcurrencyCommand({ FunctionName: "throttled", ReservedConcurrentExecutions: 0 }),
  );
  const url = await queue("throttled", { VisibilityTimeout: "60" });
  await map("throttled", "throttled");
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "late" }));
  await until("the poller has taken it", async () => (await count(url, "NotVisible")) === 1);
  assert.deepEqual(await batches("throttled"), []);
  await api.lambda.send(
    new PutFunctionConcurrencyCommand({ FunctionName: "throttled", ReservedConcurrentExecutions: 5 }),
  );
  await until("it was processed", async () => (await batches("throttled")).flat().includes("late"));
});

test("a mapping is disabled, enabled and deleted, and shows it; it outlives the server", async () => {
  await api.create("states", { "app.py": REPORTER });
  const url = await queue("states");
  const uuid = await map("states", "states", { Enabled: false });
  await until("it is disabled", async () => (await stateOf(uuid)) === "Disabled");
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "first" }));
  const enabling = await api.lambda.send(new UpdateEventSourceMappingCommand({ UUID: uuid, Enabled: true }));
  assert.equal(enabling.State, "Enabling");
  await until("it runs", async () => (await batches("states")).flat().includes("first"));
  await until("it is enabled", async () => (await stateOf(uuid)) === "Enabled");

  const { dataDir, port } = server;
  await server.kill();
  server = await startServer({ dataDir, port });
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "second" }));
  await until("it runs again", async () => (await batches("states")).flat().includes("second"));

  const deleting = await api.lambda.send(new DeleteEventSourceMappingCommand({ UUID: uuid }));
  assert.equal(deleting.State, "Deleting");
  await until("it is gone", async () => {
    const { EventSourceMappings = [] } = await api.lambda.send(
      new ListEventSourceMappingsCommand({ FunctionName: "states" }),
    );
    return EventSourceMappings.length === 0;
  });
});

test("what a mapping cannot be is refused in AWS's words", async () => {
  await api.create("refusals", { "app.py": REPORTER });
  await queue("refusals");
  await queue("short", { VisibilityTimeout: "1" });
  const refused = async (input: Partial<CreateEventSourceMappingCommandInput>): Promise<string> => {
    const command = new CreateEventSourceMappingCommand({
      FunctionName: "refusals",
      EventSourceArn: `${ARN}:refusals`,
      ...input,
    });
    return api.lambda.send(command).then(
      () => "accepted",
      (error: unknown) => `${(error as Error).name}: ${(error as Error).message}`,
    );
  };
  const invalid = "InvalidParameterValueException";
  assert.equal(await refused({ FunctionName: "nobody" }), `${invalid}: Function does not exist`);
  assert.equal(
    await refused({ EventSourceArn: `${ARN}:nowhere` }),
    `${invalid}: Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does not exist.`,
  );
  assert.equal(
    await refused({ EventSourceArn: `${ARN}:short` }),
    `${invalid}: Queue visibility timeout: 1 seconds is less than Function timeout: 3 seconds`,
  );
  assert.equal(
    await refused({ BatchSize: 11 }),
    `${invalid}: Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10`,
  );
  assert.equal(
    await refused({ StartingPosition: "LATEST" }),
    `${invalid}: StartingPosition is not valid for SQS event sources.`,
  );
  assert.equal(
    await refused({ ParallelizationFactor: 2 }),
    `${invalid}: Unsupported ParallelizationFactor parameter for given event source mapping type.`,
  );
  assert.equal(
    await refused({ FilterCriteria: { Filters: [{ Pattern: "simple string" }] } }),
    `${invalid}: Invalid filter pattern definition.`,
  );
  const uuid = await map("refusals", "refusals");
  assert.equal(
    await refused({}),
    `ResourceConflictException: An event source mapping with SQS arn (" ${ARN}:refusals ") and function (" refusals ") already exists. Please update or delete the existing mapping with UUID ${uuid}`,
  );
  const tags = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`k${String(n)}`, "v"]));
  assert.equal(await refused({ Tags: tags }), `${invalid}: Number of tags exceeds resource tag limit.`);
  await api.create("refusals2", { "app.py": REPORTER });
  const other = await map("refusals2", "refusals");
  await assert.rejects(
    api.lambda.send(new UpdateEventSourceMappingCommand({ UUID: other, FunctionName: "refusals" })),
    { name: "ResourceConflictException" },
  );
});

test("a batch under way does not hold up a reset", { timeout: 60_000 }, async () => {
  const source = `import time
def handler(event, context):
    print("BATCH []", flush=True)
    time.sleep(120)
`;
  await api.create("sleeper", { "app.py": source }, { Timeout: 120 });
  const url = await queue("sleeper", { VisibilityTimeout: "120" });
  await map("sleeper", "sleeper");
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: "x" }));
  await until("the function runs", async () => (await batches("sleeper")).length === 1);
  const reset = await lambent(server, ["reset", "--yes"]);
  assert.equal(reset.code, 0, reset.stderr);
});
