/**
 * The rows behind tables, items, index entries, streams. Items and entries are found by bytes that sort
 * as their keys do (value/key.ts); an index entry only points to its item.
 *
 * `store_no` is the number of a table or of an index. Every change of an item expects the version it was
 * decided on, and the version of its table's definition, so that nothing is lost between reading and writing.
 */
import type { Scope } from "../../kernel/scope.ts";
import type { Database, Migration, SqlValue, Statement } from "../../ports/database.ts";
import type { Table } from "./table/model.ts";

export const migrations: readonly Migration[] = [
  {
    id: "dynamodb/0001",
    sql: [
      `CREATE TABLE ddb_tables (
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        table_no BIGINT NOT NULL UNIQUE,
        version BIGINT NOT NULL,
        definition TEXT NOT NULL,
        PRIMARY KEY (account_id, region, name)
      )`,
      `CREATE TABLE ddb_tags (
        table_no BIGINT NOT NULL,
        tag_key TEXT NOT NULL,
        tag_value TEXT NOT NULL,
        PRIMARY KEY (table_no, tag_key)
      )`,
      `CREATE TABLE ddb_counts (
        store_no BIGINT NOT NULL PRIMARY KEY,
        items BIGINT NOT NULL,
        bytes BIGINT NOT NULL
      )`,
      `CREATE TABLE ddb_items (
        store_no BIGINT NOT NULL,
        pk BYTEA NOT NULL,
        sk BYTEA NOT NULL,
        version BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        expires_at BIGINT,
        item TEXT NOT NULL,
        PRIMARY KEY (store_no, pk, sk)
      )`,
      "CREATE INDEX ddb_items_expiry ON ddb_items (store_no, expires_at) WHERE expires_at IS NOT NULL",
      `CREATE TABLE ddb_entries (
        store_no BIGINT NOT NULL,
        pk BYTEA NOT NULL,
        sk BYTEA NOT NULL,
        item_pk BYTEA NOT NULL,
        item_sk BYTEA NOT NULL,
        PRIMARY KEY (store_no, pk, sk, item_pk, item_sk)
      )`,
      `CREATE TABLE ddb_streams (
        stream_no BIGINT NOT NULL PRIMARY KEY,
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        table_name TEXT NOT NULL,
        label TEXT NOT NULL,
        view_type TEXT NOT NULL,
        key_schema TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        closed_at BIGINT,
        shard_id TEXT NOT NULL,
        first_seq BIGINT NOT NULL,
        last_seq BIGINT NOT NULL,
        UNIQUE (account_id, region, table_name, label)
      )`,
      `CREATE TABLE ddb_records (
        stream_no BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        record TEXT NOT NULL,
        PRIMARY KEY (stream_no, seq)
      )`,
      "CREATE INDEX ddb_records_age ON ddb_records (created_at)",
      `CREATE TABLE ddb_requests (
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        token TEXT NOT NULL,
        digest TEXT NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (account_id, region, token)
      )`,
      "CREATE INDEX ddb_requests_age ON ddb_requests (expires_at)",
      "CREATE TABLE ddb_garbage (store_no BIGINT NOT NULL PRIMARY KEY)",
    ],
  },
  {
    id: "dynamodb/0002",
    sql: [
      // Items of one partition key, for tables with local indexes; the indexes' entries count too.
      `CREATE TABLE ddb_collections (
      store_no BIGINT NOT NULL,
      pk BYTEA NOT NULL,
      bytes BIGINT NOT NULL,
      PRIMARY KEY (store_no, pk)
    )`,
      // What was written before is counted without its entries.
      `INSERT INTO ddb_collections (store_no, pk, bytes)
      SELECT i.store_no, i.pk, SUM(i.bytes) FROM ddb_items i JOIN ddb_tables t ON t.table_no = i.store_no
      WHERE t.definition LIKE '%"kind":"local"%' GROUP BY i.store_no, i.pk`,
    ],
  },
];

export interface ItemKey {
  readonly pk: Uint8Array;
  readonly sk: Uint8Array;
}

export interface ItemState {
  readonly version: number;
  readonly bytes: number;
}

export interface StoredItem extends ItemState {
  /** JSON, see value/storage.ts. */
  readonly text: string;
}

export interface Counts {
  readonly items: number;
  readonly bytes: number;
}

/** One text for a place among all items. */
export function keyText(storeNo: number, { pk, sk }: ItemKey): string {
  return `${String(storeNo)}/${Buffer.from(pk).toString("latin1")}/${Buffer.from(sk).toString("latin1")}`;
}

interface TableRow {
  readonly version: number;
  readonly definition: string;
}

