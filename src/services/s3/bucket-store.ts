import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { Bucket, Versioning } from "./model.ts";

interface BucketRow {
  readonly name: string;
  readonly account_id: string;
  readonly region: string;
  readonly created_at: number;
  readonly versioning: Versioning;
  readonly kind: string | null;
  readonly body: string | null;
}

export interface BucketStore {
  get(name: string): Promise<Bucket | undefined>;
  /** In the order of their names. */
  list(accountId: string, after: string, limit: number): Promise<readonly Bucket[]>;
  /** Every bucket that has a setting of the kind. */
  withSetting(kind: string): Promise<readonly Bucket[]>;
  /** False when the name is taken. */
  create(bucket: Bucket): Promise<boolean>;
  /** False when it holds something, or is gone. */
  remove(name: string): Promise<boolean>;
  /** Sets or, with undefined, removes a configuration. False when the bucket is gone. */
  set(name: string, kind: string, body: string | undefined): Promise<boolean>;
  setVersioning(name: string, versioning: Versioning): Promise<boolean>;
}

const COLUMNS = "b.name, b.account_id, b.region, b.created_at, b.versioning";
const JOIN = "s3_buckets b LEFT JOIN s3_bucket_settings s ON s.bucket = b.name";

export function createBucketStore(database: Database): BucketStore {
  async function read(where: string, params: readonly (string | number)[]): Promise<Bucket[]> {
    const rows = await database.read<BucketRow>(
      `SELECT ${COLUMNS}, s.kind, s.body FROM ${JOIN} ${where} ORDER BY b.name`,
      params,
    );
    return bucketsOf(rows);
  }

  async function commits(unit: readonly Statement[]): Promise<boolean> {
    try {
      await database.commit(unit);
      return true;
    } catch (error) {
      if (error instanceof Conflict) return false;
      throw error;
    }
  }

  return {
    async get(name) {
      const [bucket] = await read("WHERE b.name = ?", [name]);
      return bucket;
    },
    async list(accountId, after, limit) {
      const rows = await database.read<BucketRow>(
        `SELECT ${COLUMNS}, NULL AS kind, NULL AS body FROM s3_buckets b
         WHERE b.account_id = ? AND b.name > ? ORDER BY b.name LIMIT ?`,
        [accountId, after, limit],
      );
      return bucketsOf(rows);
    },
    withSetting: (kind) =>
      read("WHERE b.name IN (SELECT bucket FROM s3_bucket_settings WHERE kind = ?)", [kind]),
    create: ({ name, accountId, region, createdAt, versioning, settings }) =>
      commits([
        {
          sql: "INSERT INTO s3_buckets (name, account_id, region, created_at, versioning) VALUES (?, ?, ?, ?, ?)",
          params: [name, accountId, region, createdAt, versioning],
          expect: 1,
        },
        ...Object.entries(settings).map(([kind, body]) => ({
          sql: "INSERT INTO s3_bucket_settings (bucket, kind, body) VALUES (?, ?, ?)",
          params: [name, kind, body],
        })),
      ]),
    remove: (name) =>
      commits([
        {
          sql: `DELETE FROM s3_buckets WHERE name = ?
                AND NOT EXISTS (SELECT 1 FROM s3_versions WHERE bucket = ?)
                AND NOT EXISTS (SELECT 1 FROM s3_uploads WHERE bucket = ?)`,
          params: [name, name, name],
          expect: 1,
        },
        { sql: "DELETE FROM s3_bucket_settings WHERE bucket = ?", params: [name] },
      ]),
    set: (name, kind, body) =>
      commits([
        { sql: "SELECT 1 AS there FROM s3_buckets WHERE name = ?", params: [name], expect: 1 },
        body === undefined
          ? { sql: "DELETE FROM s3_bucket_settings WHERE bucket = ? AND kind = ?", params: [name, kind] }
          : {
              sql: `INSERT INTO s3_bucket_settings (bucket, kind, body) VALUES (?, ?, ?)
                    ON CONFLICT (bucket, kind) DO UPDATE SET body = excluded.body`,
              params: [name, kind, body],
            },
      ]),
    setVersioning: (name, versioning) =>
      commits([
        { sql: "UPDATE s3_buckets SET versioning = ? WHERE name = ?", params: [versioning, name], expect: 1 },
      ]),
  };
}

function bucketsOf(rows: readonly BucketRow[]): Bucket[] {
  const buckets: (Bucket & { readonly settings: Record<string, string> })[] = [];
  for (const row of rows) {
    let last = buckets.at(-1);
    if (last?.name !== row.name) {
      last = {
        name: row.name,
        accountId: row.account_id,
        region: row.region,
        createdAt: row.created_at,
        versioning: row.versioning,
        settings: {},
      };
      buckets.push(last);
    }
    if (row.kind !== null && row.body !== null) last.settings[row.kind] = row.body;
  }
  return buckets;
}
