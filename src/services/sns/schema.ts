import type { Migration } from "../../ports/database.ts";

/** `shown_until` of a subscription that is confirmed: a time nobody will see. */
export const FOREVER = 9_000_000_000_000_000;
/** Pending confirmations, and ended subscriptions that could be brought back, are forgotten after this. */
export const TOKEN_MS: number = 2 * 24 * 3600 * 1000;

/**
 * `body` is the JSON of a Topic, a Subscription (model.ts), an Application or a PlatformEndpoint
 * (platforms.ts); the columns beside it are what is searched by. `revision` of a topic changes with the
 * topic and with each of its subscriptions; `sequence` is the number of a FIFO topic's last message;
 * `shown_until` says how long a subscription is listed: until it is too late to confirm it, FOREVER, or
 * (0) not at all. `sns_mails` is what went to telephones and mail boxes; `sns_settings` the SMS attributes
 * by account and region; `sns_keys` the key that signs, sealed. `sns_deduplication` has what FIFO topics
 * took in the last five minutes.
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
  {
    id: "sns/0003",
    sql: [
      ...columns("sns_topics", ["account", "region", "fifo", "revision"]),
      `ALTER TABLE sns_topics ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0`,
      `UPDATE sns_topics SET account = ${field("accountId")}, region = ${field("region")},
        fifo = CASE WHEN arn LIKE '%.fifo' THEN 'true' ELSE 'false' END, revision = arn`,
      `CREATE INDEX sns_topics_owner ON sns_topics (account, region, fifo, arn)`,
      ...columns("sns_subscriptions", ["owner", "region", "token", "filtered"]),
      `ALTER TABLE sns_subscriptions ADD COLUMN shown_until BIGINT NOT NULL DEFAULT 0`,
      `UPDATE sns_subscriptions SET owner = ${field("owner")}, token = ${field("token")},
        region = COALESCE((SELECT t.region FROM sns_topics t WHERE t.arn = topic_arn), ''),
        filtered = CASE WHEN body LIKE '%"FilterPolicy":%' THEN 'true' ELSE 'false' END,
        shown_until = CASE
          WHEN body LIKE '%"removedAt":%' THEN 0
          WHEN body LIKE '%"pending":true%' THEN CAST(json(body) ->> 'createdAt' AS BIGINT) + ${String(TOKEN_MS)}
          ELSE ${String(FOREVER)} END`,
      `CREATE INDEX sns_subscriptions_topic ON sns_subscriptions (topic_arn)`,
      `CREATE INDEX sns_subscriptions_owner ON sns_subscriptions (owner, region, arn)`,
      `CREATE INDEX sns_subscriptions_token ON sns_subscriptions (token)`,
      ...columns("sns_applications", ["account", "region"]),
      `UPDATE sns_applications SET account = ${field("accountId")}, region = ${field("region")}`,
      `CREATE INDEX sns_applications_owner ON sns_applications (account, region, arn)`,
      ...columns("sns_endpoints", ["application_arn", "token"]),
      `UPDATE sns_endpoints SET application_arn = ${field("applicationArn")},
        token = COALESCE((json(body) -> 'attributes') ->> 'Token', '')`,
      `CREATE INDEX sns_endpoints_application ON sns_endpoints (application_arn, arn)`,
      `CREATE INDEX sns_endpoints_token ON sns_endpoints (application_arn, token)`,
      `CREATE TABLE sns_mails (id TEXT PRIMARY KEY, body TEXT NOT NULL)`,
      `INSERT INTO sns_mails (id, body) SELECT CAST(id AS TEXT), body FROM sns_mail`,
      `DROP TABLE sns_mail`,
    ],
  },
];

/** A field of `body`, in the SQL of both engines. */
function field(name: string): string {
  return `COALESCE(json(body) ->> '${name}', '')`;
}

function columns(table: string, names: readonly string[]): readonly string[] {
  return names.map((name) => `ALTER TABLE ${table} ADD COLUMN ${name} TEXT NOT NULL DEFAULT ''`);
}
