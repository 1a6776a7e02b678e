import type { Migration } from "../../ports/database.ts";

/**
 * One row per function carries the stamp that every write of anything below it compares and raises.
 * `lambda_accounts` holds the sums that quotas are checked against in the same unit.
 */
export const lambdaMigrations: readonly Migration[] = [
  {
    id: "lambda/0001",
    sql: [
      `CREATE TABLE lambda_accounts (
        account_id TEXT NOT NULL, region TEXT NOT NULL,
        code_bytes BIGINT NOT NULL, reserved_concurrency BIGINT NOT NULL,
        PRIMARY KEY (account_id, region))`,
      `CREATE TABLE lambda_functions (
        account_id TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
        function_id TEXT NOT NULL, stamp BIGINT NOT NULL, next_version BIGINT NOT NULL,
        last_published_version TEXT, last_published_fingerprint TEXT,
        reserved_concurrency BIGINT,
        PRIMARY KEY (account_id, region, name))`,
      `CREATE TABLE lambda_versions (
        account_id TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
        code_blob TEXT NOT NULL, code_bytes BIGINT NOT NULL, settled BIGINT NOT NULL,
        configuration TEXT NOT NULL, sealed_environment BYTEA,
        PRIMARY KEY (account_id, region, name, version))`,
      `CREATE INDEX lambda_versions_unsettled ON lambda_versions (settled) WHERE settled = 0`,
      `CREATE INDEX lambda_versions_blob ON lambda_versions (code_blob)`,
      `CREATE TABLE lambda_aliases (
        account_id TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, alias TEXT NOT NULL,
        definition TEXT NOT NULL,
        PRIMARY KEY (account_id, region, name, alias))`,
      `CREATE TABLE lambda_policies (
        account_id TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, qualifier TEXT NOT NULL,
        statements TEXT NOT NULL,
        PRIMARY KEY (account_id, region, name, qualifier))`,
      `CREATE TABLE lambda_event_invoke_configs (
        account_id TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, qualifier TEXT NOT NULL,
        definition TEXT NOT NULL,
        PRIMARY KEY (account_id, region, name, qualifier))`,
      `CREATE TABLE lambda_tags (
        account_id TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, tag_key TEXT NOT NULL,
        tag_value TEXT NOT NULL,
        PRIMARY KEY (account_id, region, name, tag_key))`,
    ],
  },
  {
    id: "lambda/0002",
    sql: ["ALTER TABLE lambda_functions ADD COLUMN recursive_loop TEXT"],
  },
];
