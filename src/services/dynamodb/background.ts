/**
 * What happens to tables without a request: settling definitions, filling new indexes, deleting expired
 * items, trimming streams, purging what was dropped. Each piece of work is a bounded number of rows; the
 * next one is taken in a later turn.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { LIMITS } from "../../kernel/limits.ts";
import type { Statement } from "../../ports/database.ts";
import type { World } from "./deps.ts";
import { expiryOf, projected } from "./item/change.ts";
import type { Writer } from "./item/write.ts";
import { TIME_TO_LIVE } from "./stream/record.ts";
import { addCounts, insertEntry, insertGarbage, type Store } from "./store.ts";
import { entryOf } from "./table/keys.ts";
import type { Index, Table } from "./table/model.ts";
import type { Settle, TableChange } from "./table/tables.ts";
import { itemSize } from "./value/size.ts";
import { itemFromText } from "./value/storage.ts";

const ROWS = 200;
const SWEEP_MS = 60_000;
/** AWS's promise is "within a few days"; nobody waits that long on a laptop. */
const EXPIRY_SWEEP_MS = 1000;
/** Items that expired longer ago than this are kept: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html */
const EXPIRED_SECONDS_MAX = 5 * 365 * 86_400;
const STREAM_RETENTION_MS = LIMITS.dynamodbStreamHours * 3_600_000;

interface Row {
  readonly pk: Uint8Array;
  readonly sk: Uint8Array;
  readonly version: number;
  readonly item: string;
}

export interface Background {
  start(): void;
  /** One round of everything; runs by itself too. Resolves with what it deleted. */
  sweep(): Promise<{ readonly expired: number; readonly trimmed: number }>;
  stop(): Promise<void>;
}

/** `tables` gives the definitions with a TimeToLive. */
export function createBackground(world: World, store: Store, writer: Writer): Background {
  const { clock, log } = world;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  async function loop(): Promise<void> {
    let dueMs = 0;
    while (!stopping.signal.aborted) {
      try {
        await expireAll();
        if (clock.now() >= dueMs) {
          await trim();
          await purge();
          dueMs = clock.now() + SWEEP_MS;
        }
      } catch (error) {
        if (!stopping.signal.aborted) log.error({ error }, "a sweep of DynamoDB failed; it is tried again");
      }
      await clock.sleep(EXPIRY_SWEEP_MS, stopping.signal).catch(() => undefined);
    }
  }

  async function expireAll(): Promise<number> {
    let expired = 0;
    for (const table of await store.tablesWithExpiry()) {
      if (table.timeToLive?.status !== "ENABLED" || table.status === "DELETING") continue;
      expired += await expireTable(table);
    }
    return expired;
  }

  async function expireTable(table: Table): Promise<number> {
    const nowSeconds = Math.floor(clock.now() / 1000);
    let expired = 0;
    for (;;) {
      if (stopping.signal.aborted) return expired;
      const rows = await store.database.read<{ pk: Uint8Array; sk: Uint8Array }>(
        `SELECT pk, sk FROM ddb_items WHERE store_no = ? AND expires_at IS NOT NULL
          AND expires_at < ? AND expires_at > ? ORDER BY expires_at LIMIT ?`,
        [table.no, nowSeconds, nowSeconds - EXPIRED_SECONDS_MAX, ROWS],
      );
      await Promise.all(rows.map((key) => expireItem(table, key, nowSeconds)));
      expired += rows.length;
      if (rows.length < ROWS) return expired;
    }
  }

  /** Decided on the item as it is now: it may just have been given a later time. */
  async function expireItem(
    table: Table,
    key: { pk: Uint8Array; sk: Uint8Array },
    nowSeconds: number,
  ): Promise<void> {
    await writer.one(
      {
        table: async () => (await store.table(table.scope, table.name)) ?? table,
        key: () => key,
        decide: (old, current) => {
          const at = old === undefined ? null : expiryOf(current, old);
          return at !== null && at < nowSeconds ? undefined : old;
        },
      },
      { userIdentity: TIME_TO_LIVE },
    );
  }

  async function trim(): Promise<number> {
    const before = clock.now() - STREAM_RETENTION_MS;
    let trimmed = 0;
    for (;;) {
      const [rows] = await store.database.commit([
        {
          sql: `DELETE FROM ddb_records WHERE (stream_no, seq) IN
            (SELECT stream_no, seq FROM ddb_records WHERE created_at < ? ORDER BY created_at LIMIT ?) RETURNING seq`,
          params: [before, ROWS],
        },
      ]);
      trimmed += rows?.length ?? 0;
      if ((rows?.length ?? 0) < ROWS || stopping.signal.aborted) break;
    }
    await store.database.commit([
      { sql: "DELETE FROM ddb_streams WHERE closed_at IS NOT NULL AND closed_at < ?", params: [before] },
      { sql: "DELETE FROM ddb_requests WHERE expires_at < ?", params: [clock.now()] },
    ]);
    return trimmed;
  }

  async function purge(): Promise<void> {
    const garbage = await store.database.read<{ store_no: number }>("SELECT store_no FROM ddb_garbage");
    for (const { store_no: no } of garbage) {
      while (!stopping.signal.aborted && (await purgeSome(no)) > 0);
      if (stopping.signal.aborted) return;
      await store.database.commit([
        { sql: "DELETE FROM ddb_counts WHERE store_no = ?", params: [no] },
        { sql: "DELETE FROM ddb_garbage WHERE store_no = ?", params: [no] },
      ]);
    }
  }

  async function purgeSome(no: number): Promise<number> {
    const [items, entries, collections] = await store.database.commit([
      {
        sql: `DELETE FROM ddb_items WHERE (store_no, pk, sk) IN
          (SELECT store_no, pk, sk FROM ddb_items WHERE store_no = ? LIMIT ?) RETURNING store_no`,
        params: [no, ROWS],
      },
      {
        sql: `DELETE FROM ddb_entries WHERE (store_no, pk, sk, item_pk, item_sk) IN
          (SELECT store_no, pk, sk, item_pk, item_sk FROM ddb_entries WHERE store_no = ? LIMIT ?) RETURNING store_no`,
        params: [no, ROWS],
      },
      {
        sql: `DELETE FROM ddb_collections WHERE (store_no, pk) IN
          (SELECT store_no, pk FROM ddb_collections WHERE store_no = ? LIMIT ?) RETURNING store_no`,
        params: [no, ROWS],
      },
    ]);
    return (items?.length ?? 0) + (entries?.length ?? 0) + (collections?.length ?? 0);
  }

  return {
    start() {
      running ??= loop();
    },
    async sweep() {
      const expired = await expireAll();
      const trimmed = await trim();
      await purge();
      return { expired, trimmed };
    },
    async stop() {
      stopping.abort(new Error("the service is closing"));
      await running;
    },
  };
}

