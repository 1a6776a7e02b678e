import { closeSync, copyFileSync, openSync, renameSync, statSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Migration } from "../../ports/database.ts";
import type { WriterOptions } from "./writer-protocol.ts";

/** Which migrations are still to run; throws when the file knows one that this version does not. */
export function pendingMigrations(
  known: readonly Migration[],
  applied: ReadonlySet<string>,
): readonly Migration[] {
  const ids = new Set(known.map(({ id }) => id));
  const foreign = [...applied].filter((id) => !ids.has(id));
  if (foreign.length > 0) {
    throw new Error(
      `it was written by a newer Lambent (it has the changes ${foreign.join(", ")}, which this version does not know). ` +
        "Use the newer version, or another --data-dir",
    );
  }
  return known.filter(({ id }) => !applied.has(id));
}

/**
 * 1. Read which migrations the file has. 2. Refuse a newer one. 3. Copy the file beside itself when it holds
 * data and something is to run. 4. Run each in its own transaction, together with the row that says so.
 * Runs in the writer's thread. Returns the copy's path when one was made.
 */
export function migrate({ path, synchronous, migrations, now }: WriterOptions): string | undefined {
  // Nobody else reads the file, whatever the umask is; SQLite gives its log the same mode.
  closeSync(openSync(path, "a", 0o600));
  const existed = statSync(path).size > 0;
  const db = new DatabaseSync(path);
  try {
    db.exec("PRAGMA journal_mode = WAL");
    db.exec(`PRAGMA synchronous = ${synchronous === "full" ? "FULL" : "NORMAL"}`);
    db.exec("CREATE TABLE IF NOT EXISTS schema_migration (id TEXT PRIMARY KEY, applied_at INTEGER NOT NULL)");
    const rows = db.prepare("SELECT id FROM schema_migration").all() as { id: string }[];
    const applied = new Set(rows.map(({ id }) => id));
    const pending = pendingMigrations(migrations, applied);
    if (pending.length === 0) return undefined;
    let backup: string | undefined;
    if (existed && applied.size > 0) {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      backup = `${path}.before-${(pending[0]?.id ?? "").replaceAll("/", "-")}`;
      copyFileSync(path, `${backup}.partial`);
      renameSync(`${backup}.partial`, backup);
    }
    for (const migration of pending) {
      db.exec("BEGIN IMMEDIATE");
      for (const sql of migration.sql) db.exec(sql);
      db.prepare("INSERT INTO schema_migration (id, applied_at) VALUES (?, ?)").run(migration.id, now);
      db.exec("COMMIT");
    }
    return backup;
  } finally {
    db.close();
  }
}
