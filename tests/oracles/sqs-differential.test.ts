/**
 * The same calls to Lambent and to ElasticMQ, which other people wrote. Left out is what ElasticMQ answers
 * otherwise than AWS: it has no digest of system attributes, and another code for a number out of range.
 * Needs Java, and ElasticMQ's jars (elasticmq/pom.xml) in .ci/tools/elasticmq or LAMBENT_TEST_ELASTICMQ.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  type Message,
} from "@aws-sdk/client-sqs";
import {
  findTool,
  freePort,
  ROOT,
  SDK_CONFIG,
  startServer,
  until,
  type RunningServer,
} from "../e2e/server.ts";

const JARS = process.env["LAMBENT_TEST_ELASTICMQ"] ?? join(ROOT, ".ci/tools/elasticmq");
const JAVA = findTool("java");
const skip =
  JAVA === undefined
    ? "no java on the PATH"
    : existsSync(JARS)
      ? false
      : `no ElasticMQ in ${JARS} (LAMBENT_TEST_ELASTICMQ)`;

let server: RunningServer;
let java: ChildProcess;
let folder: string;
let both: readonly SQSClient[];

before(async () => {
  if (skip !== false) return;
  const port = await freePort();
  folder = mkdtempSync(join(tmpdir(), "lambent-elasticmq-"));
  const config = join(folder, "elasticmq.conf");
  writeFileSync(
    config,
    `include classpath("application.conf")
node-address { protocol = http, host = "127.0.0.1", port = ${String(port)}, context-path = "" }
rest-sqs { enabled = true, bind-port = ${String(port)}, bind-hostname = "127.0.0.1", sqs-limits = strict }
rest-stats { enabled = false }
`,
  );
  java = spawn(JAVA ?? "", [`-Dconfig.file=${config}`, "-cp", join(JARS, "*"), "org.elasticmq.server.Main"], {
    stdio: "ignore",
  });
  const elasticmq = `http://127.0.0.1:${String(port)}`;
  server = await startServer();
  await until("ElasticMQ answers", async () => (await fetch(`${elasticmq}/?Action=ListQueues`)).ok, 60);
  both = [server.endpoint, elasticmq].map(
    (endpoint) => new SQSClient({ ...SDK_CONFIG, endpoint, maxAttempts: 1 }),
  );
});

after(async () => {
  if (skip !== false) return;
  for (const client of both) client.destroy();
  java.kill("SIGKILL");
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Does the same with both, and gives what both saw. */
async function agree<T>(what: (sqs: SQSClient) => Promise<T>): Promise<T> {
  const [ours, theirs] = await Promise.all(both.map(what));
  assert.deepEqual(ours, theirs);
  return ours as T;
}

async function urlOf(
  sqs: SQSClient,
  QueueName: string,
  Attributes: Record<string, string> = {},
): Promise<string> {
  return (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? "";
}

async function receive(sqs: SQSClient, QueueUrl: string, VisibilityTimeout: number): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      VisibilityTimeout,
      MaxNumberOfMessages: 10,
      MessageAttributeNames: ["All"],
      MessageSystemAttributeNames: ["All"],
    }),
  );
  return Messages;
}

const COUNTS = [
  "ApproximateNumberOfMessages",
  "ApproximateNumberOfMessagesDelayed",
  "ApproximateNumberOfMessagesNotVisible",
] as const;

async function counts(sqs: SQSClient, QueueUrl: string): Promise<object | undefined> {
  return (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: [...COUNTS] })))
    .Attributes;
}

