import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Database, type Row, type Statement } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import type { FunctionVersion } from "../model/function.ts";
import { codeStorageExceeded, invalidParameterBare } from "./errors.ts";
import { functionArn } from "./names.ts";
import type { Alias, EventInvokeConfig, FunctionRecord, PolicyStatement } from "./record.ts";

/** Sums over all functions of a scope: what account-wide quotas are checked against. */
export interface AccountTotals {
  readonly codeBytes: number;
  readonly reservedConcurrency: number;
}

export interface StoreLimits {
  readonly totalCodeBytes: number;
  readonly concurrentExecutions: number;
  readonly unreservedConcurrencyMin: number;
}

/** What a committed change was, for caches and listeners. */
export type StoreListener = (before: FunctionRecord | undefined, after: FunctionRecord | undefined) => void;

const WHERE = "account_id = ? AND region = ? AND name = ?";
const RETRIES_MAX = 10;

/**
 * Functions in SQL, and beside it a read-through cache of whole records that makes the hot path
 * synchronous. Truth is the table: every write compares the stamp it was decided on, and a stale
 * decision is taken again on the fresh record.
 */
export class FunctionStore {
  readonly #database: Database;
  readonly #secrets: Secrets;
  readonly #limits: StoreLimits;
  readonly #cache = new Map<string, FunctionRecord>();
  readonly #totals = new Map<string, AccountTotals>();
  readonly #listeners: StoreListener[] = [];
  readonly #turns = new Map<string, Promise<void>>();
  /** Rises with every write of this process. */
  #generation = 0;

