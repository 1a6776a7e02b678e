import type { Migration } from "../../ports/database.ts";

/**
 * The tables of sqs.db. Times are epoch milliseconds.
 *
 * A queue's messages lie in a *box*. Purging gives the queue a new box, deleting forgets the queue; the
 * old box becomes garbage that is cleared in steps, so that neither holds the writer for a million rows.
 *
 * What changes with every receive (sqs_messages) is kept apart from what never changes (sqs_bodies): an
 * update rewrites a whole row, and a body may have a mebibyte.
 *
 * A group of a FIFO queue has one row while it has messages: `ready_at` is when it may be served next. It
 * is the group's lock, and ordering by it serves the group that has waited longest.
 */
export const migrations: readonly Migration[] = [
  {
    id: "sqs/0001",
    sql: [
      `CREATE TABLE sqs_queues (
        queue_id BIGINT NOT NULL PRIMARY KEY,
        box_id BIGINT NOT NULL,
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        created_at BIGINT NOT NULL,
        modified_at BIGINT NOT NULL,
        purged_at BIGINT,
        attributes TEXT NOT NULL,
        tags TEXT NOT NULL,
        UNIQUE (account_id, region, name)
      )`,
      `CREATE TABLE sqs_deleted_queues (
        account_id TEXT NOT NULL,
        region TEXT NOT NULL,
        name TEXT NOT NULL,
        deleted_at BIGINT NOT NULL,
        PRIMARY KEY (account_id, region, name)
      )`,
      `CREATE TABLE sqs_garbage (box_id BIGINT NOT NULL PRIMARY KEY)`,
      `CREATE TABLE sqs_messages (
        box_id BIGINT NOT NULL,
        seq BIGINT NOT NULL,
        visible_at BIGINT NOT NULL,
        sent_at BIGINT NOT NULL,
        receive_count BIGINT NOT NULL,
        first_received_at BIGINT,
        received_at BIGINT,
        group_id TEXT,
        source_arn TEXT,
        PRIMARY KEY (box_id, seq)
      )`,
      `CREATE INDEX sqs_messages_visible ON sqs_messages (box_id, visible_at, seq)`,
      `CREATE INDEX sqs_messages_group ON sqs_messages (box_id, group_id, seq) WHERE group_id IS NOT NULL`,
      `CREATE TABLE sqs_bodies (
        seq BIGINT NOT NULL PRIMARY KEY,
        message_id TEXT NOT NULL,
        body TEXT NOT NULL,
        md5 TEXT NOT NULL,
        attributes TEXT,
        system TEXT NOT NULL
      )`,
      `CREATE TABLE sqs_groups (
        box_id BIGINT NOT NULL,
        group_id TEXT NOT NULL,
        ready_at BIGINT NOT NULL,
        PRIMARY KEY (box_id, group_id)
      )`,
      `CREATE INDEX sqs_groups_ready ON sqs_groups (box_id, ready_at)`,
      `CREATE TABLE sqs_deduplication (
        box_id BIGINT NOT NULL,
        scope TEXT NOT NULL,
        deduplication_id TEXT NOT NULL,
        message_id TEXT NOT NULL,
        seq BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        PRIMARY KEY (box_id, scope, deduplication_id)
      )`,
      `CREATE INDEX sqs_deduplication_expiry ON sqs_deduplication (expires_at)`,
      `CREATE TABLE sqs_move_tasks (
        task_id TEXT NOT NULL PRIMARY KEY,
        source_arn TEXT NOT NULL,
        destination_arn TEXT,
        per_second BIGINT,
        status TEXT NOT NULL,
        failure TEXT,
        started_at BIGINT NOT NULL,
        to_move BIGINT NOT NULL,
        moved BIGINT NOT NULL,
        last_seq BIGINT NOT NULL
      )`,
      `CREATE INDEX sqs_move_tasks_source ON sqs_move_tasks (source_arn, started_at)`,
    ],
  },
];
