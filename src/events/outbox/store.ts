/**
 * The outbox's table and every statement on it.
 *
 * A row is written in the unit of the change that caused it. Usually it is `held` by the node that
 * wrote it, which delivers it from memory without reading it back; a hold is a time, so that what a
 * dead node held is taken up by another. `epoch` counts claims and fences every change: who lost the
 * row changes nothing. `seq` orders the rows of one order key.
 */
import type { Database, Migration, Row, Statement } from "../../ports/database.ts";
import type { Delivery } from "../../ports/outbox.ts";

export const outboxMigrations: readonly Migration[] = [
  {
    id: "outbox/0001",
    sql: [
      `CREATE TABLE outbox (
        id TEXT PRIMARY KEY,
        seq BIGINT NOT NULL,
        order_key TEXT,
        due_at BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        node TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        delivery TEXT NOT NULL
      )`,
      `CREATE INDEX outbox_due ON outbox (due_at, seq)`,
      `CREATE INDEX outbox_order ON outbox (order_key, seq)`,
    ],
  },
];

/** A delivery as the relay works on it. */
export interface OutboxRow {
  readonly delivery: Delivery;
  readonly createdAt: number;
  /** Until then it is this node's. */
  readonly heldUntil: number;
  readonly epoch: number;
  readonly attempts: number;
}

const NOBODY = "";

/** `heldUntil`: until then the row is this node's to deliver; its `created_at` for nobody's. */
export function insertRow(
  delivery: Delivery,
  seq: number,
  now: number,
  heldUntil: number | undefined,
  node: string,
): Statement {
  return {
    sql: `INSERT INTO outbox (id, seq, order_key, due_at, created_at, node, epoch, attempts, delivery)
      VALUES (?, ?, ?, ?, ?, ?, 0, 0, ?)`,
    params: [
      delivery.id,
      seq,
      delivery.orderKey ?? null,
      heldUntil ?? now,
      now,
      heldUntil === undefined ? NOBODY : node,
      JSON.stringify(delivery),
    ],
    expect: 1,
  };
}

/** Ends a delivery: it was made, or nobody can. */
export function removeRow(row: OutboxRow): Statement {
  return {
    sql: "DELETE FROM outbox WHERE id = ? AND epoch = ?",
    params: [row.delivery.id, row.epoch],
    expect: 1,
  };
}

export function postponeRow(row: OutboxRow, dueAt: number): Statement {
  return {
    sql: `UPDATE outbox SET due_at = ?, attempts = ?, node = '' WHERE id = ? AND epoch = ?`,
    params: [dueAt, row.attempts + 1, row.delivery.id, row.epoch],
    expect: 1,
  };
}

const OLDEST_OF_ITS_KEY = `(order_key IS NULL OR NOT EXISTS (
  SELECT 1 FROM outbox earlier WHERE earlier.order_key = o.order_key AND earlier.seq < o.seq))`;

/**
 * Takes up to `count` rows that are due, the oldest first; of an order key only its oldest row, and
 * only while that is nobody's.
 */
export async function claimRows(
  database: Database,
  node: string,
  now: number,
  heldUntil: number,
  count: number,
): Promise<OutboxRow[]> {
  const [rows = []] = await database.commit([
    {
      sql: `UPDATE outbox SET node = ?, due_at = ?, epoch = epoch + 1 WHERE id IN (
          SELECT id FROM outbox o WHERE due_at <= ? AND ${OLDEST_OF_ITS_KEY}
          ORDER BY due_at, seq LIMIT ?)
        RETURNING created_at, epoch, attempts, delivery, seq`,
      params: [node, heldUntil, now, count],
    },
  ]);
  return rows.toSorted((a, b) => Number(a["seq"]) - Number(b["seq"])).map((row) => rowOf(row, heldUntil));
}

function rowOf(row: Row, heldUntil: number): OutboxRow {
  return {
    delivery: JSON.parse(String(row["delivery"])) as Delivery,
    createdAt: Number(row["created_at"]),
    heldUntil,
    epoch: Number(row["epoch"]),
    attempts: Number(row["attempts"]),
  };
}

/** What this node held when it ended is nobody's again: for its next start. */
export function releaseHeld(node: string, now: number): Statement {
  return {
    sql: "UPDATE outbox SET node = '', due_at = ?, epoch = epoch + 1 WHERE node = ?",
    params: [now, node],
  };
}

/** When the next row is due that could be claimed then; undefined when there is none. */
export async function nextDue(database: Database): Promise<number | undefined> {
  const [row] = await database.read(
    `SELECT due_at FROM outbox o WHERE ${OLDEST_OF_ITS_KEY} ORDER BY due_at, seq LIMIT 1`,
  );
  return row === undefined ? undefined : Number(row["due_at"]);
}
