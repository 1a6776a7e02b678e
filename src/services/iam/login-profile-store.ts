/** Who has a password for the console: rows in and out. There is no console, and passwords are not kept. */
import type { Database, Migration } from "../../ports/database.ts";
import { committed } from "./entity-store.ts";

export interface LoginProfile {
  /** The user's unique id: it stays when the user is renamed. */
  readonly userId: string;
  readonly resetRequired: boolean;
  readonly createdAt: number;
}

export interface LoginProfileStore {
  find(userId: string): Promise<LoginProfile | undefined>;
  /** False when the user is gone or has one already. */
  create(profile: LoginProfile): Promise<boolean>;
  /** False when there is none. */
  setResetRequired(userId: string, resetRequired: boolean): Promise<boolean>;
  /** False when there is none. */
  delete(userId: string): Promise<boolean>;
}

export const loginProfileMigration: Migration = {
  id: "iam/0005",
  sql: [
    `CREATE TABLE iam_login_profiles (
      user_id TEXT NOT NULL PRIMARY KEY,
      reset_required INTEGER NOT NULL,
      created_at BIGINT NOT NULL
    )`,
  ],
};

export function createLoginProfileStore(database: Database): LoginProfileStore {
  return {
    async find(userId) {
      const [row] = await database.read("SELECT * FROM iam_login_profiles WHERE user_id = ?", [userId]);
      if (row === undefined) return undefined;
      return {
        userId,
        resetRequired: Number(row["reset_required"]) === 1,
        createdAt: Number(row["created_at"]),
      };
    },
    create({ userId, resetRequired, createdAt }) {
      const free = `UPDATE iam_entities SET name = name WHERE id = ?
        AND NOT EXISTS (SELECT 1 FROM iam_login_profiles WHERE user_id = ?)`;
      const insert = "INSERT INTO iam_login_profiles (user_id, reset_required, created_at) VALUES (?, ?, ?)";
      return committed(database, [
        { sql: free, params: [userId, userId], expect: 1 },
        { sql: insert, params: [userId, resetRequired ? 1 : 0, createdAt] },
      ]);
    },
    setResetRequired(userId, resetRequired) {
      const sql = "UPDATE iam_login_profiles SET reset_required = ? WHERE user_id = ?";
      return committed(database, [{ sql, params: [resetRequired ? 1 : 0, userId], expect: 1 }]);
    },
    delete(userId) {
      const sql = "DELETE FROM iam_login_profiles WHERE user_id = ?";
      return committed(database, [{ sql, params: [userId], expect: 1 }]);
    },
  };
}
