/**
 * Receiving from a standard queue. Any order is allowed; the message that became visible first goes first.
 *
 * One unit:
 * 1. Of the first messages that are visible, those received `maxReceiveCount` times already go to the
 *    dead-letter queue: another box, a receive count of zero, the time of sending kept.
 * 2. Of the first that are visible then, those that may be received are: hidden for the visibility
 *    timeout, their receive count one higher.
 * The writer runs units one after the other, so that two receivers never get the same message.
 */
import type { Database, Row, Statement } from "../../ports/database.ts";
import type { Queue } from "./directory.ts";
import { LEASE_COLUMNS, leaseOf, type Lease, type LeaseRow } from "./store.ts";

export interface Taken {
  readonly leases: readonly Lease[];
  /** How many went to the dead-letter queue. */
  readonly moved: number;
}

export interface Take {
  readonly now: number;
  readonly max: number;
  readonly visibilityTimeoutMs: number;
  /** Where messages go that were received too often. */
  readonly deadLetter: { readonly queue: Queue; readonly maxReceiveCount: number } | undefined;
}

/** How many of the first messages are looked at for those that were received too often. */
const BURIED_AT_ONCE = 100;
/** Larger than any receive count. */
const NEVER = 2_000_000_000;

export async function takeStandard(database: Database, queue: Queue, take: Take): Promise<Taken> {
  const { now, max, deadLetter } = take;
  const kept = now - queue.settings.retentionMs;
  const heads = `SELECT seq FROM (
      SELECT seq, receive_count FROM sqs_messages WHERE box_id = ? AND visible_at <= ? AND sent_at > ?
      ORDER BY visible_at, seq LIMIT ?) AS heads`;
  const whichHeads = (count: number): number[] => [queue.boxId, now, kept, count];
  const unit: Statement[] = [];
  if (deadLetter !== undefined) {
    unit.push({
      sql: `UPDATE sqs_messages SET box_id = ?, visible_at = ?, receive_count = 0, first_received_at = NULL,
          received_at = NULL, source_arn = ?
        WHERE box_id = ? AND visible_at <= ? AND seq IN (${heads} WHERE receive_count >= ?) RETURNING seq`,
      params: [
        deadLetter.queue.boxId,
        now,
        queue.arn,
        queue.boxId,
        now,
        ...whichHeads(BURIED_AT_ONCE),
        deadLetter.maxReceiveCount,
      ],
    });
  }
  unit.push({
    sql: `UPDATE sqs_messages SET visible_at = ?, receive_count = receive_count + 1, received_at = ?,
        first_received_at = COALESCE(first_received_at, ?)
      WHERE box_id = ? AND visible_at <= ? AND seq IN (${heads} WHERE receive_count < ?)
      RETURNING ${LEASE_COLUMNS}`,
    params: [
      now + take.visibilityTimeoutMs,
      now,
      now,
      queue.boxId,
      now,
      ...whichHeads(max),
      deadLetter?.maxReceiveCount ?? NEVER,
    ],
  });
  // A receive that a power failure takes back is one that comes again sooner.
  const results = await database.commit(unit, { synced: false });
  const leased = (results.at(-1) ?? []) as readonly Row[] as readonly unknown[] as readonly LeaseRow[];
  return { leases: leased.map(leaseOf), moved: deadLetter === undefined ? 0 : (results[0]?.length ?? 0) };
}

/** The earliest time at which a message can be received, past or to come; undefined for an empty queue. */
export async function standardReadyAt(
  database: Database,
  queue: Queue,
  now: number,
): Promise<number | undefined> {
  const [row] = await database.read<{ visible_at: number }>(
    `SELECT visible_at FROM sqs_messages WHERE box_id = ? AND sent_at > ?
      ORDER BY visible_at, seq LIMIT 1`,
    [queue.boxId, now - queue.settings.retentionMs],
  );
  return row === undefined ? undefined : Number(row.visible_at);
}
