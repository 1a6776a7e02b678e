/** DynamoDB and its streams over a real file, called below the wire but through validation. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openDatabase } from "../../src/adapters/embedded/database.ts";
import { createWakeup } from "../../src/adapters/embedded/wakeup.ts";
import { type AdjustableClock, systemClock } from "../../src/kernel/clock.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import { systemRandom } from "../../src/kernel/random.ts";
import type { Database } from "../../src/ports/database.ts";
import type { Wakeup } from "../../src/ports/wakeup.ts";
import {
  createDynamodb,
  migrations,
  type Dynamodb,
  type DynamodbDeps,
} from "../../src/services/dynamodb/index.ts";
import { createDynamodbStreams } from "../../src/services/dynamodbstreams/index.ts";
import { ACCOUNT, createCall, REGION, saw, type CallOptions, type Output } from "./in-process.ts";

export { ACCOUNT, REGION, type Output };

/** For the table: something a test showed of an operation beside its outcome. */
export function sawPersistence(operations: readonly string[]): void {
  for (const operation of operations) saw(serviceOf(operation), operation, "persistence");
}

export interface DynamodbHarness {
  readonly folder: string;
  readonly clock: AdjustableClock;
  readonly dynamodb: Dynamodb;
  readonly wakeup: Wakeup;
  database(): Database;
  call(operation: string, input?: object, options?: CallOptions): Promise<Output>;
  /** Creates a table with the string key `pk` (and the number `sk`) and waits until it is ACTIVE. */
  table(name: string, more?: object): Promise<Output>;
  active(name: string): Promise<Output>;
  put(table: string, item: object, more?: object): Promise<Output>;
  get(table: string, key: object, more?: object): Promise<Output>;
  /** All records of the table's latest stream. */
  records(table: string): Promise<Output[]>;
  /** The code and sentence an operation is refused with. */
  refusal(operation: string, input?: object): Promise<string>;
  /** Closes the service and opens another over its file. */
  reopen(): Promise<DynamodbHarness>;
}

const STREAM_OPERATIONS: ReadonlySet<string> = new Set([
  "ListStreams",
  "DescribeStream",
  "GetShardIterator",
  "GetRecords",
]);

function serviceOf(operation: string): string {
  return STREAM_OPERATIONS.has(operation) ? "dynamodbstreams" : "dynamodb";
}

export const PK_SK = {
  KeySchema: [
    { AttributeName: "pk", KeyType: "HASH" },
    { AttributeName: "sk", KeyType: "RANGE" },
  ],
  AttributeDefinitions: [
    { AttributeName: "pk", AttributeType: "S" },
    { AttributeName: "sk", AttributeType: "N" },
  ],
  BillingMode: "PAY_PER_REQUEST",
} as const;

export interface DynamodbHarnessOptions {
  readonly clock?: AdjustableClock;
  /** What an earlier harness left. */
  readonly existingFolder?: string;
  /** Another engine than SQLite. */
  readonly openDatabase?: () => Promise<Database>;
  /** What the service sees of the database that was opened. */
  readonly wrap?: (database: Database) => Database;
  readonly limits?: DynamodbDeps["limits"];
  readonly throughput?: DynamodbDeps["throughput"];
}

export async function openDynamodb(
  t: TestContext,
  options: DynamodbHarnessOptions = {},
): Promise<DynamodbHarness> {
  const { existingFolder, wrap = (same: Database): Database => same } = options;
  const folder = existingFolder ?? (await mkdtemp(join(tmpdir(), "lambent-dynamodb-")));
  const clock = options.clock ?? systemClock();
  const random = systemRandom();
  const log = silentLogger;
  const wakeup = createWakeup(clock);
  let database: Database | undefined;
  const dynamodb = createDynamodb({
    clock,
    random,
    log,
    wakeup,
    async openDatabase() {
      const path = join(folder, "dynamodb.db");
      database =
        (await options.openDatabase?.()) ??
        (await openDatabase({ path, synchronous: "normal", migrations, log, clock }));
      return wrap(database);
    },
    hasData: () => existingFolder !== undefined,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.throughput === undefined ? {} : { throughput: options.throughput }),
  });
  await dynamodb.start();
  const callService = createCall({
    services: [dynamodb.service, createDynamodbStreams({ source: dynamodb.streams, clock })],
    clock,
    random,
    log,
  });
  let closed = false;
  async function close(): Promise<void> {
    if (closed) return;
    closed = true;
    await dynamodb.close();
  }
  t.after(async () => {
    await close();
    if (existingFolder === undefined) await rm(folder, { recursive: true, force: true });
  });

  const call: DynamodbHarness["call"] = (operation, input = {}, options = {}) =>
    callService(serviceOf(operation), operation, input, options);

  async function active(name: string): Promise<Output> {
    for (;;) {
      const { Table } = await call("DescribeTable", { TableName: name });
      const isSettled = (Table.GlobalSecondaryIndexes ?? []).every(
        (index: Output) => index.IndexStatus === "ACTIVE",
      );
      if (Table.TableStatus === "ACTIVE" && isSettled) return Table;
      await clock.sleep(5);
    }
  }

  return {
    folder,
    clock,
    dynamodb,
    wakeup,
    call,
    active,
    database() {
      if (database === undefined) throw new Error("no request was made yet");
      return database;
    },
    async table(name, more = {}) {
      await call("CreateTable", { TableName: name, ...PK_SK, ...more });
      return active(name);
    },
    put: (table, item, more = {}) => call("PutItem", { TableName: table, Item: item, ...more }),
    async get(table, key, more = {}) {
      return (await call("GetItem", { TableName: table, Key: key, ...more })).Item;
    },
    async records(table) {
      const { Table } = await call("DescribeTable", { TableName: table });
      const StreamArn = Table.LatestStreamArn as string;
      const { StreamDescription } = await call("DescribeStream", { StreamArn });
      const { ShardIterator } = await call("GetShardIterator", {
        StreamArn,
        ShardId: StreamDescription.Shards[0].ShardId,
        ShardIteratorType: "TRIM_HORIZON",
      });
      return (await call("GetRecords", { ShardIterator })).Records;
    },
    async refusal(operation, input = {}) {
      try {
        await call(operation, input);
      } catch (error) {
        if (error instanceof ServiceError) return `${error.code}: ${error.message}`;
        throw error;
      }
      throw new Error(`${operation} was not refused`);
    },
    async reopen() {
      await close();
      return openDynamodb(t, { ...options, clock, existingFolder: folder });
    },
  };
}

/** `{pk: "a", sk: 1}` as attribute values; other types as they are. */
export function item(plain: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [
      name,
      typeof value === "string" ? { S: value } : typeof value === "number" ? { N: String(value) } : value,
    ]),
  );
}
