/** SQS over a real file and a clock that stands still until it is told otherwise, called below the wire. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import { createWakeup } from "../../src/adapters/embedded/wakeup.ts";
import { OperationRecord } from "../../src/app/operation-record.ts";
import { createDispatch } from "../../src/aws/dispatch.ts";
import type { Caller } from "../../src/aws/service.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Database } from "../../src/ports/database.ts";
import { createSqs, migrations, type Sqs } from "../../src/services/sqs/index.ts";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";

/** What these tests saw, for the compatibility table. */
const evidence = OperationRecord.fromEnvironment();
const SEEN = { status: 200, ms: 0, requestId: "r", accountId: "", region: "", fromSandbox: false } as const;

export const ACCOUNT = "123456789012";
export const REGION = "eu-west-1";
export const CALLER: Caller = {
  accessKeyId: "LKIAROOT",
  kind: "user",
  arn: `arn:aws:iam::${ACCOUNT}:user/tester`,
  userId: "AIDATESTER",
  verified: true,
};

/** Output fields are looked at as JSON: what is asserted says what they are. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Output = any;

/** For the table: something a test showed of an operation beside its outcome. */
export function saw(operation: string, outcome: "persistence" | "pagination"): void {
  evidence?.note({ ...SEEN, service: "sqs", operation, errorCode: outcome });
}

export interface SqsHarness {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly sqs: Sqs;
  /** The file, for looking at what is really in it. */
  database(): Database;
  call(
    operation: string,
    input?: object,
    options?: { signal?: AbortSignal; region?: string },
  ): Promise<Output>;
  /** Creates a queue and gives its URL. */
  queue(name: string, attributes?: Readonly<Record<string, string>>): Promise<string>;
  send(url: string, body: string, more?: object): Promise<Output>;
  /** The messages, or none. */
  receive(url: string, more?: object): Promise<Output[]>;
  bodies(url: string, more?: object): Promise<string[]>;
  attribute(url: string, name: string): Promise<string | undefined>;
  /** Closes the service as a kill would leave its file, and opens another over it. */
  reopen(): Promise<SqsHarness>;
  close(): Promise<void>;
}

export interface SqsHarnessOptions {
  /** What an earlier harness left. */
  readonly existing?: { readonly folder: string; readonly clock: FakeClock };
  /** Another engine than SQLite. */
  readonly openDatabase?: () => Promise<Database>;
  /** Called when something came into a queue, after those who wait were woken. */
  readonly onArrival?: (queueArn: string) => void;
}

export async function openSqs(t: TestContext, options: SqsHarnessOptions = {}): Promise<SqsHarness> {
  const { existing } = options;
  const folder = existing?.folder ?? (await mkdtemp(join(tmpdir(), "lambent-sqs-")));
  const clock = existing?.clock ?? fakeClock();
  const random = systemRandom();
  const log = silentLogger;
  let database: Database | undefined;
  const sqs = createSqs({
    clock,
    random,
    log,
    async openDatabase() {
      const path = join(folder, "sqs.db");
      database =
        (await options.openDatabase?.()) ??
        (await openDatabase({ path, synchronous: "normal", migrations, log, clock }));
      return database;
    },
    hasData: () => existing !== undefined,
    wakeup: {
      ...createWakeup(clock),
      notify: (queueArn) => options.onArrival?.(queueArn),
    },
  });
  await sqs.start();
  const dispatch = createDispatch({
    services: [sqs.service],
    clock,
    random,
    log,
    endpoint: () => "http://127.0.0.1:4566",
  });
  let closed = false;
  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await sqs.close();
  }
  t.after(async () => {
    await close();
    if (existing === undefined) await rm(folder, { recursive: true, force: true });
  });

  async function call(
    operation: string,
    input: object = {},
    { signal, region = REGION }: { signal?: AbortSignal; region?: string } = {},
  ): Promise<Output> {
    const note = (errorCode?: string): void =>
      evidence?.note({
        ...SEEN,
        service: "sqs",
        operation,
        ...(errorCode === undefined ? {} : { errorCode }),
      });
    try {
      const output = await dispatch.call({
        service: "sqs",
        operation,
        input: input as Record<string, unknown>,
        scope: { accountId: ACCOUNT, region },
        caller: CALLER,
        ...(signal === undefined ? {} : { signal }),
      });
      note();
      if ("NextToken" in input) saw(operation, "pagination");
      return output;
    } catch (error) {
      if (error instanceof ServiceError) note(error.code);
      throw error;
    }
  }

  const receive = async (url: string, more: object = {}): Promise<Output[]> =>
    (await call("ReceiveMessage", { QueueUrl: url, ...more })).Messages ?? [];
  return {
    folder,
    clock,
    sqs,
    call,
    close,
    receive,
    database() {
      if (database === undefined) throw new Error("no request was made yet");
      return database;
    },
    async queue(name, attributes = {}) {
      const fifo = name.endsWith(".fifo") ? { FifoQueue: "true" } : {};
      const made = await call("CreateQueue", { QueueName: name, Attributes: { ...fifo, ...attributes } });
      return made.QueueUrl as string;
    },
    send: (url, body, more = {}) => call("SendMessage", { QueueUrl: url, MessageBody: body, ...more }),
    bodies: async (url, more = {}) =>
      (await receive(url, { MaxNumberOfMessages: 10, ...more })).map((message) => message.Body as string),
    async attribute(url, name) {
      const { Attributes } = await call("GetQueueAttributes", { QueueUrl: url, AttributeNames: [name] });
      return Attributes?.[name] as string | undefined;
    },
    async reopen() {
      await close();
      return openSqs(t, { ...options, existing: { folder, clock } });
    },
  };
}

/** A shape for assert.rejects: the code and the sentence. */
export function refusal(code: string, message?: string | RegExp): object {
  return message === undefined ? { code } : { code, message };
}

export function arnOf(name: string): string {
  return `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`;
}
