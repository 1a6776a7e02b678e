import type { Migration } from "../../ports/database.ts";
import { archiveMigration } from "./archive-store.ts";

/** `next_ms` is when a schedule is due; the index over it is what the timer reads. */
export const migrations: readonly Migration[] = [
  {
    id: "events/0001",
    sql: [
      `CREATE TABLE events_buses (
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        bus TEXT NOT NULL,
        description TEXT,
        policy TEXT,
        created_at BIGINT NOT NULL,
        modified_at BIGINT NOT NULL,
        PRIMARY KEY (account_id, region, bus)
      )`,
      `CREATE TABLE events_rules (
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        bus TEXT NOT NULL,
        rule TEXT NOT NULL,
        pattern TEXT,
        schedule TEXT,
        state TEXT NOT NULL,
        description TEXT,
        role_arn TEXT,
        since_ms BIGINT NOT NULL,
        next_ms BIGINT,
        PRIMARY KEY (account_id, region, bus, rule)
      )`,
      "CREATE INDEX events_rules_next ON events_rules (next_ms) WHERE next_ms IS NOT NULL",
      `CREATE TABLE events_targets (
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        bus TEXT NOT NULL,
        rule TEXT NOT NULL,
        id TEXT NOT NULL,
        arn TEXT NOT NULL,
        target TEXT NOT NULL,
        PRIMARY KEY (account_id, region, bus, rule, id)
      )`,
      "CREATE INDEX events_targets_arn ON events_targets (account_id, region, bus, arn)",
      `CREATE TABLE events_tags (
        arn TEXT NOT NULL,
        tag_key TEXT NOT NULL,
        tag_value TEXT NOT NULL,
        PRIMARY KEY (arn, tag_key)
      )`,
    ],
  },
  archiveMigration,
];