  constructor(database: Database, secrets: Secrets, limits: StoreLimits) {
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

  cachedTotals(scope: Scope): AccountTotals | undefined {
    return this.#totals.get(scopeKey(scope));
  }

  /** Forgets what is in memory: another node has written. */
  invalidate(scope: Scope, name: string): void {
    this.#cache.delete(recordKey(scope, name));
    this.#totals.delete(scopeKey(scope));
  }

  async load(scope: Scope, name: string): Promise<FunctionRecord | undefined> {
    const key = recordKey(scope, name);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached;
    const generation = this.#generation;
    const record = await this.#read(scope, name);
    // A write that was committed during the read has put the newer record there itself.
    if (record !== undefined && generation === this.#generation) this.#remember(key, record);
    return record;
  }

  async totals(scope: Scope): Promise<AccountTotals> {
    const cached = this.#totals.get(scopeKey(scope));
    if (cached !== undefined) return cached;
    const [row] = await this.#database.read<Row>(
      "SELECT code_bytes, reserved_concurrency FROM lambda_accounts WHERE account_id = ? AND region = ?",
      [scope.accountId, scope.region],
    );
    const totals = {
      codeBytes: Number(row?.["code_bytes"] ?? 0),
      reservedConcurrency: Number(row?.["reserved_concurrency"] ?? 0),
    };
    this.#totals.set(scopeKey(scope), totals);
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
        last_published_version, last_published_fingerprint, reserved_concurrency)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
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
      ],
      expect: 1,
    };
    const parts = this.#difference(emptyLike(record), record);
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
      const { statements, totalsAt } = this.#difference(before, after);
      try {
        await this.#database.commit([touch(before, after), ...statements]);
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        this.invalidate(scope, name);
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
        await this.#database.commit([gone, ...children, ...this.#totalsChange(before, emptyLike(before))]);
      } catch (error) {
        if (!(error instanceof Conflict) || attempt >= RETRIES_MAX) throw error;
        this.invalidate(scope, name);
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

  async #read(scope: Scope, name: string): Promise<FunctionRecord | undefined> {
    const keys = [scope.accountId, scope.region, name];
    const select = (columns: string, table: string): Promise<Row[]> =>
      this.#database.read<Row>(`SELECT ${columns} FROM ${table} WHERE ${WHERE}`, keys);
    const [functions, versions, aliases, policies, configs, tags] = await Promise.all([
      select("*", "lambda_functions"),
      select("version, configuration, sealed_environment", "lambda_versions"),
      select("alias, definition", "lambda_aliases"),
      select("qualifier, statements", "lambda_policies"),
      select("qualifier, definition", "lambda_event_invoke_configs"),
      select("tag_key, tag_value", "lambda_tags"),
    ]);
    const row = functions[0];
    if (row === undefined) return undefined;
    // The reads are not one snapshot: take them again if a write came in between.
    const [now] = await select("stamp, function_id", "lambda_functions");
    if (now === undefined || now["stamp"] !== row["stamp"] || now["function_id"] !== row["function_id"]) {
      return this.#read(scope, name);
    }
    const published = row["last_published_version"];
    const reserved = row["reserved_concurrency"];
    return {
      scope,
      name,
      functionId: String(row["function_id"]),
      stamp: Number(row["stamp"]),
      nextVersion: Number(row["next_version"]),
      lastPublished:
        published === null || published === undefined
          ? undefined
          : { version: String(published), fingerprint: String(row["last_published_fingerprint"]) },
      reservedConcurrency: reserved === null || reserved === undefined ? undefined : Number(reserved),
      tags: new Map(tags.map((tag) => [String(tag["tag_key"]), String(tag["tag_value"])])),
      versions: new Map(
        versions.map((version) => [String(version["version"]), this.#openVersion(scope, name, version)]),
      ),
      aliases: byKey<Alias>(aliases, "alias", "definition"),
      policies: byKey<PolicyStatement[]>(policies, "qualifier", "statements"),
      eventInvokeConfigs: byKey<EventInvokeConfig>(configs, "qualifier", "definition"),
    };
  }

  #openVersion(scope: Scope, name: string, row: Row): FunctionVersion {
    const configuration = JSON.parse(String(row["configuration"])) as Omit<
      FunctionVersion,
      "scope" | "functionArn" | "name" | "environment"
    >;
    const sealed = row["sealed_environment"];
    const version = { ...configuration, scope, name, functionArn: functionArn(scope, name) };
    if (!(sealed instanceof Uint8Array)) return version;
    const opened = this.#secrets.open(sealed, sealContext(version));
    return {
      ...version,
      environment: JSON.parse(new TextDecoder().decode(opened)) as Record<string, string>,
    };
  }

  /** Statements that turn one record into the other (the function's own row apart). */
  #difference(
    before: FunctionRecord,
    after: FunctionRecord,
  ): { statements: Statement[]; totalsAt: number | undefined } {
    const keys = [after.scope.accountId, after.scope.region, after.name];
    const statements: Statement[] = [];
    const table = <V>(
      name: string,
      keyColumn: string,
      columns: readonly string[],
      old: ReadonlyMap<string, V>,
      now: ReadonlyMap<string, V>,
      values: (value: V) => Statement["params"],
    ): void => {
      for (const key of old.keys()) {
        if (now.has(key)) continue;
        statements.push({
          sql: `DELETE FROM ${name} WHERE ${WHERE} AND ${keyColumn} = ?`,
          params: [...keys, key],
        });
      }
      for (const [key, value] of now) {
        if (old.get(key) === value) continue;
        statements.push(upsert(name, keyColumn, columns, [...keys, key, ...values(value)]));
      }
    };
    table(
      "lambda_versions",
      "version",
      ["code_blob", "code_bytes", "settled", "configuration", "sealed_environment"],
      before.versions,
      after.versions,
      (version) => this.#versionColumns(version),
    );
    const json = (value: unknown): Statement["params"] => [JSON.stringify(value)];
    table("lambda_aliases", "alias", ["definition"], before.aliases, after.aliases, json);
    table("lambda_policies", "qualifier", ["statements"], before.policies, after.policies, json);
    table(
      "lambda_event_invoke_configs",
      "qualifier",
      ["definition"],
      before.eventInvokeConfigs,
      after.eventInvokeConfigs,
      json,
    );
    table("lambda_tags", "tag_key", ["tag_value"], before.tags, after.tags, (value) => [value]);
    const totals = this.#totalsChange(before, after);
    statements.push(...totals);
    // Index within the whole unit: the function's own row comes first.
    return { statements, totalsAt: totals.length === 0 ? undefined : statements.length };
  }

  #versionColumns(version: FunctionVersion): Statement["params"] {
    const { environment, scope: _scope, name: _name, functionArn: _arn, ...configuration } = version;
    const settled = version.state !== "Pending" && version.lastUpdateStatus !== "InProgress";
    return [
      version.code.blob,
      version.code.codeSize,
      settled ? 1 : 0,
      JSON.stringify(configuration),
      environment === undefined
        ? null
        : this.#secrets.seal(JSON.stringify(environment), sealContext(version)),
    ];
  }

  /** None when the sums stay; else the row is made if need be, and changed within the quotas. */
  #totalsChange(before: FunctionRecord, after: FunctionRecord): Statement[] {
    const { codeBytes, reserved } = totalsDelta(before, after);
    if (codeBytes === 0 && reserved === 0) return [];
    const keys = [after.scope.accountId, after.scope.region];
    const conditions: string[] = [];
    const limits: number[] = [];
    if (codeBytes > 0) {
      conditions.push(" AND code_bytes + ? <= ?");
      limits.push(codeBytes, this.#limits.totalCodeBytes);
    }
    if (reserved > 0) {
      conditions.push(" AND reserved_concurrency + ? <= ?");
      limits.push(reserved, this.#limits.concurrentExecutions - this.#limits.unreservedConcurrencyMin);
    }
    return [
      {
        sql: `INSERT INTO lambda_accounts (account_id, region, code_bytes, reserved_concurrency)
          VALUES (?, ?, 0, 0) ON CONFLICT (account_id, region) DO NOTHING`,
        params: keys,
      },
      {
        sql: `UPDATE lambda_accounts SET code_bytes = code_bytes + ?, reserved_concurrency = reserved_concurrency + ?
          WHERE account_id = ? AND region = ?${conditions.join("")}`,
        params: [codeBytes, reserved, ...keys, ...limits],
        expect: 1,
      },
    ];
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

/** Environment variables open only as those of the version they were sealed for. */
function sealContext(version: FunctionVersion): string {
  return `lambda-environment/${version.functionArn}/${version.functionId}/${version.version}`;
}

function emptyLike(record: FunctionRecord): FunctionRecord {
  return {
    ...record,
    reservedConcurrency: undefined,
    tags: new Map(),
    versions: new Map(),
    aliases: new Map(),
    policies: new Map(),
    eventInvokeConfigs: new Map(),
  };
}

function touch(before: FunctionRecord, after: FunctionRecord): Statement {
  return {
    sql: `UPDATE lambda_functions SET stamp = ?, next_version = ?, last_published_version = ?,
      last_published_fingerprint = ?, reserved_concurrency = ? WHERE ${WHERE} AND stamp = ?`,
    params: [
      after.stamp,
      after.nextVersion,
      after.lastPublished?.version ?? null,
      after.lastPublished?.fingerprint ?? null,
      after.reservedConcurrency ?? null,
      after.scope.accountId,
      after.scope.region,
      after.name,
      before.stamp,
    ],
    expect: 1,
  };
}

function upsert(
  table: string,
  keyColumn: string,
  columns: readonly string[],
  params: Statement["params"],
): Statement {
  const all = ["account_id", "region", "name", keyColumn, ...columns];
  return {
    sql: `INSERT INTO ${table} (${all.join(", ")}) VALUES (${all.map(() => "?").join(", ")})
      ON CONFLICT (account_id, region, name, ${keyColumn})
      DO UPDATE SET ${columns.map((column) => `${column} = excluded.${column}`).join(", ")}`,
    params,
  };
}

function byKey<V>(rows: readonly Row[], key: string, value: string): Map<string, V> {
  return new Map(rows.map((row) => [String(row[key]), JSON.parse(String(row[value])) as V]));
}

function totalsDelta(before: FunctionRecord, after: FunctionRecord): { codeBytes: number; reserved: number } {
  const bytes = (record: FunctionRecord): number => {
    let sum = 0;
    for (const version of record.versions.values()) sum += version.code.codeSize;
    return sum;
  };
  return {
    codeBytes: bytes(after) - bytes(before),
    reserved: (after.reservedConcurrency ?? 0) - (before.reservedConcurrency ?? 0),
  };
}
