import type { Migration } from "../../ports/database.ts";
import { instanceProfileMigration } from "./instance-profile-store.ts";
import { loginProfileMigration } from "./login-profile-store.ts";
import { serviceCredentialMigration } from "./service-credential-store.ts";

/** `name_key` is the name in lower case: IAM's names are unique without regard to case. */
export const migrations: readonly Migration[] = [
  {
    id: "iam/0001",
    sql: [
      `CREATE TABLE iam_entities (
        account_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        name_key TEXT NOT NULL,
        name TEXT NOT NULL,
        id TEXT NOT NULL,
        path TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        boundary_arn TEXT,
        description TEXT,
        max_session_seconds INTEGER NOT NULL,
        trust_policy TEXT NOT NULL,
        PRIMARY KEY (account_id, kind, name_key)
      )`,
      `CREATE TABLE iam_inline_policies (
        account_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        name_key TEXT NOT NULL,
        policy_name TEXT NOT NULL,
        document TEXT NOT NULL,
        PRIMARY KEY (account_id, kind, name_key, policy_name)
      )`,
      `CREATE TABLE iam_attachments (
        account_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        name_key TEXT NOT NULL,
        policy_arn TEXT NOT NULL,
        PRIMARY KEY (account_id, kind, name_key, policy_arn)
      )`,
      "CREATE INDEX iam_attachments_policy ON iam_attachments (account_id, policy_arn)",
      `CREATE TABLE iam_tags (
        account_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        name_key TEXT NOT NULL,
        tag_norm TEXT NOT NULL,
        tag_key TEXT NOT NULL,
        tag_value TEXT NOT NULL,
        PRIMARY KEY (account_id, kind, name_key, tag_norm)
      )`,
      `CREATE TABLE iam_policies (
        account_id TEXT NOT NULL,
        name_key TEXT NOT NULL,
        name TEXT NOT NULL,
        id TEXT NOT NULL,
        path TEXT NOT NULL,
        description TEXT,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        default_version INTEGER NOT NULL,
        next_version INTEGER NOT NULL,
        PRIMARY KEY (account_id, name_key)
      )`,
      `CREATE TABLE iam_policy_versions (
        account_id TEXT NOT NULL,
        name_key TEXT NOT NULL,
        version INTEGER NOT NULL,
        document TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        PRIMARY KEY (account_id, name_key, version)
      )`,
      `CREATE TABLE iam_access_keys (
        access_key_id TEXT NOT NULL PRIMARY KEY,
        account_id TEXT NOT NULL,
        user_key TEXT NOT NULL,
        secret BYTEA NOT NULL,
        status TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        used_at BIGINT,
        used_service TEXT,
        used_region TEXT
      )`,
      "CREATE INDEX iam_access_keys_user ON iam_access_keys (account_id, user_key)",
    ],
  },
  {
    id: "iam/0002",
    sql: [
      `CREATE TABLE iam_group_members (
        account_id TEXT NOT NULL,
        group_key TEXT NOT NULL,
        user_key TEXT NOT NULL,
        PRIMARY KEY (account_id, group_key, user_key)
      )`,
      "CREATE INDEX iam_group_members_user ON iam_group_members (account_id, user_key)",
    ],
  },
  instanceProfileMigration,
  serviceCredentialMigration,
  loginProfileMigration,
];
