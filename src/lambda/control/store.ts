import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Database, type Row, type Statement } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { codeStorageExceeded, invalidParameterBare } from "./errors.ts";
import type { FunctionRecord } from "./record.ts";
import {
  difference,
  emptyLike,
  readRecord,
  type AccountQuotas,
  totalsChange,
  totalsDelta,
  touch,
  WHERE,
} from "./rows.ts";

/** Sums over all functions of a scope: what account-wide quotas are checked against. */
export interface AccountTotals {
  readonly codeBytes: number;
  readonly reservedConcurrency: number;
}

/** What a committed change was, for caches and listeners. */
export type StoreListener = (before: FunctionRecord | undefined, after: FunctionRecord | undefined) => void;

const RETRIES_MAX = 10;

/**
 * Functions in SQL, and beside it a read-through cache of whole records that makes the hot path
 * synchronous. Truth is the table: every write compares the stamp it was decided on, and a stale
 * decision is taken again on the fresh record.
 */
export class FunctionStore {
  readonly #database: Database;
  readonly #secrets: Secrets;
  readonly #limits: AccountQuotas;
  readonly #cache = new Map<string, FunctionRecord>();
  readonly #totals = new Map<string, AccountTotals>();
  readonly #listeners: StoreListener[] = [];
  readonly #turns = new Map<string, Promise<void>>();
  /** Rises with every write of this process. */
  #generation = 0;

  constructor(database: Database, secrets: Secrets, limits: AccountQuotas) {
    this.#database = database;
    this.#secrets = secrets;
    this.#limits = limits;
  }

  onChange(listener: StoreListener): void {
    this.#listeners.push(listener);
  }

  /** The record if it is in memory; undefined says nothing about its existence. */
  cached(scope: Scope, name: string): FunctionRecord | undefined {
    return this.#cache.get(recordKey(scope, name));
  }

