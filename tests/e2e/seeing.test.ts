/** What a user sees of events: `lambent status` counts them, `lambent logs -f` tells where they went and why not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import {
  AddPermissionCommand,
  CreateEventSourceMappingCommand,
  DeleteFunctionCommand,
  PutFunctionEventInvokeConfigCommand,
} from "@aws-sdk/client-lambda";
import {
  CreateBucketCommand,
  PutBucketNotificationConfigurationCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CreateQueueCommand, SendMessageBatchCommand, SQSClient } from "@aws-sdk/client-sqs";
import type { StatusReport } from "../../src/app/admin-routes.ts";
import { clients, type Clients } from "./client.ts";
import { arnOf } from "./cli-session.ts";
import { lambent, ROOT, SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

let server: RunningServer;
let api: Clients;
let s3: S3Client;
let sqs: SQSClient;

before(async () => {
  server = await startServer();
  api = clients(server);
  const config = { ...SDK_CONFIG, endpoint: server.endpoint };
  s3 = new S3Client({ ...config, forcePathStyle: true });
  sqs = new SQSClient(config);
});
after(async () => {
  for (const client of [api, s3, sqs]) client?.destroy();
  await server?.[Symbol.asyncDispose]();
});

interface Followed extends AsyncDisposable {
  text(): string;
}

/** `lambent logs -f` as a process of its own; resolves once it follows. */
async function follow(pattern: readonly string[] = []): Promise<Followed> {
  const child = spawn(process.execPath, [join(ROOT, "bin/lambent.js"), "logs", "-f", ...pattern], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LAMBENT_DATA_DIR: server.dataDir, NO_COLOR: "1" },
  });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // A line that is known to be written after it began to follow.
  await until("it follows", async () => {
    await api.invoke("greet");
    return text.includes("greeted");
  });
  return {
    text: () => text,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

const GREET = { "app.py": "def handler(event, context):\n    print('greeted')\n" };

async function notify(bucket: string, name: string): Promise<void> {
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: bucket,
      SkipDestinationValidation: true,
      NotificationConfiguration: {
        LambdaFunctionConfigurations: [
          { LambdaFunctionArn: arnOf.function(name), Events: ["s3:ObjectCreated:*"] },
        ],
      },
    }),
  );
}

test("deliveries, failures and what to do stand between the lines of functions", async () => {
  await api.create("greet", GREET);
  await api.create("gone", GREET);
  await api.create("fails", {
    "app.py": `def handler(event, context):
    return {"batchItemFailures": [{"itemIdentifier": record["messageId"]}
        for record in event["Records"] if record["body"] == "poison"]}
`,
  });
  for (const name of ["fails", "told"]) await sqs.send(new CreateQueueCommand({ QueueName: name }));
  for (const [bucket, name] of [
    ["plain", "greet"],
    ["orphan", "gone"],
  ] as const) {
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
    await api.lambda.send(
      new AddPermissionCommand({
        FunctionName: name,
        StatementId: "s3",
        Action: "lambda:InvokeFunction",
        Principal: "s3.amazonaws.com",
        SourceArn: arnOf.bucket("orphan"),
      }),
    );
    await notify(bucket, name);
  }
  await api.lambda.send(new DeleteFunctionCommand({ FunctionName: "gone" }));
  await using log = await follow();
  const says = (what: string | RegExp): Promise<void> =>
    until(String(what), () =>
      typeof what === "string" ? log.text().includes(what) : what.test(log.text()),
    ).catch((error: unknown) => assert.fail(`${String(error)}\n${log.text()}`));

  await s3.send(new PutObjectCommand({ Bucket: "plain", Key: "a b.csv", Body: "x" }));
  await says("⇢ s3 plain ObjectCreated:Put a b.csv → greet (AWS would refuse this)");
  await says(
    "→ next: --iam enforce would refuse this (lambda:InvokeFunction on arn:aws:lambda:us-east-1:000000000000:function:greet): aws lambda add-permission --function-name greet --statement-id s3-plain --action lambda:InvokeFunction --principal s3.amazonaws.com --source-arn arn:aws:s3:::plain",
  );
  const warned = readFileSync(join(server.dataDir, "server.log"), "utf8");
  assert.match(
    warned,
    /AWS would refuse this call: .*add-permission --function-name greet|add-permission --function-name greet.*AWS would refuse this call: /,
  );

  await s3.send(new PutObjectCommand({ Bucket: "orphan", Key: "a.csv", Body: "x" }));
  await says(
    /⇢ s3 orphan ObjectCreated:Put a\.csv → gone FAILED ResourceNotFoundException: .*; dropped\n *→ next: there is no gone: aws lambda create-function/,
  );
  await until("the server's log says it too", () => {
    const lines = readFileSync(join(server.dataDir, "server.log"), "utf8").split("\n");
    return lines.some(
      (line) => line.includes("could not be delivered") && line.includes("aws lambda create-function"),
    );
  });

  await api.lambda.send(
    new CreateEventSourceMappingCommand({
      FunctionName: "fails",
      EventSourceArn: arnOf.queue("fails"),
      FunctionResponseTypes: ["ReportBatchItemFailures"],
      MaximumBatchingWindowInSeconds: 1,
    }),
  );
  await sqs.send(
    new SendMessageBatchCommand({
      QueueUrl: `${server.endpoint}/000000000000/fails`,
      Entries: ["a", "b", "poison"].map((MessageBody, n) => ({ Id: String(n), MessageBody })),
    }),
  );
  await says(
    /⇢ sqs fails → fails batch of \d+: 1 failed; they appear again in the queue within 30 s\n *→ next: (npx )?lambent logs fails/,
  );

  await api.lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: "greet",
      DestinationConfig: { OnSuccess: { Destination: arnOf.queue("told") } },
    }),
  );
  await api.invoke("greet", {}, { InvocationType: "Event", LogType: "None" });
  await says("⇢ greet OnSuccess → sqs told");
});

test("who follows one function sees its deliveries alone", async () => {
  await using log = await follow(["greet"]);
  await s3.send(new PutObjectCommand({ Bucket: "orphan", Key: "not-mine", Body: "x" }));
  await s3.send(new PutObjectCommand({ Bucket: "plain", Key: "mine", Body: "x" }));
  await until("the delivery is told", () => log.text().includes("s3 plain ObjectCreated:Put mine → greet"));
  assert.doesNotMatch(log.text(), /not-mine/);
});

async function counted(): Promise<StatusReport["counts"]> {
  return (JSON.parse((await lambent(server, ["status", "--json"])).stdout) as StatusReport).counts;
}

test("status counts resources", async () => {
  // The one that fails, and what two invocations were told to tell.
  await until("the queues are quiet", async () => (await counted())["messages"] === 3);
  const text = await lambent(server, ["status"]);
  assert.equal(text.code, 0, text.stderr);
  const counts = await counted();
  assert.equal(counts["buckets"], 2);
  assert.equal(counts["objects"], 4);
  assert.equal(counts["queues"], 2);
  assert.equal(counts["tables"], 0);
  assert.equal(counts["mappings"], 1);
  assert.deepEqual([counts["topics"], counts["rules"]], [0, 0]);
  assert.equal(counts["pending deliveries"], 0);
  assert.match(text.stdout, /functions 2 .*buckets 2 {2}objects 4 .*queues 2 {2}messages 3/);
});