export interface Store {
  readonly database: Database;
  table(scope: Scope, name: string): Promise<Table | undefined>;
  /** Names after `after`, in order. */
  tableNames(scope: Scope, after: string, limit: number): Promise<string[]>;
  countTables(scope: Scope): Promise<number>;
  everyTable(): Promise<Table[]>;
  /** Those with a TimeToLive; asked every second, so it must be cheap. */
  tablesWithExpiry(): Promise<Table[]>;
  item(table: Table, key: ItemKey): Promise<StoredItem | undefined>;
  /** All of one moment; in the order asked. */
  items(
    keys: readonly { readonly table: Table; readonly key: ItemKey }[],
  ): Promise<(StoredItem | undefined)[]>;
  counts(storeNo: number): Promise<Counts>;
  /** Bytes of the items of one partition key; of tables with local indexes only. */
  collectionBytes(table: Table, pk: Uint8Array): Promise<number>;
  tags(table: Table): Promise<{ key: string; value: string }[]>;
}

const DEFINITIONS_MAX = 1000;

/** `seen` is told of each definition that is read. */
export function createStore(database: Database, seen: (table: Table) => void = () => undefined): Store {
  // Parsed definitions by table number. The row is read each time, so another process's change is seen.
  const parsed = new Map<string, Table>();

  function tableOf(scopeKey: string, row: TableRow): Table {
    const cached = parsed.get(scopeKey);
    if (cached !== undefined && cached.version === row.version) return cached;
    const table = JSON.parse(row.definition) as Table;
    seen(table);
    if (parsed.size >= DEFINITIONS_MAX) parsed.clear();
    parsed.set(scopeKey, table);
    return table;
  }

  return {
    database,
    async table(scope, name) {
      const [row] = await database.read<TableRow>(
        "SELECT version, definition FROM ddb_tables WHERE account_id = ? AND region = ? AND name = ?",
        [scope.accountId, scope.region, name],
      );
      return row === undefined ? undefined : tableOf(`${scope.accountId}/${scope.region}/${name}`, row);
    },
    async tableNames(scope, after, limit) {
      const rows = await database.read<{ name: string }>(
        "SELECT name FROM ddb_tables WHERE account_id = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
        [scope.accountId, scope.region, after, limit],
      );
      return rows.map(({ name }) => name);
    },
    async countTables(scope) {
      const [row] = await database.read<{ tables: number }>(
        "SELECT COUNT(*) AS tables FROM ddb_tables WHERE account_id = ? AND region = ?",
        [scope.accountId, scope.region],
      );
      return Number(row?.tables);
    },
    async everyTable() {
      const rows = await database.read<TableRow>("SELECT version, definition FROM ddb_tables");
      const tables = rows.map(({ definition }) => JSON.parse(definition) as Table);
      for (const table of tables) seen(table);
      return tables;
    },
    async tablesWithExpiry() {
      const rows = await database.read<TableRow>(
        `SELECT version, definition FROM ddb_tables WHERE definition LIKE '%"timeToLive":%'`,
      );
      return rows.map(({ definition }) => JSON.parse(definition) as Table);
    },
    async item(table, { pk, sk }) {
      const [row] = await database.read<{ version: number; bytes: number; item: string }>(
        "SELECT version, bytes, item FROM ddb_items WHERE store_no = ? AND pk = ? AND sk = ?",
        [table.no, pk, sk],
      );
      return row === undefined ? undefined : { version: row.version, bytes: row.bytes, text: row.item };
    },
    async items(keys) {
      if (keys.length === 0) return [];
      const rows = await database.read<
        ItemKey & { store_no: number; version: number; bytes: number; item: string }
      >(
        `SELECT store_no, pk, sk, version, bytes, item FROM ddb_items
          WHERE ${keys.map(() => "(store_no = ? AND pk = ? AND sk = ?)").join(" OR ")}`,
        keys.flatMap(({ table, key }) => [table.no, key.pk, key.sk]),
      );
      const found = new Map(rows.map((row) => [keyText(row.store_no, row), row]));
      return keys.map(({ table, key }) => {
        const row = found.get(keyText(table.no, key));
        return row === undefined ? undefined : { version: row.version, bytes: row.bytes, text: row.item };
      });
    },
    async counts(storeNo) {
      const [row] = await database.read<{ items: number; bytes: number }>(
        "SELECT items, bytes FROM ddb_counts WHERE store_no = ?",
        [storeNo],
      );
      return row ?? { items: 0, bytes: 0 };
    },
    async collectionBytes(table, pk) {
      const [row] = await database.read<{ bytes: number }>(
        "SELECT bytes FROM ddb_collections WHERE store_no = ? AND pk = ?",
        [table.no, pk],
      );
      return row?.bytes ?? 0;
    },
    async tags(table) {
      const rows = await database.read<{ tag_key: string; tag_value: string }>(
        "SELECT tag_key, tag_value FROM ddb_tags WHERE table_no = ? ORDER BY tag_key",
        [table.no],
      );
      return rows.map(({ tag_key, tag_value }) => ({ key: tag_key, value: tag_value }));
    },
  };
}

// ---- statements; those with `expect` roll the unit back when somebody else was faster

export function insertTable(table: Table): Statement[] {
  const { accountId, region } = table.scope;
  return [
    {
      sql: "INSERT INTO ddb_tables (account_id, region, name, table_no, version, definition) VALUES (?, ?, ?, ?, ?, ?)",
      params: [accountId, region, table.name, table.no, table.version, JSON.stringify(table)],
      expect: 1,
    },
    ...[table.no, ...table.indexes.map(({ no }) => no)].map(insertCounts),
  ];
}

