/**
 * SNS with real queues behind it, over a real file, through the gateway and the relay, in this process:
 * for the SDK, boto3 and raw requests. Functions are recorded instead of run.
 */
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import * as sdk from "@aws-sdk/client-sns";
import { CreateTopicCommand, PublishCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from "@aws-sdk/client-sqs";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import { openSecrets } from "../../src/adapters/embedded/secrets.ts";
import { createWakeup } from "../../src/adapters/embedded/wakeup.ts";
import { createPeers } from "../../src/adapters/peers/in-process.ts";
import { OperationRecord } from "../../src/app/operation-record.ts";
import { createDispatch } from "../../src/aws/dispatch.ts";
import type { KeyResolver } from "../../src/aws/sigv4/keys.ts";
import { createRelay, type DeliveryEnd } from "../../src/events/outbox/relay.ts";
import { outboxMigrations } from "../../src/events/outbox/store.ts";
import { type AdjustableClock, systemClock } from "../../src/kernel/clock.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Database } from "../../src/ports/database.ts";
import { createSns, migrations, type Sns } from "../../src/services/sns/index.ts";
import { createSqs, migrations as sqsMigrations } from "../../src/services/sqs/index.ts";
import { serveGateway } from "./served.ts";

export const ACCOUNT = "123456789012";
export const REGION = "eu-west-1";
export const KEY = { accessKeyId: "LKIASNSTESTS", secretAccessKey: "the secret of the tests" } as const;
export const USER: string = `arn:aws:iam::${ACCOUNT}:user/tester`;

const keys: KeyResolver = {
  resolve: (accessKeyId) =>
    accessKeyId === KEY.accessKeyId
      ? {
          secretAccessKey: KEY.secretAccessKey,
          accountId: ACCOUNT,
          caller: { accessKeyId, kind: "user", arn: USER, userId: "AIDATESTER", verified: true },
        }
      : undefined,
};

const evidence = OperationRecord.fromEnvironment();

/** For the compatibility table: `pagination` or `persistence` of an operation, shown by a test. */
export function saw(operation: string, outcome: "persistence" | "pagination"): void {
  const seen = { status: 200, ms: 0, requestId: "r", accountId: "", region: "", fromSandbox: false };
  evidence?.note({ ...seen, service: "sns", operation, errorCode: outcome });
}

export interface Served {
  readonly endpoint: string;
  readonly folder: string;
  readonly clock: AdjustableClock;
  readonly database: Database;
  readonly sns: Sns;
  readonly client: SNSClient;
  readonly queues: SQSClient;
  /** Events that functions were called with. */
  readonly invoked: { readonly functionName: string; readonly payload: string }[];
  readonly ends: DeliveryEnd[];
  clientOf(config: {
    region?: string;
    credentials?: { accessKeyId: string; secretAccessKey: string };
  }): SNSClient;
  topic(name: string, attributes?: Record<string, string>): Promise<string>;
  queue(name: string, attributes?: Record<string, string>): Promise<string>;
  /** Subscribes a queue of this account; its ARN. */
  subscribeQueue(topicArn: string, queue: string, attributes?: Record<string, string>): Promise<string>;
  publish(
    topicArn: string,
    message: string,
    more?: object,
  ): Promise<{ MessageId?: string | undefined; SequenceNumber?: string | undefined }>;
  /** Messages of a queue, deleted as they come, until there are `count`. */
  receive(queue: string, count?: number): Promise<Message[]>;
  /** Resolves when nothing is left to be delivered. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

export async function serveSns(
  t: TestContext,
  options: { readonly folder?: string; readonly database?: Database } = {},
): Promise<Served> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "lambent-sns-")));
  const clock = systemClock();
  const random = systemRandom();
  const log = silentLogger;
  const database =
    options.database ??
    (await openDatabase({
      path: join(folder, "state.db"),
      synchronous: "normal",
      migrations: [...outboxMigrations, ...migrations],
      log,
      clock,
    }));
  const sqs = createSqs({
    clock,
    random,
    log,
    openDatabase: () =>
      openDatabase({
        path: join(folder, "sqs.db"),
        synchronous: "normal",
        migrations: sqsMigrations,
        log,
        clock,
      }),
    hasData: () => false,
    wakeup: createWakeup(clock),
  });
  const invoked: { functionName: string; payload: string }[] = [];
  const ends: DeliveryEnd[] = [];
  const peers = createPeers(() => dispatch);
  const relay = createRelay({
    database,
    peers: { call: (call) => peers.call(call), permit: () => Promise.resolve() },
    clock,
    random,
    log,
    node: "test",
    findFunction(_scope, name) {
      if (name === "missing") throw new ServiceError("ResourceNotFoundException", 404, "no such function");
    },
    invoker: {
      async invokeAsync(request) {
        await database.commit([...(request.within ?? [])]);
        invoked.push({
          functionName: request.functionName,
          payload: Buffer.from(request.payload).toString("utf8"),
        });
        return request.requestId ?? "";
      },
    },
    onEnd: (end) => void ends.push(end),
  });
  const secrets = await openSecrets({ keyFile: join(folder, "master.key") });
  const sns = createSns({ clock, random, log, database, secrets, outbox: relay, peers: () => peers });
  relay.use("http", (delivery) => sns.post(delivery));
  const services = [sns.service, sqs.service];
  let endpoint = "";
  const dispatch = createDispatch({ services, clock, random, log, endpoint: () => endpoint });
  await relay.start();
  const served = await serveGateway({
    services,
    keys,
    clock,
    accountId: ACCOUNT,
    region: REGION,
    evidence,
  });
  ({ endpoint } = served);
  const config = { endpoint, region: REGION, credentials: KEY, maxAttempts: 1 };
  const clients: { destroy(): void }[] = [];
  const made = <T extends { destroy(): void }>(client: T): T => {
    clients.push(client);
    return client;
  };
  const client = made(new SNSClient(config));
  const queues = made(new SQSClient(config));

  let closed = false;
  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    for (const one of clients) one.destroy();
    served.close();
    await sns.close();
    await relay.close();
    await sqs.close();
    await database.close();
  }
  t.after(async () => {
    await close();
    if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
  });

  const queueUrl = (name: string): string => `${endpoint}/${ACCOUNT}/${name}`;
  return {
    endpoint,
    folder,
    clock,
    database,
    sns,
    client,
    queues,
    invoked,
    ends,
    close,
    clientOf: (more) => made(new SNSClient({ ...config, ...more })),
    async topic(Name, Attributes) {
      const answer = await client.send(
        new CreateTopicCommand({ Name, ...(Attributes === undefined ? {} : { Attributes }) }),
      );
      return answer.TopicArn ?? "";
    },
    async queue(QueueName, Attributes) {
      await queues.send(
        new CreateQueueCommand({ QueueName, ...(Attributes === undefined ? {} : { Attributes }) }),
      );
      return queueArn(QueueName);
    },
    async subscribeQueue(TopicArn, queue, Attributes) {
      const Endpoint = queueArn(queue);
      const answer = await client.send(
        new SubscribeCommand({
          TopicArn,
          Protocol: "sqs",
          Endpoint,
          ...(Attributes === undefined ? {} : { Attributes }),
        }),
      );
      return answer.SubscriptionArn ?? "";
    },
    async publish(TopicArn, Message, more = {}) {
      const { $metadata: _metadata, ...answer } = await client.send(
        new PublishCommand({ TopicArn, Message, ...more }),
      );
      return answer;
    },
    async receive(queue, count = 1) {
      const received: Message[] = [];
      const QueueUrl = queueUrl(queue);
      for (let round = 0; received.length < count && round < 40; round += 1) {
        const { Messages = [] } = await queues.send(
          new ReceiveMessageCommand({
            QueueUrl,
            MaxNumberOfMessages: 10,
            WaitTimeSeconds: 1,
            MessageAttributeNames: ["All"],
            MessageSystemAttributeNames: ["All"],
          }),
        );
        for (const message of Messages) {
          await queues.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message.ReceiptHandle }));
          received.push(message);
        }
      }
      return received;
    },
    async quiet() {
      for (let round = 0; round < 1000; round += 1) {
        const [row] = await database.read<{ count: number }>("SELECT COUNT(*) AS count FROM outbox");
        if (Number(row?.count) === 0) return;
        await new Promise((resolve) => setImmediate(resolve));
        await clock.sleep(5);
      }
      throw new Error("deliveries are left in the outbox");
    },
  };
}

// What is asserted says what the fields are.
// oxlint-disable-next-line typescript/no-explicit-any
export type Output = any;

/** Calls an operation by its name. */
export function call(served: Served, operation: string, input: object = {}): Promise<Output> {
  const Command = (sdk as unknown as Record<string, new (input: object) => never>)[`${operation}Command`];
  if (Command === undefined) throw new Error(`no operation ${operation}`);
  return served.client.send(new Command(input)) as Promise<Output>;
}

/** A data protection policy that denies e-mail addresses. */
export const DATA_PROTECTION: string = JSON.stringify({
  Name: "p",
  Version: "2021-06-01",
  Statement: [
    {
      DataDirection: "Inbound",
      Principal: ["*"],
      DataIdentifier: ["arn:aws:dataprotection::aws:data-identifier/EmailAddress"],
      Operation: { Deny: {} },
    },
  ],
});

export function queueArn(name: string): string {
  return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
}

/** What a call was refused with: `code` as the wire spells it. */
export async function refused(
  call: Promise<unknown>,
): Promise<{ code: string; status: number; message: string }> {
  try {
    await call;
  } catch (error) {
    const fault = error as Error & {
      readonly Code?: string;
      readonly Error?: { readonly Code?: string };
      readonly $metadata?: { readonly httpStatusCode?: number };
    };
    return {
      code: fault.Error?.Code ?? fault.Code ?? fault.name,
      status: fault.$metadata?.httpStatusCode ?? 0,
      message: fault.message,
    };
  }
  throw new Error("the call was expected to be refused");
}

export const invalid = (message: string): { code: string; status: number; message: string } => ({
  code: "InvalidParameter",
  status: 400,
  message: `Invalid parameter: ${message}`,
});

export const NO_TOPIC = { code: "NotFound", status: 404, message: "Topic does not exist" };

/** A web server that notes what it is sent. `answer` says with which status it answers. */
export interface WebServer {
  readonly url: string;
  readonly requests: {
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
    readonly path: string;
  }[];
  answer: (count: number) => { readonly status: number; readonly headers?: Record<string, string> };
  /** Resolves with the n-th request. */
  request(index: number): Promise<WebServer["requests"][number]>;
}

export async function webServer(t: TestContext): Promise<WebServer> {
  const requests: { headers: IncomingHttpHeaders; body: string; path: string }[] = [];
  const takers = new Set<() => void>();
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      requests.push({
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        path: request.url ?? "",
      });
      const { status, headers } = web.answer(requests.length);
      response.writeHead(status, headers).end();
      for (const taker of takers) taker();
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const web: WebServer = {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/hook`,
    requests,
    answer: () => ({ status: 200 }),
    request: (index) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = requests[index];
          if (found === undefined) return void takers.add(look);
          takers.delete(look);
          resolve(found);
        };
        look();
      }),
  };
  return web;
}
