/** SQS over a real file and a clock that stands still until it is told otherwise, called below the wire. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import { createWakeup } from "../../src/adapters/embedded/wakeup.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Database } from "../../src/ports/database.ts";
import { createSqs, migrations, type Sqs } from "../../src/services/sqs/index.ts";
import { fakeClock, type FakeClock } from "../../src/testing/fake-clock.ts";
import { ACCOUNT, createCall, REGION, saw as sawOf, type CallOptions, type Output } from "./in-process.ts";

export { ACCOUNT, REGION, type Output };

/** For the table: something a test showed of an operation beside its outcome. */
export function saw(operation: string, outcome: "persistence" | "pagination"): void {
  sawOf("sqs", operation, outcome);
}

export interface SqsHarness {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly sqs: Sqs;
  /** The file, for looking at what is really in it. */
  database(): Database;
  call(operation: string, input?: object, options?: CallOptions): Promise<Output>;
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
  const callService = createCall({ services: [sqs.service], clock, random, log });
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

  const call: SqsHarness["call"] = (operation, input = {}, options = {}) =>
    callService("sqs", operation, input, options);

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
