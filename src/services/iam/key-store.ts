/** Access keys of users. Secrets are sealed; the key id is part of what is authenticated. */
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Database, Row, Statement } from "../../ports/database.ts";
import type { Secrets } from "../../ports/secrets.ts";
import { committed } from "./entity-store.ts";
import { type AccessKey, entityArn, nameKey } from "./model.ts";

/** How long another server's change of a key may go unseen. */
const CACHE_MS = 1000;
const CACHE_MAX = 1000;
const USES_STORED_AFTER_MS = 30_000;

export interface SigningKey {
  readonly accountId: string;
  readonly secretAccessKey: string;
  readonly userArn: string;
  readonly userId: string;
}

export interface KeyStore {
  list(accountId: string, userName: string): Promise<AccessKey[]>;
  find(accessKeyId: string): Promise<AccessKey | undefined>;
  /** False when the user is gone or has `max` keys already. */
  create(key: AccessKey, secret: string, max: number): Promise<boolean>;
  setStatus(accessKeyId: string, status: AccessKey["status"]): Promise<void>;
  delete(accessKeyId: string): Promise<void>;
  /** What an active key signs as. Synchronous when it was asked for lately. */
  signing(accessKeyId: string): SigningKey | undefined | Promise<SigningKey | undefined>;
  /** Remembered, and written now and then. */
  used(accessKeyId: string, service: string, region: string): void;
  /** After a user was changed or deleted. */
  forgetCached(): void;
  close(): Promise<void>;
}

export function createKeyStore(database: Database, secrets: Secrets, clock: Clock): KeyStore {
  const cache = new Map<string, { at: number; key: SigningKey | undefined }>();
  const uses = new Map<string, { at: number; service: string; region: string }>();
  let timer: Timer | undefined;
  const context = (accessKeyId: string): string => `iam/access-key/${accessKeyId}`;
  const FROM = `FROM iam_access_keys k JOIN iam_entities u
    ON u.account_id = k.account_id AND u.kind = 'user' AND u.name_key = k.user_key`;

  async function load(accessKeyId: string): Promise<SigningKey | undefined> {
    const sql = `SELECT k.account_id, k.secret, u.name, u.path, u.id ${FROM}
      WHERE k.access_key_id = ? AND k.status = 'Active'`;
    const at = clock.now();
    const [row] = await database.read(sql, [accessKeyId]);
    const key = row === undefined ? undefined : toSigningKey(row, secrets, context(accessKeyId));
    if (cache.size >= CACHE_MAX) cache.clear();
    cache.set(accessKeyId, { at, key });
    return key;
  }

  async function storeUses(): Promise<void> {
    const unit = [...uses].map(([accessKeyId, use]): Statement => ({
      sql: "UPDATE iam_access_keys SET used_at = ?, used_service = ?, used_region = ? WHERE access_key_id = ?",
      params: [use.at, use.service, use.region, accessKeyId],
    }));
    uses.clear();
    if (unit.length > 0) await database.commit(unit).catch(() => undefined); // the next use is written again
  }

  function withUse(key: AccessKey): AccessKey {
    const use = uses.get(key.accessKeyId);
    return use === undefined ? key : { ...key, lastUsed: use };
  }

  async function select(where: string, params: string[]): Promise<AccessKey[]> {
    const sql = `SELECT k.*, u.name ${FROM} WHERE ${where} ORDER BY k.created_at, k.access_key_id`;
    return (await database.read(sql, params)).map(toAccessKey).map(withUse);
  }

  async function change(sql: string, params: string[]): Promise<void> {
    await database.commit([{ sql, params }]);
    cache.clear();
  }

  return {
    list: (accountId, userName) =>
      select("k.account_id = ? AND k.user_key = ?", [accountId, nameKey(userName)]),
    async find(accessKeyId) {
      return (await select("k.access_key_id = ?", [accessKeyId]))[0];
    },
    async create(key, secret, max) {
      const owner = [key.accountId, nameKey(key.userName)];
      const sealed = secrets.seal(secret, context(key.accessKeyId));
      const free = `UPDATE iam_entities SET name = name WHERE account_id = ? AND kind = 'user' AND name_key = ?
        AND (SELECT COUNT(*) FROM iam_access_keys WHERE account_id = ? AND user_key = ?) < ?`;
      const insert = `INSERT INTO iam_access_keys (access_key_id, account_id, user_key, secret, status, created_at)
        VALUES (?, ?, ?, ?, ?, ?)`;
      const made = await committed(database, [
        { sql: free, params: [...owner, ...owner, max], expect: 1 },
        { sql: insert, params: [key.accessKeyId, ...owner, sealed, key.status, key.createdAt] },
      ]);
      cache.delete(key.accessKeyId);
      return made;
    },
    setStatus: (accessKeyId, status) =>
      change("UPDATE iam_access_keys SET status = ? WHERE access_key_id = ?", [status, accessKeyId]),
    delete: (accessKeyId) => change("DELETE FROM iam_access_keys WHERE access_key_id = ?", [accessKeyId]),
    signing(accessKeyId) {
      const cached = cache.get(accessKeyId);
      if (cached !== undefined && clock.now() - cached.at < CACHE_MS) return cached.key;
      return load(accessKeyId);
    },
    used(accessKeyId, service, region) {
      uses.set(accessKeyId, { at: clock.now(), service, region });
      timer ??= clock.timer(USES_STORED_AFTER_MS, () => {
        timer = undefined;
        void storeUses();
      });
    },
    forgetCached: () => cache.clear(),
    async close() {
      timer?.cancel();
      await storeUses();
    },
  };
}

function toSigningKey(row: Row, secrets: Secrets, context: string): SigningKey {
  const accountId = String(row["account_id"]);
  const secret = Buffer.from(secrets.open(row["secret"] as Uint8Array, context)).toString("utf8");
  const user = { accountId, kind: "user", path: String(row["path"]), name: String(row["name"]) } as const;
  return { accountId, secretAccessKey: secret, userArn: entityArn(user), userId: String(row["id"]) };
}

function toAccessKey(row: Row): AccessKey {
  const usedAt = row["used_at"];
  return {
    accessKeyId: String(row["access_key_id"]),
    accountId: String(row["account_id"]),
    userName: String(row["name"]),
    status: row["status"] === "Active" ? "Active" : "Inactive",
    createdAt: Number(row["created_at"]),
    lastUsed:
      usedAt === null || usedAt === undefined
        ? undefined
        : { at: Number(usedAt), service: String(row["used_service"]), region: String(row["used_region"]) },
  };
}
