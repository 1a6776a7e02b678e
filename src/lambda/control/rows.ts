import type { Scope } from "../../kernel/scope.ts";
import { optionalNumber } from "../../ports/columns.ts";
import type { Database, Row, Statement } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import type { FunctionVersion } from "../model/function.ts";
import { functionArn } from "./names.ts";
import type { Alias, EventInvokeConfig, FunctionRecord, PolicyStatement } from "./record.ts";

/** How records become rows and rows become records: SQL lives here and in store.ts only. */
export interface AccountQuotas {
  readonly totalCodeBytes: number;
  readonly concurrentExecutions: number;
  readonly unreservedConcurrencyMin: number;
}

export const WHERE = "account_id = ? AND region = ? AND name = ?";

/** One function with everything below it. */
export async function readRecord(
  database: Database,
  secrets: Secrets,
  scope: Scope,
  name: string,
): Promise<FunctionRecord | undefined> {
  const keys = [scope.accountId, scope.region, name];
  const select = (columns: string, table: string): Promise<Row[]> =>
    database.read<Row>(`SELECT ${columns} FROM ${table} WHERE ${WHERE}`, keys);
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
    return readRecord(database, secrets, scope, name);
  }
  const published = row["last_published_version"];
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
    reservedConcurrency: optionalNumber(row["reserved_concurrency"]),
    recursiveLoop: row["recursive_loop"] === "Allow" ? "Allow" : "Terminate",
    tags: new Map(tags.map((tag) => [String(tag["tag_key"]), String(tag["tag_value"])])),
    versions: new Map(
      versions.map((version) => [String(version["version"]), openVersion(secrets, scope, name, version)]),
    ),
    aliases: byKey<Alias>(aliases, "alias", "definition"),
    policies: byKey<PolicyStatement[]>(policies, "qualifier", "statements"),
    eventInvokeConfigs: byKey<EventInvokeConfig>(configs, "qualifier", "definition"),
  };
}

function openVersion(secrets: Secrets, scope: Scope, name: string, row: Row): FunctionVersion {
  const configuration = JSON.parse(String(row["configuration"])) as Omit<
    FunctionVersion,
    "scope" | "functionArn" | "name" | "environment"
  >;
  const sealed = row["sealed_environment"];
  const version = { ...configuration, scope, name, functionArn: functionArn(scope, name) };
  if (!(sealed instanceof Uint8Array)) return version;
  const opened = secrets.open(sealed, sealContext(version));
  return {
    ...version,
    environment: JSON.parse(new TextDecoder().decode(opened)) as Record<string, string>,
  };
}

/** Statements that turn one record into the other (the function's own row apart). */
export function difference(
  secrets: Secrets,
  limits: AccountQuotas,
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
    (version) => versionColumns(secrets, version),
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
  const totals = totalsChange(limits, before, after);
  statements.push(...totals);
  // Index within the whole unit: the function's own row comes first.
  return { statements, totalsAt: totals.length === 0 ? undefined : statements.length };
}

function versionColumns(secrets: Secrets, version: FunctionVersion): Statement["params"] {
  const { environment, scope: _scope, name: _name, functionArn: _arn, ...configuration } = version;
  const settled = version.state !== "Pending" && version.lastUpdateStatus !== "InProgress";
  return [
    version.code.blob,
    version.code.codeSize,
    settled ? 1 : 0,
    JSON.stringify(configuration),
    environment === undefined ? null : secrets.seal(JSON.stringify(environment), sealContext(version)),
  ];
}

/** None when the sums stay; else the row is made if need be, and changed within the quotas. */
export function totalsChange(
  limits: AccountQuotas,
  before: FunctionRecord,
  after: FunctionRecord,
): Statement[] {
  const { codeBytes, reserved } = totalsDelta(before, after);
  if (codeBytes === 0 && reserved === 0) return [];
  const keys = [after.scope.accountId, after.scope.region];
  const conditions: string[] = [];
  const bounds: number[] = [];
  if (codeBytes > 0) {
    conditions.push(" AND code_bytes + ? <= ?");
    bounds.push(codeBytes, limits.totalCodeBytes);
  }
  if (reserved > 0) {
    conditions.push(" AND reserved_concurrency + ? <= ?");
    bounds.push(reserved, limits.concurrentExecutions - limits.unreservedConcurrencyMin);
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
      params: [codeBytes, reserved, ...keys, ...bounds],
      expect: 1,
    },
  ];
}

/** Environment variables open only as those of the version they were sealed for. */
function sealContext(version: FunctionVersion): string {
  return `lambda-environment/${version.functionArn}/${version.functionId}/${version.version}`;
}

export function emptyLike(record: FunctionRecord): FunctionRecord {
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

export function touch(before: FunctionRecord, after: FunctionRecord): Statement {
  return {
    sql: `UPDATE lambda_functions SET stamp = ?, next_version = ?, last_published_version = ?,
      last_published_fingerprint = ?, reserved_concurrency = ?, recursive_loop = ?
      WHERE ${WHERE} AND stamp = ?`,
    params: [
      after.stamp,
      after.nextVersion,
      after.lastPublished?.version ?? null,
      after.lastPublished?.fingerprint ?? null,
      after.reservedConcurrency ?? null,
      after.recursiveLoop,
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

export function totalsDelta(
  before: FunctionRecord,
  after: FunctionRecord,
): { codeBytes: number; reserved: number } {
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
