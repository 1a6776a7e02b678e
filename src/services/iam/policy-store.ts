/** Customer-managed policies and their versions: rows in and out. */
import type { Tag } from "@aws-sdk/client-iam";
import { optionalText } from "../../ports/columns.ts";
import type { Database, Row, SqlValue, Statement } from "../../ports/database.ts";
import { committed, tagStatements } from "./entity-store.ts";
import { type ManagedPolicy, nameKey, type PolicyVersion, policyArn } from "./model.ts";

type PolicyKey = Pick<ManagedPolicy, "accountId" | "name">;

export interface PolicyStore {
  find(key: PolicyKey): Promise<ManagedPolicy | undefined>;
  /** Ordered by name. */
  list(accountId: string): Promise<ManagedPolicy[]>;
  count(accountId: string): Promise<number>;
  /** Oldest first. */
  versions(key: PolicyKey): Promise<PolicyVersion[]>;
  version(key: PolicyKey, version: number): Promise<PolicyVersion | undefined>;
  /** False when the name is taken. */
  create(policy: ManagedPolicy, document: string, tags: readonly Tag[]): Promise<boolean>;
  /** False when the policy was changed meanwhile. */
  addVersion(policy: ManagedPolicy, added: PolicyVersion, asDefault: boolean): Promise<boolean>;
  setDefault(key: PolicyKey, version: number, now: number): Promise<boolean>;
  /** False when the version is gone or is the default. */
  deleteVersion(key: PolicyKey, version: number): Promise<boolean>;
  /** False when it is gone or in use. */
  delete(policy: ManagedPolicy): Promise<boolean>;
  /** A statement that misses when the policy is gone, for units that need it. */
  stillThere(key: PolicyKey): Statement;
}

const THIS = "account_id = ? AND name_key = ?";

export function createPolicyStore(database: Database): PolicyStore {
  const read = <R extends object = Row>(sql: string, params?: readonly SqlValue[]): Promise<R[]> =>
    database.read<R>(sql, params);
  const params = (key: PolicyKey): string[] => [key.accountId, nameKey(key.name)];
  const insertVersion = (key: PolicyKey, version: PolicyVersion): Statement => ({
    sql: `INSERT INTO iam_policy_versions (account_id, name_key, version, document, created_at)
      VALUES (?, ?, ?, ?, ?)`,
    params: [...params(key), version.version, version.document, version.createdAt],
  });

  async function versions(key: PolicyKey): Promise<PolicyVersion[]> {
    const sql = `SELECT * FROM iam_policy_versions WHERE ${THIS} ORDER BY version`;
    return (await read(sql, params(key))).map(toVersion);
  }

  return {
    async find(key) {
      return (await read(`SELECT * FROM iam_policies WHERE ${THIS}`, params(key))).map(toPolicy)[0];
    },
    async count(accountId) {
      const sql = "SELECT COUNT(*) AS many FROM iam_policies WHERE account_id = ?";
      const [row] = await database.read(sql, [accountId]);
      return Number(row?.["many"]);
    },
    async list(accountId) {
      const sql = "SELECT * FROM iam_policies WHERE account_id = ? ORDER BY name_key";
      return (await read(sql, [accountId])).map(toPolicy);
    },
    versions,
    async version(key, version) {
      const sql = `SELECT * FROM iam_policy_versions WHERE ${THIS} AND version = ?`;
      return (await read(sql, [...params(key), version])).map(toVersion)[0];
    },
    create(policy, document, tags) {
      const version = { version: policy.defaultVersion, document, createdAt: policy.createdAt };
      const owner = { accountId: policy.accountId, kind: "policy", name: policy.name } as const;
      return committed(database, [
        insertPolicy(policy),
        insertVersion(policy, version),
        ...tagStatements(owner, tags),
      ]);
    },
    addVersion(policy, added, asDefault) {
      const sql = `UPDATE iam_policies SET next_version = ?, default_version = ?, updated_at = ?
        WHERE ${THIS} AND next_version = ?`;
      const defaultVersion = asDefault ? added.version : policy.defaultVersion;
      const updatedAt = added.createdAt;
      const values = [added.version + 1, defaultVersion, updatedAt, ...params(policy), policy.nextVersion];
      return committed(database, [{ sql, params: values, expect: 1 }, insertVersion(policy, added)]);
    },
    setDefault(key, version, now) {
      const sql = `UPDATE iam_policies SET default_version = ?, updated_at = ? WHERE ${THIS}
        AND EXISTS (SELECT 1 FROM iam_policy_versions WHERE ${THIS} AND version = ?)`;
      const values = [version, now, ...params(key), ...params(key), version];
      return committed(database, [{ sql, params: values, expect: 1 }]);
    },
    deleteVersion(key, version) {
      const sql = `DELETE FROM iam_policy_versions WHERE ${THIS} AND version = ?
        AND NOT EXISTS (SELECT 1 FROM iam_policies WHERE ${THIS} AND default_version = ?)`;
      const values = [...params(key), version, ...params(key), version];
      return committed(database, [{ sql, params: values, expect: 1 }]);
    },
    delete(policy) {
      const own = params(policy);
      const arn = policyArn(policy);
      const sql = `DELETE FROM iam_policies WHERE ${THIS}
        AND NOT EXISTS (SELECT 1 FROM iam_attachments WHERE account_id = ? AND policy_arn = ?)
        AND NOT EXISTS (SELECT 1 FROM iam_entities WHERE account_id = ? AND boundary_arn = ?)`;
      return committed(database, [
        { sql, params: [...own, policy.accountId, arn, policy.accountId, arn], expect: 1 },
        { sql: `DELETE FROM iam_policy_versions WHERE ${THIS}`, params: own },
        {
          sql: "DELETE FROM iam_tags WHERE account_id = ? AND kind = 'policy' AND name_key = ?",
          params: own,
        },
      ]);
    },
    stillThere(key) {
      return { sql: `UPDATE iam_policies SET name = name WHERE ${THIS}`, params: params(key), expect: 1 };
    },
  };
}

function insertPolicy(policy: ManagedPolicy): Statement {
  return {
    sql: `INSERT INTO iam_policies (account_id, name_key, name, id, path, description, created_at, updated_at,
      default_version, next_version) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      policy.accountId,
      nameKey(policy.name),
      policy.name,
      policy.id,
      policy.path,
      policy.description ?? null,
      policy.createdAt,
      policy.updatedAt,
      policy.defaultVersion,
      policy.nextVersion,
    ],
  };
}

function toPolicy(row: Row): ManagedPolicy {
  return {
    accountId: String(row["account_id"]),
    name: String(row["name"]),
    id: String(row["id"]),
    path: String(row["path"]),
    description: optionalText(row["description"]),
    createdAt: Number(row["created_at"]),
    updatedAt: Number(row["updated_at"]),
    defaultVersion: Number(row["default_version"]),
    nextVersion: Number(row["next_version"]),
  };
}

function toVersion(row: Row): PolicyVersion {
  return {
    version: Number(row["version"]),
    document: String(row["document"]),
    createdAt: Number(row["created_at"]),
  };
}
