/** The Database port on PostgreSQL. `postgres` is loaded only when this is used. */
import type { Sql, TransactionSql } from "postgres";
import {
  Conflict,
  StorageUnavailable,
  type Database,
  type Migration,
  type Row,
  type SqlValue,
  type Statement,
} from "../../ports/database.ts";

export interface PostgresOptions {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly username: string;
  readonly password?: string;
  readonly migrations: readonly Migration[];
  /** Epoch ms, noted beside the migrations that run now. */
  readonly now: number;
}

/** Two servers may start at once; the second waits for the first one's migrations. */
const MIGRATION_LOCK = 4_566_001;

/**
 * Connects and brings the schema up to date.
 * Errors: Error naming the unknown migrations when the database was written by a newer version.
 */
export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const { default: postgres } = await import("postgres");
  const { host, port, database, username, password } = options;
  const sql = postgres({
    host,
    port,
    database,
    username,
    ...(password === undefined ? {} : { password }),
    // One connection keeps the units of this process in the order of their calls.
    max: 1,
    onnotice: () => undefined,
    types: {
      int8: { to: 20, from: [20], serialize: (value: unknown) => String(value), parse: toNumber },
    },
  });
  try {
    await migrate(sql, options);
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
  return {
    dialect: "postgres",
    async read<R extends object = Row>(text: string, params: readonly SqlValue[] = []): Promise<R[]> {
      try {
        return plain(await sql.unsafe(numbered(text), wire(params), { prepare: true })) as R[];
      } catch (error) {
        throw translate(error, 0);
      }
    },
    async commit(unit, options) {
      let at = 0;
      try {
        return await sql.begin(async (transaction) => {
          const rows: Row[][] = [];
          if (options?.synced === false) await transaction.unsafe("SET LOCAL synchronous_commit = off");
          for (const [index, statement] of unit.entries()) {
            at = index;
            rows.push(await run(transaction as unknown as TransactionSql, statement, index));
          }
          return rows;
        });
      } catch (error) {
        throw translate(error, at);
      }
    },
    close: () => sql.end({ timeout: 5 }),
  };
}

async function run(transaction: TransactionSql, statement: Statement, index: number): Promise<Row[]> {
  const result = await transaction.unsafe(numbered(statement.sql), wire(statement.params), { prepare: true });
  const changed = result.count;
  if (statement.expect !== undefined && changed !== statement.expect) {
    throw new Conflict(index, `${String(changed)} rows instead of ${String(statement.expect)}`);
  }
  return plain(result);
}

/** `?` outside of quotes becomes `$1`, `$2`, … */
export function numbered(sql: string): string {
  let count = 0;
  return sql.replaceAll(/'(?:[^']|'')*'|"[^"]*"|\?/g, (part) =>
    part === "?" ? `$${String((count += 1))}` : part,
  );
}

type Parameter = string | number | null | Uint8Array;

function wire(params: readonly SqlValue[]): Parameter[] {
  return params.map((value) => (typeof value === "bigint" ? value.toString() : value));
}

function toNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new Error(`${text} is beyond what a number holds exactly`);
  return value;
}

/** Rows as the embedded engine gives them: plain objects, bytes as Uint8Array. */
function plain(rows: Iterable<Record<string, unknown>>): Row[] {
  return Array.from(rows, (row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        value instanceof Uint8Array ? new Uint8Array(value) : (value as SqlValue),
      ]),
    ),
  );
}

function translate(error: unknown, index: number): Error {
  if (error instanceof Conflict) return error;
  const { code = "", message } = error as Error & { code?: string };
  // 23…: integrity; 40001, 40P01: lost against another transaction.
  if (code.startsWith("23") || code === "40001" || code === "40P01") return new Conflict(index, message);
  // 53…: out of disk, memory or connections; 57P…: shutting down; 25006: read only; 58030: I/O.
  if (
    /^(53|57P|08)/.test(code) ||
    ["25006", "58030"].includes(code) ||
    /^(CONNECTION_|ECONN|ENOENT)/.test(code)
  ) {
    return new StorageUnavailable(message, { cause: error });
  }
  return error as Error;
}

async function migrate(sql: Sql, { migrations, now }: PostgresOptions): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction.unsafe(`SELECT pg_advisory_xact_lock(${String(MIGRATION_LOCK)})`);
    await transaction.unsafe(
      "CREATE TABLE IF NOT EXISTS schema_migration (id TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)",
    );
    const rows = await transaction.unsafe("SELECT id FROM schema_migration");
    const applied = new Set(rows.map((row) => String(row["id"])));
    const known = new Set(migrations.map(({ id }) => id));
    const foreign = [...applied].filter((id) => !known.has(id));
    if (foreign.length > 0) {
      throw new Error(
        `the database was written by a newer Lambent (it has the changes ${foreign.join(", ")}, which this ` +
          "version does not know). Use the newer version, or another database",
      );
    }
    for (const { id, sql: steps } of migrations) {
      if (applied.has(id)) continue;
      for (const step of steps) await transaction.unsafe(step);
      await transaction.unsafe("INSERT INTO schema_migration (id, applied_at) VALUES ($1, $2)", [
        id,
        String(now),
      ]);
    }
  });
}