  /** Forgets what is in memory: another node has written. */
  #invalidate(scope: Scope, name: string): void {
    this.#cache.delete(recordKey(scope, name));
    this.#totals.delete(scopeKey(scope));
  }

  async load(scope: Scope, name: string): Promise<FunctionRecord | undefined> {
    const key = recordKey(scope, name);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const generation = this.#generation;
    const record = await readRecord(this.#database, this.#secrets, scope, name);
    // A write that was committed during the read has put the newer record there itself.
    if (record !== undefined && generation === this.#generation) this.#remember(key, record);
    return record;
  }

  async totals(scope: Scope): Promise<AccountTotals> {
    const cached = this.#totals.get(scopeKey(scope));
    if (cached !== undefined) return cached;
    const generation = this.#generation;
    const [row] = await this.#database.read<Row>(
      "SELECT code_bytes, reserved_concurrency FROM lambda_accounts WHERE account_id = ? AND region = ?",
      [scope.accountId, scope.region],
    );
    const totals = {
      codeBytes: Number(row?.["code_bytes"] ?? 0),
      reservedConcurrency: Number(row?.["reserved_concurrency"] ?? 0),
    };
    // What was committed during the read may not be in them.
    if (generation === this.#generation) this.#totals.set(scopeKey(scope), totals);
    return totals;
  }

  async functionCount(scope: Scope): Promise<number> {
    const [row] = await this.#database.read<Row>(
      "SELECT COUNT(*) AS n FROM lambda_functions WHERE account_id = ? AND region = ?",
      [scope.accountId, scope.region],
    );
    return Number(row?.["n"] ?? 0);
  }

  /** Names after `after` in order, at most `limit`. */
  async names(scope: Scope, after: string, limit: number): Promise<string[]> {
    const rows = await this.#database.read<Row>(
      "SELECT name FROM lambda_functions WHERE account_id = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
      [scope.accountId, scope.region, after, limit],
    );
    return rows.map((row) => String(row["name"]));
  }

  /** Functions with a version that is still Pending or InProgress: what a restart must complete. */
  async unsettled(): Promise<{ scope: Scope; name: string }[]> {
    const rows = await this.#database.read<Row>(
      "SELECT DISTINCT account_id, region, name FROM lambda_versions WHERE settled = 0",
    );
    return rows.map((row) => ({
      scope: { accountId: String(row["account_id"]), region: String(row["region"]) },
      name: String(row["name"]),
    }));
  }

  /** Runtimes of all functions, for booting them ahead of the first call. */
  async runtimesInUse(): Promise<string[]> {
    const rows = await this.#database.read<{ configuration: string }>(
      "SELECT configuration FROM lambda_versions WHERE version = '$LATEST' LIMIT 1000",
    );
    return [...new Set(rows.map((row) => (JSON.parse(row.configuration) as { runtime: string }).runtime))];
  }

  /** Whether any version of any function still runs this code. */
  async isBlobReferenced(blob: string): Promise<boolean> {
    const rows = await this.#database.read<Row>(
      "SELECT version FROM lambda_versions WHERE code_blob = ? LIMIT 1",
      [blob],
    );
    return rows.length > 0;
  }

  /** False when the name is taken. Errors: CodeStorageExceededException. */
  async create(record: FunctionRecord): Promise<boolean> {
    const { scope, name } = record;
    const insert: Statement = {
      sql: `INSERT INTO lambda_functions (account_id, region, name, function_id, stamp, next_version,
        last_published_version, last_published_fingerprint, reserved_concurrency, recursive_loop)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      params: [
        scope.accountId,
        scope.region,
        name,
        record.functionId,
        record.stamp,
        record.nextVersion,
        record.lastPublished?.version ?? null,
        record.lastPublished?.fingerprint ?? null,
        record.reservedConcurrency ?? null,
        record.recursiveLoop,
      ],
      expect: 1,
    };
    const parts = difference(this.#secrets, this.#limits, emptyLike(record), record);
    try {
      await this.#database.commit([insert, ...parts.statements]);
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      if (error.index === 0) return false;
      throw this.#quotaError(emptyLike(record), record);
    }
    this.#committed(undefined, record);
    return true;
  }

  /**
   * Changes a function: `decide` gets the current record and returns the next one (or the same, for
   * nothing to write); it may be called again when somebody else wrote in between, and throws what
   * the caller is to be told. Resolves with the written record, undefined when there is no function.
   */
  async change(
    scope: Scope,
    name: string,
    decide: (record: FunctionRecord) => FunctionRecord,
  ): Promise<FunctionRecord | undefined> {
    return this.#inTurn(scope, name, () => this.#change(scope, name, decide));
  }

  async #change(
    scope: Scope,
    name: string,
    decide: (record: FunctionRecord) => FunctionRecord,
  ): Promise<FunctionRecord | undefined> {
    for (let attempt = 0; ; attempt++) {
      const before = await this.load(scope, name);
      if (before === undefined) return undefined;
      const decided = decide(before);
      if (decided === before) return before;
      const after = { ...decided, stamp: before.stamp + 1 };
      const { statements, totalsAt } = difference(this.#secrets, this.#limits, before, after);
      try {
        await this.#database.commit([touch(before, after), ...statements]);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        this.#invalidate(scope, name);
        if (error.index === totalsAt) throw this.#quotaError(before, after);
        if (attempt >= RETRIES_MAX) throw error;
        continue;
      }
      this.#committed(before, after);
      return after;
    }
  }

  /** Resolves with what was deleted, undefined when there was nothing. */
  async delete(scope: Scope, name: string): Promise<FunctionRecord | undefined> {
    return this.#inTurn(scope, name, () => this.#delete(scope, name));
  }

  async #delete(scope: Scope, name: string): Promise<FunctionRecord | undefined> {
    for (let attempt = 0; ; attempt++) {
      const before = await this.load(scope, name);
      if (before === undefined) return undefined;
      const keys = [scope.accountId, scope.region, name];
      const children = [
        "lambda_versions",
        "lambda_aliases",
        "lambda_policies",
        "lambda_event_invoke_configs",
        "lambda_tags",
      ].map((table) => ({ sql: `DELETE FROM ${table} WHERE ${WHERE}`, params: keys }));
      const gone: Statement = {
        sql: `DELETE FROM lambda_functions WHERE ${WHERE} AND stamp = ?`,
        params: [...keys, before.stamp],
        expect: 1,
      };
      try {
        await this.#database.commit([
          gone,
          ...children,
          ...totalsChange(this.#limits, before, emptyLike(before)),
        ]);
      } catch (error) {
        if (!(error instanceof Conflict) || attempt >= RETRIES_MAX) throw error;
        this.#invalidate(scope, name);
        continue;
      }
      this.#committed(before, undefined);
      return before;
    }
  }

  /** Writers of one function in this process wait for each other; the stamp is for other processes. */
  async #inTurn<T>(scope: Scope, name: string, work: () => Promise<T>): Promise<T> {
    const key = recordKey(scope, name);
    const previous = this.#turns.get(key) ?? Promise.resolve();
    const result = previous.then(work);
    const turn = result.then(
      () => undefined,
      () => undefined,
    );
    this.#turns.set(key, turn);
    try {
      return await result;
    } finally {
      if (this.#turns.get(key) === turn) this.#turns.delete(key);
    }
  }

  #committed(before: FunctionRecord | undefined, after: FunctionRecord | undefined): void {
    const record = after ?? before;
    if (record === undefined) return;
    this.#generation++;
    const key = recordKey(record.scope, record.name);
    if (after === undefined) this.#cache.delete(key);
    else this.#remember(key, after);
    this.#totals.delete(scopeKey(record.scope));
    for (const listener of this.#listeners) listener(before, after);
  }

  /** Bounded: the oldest entry makes room (it is read again when it is needed). */
  #remember(key: string, record: FunctionRecord): void {
    this.#cache.delete(key);
    this.#cache.set(key, record);
    if (this.#cache.size > CACHED_FUNCTIONS_MAX) {
      const oldest = this.#cache.keys().next().value;
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
  }

  #quotaError(before: FunctionRecord, after: FunctionRecord): Error {
    if (totalsDelta(before, after).reserved > 0) {
      return invalidParameterBare(
        `Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [${this.#limits.unreservedConcurrencyMin}].`,
      );
    }
    return codeStorageExceeded();
  }
}

const CACHED_FUNCTIONS_MAX = 20_000;

function scopeKey(scope: Scope): string {
  return `${scope.accountId}/${scope.region}`;
}

function recordKey(scope: Scope, name: string): string {
  return `${scope.accountId}/${scope.region}/${name}`;
}
