import type { Migration } from "../../ports/database.ts";

/**
 * Keys are bytes: S3 lists them in the order of their UTF-8, which is what bytes compare by on both
 * engines. `seq` orders the versions of a key (newest is greatest). `content` names rows of s3_parts,
 * which name blobs; small bodies are in the row itself.
 */
export const migrations: readonly Migration[] = [
  {
    id: "s3/0001",
    sql: [
      `CREATE TABLE s3_buckets (
        name TEXT NOT NULL PRIMARY KEY,
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        versioning TEXT NOT NULL
      )`,
      "CREATE INDEX s3_buckets_account ON s3_buckets (account_id, name)",
      `CREATE TABLE s3_bucket_settings (
        bucket TEXT NOT NULL,
        kind TEXT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (bucket, kind)
      )`,
      `CREATE TABLE s3_versions (
        bucket TEXT NOT NULL,
        key_bytes BYTEA NOT NULL,
        seq BIGINT NOT NULL,
        version_id TEXT NOT NULL,
        is_latest INTEGER NOT NULL,
        is_marker INTEGER NOT NULL,
        modified_at BIGINT NOT NULL,
        bytes BIGINT NOT NULL,
        etag TEXT NOT NULL,
        content TEXT,
        meta TEXT NOT NULL,
        body BYTEA,
        PRIMARY KEY (bucket, key_bytes, seq)
      )`,
      "CREATE UNIQUE INDEX s3_versions_id ON s3_versions (bucket, key_bytes, version_id)",
      "CREATE UNIQUE INDEX s3_versions_latest ON s3_versions (bucket, key_bytes) WHERE is_latest = 1",
      "CREATE INDEX s3_versions_content ON s3_versions (content)",
      `CREATE TABLE s3_uploads (
        bucket TEXT NOT NULL,
        key_bytes BYTEA NOT NULL,
        seq BIGINT NOT NULL,
        upload_id TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        disturbed INTEGER NOT NULL,
        meta TEXT NOT NULL,
        PRIMARY KEY (bucket, key_bytes, seq)
      )`,
      "CREATE UNIQUE INDEX s3_uploads_id ON s3_uploads (upload_id)",
      `CREATE TABLE s3_parts (
        owner TEXT NOT NULL,
        number INTEGER NOT NULL,
        blob TEXT NOT NULL,
        bytes BIGINT NOT NULL,
        etag TEXT NOT NULL,
        checksum TEXT NOT NULL,
        modified_at BIGINT NOT NULL,
        PRIMARY KEY (owner, number)
      )`,
      "CREATE INDEX s3_parts_blob ON s3_parts (blob)",
    ],
  },
];
