/** kill -9 in the middle of a burst: nothing that was acknowledged is lost, order and deduplication hold. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

const GROUPS = 8;
/** Sends that are answered before the server is killed, while as many again are under way. */
const ANSWERED = 600;
const IN_FLIGHT = 32;

function client(server: RunningServer): SQSClient {
  return new SQSClient({ ...SDK_CONFIG, endpoint: server.endpoint, maxAttempts: 1 });
}

interface Received {
  readonly body: string;
  readonly handle: string;
}

async function receive(sqs: SQSClient, QueueUrl: string): Promise<Received[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, VisibilityTimeout: 600 }),
  );
  return Messages.map(({ Body = "", ReceiptHandle = "" }) => ({ body: Body, handle: ReceiptHandle }));
}

async function drain(sqs: SQSClient, QueueUrl: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const got = await receive(sqs, QueueUrl);
    if (got.length === 0) return bodies;
    bodies.push(...got.map(({ body }) => body));
    const Entries = got.map(({ handle }, index) => ({ Id: String(index), ReceiptHandle: handle }));
    await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
  }
}

/** Sends until the server is killed; each group's messages one after the other. Resolves with what was answered. */
async function burst(server: RunningServer, urls: { standard: string; fifo: string }): Promise<string[]> {
  const sqs = client(server);
  const answered: string[] = [];
  let killed: Promise<void> | undefined;
  async function sender(index: number): Promise<void> {
    for (let number = 0; killed === undefined; number += 1) {
      const body = `${String(index)}-${String(number)}`;
      const isFifo = index < GROUPS;
      try {
        await sqs.send(
          new SendMessageCommand({
            QueueUrl: isFifo ? urls.fifo : urls.standard,
            MessageBody: body,
            ...(isFifo ? { MessageGroupId: String(index), MessageDeduplicationId: body } : {}),
          }),
        );
      } catch {
        return;
      }
      answered.push(body);
      if (answered.length === ANSWERED) killed = server.kill();
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, (_, index) => sender(index)));
  await killed;
  sqs.destroy();
  return answered;
}

test("kill -9 in a burst of sends", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-sqs-kill-"));
  let server = await startServer({ dataDir });
  try {
    let sqs = client(server);
    const made = async (QueueName: string, Attributes = {}): Promise<string> =>
      (await sqs.send(new CreateQueueCommand({ QueueName, Attributes }))).QueueUrl ?? "";
    const urls = { standard: await made("burst"), fifo: await made("burst.fifo", { FifoQueue: "true" }) };
    const kept = await made("kept");
    await sqs.send(new SendMessageCommand({ QueueUrl: kept, MessageBody: "hidden" }));
    const [hidden] = await receive(sqs, kept);
    assert.equal(hidden?.body, "hidden");
    sqs.destroy();

    const answered = await burst(server, urls);
    assert.ok(answered.length >= ANSWERED);

    server = await startServer({ dataDir, port: server.port });
    sqs = client(server);
    // Deduplication holds: what was acknowledged is not taken a second time.
    const fifoAnswered = answered.filter((body) => Number(body.split("-")[0]) < GROUPS);
    for (const body of fifoAnswered.slice(-20)) {
      await sqs.send(
        new SendMessageCommand({
          QueueUrl: urls.fifo,
          MessageBody: body,
          MessageGroupId: body.split("-")[0] ?? "",
          MessageDeduplicationId: body,
        }),
      );
    }
    const standard = await drain(sqs, urls.standard);
    const fifo = await drain(sqs, urls.fifo);
    const there = new Set([...standard, ...fifo]);
    assert.deepEqual(
      answered.filter((body) => !there.has(body)),
      [],
      "acknowledged and lost",
    );
    assert.equal(there.size, standard.length + fifo.length, "nothing came twice");
    for (let group = 0; group < GROUPS; group += 1) {
      const numbers = fifo
        .filter((body) => body.startsWith(`${String(group)}-`))
        .map((body) => Number(body.split("-")[1]));
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
        `group ${String(group)} is in order, without gaps`,
      );
    }
    // A message that was received before the kill stays hidden, and its handle still deletes it.
    assert.deepEqual(await receive(sqs, kept), []);
    await sqs.send(
      new DeleteMessageBatchCommand({
        QueueUrl: kept,
        Entries: [{ Id: "1", ReceiptHandle: hidden?.handle }],
      }),
    );
    await until("nothing is left", async () => {
      const counts = await sqs.send(
        new GetQueueAttributesCommand({
          QueueUrl: kept,
          AttributeNames: ["ApproximateNumberOfMessagesNotVisible"],
        }),
      );
      return counts.Attributes?.["ApproximateNumberOfMessagesNotVisible"] === "0";
    });
    sqs.destroy();
  } finally {
    await server[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  }
});
