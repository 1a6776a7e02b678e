/**
 * The only writer of one SQLite file, in a thread of its own so that fsync never stalls the event loop.
 *
 * 1. Everything that arrived since the last commit becomes one transaction (group commit).
 * 2. Each unit runs in its own savepoint: a unit that misses its expectation is rolled back alone.
 * 3. COMMIT syncs the write-ahead log (synchronous=FULL); only then are the results sent back. A group
 *    in which nobody waits for the disk is not synced; the next that is takes it along.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { parentPort, workerData } from "node:worker_threads";
import type { SqlValue } from "../../ports/database.ts";
import { migrate } from "./migrate.ts";
import {
  isStorageFault,
  sqliteCode,
  type FromWriter,
  type ToWriter,
  type UnitResult,
  type WireUnit,
  type WriterOptions,
} from "./writer-protocol.ts";

const options = workerData as WriterOptions;
const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread");
const send = (message: FromWriter): void => port.postMessage(message);

const STATEMENTS_MAX = 512;
/** A checkpoint moves the log into the file: rarely enough to be cheap, often enough to keep the log small. */
const WAL_PAGES = 4000;

let db: DatabaseSync;
interface Prepared {
  readonly run: StatementSync;
  /** It answers with rows (RETURNING, SELECT); those are counted then, not the changes. */
  readonly hasRows: boolean;
}
const prepared = new Map<string, Prepared>();

function open(): string | undefined {
  const backup = migrate(options);
  db = new DatabaseSync(options.path);
  db.exec("PRAGMA journal_mode = WAL");
  setSynced(options.synchronous === "full");
  db.exec(`PRAGMA wal_autocheckpoint = ${String(WAL_PAGES)}`);
  db.exec("PRAGMA busy_timeout = 5000");
  db.exec("PRAGMA foreign_keys = ON");
  return backup;
}

let isSynced: boolean | undefined;

function setSynced(synced: boolean): void {
  if (isSynced === synced) return;
  db.exec(`PRAGMA synchronous = ${synced ? "FULL" : "NORMAL"}`);
  isSynced = synced;
}

function statement(sql: string): Prepared {
  let found = prepared.get(sql);
  if (found === undefined) {
    const run = db.prepare(sql);
    found = { run, hasRows: run.columns().length > 0 };
    if (prepared.size >= STATEMENTS_MAX) prepared.clear();
    prepared.set(sql, found);
  }
  return found;
}

class Missed extends Error {
  readonly index: number;
  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

type Rows = Record<string, SqlValue>[];

function runUnit(unit: WireUnit): readonly Rows[] {
  return unit.statements.map((each, index) => {
    let rows: Rows = [];
    let changed: number;
    try {
      const ready = statement(each.sql);
      if (ready.hasRows) {
        rows = ready.run.all(...each.params) as Rows;
        changed = rows.length;
      } else {
        changed = Number(ready.run.run(...each.params).changes);
      }
    } catch (error) {
      if (sqliteCode(error) === SQLITE_CONSTRAINT) throw new Missed(index, (error as Error).message);
      throw error;
    }
    if (each.expect !== undefined && changed !== each.expect) {
      throw new Missed(index, `${String(changed)} rows instead of ${String(each.expect)}`);
    }
    return rows;
  });
}

const SQLITE_CONSTRAINT = 19;

function commitGroup(units: readonly WireUnit[]): UnitResult[] {
  const results: UnitResult[] = [];
  try {
    setSynced(options.synchronous === "full" && units.some((unit) => unit.synced));
    db.exec("BEGIN IMMEDIATE");
    for (const unit of units) {
      db.exec("SAVEPOINT unit");
      try {
        results.push({ id: unit.id, rows: runUnit(unit) });
      } catch (error) {
        // A full disk may have rolled the whole transaction back already: then no savepoint is left.
        if (isStorageFault(error)) throw error;
        db.exec("ROLLBACK TO unit");
        results.push(
          error instanceof Missed
            ? { id: unit.id, conflict: { index: error.index, message: error.message } }
            : { id: unit.id, fault: (error as Error).message },
        );
      }
      db.exec("RELEASE unit");
    }
    db.exec("COMMIT");
    return results;
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    const message = (error as Error).message;
    return units.map(({ id }) =>
      isStorageFault(error) ? { id, unavailable: message } : { id, fault: message },
    );
  }
}

let waiting: WireUnit[] = [];
let state: "open" | "closing" | "closed" = "open";

function drain(): void {
  if (waiting.length > 0) {
    const group = waiting;
    waiting = [];
    send({ kind: "results", results: commitGroup(group) });
  }
  // Each message asks for a turn of its own; the first one that meets the end is the last that does anything.
  if (state === "closing") {
    state = "closed";
    prepared.clear();
    try {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch {
      // The log stays and is read at the next start.
    }
    db.close();
    send({ kind: "closed" });
    port?.close();
  }
}

try {
  send({ kind: "opened", backup: open() });
} catch (error) {
  send({ kind: "failed", message: `cannot open ${options.path}: ${(error as Error).message}` });
  port.close();
}

port.on("message", (message: ToWriter) => {
  if (message.kind === "close") state = "closing";
  else if (waiting.length === 0) waiting = [...message.units];
  else waiting.push(...message.units);
  // What else has already arrived joins this commit.
  setImmediate(drain);
});
