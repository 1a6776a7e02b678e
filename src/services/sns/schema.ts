import type { Migration } from "../../ports/database.ts";

/**
 * `body` is the JSON of a Topic or a Subscription (model.ts). `sns_mail` is what went to telephones and
 * mail boxes; `sns_settings` the SMS attributes by account and region; `sns_keys` the key that signs,
 * sealed. `sns_deduplication` has what FIFO topics took in the last five minutes.
 */
export const migrations: readonly Migration[] = [
  {
    id: "sns/0001",
    sql: [
      `CREATE TABLE sns_topics (arn TEXT PRIMARY KEY, body TEXT NOT NULL)`,
      `CREATE TABLE sns_subscriptions (arn TEXT PRIMARY KEY, topic_arn TEXT NOT NULL, body TEXT NOT NULL)`,
      `CREATE TABLE sns_deduplication (
        id TEXT PRIMARY KEY,
        message_id TEXT NOT NULL,
        seq BIGINT NOT NULL,
        expires_at BIGINT NOT NULL
      )`,
      `CREATE INDEX sns_deduplication_expiry ON sns_deduplication (expires_at)`,
      `CREATE TABLE sns_mail (id BIGINT PRIMARY KEY, body TEXT NOT NULL)`,
      `CREATE TABLE sns_settings (id TEXT PRIMARY KEY, body TEXT NOT NULL)`,
      `CREATE TABLE sns_keys (id TEXT PRIMARY KEY, sealed BYTEA NOT NULL, certificate TEXT NOT NULL)`,
    ],
  },
  {
    id: "sns/0002",
    sql: [
      `CREATE TABLE sns_applications (arn TEXT PRIMARY KEY, body TEXT NOT NULL)`,
      `CREATE TABLE sns_endpoints (arn TEXT PRIMARY KEY, body TEXT NOT NULL)`,
    ],
  },
];
