/** SQLite as the system of record: reads on this thread, one writer thread with group commit. */
import { existsSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import {
  Conflict,
  StorageUnavailable,
  type CommitOptions,
  type Database,
  type Migration,
  type Row,
  type SqlValue,
  type Statement,
} from "../../ports/database.ts";
import {
  isStorageFault,
  type FromWriter,
  type ToWriter,
  type UnitResult,
  type WireStatement,
  type WireUnit,
  type WriterOptions,
} from "./writer-protocol.ts";

export interface DatabaseOptions {
  readonly path: string;
  /** `full`: a resolved commit survives power loss. `normal`: it survives kill -9. */
  readonly synchronous: "full" | "normal";
  readonly migrations: readonly Migration[];
  readonly log: Logger;
  readonly clock: Clock;
}

const STATEMENTS_MAX = 512;

interface Pending {
  readonly resolve: (rows: readonly (readonly Row[])[]) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Opens or creates the file and brings its schema up to date (with a copy of the file before, when it
 * held data). Errors: a readable Error when the file is of a newer version, damaged or not writable.
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { path, synchronous, migrations } = options;
  const writer = new Worker(new URL(`./writer-thread${moduleExtension()}`, import.meta.url), {
    workerData: { path, synchronous, migrations, now: options.clock.now() } satisfies WriterOptions,
  });
  const backup = await opened(writer);
  if (backup !== undefined)
    options.log.info({ path, backup }, "copied the database before changing its schema");
  return new EmbeddedDatabase(options.path, writer, options.log);
}

/** `.ts` in a checkout, `.js` once compiled. */
function moduleExtension(): string {
  return import.meta.url.endsWith(".ts") ? ".ts" : ".js";
}

/** Resolves with the copy that was made before migrations, if one was. */
function opened(writer: Worker): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    writer.once("message", (message: FromWriter) => {
      if (message.kind === "opened") return resolve(message.backup);
      reject(new Error(message.kind === "failed" ? message.message : "the writer did not open the file"));
    });
    writer.once("error", reject);
  });
}

/**
 * What comes back from a column: INTEGER as number (a value beyond 2^53 makes the read fail: keep such
 * numbers as TEXT), BLOB as Uint8Array. A lone surrogate in a string is stored as U+FFFD: keep text that
 * may hold one as JSON or bytes. Booleans are 0 and 1.
 */
class EmbeddedDatabase implements Database {
  readonly dialect = "sqlite";
  readonly #path: string;
  readonly #writer: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #prepared = new Map<string, StatementSync>();
  #reader: DatabaseSync | undefined;
  #queue: WireUnit[] = [];
  #nextId = 1;
  #closed: Promise<void> | undefined;
  #broken: Error | undefined;

  constructor(path: string, writer: Worker, log: Logger) {
    this.#path = path;
    this.#writer = writer;
    writer.on("message", (message: FromWriter) => {
      if (message.kind === "results") for (const result of message.results) this.#settle(result);
    });
    const broke = (error: Error): void => {
      this.#broken = error;
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    };
    writer.on("error", (error) => {
      log.error({ path, error }, "the writer of a database file died");
      broke(new StorageUnavailable(`the writer of ${path} died`, { cause: error }));
    });
    writer.on("exit", () => broke(new StorageUnavailable(`${path} is closed`)));
  }

  read<R extends object = Row>(sql: string, params: readonly SqlValue[] = []): Promise<R[]> {
    try {
      return Promise.resolve(this.#statement(sql).all(...params) as R[]);
    } catch (error) {
      return Promise.reject(asStorageFault(error));
    }
  }

  commit(unit: readonly Statement[], options: CommitOptions = {}): Promise<readonly (readonly Row[])[]> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    if (this.#closed !== undefined) return Promise.reject(new StorageUnavailable(`${this.#path} is closed`));
    const id = this.#nextId;
    this.#nextId += 1;
    if (this.#queue.length === 0) setImmediate(() => this.#flush());
    this.#queue.push({ id, statements: unit.map(wireStatement), synced: options.synced !== false });
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#flush();
      this.#writer.once("exit", () => resolve());
      this.#writer.postMessage({ kind: "close" } satisfies ToWriter);
      this.#prepared.clear();
      this.#reader?.close();
      this.#reader = undefined;
    });
    return this.#closed;
  }

  /** All units of one turn of the event loop go over in one message. */
  #flush(): void {
    if (this.#queue.length === 0) return;
    const units = this.#queue;
    this.#queue = [];
    this.#writer.postMessage({ kind: "units", units } satisfies ToWriter);
  }

  #statement(sql: string): StatementSync {
    let found = this.#prepared.get(sql);
    if (found === undefined) {
      if (this.#closed !== undefined) throw new StorageUnavailable(`${this.#path} is closed`);
      this.#reader ??= openReader(this.#path);
      found = this.#reader.prepare(sql);
      if (this.#prepared.size >= STATEMENTS_MAX) this.#prepared.clear();
      this.#prepared.set(sql, found);
    }
    return found;
  }

  #settle(result: UnitResult): void {
    const pending = this.#pending.get(result.id);
    this.#pending.delete(result.id);
    if (pending === undefined) return;
    if ("rows" in result) pending.resolve(result.rows);
    else if ("conflict" in result)
      pending.reject(new Conflict(result.conflict.index, result.conflict.message));
    else if ("unavailable" in result) pending.reject(new StorageUnavailable(result.unavailable));
    else pending.reject(new Error(`SQL: ${result.fault}`));
  }
}

/**
 * A view into a larger buffer would take the whole buffer along to the other thread (a small Buffer is a
 * slice of Node's pool), so only its own bytes are sent.
 */
function wireStatement({ sql, params, expect }: Statement): WireStatement {
  const own = params.map((value) =>
    value instanceof Uint8Array && value.byteLength !== value.buffer.byteLength
      ? new Uint8Array(value)
      : value,
  );
  return { sql, params: own, expect };
}

function asStorageFault(error: unknown): Error {
  const fault = error as Error;
  return isStorageFault(error) ? new StorageUnavailable(fault.message, { cause: error }) : fault;
}

function openReader(path: string): DatabaseSync {
  if (!existsSync(path)) throw new StorageUnavailable(`${path} is gone`);
  const reader = new DatabaseSync(path, { readOnly: true });
  reader.exec("PRAGMA busy_timeout = 5000");
  return reader;
}
