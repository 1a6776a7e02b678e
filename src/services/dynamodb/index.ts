/** Amazon DynamoDB. Its state is a file of its own, opened at the first use. */
import { defineService, type Service } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Database } from "../../ports/database.ts";
import type { TableStreams } from "../../ports/table-streams.ts";
import type { Wakeup } from "../../ports/wakeup.ts";
import { createAccess } from "./access.ts";
import { createBackground, createSettle } from "./background.ts";
import type { Engine, Limits, World } from "./deps.ts";
import { createWriter } from "./item/write.ts";
import { itemOperations } from "./operations-items.ts";
import { batchOperations } from "./operations-batch.ts";
import { readOperations } from "./operations-reads.ts";
import { settingOperations } from "./operations-settings.ts";
import { tableOperations } from "./operations-tables.ts";
import { transactionOperations } from "./operations-transactions.ts";
import { createHashNames } from "./table/hash-names.ts";
import { createStore } from "./store.ts";
import { createStreamReader } from "./stream/streams.ts";
import { createMeter, type ThroughputMode } from "./meter.ts";
import { createTables } from "./table/tables.ts";

export { migrations } from "./store.ts";

export interface DynamodbDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly wakeup: Wakeup;
  readonly openDatabase: () => Promise<Database>;
  /** Whether the file is there: then `start` opens it, so that items expire and streams are trimmed. */
  readonly hasData: () => boolean;
  /** What becomes of requests beyond a table's provisioned throughput; `warn` without it. */
  readonly throughput?: ThroughputMode;
  /** Lower than AWS's, for tests. */
  readonly limits?: Partial<Limits>;
}

const QUOTAS: Limits = {
  tables: LIMITS.dynamodbTables,
  tablesUnderWay: LIMITS.dynamodbTablesUnderWay,
  collectionBytes: LIMITS.dynamodbCollectionBytes,
};

export interface Dynamodb {
  readonly service: Service;
  /** For the service that reads streams. */
  readonly streams: TableStreams;
  start(): Promise<void>;
  /** Tables of all accounts and regions. Opens nothing where there is nothing. */
  counts(): Promise<{ readonly tables: number }>;
  /** Deletes what has expired and trims what is a day old, now. */
  sweep(): Promise<{ readonly expired: number; readonly trimmed: number }>;
  close(): Promise<void>;
}

export function createDynamodb(deps: DynamodbDeps): Dynamodb {
  const { clock, random, log, wakeup } = deps;
  const limits = { ...QUOTAS, ...deps.limits };
  const meter = createMeter(deps, deps.throughput ?? "warn");
  const world: World = { clock, random, log, wakeup, limits, meter };
  let opening: Promise<Engine> | undefined;
  const hashNames = createHashNames();

  const use = (): Promise<Engine> => {
    opening ??= open().catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };

  async function open(): Promise<Engine> {
    const store = createStore(await deps.openDatabase(), hashNames.note);
    const writer = createWriter(world, store);
    const tables = createTables(world, store, createSettle(world, store));
    const background = createBackground(world, store, writer);
    await tables.resume();
    background.start();
    return { ...world, store, tables, writer, background };
  }

  async function tagsOf(scope: Scope, name: string): Promise<Readonly<Record<string, string>>> {
    const { store } = await use();
    const table = await store.table(scope, name);
    const tags = table === undefined ? [] : await store.tags(table);
    return Object.fromEntries(tags.map(({ key, value }) => [key, value]));
  }

  const service = defineService<typeof import("@aws-sdk/client-dynamodb")>("dynamodb", {
    ...tableOperations(use),
    ...itemOperations(use),
    ...readOperations(use),
    ...batchOperations(use),
    ...transactionOperations(use),
    ...settingOperations(use),
  });
  return {
    service: { ...service, access: createAccess({ hashNames: hashNames.of, tagsOf }) },
    streams: createStreamReader(async () => (await use()).store),
    async start() {
      if (deps.hasData()) await use();
    },
    async counts() {
      if (opening === undefined && !deps.hasData()) return { tables: 0 };
      const { database } = (await use()).store;
      const [row] = await database.read("SELECT COUNT(*) AS tables FROM ddb_tables");
      return { tables: Number(row?.["tables"]) };
    },
    sweep: async () => (await use()).background.sweep(),
    async close() {
      if (opening === undefined) return;
      const engine = await opening;
      await engine.background.stop();
      await engine.tables.close();
      await engine.store.database.close();
    },
  };
}
