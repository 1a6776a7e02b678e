/** A started server and the clients of the EventBridge tests. */
import { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { OperationRecord } from "../../src/app/operation-record.ts";
import { clients, type Clients } from "../e2e/client.ts";
import { type RunningServer, SDK_CONFIG, startServer, type StartOptions, until } from "../e2e/server.ts";

/** What these tests saw, for the compatibility table. */
const evidence = OperationRecord.fromEnvironment();

/** Something a test found out of an operation beside its answer, which the server notes itself. */
export function saw(operation: string, errorCode: "persistence" | "pagination"): void {
  const seen = { status: 200, ms: 0, requestId: "r", accountId: "", region: "", fromSandbox: false } as const;
  evidence?.note({ ...seen, service: "events", operation, errorCode });
}

export const ACCOUNT = "000000000000";
export const REGION = "us-east-1";

export interface World extends Clients {
  readonly server: RunningServer;
  readonly events: EventBridgeClient;
  readonly sqs: SQSClient;
  eventsIn(region: string, accountId?: string): EventBridgeClient;
  /** Makes the queue and returns its ARN. */
  queue(name: string, attributes?: Readonly<Record<string, string>>): Promise<string>;
  /** Waits for `count` messages and takes them away. */
  messages(name: string, count: number): Promise<readonly Received[]>;
  /** What is in the queue now. */
  drain(name: string): Promise<readonly Received[]>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Received {
  readonly body: string;
  readonly attributes: Readonly<Record<string, string | undefined>>;
}

export async function openWorld(options: StartOptions = {}): Promise<World> {
  return worldOf(await startServer(options));
}

export function worldOf(server: RunningServer): World {
  const config = { ...SDK_CONFIG, endpoint: server.endpoint, maxAttempts: 1 };
  const events = new EventBridgeClient(config);
  const sqs = new SQSClient(config);
  const others: EventBridgeClient[] = [];
  const base = clients(server);
  const urlOf = (name: string): string => `${server.endpoint}/${ACCOUNT}/${name}`;

  async function drain(name: string): Promise<Received[]> {
    const found: Received[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: urlOf(name),
          MaxNumberOfMessages: 10,
          MessageAttributeNames: ["All"],
          MessageSystemAttributeNames: ["All"],
        }),
      );
      if (Messages.length === 0) return found;
      for (const { Body = "", MessageAttributes = {}, Attributes = {} } of Messages) {
        const texts = Object.entries(MessageAttributes).map(([key, value]) => [key, value.StringValue]);
        found.push({
          body: Body,
          attributes: { ...Attributes, ...(Object.fromEntries(texts) as Record<string, string>) },
        });
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: urlOf(name), Entries }));
    }
  }

  return {
    ...base,
    server,
    events,
    sqs,
    eventsIn(region, accountId = ACCOUNT) {
      const credentials = {
        accessKeyId: accountId === ACCOUNT ? "test" : accountId,
        secretAccessKey: "test",
      };
      const client = new EventBridgeClient({ ...config, region, credentials });
      others.push(client);
      return client;
    },
    async queue(name, attributes = {}) {
      await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: { ...attributes } }));
      return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
    },
    async messages(name, count) {
      const found: Received[] = [];
      await until(`${String(count)} messages in ${name}`, async () => {
        found.push(...(await drain(name)));
        return found.length >= count;
      });
      return found;
    },
    drain,
    async [Symbol.asyncDispose]() {
      for (const client of others) client.destroy();
      events.destroy();
      sqs.destroy();
      base.destroy();
      await server[Symbol.asyncDispose]();
    },
  };
}