test("messages, digests and attributes", { skip }, async () => {
  await agree(async (sqs) => {
    const QueueUrl = await urlOf(sqs, "round");
    const sent = await sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: "é <&> \n\t😀",
        MessageAttributes: {
          s: { DataType: "String.kind", StringValue: "v" },
          n: { DataType: "Number", StringValue: "42" },
          b: { DataType: "Binary", BinaryValue: new Uint8Array([0, 1, 255]) },
        },
        MessageSystemAttributes: {
          AWSTraceHeader: { DataType: "String", StringValue: "Root=1-3152b799-8954dae64eda91bc9a23a7e8" },
        },
      }),
    );
    const [message] = await receive(sqs, QueueUrl, 30);
    const before = await counts(sqs, QueueUrl);
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl,
        ReceiptHandle: message?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    const [again] = await receive(sqs, QueueUrl, 30);
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: again?.ReceiptHandle }));
    return {
      sent: [sent.MD5OfMessageBody, sent.MD5OfMessageAttributes],
      received: [
        message?.Body,
        message?.MD5OfBody,
        message?.MD5OfMessageAttributes,
        message?.MessageAttributes,
      ],
      trace: message?.Attributes?.AWSTraceHeader,
      receives: [message, again].map((one) => one?.Attributes?.ApproximateReceiveCount),
      counts: [before, await counts(sqs, QueueUrl)],
    };
  });
});

test("FIFO: random sends, receives and deletions keep the same order", { skip }, async () => {
  await agree(async (sqs) => {
    const QueueUrl = await urlOf(sqs, "random.fifo", { FifoQueue: "true" });
    const order: Record<string, (string | undefined)[]> = {};
    for (let round = 0; round < 12; round += 1) {
      const Entries = Array.from({ length: 5 }, (_, index) => {
        const body = `${String(round)}-${String(index)}`;
        // Every seventh repeats an id of the round before.
        const repeats = (round * 5 + index) % 7 === 6;
        return {
          Id: String(index),
          MessageBody: body,
          MessageGroupId: `g${String((round * 3 + index) % 3)}`,
          MessageDeduplicationId: repeats ? `${String(round - 1)}-${String(index)}` : body,
        };
      });
      await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      for (const { Body, Attributes, ReceiptHandle } of await receive(sqs, QueueUrl, 30)) {
        (order[Attributes?.MessageGroupId ?? ""] ??= []).push(Body);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
    for (;;) {
      const rest = await receive(sqs, QueueUrl, 30);
      if (rest.length === 0) break;
      for (const { Body, Attributes, ReceiptHandle } of rest) {
        (order[Attributes?.MessageGroupId ?? ""] ??= []).push(Body);
        await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      }
    }
    return order;
  });
});

test("dead letters come after as many receives", { skip }, async () => {
  await agree(async (sqs) => {
    const dead = await urlOf(sqs, "dead");
    const attributes = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ["QueueArn"] }),
    );
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: attributes.Attributes?.QueueArn,
      maxReceiveCount: 3,
    });
    const QueueUrl = await urlOf(sqs, "poisoned", { RedrivePolicy, VisibilityTimeout: "0" });
    for (const MessageBody of ["a", "b"]) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    const seen: (string | undefined)[][] = [];
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const messages = await receive(sqs, QueueUrl, 0);
      seen.push(messages.map(({ Body }) => Body).toSorted());
    }
    return { seen, dead: (await receive(sqs, dead, 30)).map(({ Body }) => Body).toSorted() };
  });
});

test("refusals have the same codes", { skip }, async () => {
  await agree(async (sqs) => {
    const QueueUrl = await urlOf(sqs, "refusing");
    const fifo = await urlOf(sqs, "refusing.fifo", { FifoQueue: "true" });
    const many = Array.from({ length: 11 }, (_, index) => ({ Id: String(index), MessageBody: "m" }));
    const calls = [
      sqs.send(new GetQueueUrlCommand({ QueueName: "nowhere" })),
      sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: many })),
      sqs.send(
        new SendMessageBatchCommand({
          QueueUrl,
          Entries: [many[0], many[0]].map((one) => one ?? { Id: "", MessageBody: "" }),
        }),
      ),
      sqs.send(new SendMessageCommand({ QueueUrl: fifo, MessageBody: "m", MessageDeduplicationId: "d" })),
    ];
    const outcomes = await Promise.allSettled(calls);
    return outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? "no error" : (outcome.reason as { name: string }).name,
    );
  });
});