/**
 * What a definition under way becomes. The long parts are done before it is answered: filling an index
 * from the items there are, computing when items expire.
 */
export function createSettle(world: World, store: Store): Settle {
  return async (table) => {
    if (table.status === "DELETING") return "delete";
    const filled = new Map<number, { items: number; bytes: number }>();
    for (const index of table.indexes) {
      if (index.backfilling === true && index.status === "CREATING")
        filled.set(index.no, await fill(store, table, index));
    }
    if (table.timeToLive?.status === "ENABLING") await setExpiry(store, table);
    return settled(table, filled, world.clock.now());
  };
}

function settled(
  table: Table,
  filled: ReadonlyMap<number, { items: number; bytes: number }>,
  nowMs: number,
): TableChange | undefined {
  const changes: { -readonly [K in keyof Table]?: Table[K] } = {};
  const rows: Statement[] = [];
  if (table.status !== "ACTIVE") changes.status = "ACTIVE";
  if (table.billing === "PAY_PER_REQUEST" && table.payPerRequestAt === undefined)
    changes.payPerRequestAt = nowMs;
  if (table.indexes.some(({ status }) => status !== "ACTIVE")) {
    changes.indexes = table.indexes
      .filter(({ status }) => status !== "DELETING")
      .map(({ backfilling: _done, ...index }) => ({ ...index, status: "ACTIVE" }));
    for (const index of table.indexes) if (index.status === "DELETING") rows.push(insertGarbage(index.no));
    for (const [no, { items, bytes }] of filled) rows.push(...addCounts(no, items, bytes));
  }
  if (table.timeToLive?.status === "ENABLING")
    changes.timeToLive = { ...table.timeToLive, status: "ENABLED" };
  if (table.encryption?.status === "UPDATING") (changes as Record<string, unknown>)["encryption"] = undefined;
  if (table.timeToLive?.status === "DISABLING")
    (changes as Record<string, unknown>)["timeToLive"] = undefined;
  return Object.keys(changes).length === 0 ? undefined : { changes, rows };
}

/** Pages through all items of a table in the order of their keys. */
async function eachPage(
  store: Store,
  table: Table,
  work: (rows: readonly Row[]) => Promise<void>,
): Promise<void> {
  let pk: Uint8Array = new Uint8Array(0);
  let sk: Uint8Array = new Uint8Array(0);
  for (;;) {
    const rows = await store.database.read<Row>(
      `SELECT pk, sk, version, item FROM ddb_items
        WHERE store_no = ? AND (pk, sk) > (?, ?) ORDER BY pk, sk LIMIT ?`,
      [table.no, pk, sk, ROWS],
    );
    if (rows.length > 0) await work(rows);
    await nextTurn();
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS) return;
    pk = last.pk;
    sk = last.sk;
  }
}

/**
 * Entries for the items there are. Writers already keep entries of their own; an item that changes
 * between reading and committing is skipped here, because its writer has done the work.
 */
async function fill(store: Store, table: Table, index: Index): Promise<{ items: number; bytes: number }> {
  await eachPage(store, table, async (rows) => {
    const statements = rows.flatMap((row): Statement[] => {
      const entry = entryOf(index.keys, itemFromText(row.item));
      if (entry === undefined) return [];
      const { sql } = insertEntry(index.no, entry, row);
      return [
        {
          sql: sql.replace(
            "VALUES (?, ?, ?, ?, ?)",
            `SELECT ?, ?, ?, pk, sk FROM ddb_items
              WHERE store_no = ? AND pk = ? AND sk = ? AND version = ?`,
          ),
          params: [index.no, entry.pk, entry.sk, table.no, row.pk, row.sk, row.version],
        },
      ];
    });
    if (statements.length > 0) await store.database.commit(statements);
  });
  let items = 0;
  let bytes = 0;
  await eachPage(store, table, (rows) => {
    for (const row of rows) {
      const shown = projected(table, index, itemFromText(row.item));
      if (shown === undefined) continue;
      items += 1;
      bytes += itemSize(shown);
    }
    return Promise.resolve();
  });
  return { items, bytes };
}

async function setExpiry(store: Store, table: Table): Promise<void> {
  await eachPage(store, table, async (rows) => {
    await store.database.commit(
      rows.map((row) => ({
        sql: "UPDATE ddb_items SET expires_at = ? WHERE store_no = ? AND pk = ? AND sk = ? AND version = ?",
        params: [expiryOf(table, itemFromText(row.item)), table.no, row.pk, row.sk, row.version],
      })),
    );
  });
}
