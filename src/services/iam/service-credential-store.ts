/** Service-specific credentials: rows in and out. Their passwords open nothing here, and are not kept. */
import type { Database, Migration, SqlValue } from "../../ports/database.ts";
import { committed } from "./entity-store.ts";

export interface ServiceCredential {
  readonly id: string;
  readonly accountId: string;
  /** The user's unique id: it stays when the user is renamed. */
  readonly userId: string;
  /** `codecommit.amazonaws.com` */
  readonly service: string;
  /** `jane-at-123456789012` */
  readonly serviceUserName: string;
  readonly status: "Active" | "Inactive";
  readonly createdAt: number;
}

export interface ServiceCredentialStore {
  /** Oldest first. */
  ofUser(userId: string): Promise<ServiceCredential[]>;
  inAccount(accountId: string): Promise<ServiceCredential[]>;
  /** False when the user is gone or has `max` of the service already. */
  create(credential: ServiceCredential, max: number): Promise<boolean>;
  setStatus(id: string, status: ServiceCredential["status"]): Promise<void>;
  delete(id: string): Promise<void>;
}

export const serviceCredentialMigration: Migration = {
  id: "iam/0004",
  sql: [
    `CREATE TABLE iam_service_credentials (
      id TEXT NOT NULL PRIMARY KEY,
      account_id TEXT NOT NULL,
      user_id TEXT NOT NULL,
      service TEXT NOT NULL,
      service_user_name TEXT NOT NULL,
      status TEXT NOT NULL,
      created_at BIGINT NOT NULL
    )`,
    "CREATE INDEX iam_service_credentials_user ON iam_service_credentials (user_id)",
  ],
};

export function createServiceCredentialStore(database: Database): ServiceCredentialStore {
  async function select(column: "user_id" | "account_id", value: string): Promise<ServiceCredential[]> {
    const sql = `SELECT * FROM iam_service_credentials WHERE ${column} = ? ORDER BY created_at, id`;
    return (await database.read(sql, [value])).map((row) => ({
      id: String(row["id"]),
      accountId: String(row["account_id"]),
      userId: String(row["user_id"]),
      service: String(row["service"]),
      serviceUserName: String(row["service_user_name"]),
      status: row["status"] === "Active" ? "Active" : "Inactive",
      createdAt: Number(row["created_at"]),
    }));
  }

  async function change(sql: string, params: readonly SqlValue[]): Promise<void> {
    await database.commit([{ sql, params }]);
  }

  return {
    ofUser: (userId) => select("user_id", userId),
    inAccount: (accountId) => select("account_id", accountId),
    create({ id, accountId, userId, service, serviceUserName, status, createdAt }, max) {
      const free = `UPDATE iam_entities SET name = name WHERE id = ?
        AND (SELECT COUNT(*) FROM iam_service_credentials WHERE user_id = ? AND service = ?) < ?`;
      const insert = `INSERT INTO iam_service_credentials
        (id, account_id, user_id, service, service_user_name, status, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)`;
      return committed(database, [
        { sql: free, params: [userId, userId, service, max], expect: 1 },
        { sql: insert, params: [id, accountId, userId, service, serviceUserName, status, createdAt] },
      ]);
    },
    setStatus: (id, status) =>
      change("UPDATE iam_service_credentials SET status = ? WHERE id = ?", [status, id]),
    delete: (id) => change("DELETE FROM iam_service_credentials WHERE id = ?", [id]),
  };
}
