import { ServiceError } from "../kernel/errors.ts";

/** What a column can hold on both engines. Booleans are 0/1, times are epoch milliseconds. */
export type SqlValue = string | number | bigint | null | Uint8Array;

/**
 * One statement of a unit, in SQL that SQLite and PostgreSQL both understand, with `?` for
 * parameters. `expect` is the number of rows it must change (or return); any other number rolls the
 * whole unit back and the commit rejects with Conflict.
 */
export interface Statement {
  readonly sql: string;
  readonly params: readonly SqlValue[];
  readonly expect?: number;
}

export type Row = Readonly<Record<string, SqlValue>>;

/** A statement of a unit did not meet its `expect`: somebody else was faster, or the key exists. */
export class Conflict extends Error {
  override name = "Conflict";
  /** Index of the statement that missed. */
  readonly index: number;
  constructor(index: number, message: string) {
    super(message);
    this.index = index;
  }
}

/** The disk is full or the file cannot be written: new work is refused, what is held stays. */
export class StorageUnavailable extends ServiceError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super("ServiceUnavailableException", 503, message, {
      hint: "nothing that was accepted is lost; see whether the disk of the data folder is full or read-only",
      ...options,
    });
  }
}

export interface CommitOptions {
  /**
   * False: the commit does not wait for the disk. It survives the end of the process, and a power failure
   * may take it back (with nothing older). For what can be done again: who has received a message.
   */
  readonly synced?: boolean;
}

/**
 * The system of record. There are no interactive transactions: one would hold the only writer
 * across turns of the event loop.
 *
 * Guarantees: `commit` is atomic, resolves only when the unit is durable (embedded: after
 * fdatasync of the WAL), and units of one process take effect in the order of their calls.
 * A read that starts after a commit resolved sees it.
 * Errors: Conflict (see Statement; also a violated UNIQUE or PRIMARY KEY), StorageUnavailable.
 */
export interface Database {
  readonly dialect: "sqlite" | "postgres";
  read<R extends object = Row>(sql: string, params?: readonly SqlValue[]): Promise<R[]>;
  /** Resolves with one list of rows per statement (those of RETURNING; else empty). */
  commit(unit: readonly Statement[], options?: CommitOptions): Promise<readonly (readonly Row[])[]>;
  close(): Promise<void>;
}

/**
 * One step of a schema. Ids are `<owner>/<number>`, e.g. `lambda/0001`, applied in the order given,
 * once, each in one unit; a released migration is never edited.
 */
export interface Migration {
  readonly id: string;
  readonly sql: readonly string[];
}