export function insertCounts(storeNo: number): Statement {
  return { sql: "INSERT INTO ddb_counts (store_no, items, bytes) VALUES (?, 0, 0)", params: [storeNo] };
}

/** `table` is the definition that was read; `changes` what is new of it. */
export function changedTable(table: Table, changes: Partial<Table>): Table {
  return { ...table, ...changes, version: table.version + 1 };
}

export function replaceTable(before: Table, after: Table): Statement {
  return {
    sql: "UPDATE ddb_tables SET version = ?, definition = ? WHERE table_no = ? AND version = ?",
    params: [after.version, JSON.stringify(after), before.no, before.version],
    expect: 1,
  };
}

/** Rows of items and entries go later, by bounded steps. */
export function deleteTable(table: Table): Statement[] {
  return [
    {
      sql: "DELETE FROM ddb_tables WHERE table_no = ? AND version = ?",
      params: [table.no, table.version],
      expect: 1,
    },
    { sql: "DELETE FROM ddb_tags WHERE table_no = ?", params: [table.no] },
    ...[table.no, ...table.indexes.map(({ no }) => no)].map(insertGarbage),
  ];
}

export function insertGarbage(storeNo: number): Statement {
  return {
    sql: "INSERT INTO ddb_garbage (store_no) VALUES (?) ON CONFLICT (store_no) DO NOTHING",
    params: [storeNo],
  };
}

/** The definition the writer decided on still holds. */
export function expectDefinition(table: Table): Statement {
  return {
    sql: "SELECT table_no FROM ddb_tables WHERE table_no = ? AND version = ?",
    params: [table.no, table.version],
    expect: 1,
  };
}

export interface ItemRow extends StoredItem {
  /** Epoch seconds. */
  readonly expiresAt: number | null;
}

export function insertItem(table: Table, { pk, sk }: ItemKey, row: ItemRow): Statement {
  return {
    sql: "INSERT INTO ddb_items (store_no, pk, sk, version, bytes, expires_at, item) VALUES (?, ?, ?, ?, ?, ?, ?)",
    params: [table.no, pk, sk, row.version, row.bytes, row.expiresAt, row.text],
    expect: 1,
  };
}

export function replaceItem(table: Table, { pk, sk }: ItemKey, old: ItemState, row: ItemRow): Statement {
  return {
    sql: `UPDATE ddb_items SET version = ?, bytes = ?, expires_at = ?, item = ?
      WHERE store_no = ? AND pk = ? AND sk = ? AND version = ?`,
    params: [row.version, row.bytes, row.expiresAt, row.text, table.no, pk, sk, old.version],
    expect: 1,
  };
}

export function deleteItem(table: Table, { pk, sk }: ItemKey, old: ItemState): Statement {
  return {
    sql: "DELETE FROM ddb_items WHERE store_no = ? AND pk = ? AND sk = ? AND version = ?",
    params: [table.no, pk, sk, old.version],
    expect: 1,
  };
}

/** Still as it was read; `undefined`: still absent. */
export function expectItem(table: Table, { pk, sk }: ItemKey, old: ItemState | undefined): Statement {
  const where = "SELECT version FROM ddb_items WHERE store_no = ? AND pk = ? AND sk = ?";
  const params: SqlValue[] = [table.no, pk, sk];
  return old === undefined
    ? { sql: where, params, expect: 0 }
    : { sql: `${where} AND version = ?`, params: [...params, old.version], expect: 1 };
}

export function insertEntry(indexNo: number, entry: ItemKey, key: ItemKey): Statement {
  return {
    sql: `INSERT INTO ddb_entries (store_no, pk, sk, item_pk, item_sk) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (store_no, pk, sk, item_pk, item_sk) DO NOTHING`,
    params: [indexNo, entry.pk, entry.sk, key.pk, key.sk],
  };
}

export function deleteEntry(indexNo: number, entry: ItemKey, key: ItemKey): Statement {
  return {
    sql: "DELETE FROM ddb_entries WHERE store_no = ? AND pk = ? AND sk = ? AND item_pk = ? AND item_sk = ?",
    params: [indexNo, entry.pk, entry.sk, key.pk, key.sk],
  };
}

export function addCounts(storeNo: number, items: number, bytes: number): Statement[] {
  if (items === 0 && bytes === 0) return [];
  return [
    {
      sql: "UPDATE ddb_counts SET items = items + ?, bytes = bytes + ? WHERE store_no = ?",
      params: [items, bytes, storeNo],
    },
  ];
}

export function addToCollection(table: Table, pk: Uint8Array, bytes: number): Statement[] {
  if (bytes === 0) return [];
  return [
    {
      sql: `INSERT INTO ddb_collections (store_no, pk, bytes) VALUES (?, ?, ?)
        ON CONFLICT (store_no, pk) DO UPDATE SET bytes = ddb_collections.bytes + excluded.bytes`,
      params: [table.no, pk, bytes],
    },
  ];
}
