/** Instance profiles and the role in each: rows in and out. Their tags are rows of `iam_tags`. */
import type { Tag } from "@aws-sdk/client-iam";
import { optionalText } from "../../ports/columns.ts";
import type { Database, Migration, SqlValue } from "../../ports/database.ts";
import { committed, tagStatements } from "./entity-store.ts";
import { nameKey } from "./model.ts";

export interface InstanceProfile {
  readonly accountId: string;
  readonly name: string;
  readonly id: string;
  readonly path: string;
  readonly createdAt: number;
  /** In lower case, as `nameKey` makes it. */
  readonly roleKey: string | undefined;
}

export interface InstanceProfileStore {
  find(accountId: string, name: string): Promise<InstanceProfile | undefined>;
  /** Ordered by name. */
  list(accountId: string): Promise<InstanceProfile[]>;
  count(accountId: string): Promise<number>;
  ofRole(accountId: string, roleName: string): Promise<InstanceProfile[]>;
  /** False when the name is taken. */
  create(profile: InstanceProfile, tags: readonly Tag[]): Promise<boolean>;
  /** False when it is gone or has a role. */
  delete(accountId: string, name: string): Promise<boolean>;
  /** False when the profile or the role is gone, or it has a role already. */
  addRole(accountId: string, name: string, roleName: string): Promise<boolean>;
  /** False when that role is not in it. */
  removeRole(accountId: string, name: string, roleName: string): Promise<boolean>;
}

export const instanceProfileMigration: Migration = {
  id: "iam/0003",
  sql: [
    `CREATE TABLE iam_instance_profiles (
      account_id TEXT NOT NULL,
      name_key TEXT NOT NULL,
      name TEXT NOT NULL,
      id TEXT NOT NULL,
      path TEXT NOT NULL,
      created_at BIGINT NOT NULL,
      role_key TEXT,
      PRIMARY KEY (account_id, name_key)
    )`,
  ],
};

export function createInstanceProfileStore(database: Database): InstanceProfileStore {
  async function profiles(where: string, params: readonly SqlValue[]): Promise<InstanceProfile[]> {
    const sql = `SELECT * FROM iam_instance_profiles WHERE account_id = ? AND ${where} ORDER BY name_key`;
    return (await database.read(sql, params)).map((row) => ({
      accountId: String(row["account_id"]),
      name: String(row["name"]),
      id: String(row["id"]),
      path: String(row["path"]),
      createdAt: Number(row["created_at"]),
      roleKey: optionalText(row["role_key"]),
    }));
  }

  return {
    async find(accountId, name) {
      return (await profiles("name_key = ?", [accountId, nameKey(name)]))[0];
    },
    async count(accountId) {
      const sql = "SELECT COUNT(*) AS many FROM iam_instance_profiles WHERE account_id = ?";
      const [row] = await database.read(sql, [accountId]);
      return Number(row?.["many"]);
    },
    list: (accountId) => profiles("1 = 1", [accountId]),
    ofRole: (accountId, roleName) => profiles("role_key = ?", [accountId, nameKey(roleName)]),
    create({ accountId, name, id, path, createdAt }, tags) {
      const sql = `INSERT INTO iam_instance_profiles (account_id, name_key, name, id, path, created_at)
        VALUES (?, ?, ?, ?, ?, ?)`;
      return committed(database, [
        { sql, params: [accountId, nameKey(name), name, id, path, createdAt] },
        ...tagStatements({ accountId, kind: "instance-profile", name }, tags),
      ]);
    },
    delete(accountId, name) {
      const params = [accountId, nameKey(name)];
      return committed(database, [
        {
          sql: "DELETE FROM iam_instance_profiles WHERE account_id = ? AND name_key = ? AND role_key IS NULL",
          params,
          expect: 1,
        },
        {
          sql: "DELETE FROM iam_tags WHERE account_id = ? AND name_key = ? AND kind = 'instance-profile'",
          params,
        },
      ]);
    },
    addRole(accountId, name, roleName) {
      const role = nameKey(roleName);
      const sql = `UPDATE iam_instance_profiles SET role_key = ?
        WHERE account_id = ? AND name_key = ? AND role_key IS NULL AND EXISTS
          (SELECT 1 FROM iam_entities WHERE account_id = ? AND kind = 'role' AND name_key = ?)`;
      return committed(database, [
        { sql, params: [role, accountId, nameKey(name), accountId, role], expect: 1 },
      ]);
    },
    removeRole(accountId, name, roleName) {
      const sql = `UPDATE iam_instance_profiles SET role_key = NULL
        WHERE account_id = ? AND name_key = ? AND role_key = ?`;
      return committed(database, [{ sql, params: [accountId, nameKey(name), nameKey(roleName)], expect: 1 }]);
    },
  };
}
