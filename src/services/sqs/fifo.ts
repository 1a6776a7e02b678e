/**
 * FIFO queues: the order within a message group, one receiver of a group at a time, no message twice
 * within five minutes.
 *
 * Sending, one unit:
 * 1. The deduplication id is noted, unless it is there and younger than five minutes: then the unit fails
 *    as a whole, and the answer is that of the first message.
 * 2. The message is stored, and a row for its group, if it has none.
 *
 * Receiving (one at a time per queue; the guards hold against other nodes):
 * 1. Read the groups that are ready, the longest waiting first, and the first messages of each.
 * 2. Decide (`planReceive`): which are received, which go to the dead-letter queue.
 * 3. One unit: lock each group by moving its `ready_at` behind the visibility timeout, guarded by its being
 *    ready still; change each message, guarded by its receive count. A miss reads again.
 *
 * Messages of a group that are in flight are always its first ones, ten at the most, because nothing is
 * received from a group with messages in flight. So the first ten tell when the group is ready again.
 */
import { optionalNumber } from "../../ports/columns.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { Queue } from "./directory.ts";
import type { Take, Taken } from "./standard.ts";
import { insertMessage, type Lease, type NewMessage } from "./store.ts";

const DEDUPLICATION_MS = 300_000;
const GROUP_HEAD = 10;

export interface Sent {
  readonly messageId: string;
  readonly seq: number;
}

/** Stores the message, or finds the one it repeats. */
export async function sendFifo(
  database: Database,
  queue: Queue,
  message: NewMessage,
  deduplicationId: string,
): Promise<Sent & { readonly repeated: boolean }> {
  const groupId = message.groupId ?? "";
  const scope = queue.settings.deduplicationScope === "messageGroup" ? groupId : "";
  const { boxId } = queue;
  const note: Statement = {
    sql: `INSERT INTO sqs_deduplication (box_id, scope, deduplication_id, message_id, seq, expires_at)
      VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (box_id, scope, deduplication_id) DO UPDATE
        SET message_id = excluded.message_id, seq = excluded.seq, expires_at = excluded.expires_at
        WHERE sqs_deduplication.expires_at <= ?`,
    params: [
      boxId,
      scope,
      deduplicationId,
      message.messageId,
      message.seq,
      message.sentAt + DEDUPLICATION_MS,
      message.sentAt,
    ],
    expect: 1,
  };
  const group: Statement = {
    sql: `INSERT INTO sqs_groups (box_id, group_id, ready_at) VALUES (?, ?, ?)
      ON CONFLICT (box_id, group_id) DO NOTHING`,
    params: [boxId, groupId, message.visibleAt],
  };
  try {
    await database.commit([note, ...insertMessage(boxId, message), group]);
    return { messageId: message.messageId, seq: message.seq, repeated: false };
  } catch (error) {
    if (!(error instanceof Conflict) || error.index !== 0) throw error;
  }
  const [first] = await database.read<{ message_id: string; seq: number }>(
    "SELECT message_id, seq FROM sqs_deduplication WHERE box_id = ? AND scope = ? AND deduplication_id = ?",
    [boxId, scope, deduplicationId],
  );
  // It can only be gone if it expired in this very moment; then the message is new.
  if (first === undefined) return sendFifo(database, queue, message, deduplicationId);
  return { messageId: first.message_id, seq: Number(first.seq), repeated: true };
}

/** Brings a group's row up to date with its messages: gone without any, else ready when its lock ends. */
export function settleGroup(boxId: number, groupId: string, now: number): readonly Statement[] {
  return [
    {
      sql: `DELETE FROM sqs_groups WHERE box_id = ? AND group_id = ?
        AND NOT EXISTS (SELECT 1 FROM sqs_messages WHERE box_id = ? AND group_id = ?)`,
      params: [boxId, groupId, boxId, groupId],
    },
    {
      sql: `UPDATE sqs_groups SET ready_at = (
          SELECT COALESCE(MAX(CASE WHEN receive_count > 0 AND visible_at > ? THEN visible_at END), MIN(visible_at))
          FROM (SELECT visible_at, receive_count FROM sqs_messages WHERE box_id = ? AND group_id = ?
            ORDER BY seq LIMIT ${String(GROUP_HEAD)}) AS head)
        WHERE box_id = ? AND group_id = ?`,
      params: [now, boxId, groupId, boxId, groupId],
    },
  ];
}

/** A message as the plan sees it, in the order of its group. */
export interface HeadMessage {
  readonly seq: number;
  readonly visibleAt: number;
  readonly sentAt: number;
  readonly receives: number;
  readonly firstReceivedAt: number | undefined;
  readonly sourceArn: string | undefined;
}

export interface GroupHead {
  readonly groupId: string;
  readonly readyAt: number;
  readonly messages: readonly HeadMessage[];
}

export interface GroupPlan {
  readonly groupId: string;
  readonly readyAt: number;
  readonly take: readonly HeadMessage[];
  readonly bury: readonly HeadMessage[];
}

/**
 * Fills the batch group by group: as many of one group as there are, then the next. A message that was
 * received too often is buried, and the one behind it takes its place. Expired ones wait for the sweep.
 */
export function planReceive(
  groups: readonly GroupHead[],
  rules: { now: number; max: number; retentionMs: number; maxReceiveCount: number | undefined },
): readonly GroupPlan[] {
  const plans: GroupPlan[] = [];
  let room = rules.max;
  for (const { groupId, readyAt, messages } of groups) {
    const take: HeadMessage[] = [];
    const bury: HeadMessage[] = [];
    for (const message of messages) {
      if (message.sentAt <= rules.now - rules.retentionMs) continue;
      if (take.length === room || message.visibleAt > rules.now) break;
      (message.receives >= (rules.maxReceiveCount ?? Infinity) ? bury : take).push(message);
    }
    room -= take.length;
    if (take.length > 0 || bury.length > 0) plans.push({ groupId, readyAt, take, bury });
    if (room === 0) break;
  }
  return plans;
}

/** `nextSeq`: a buried message queues up at the end of the dead-letter queue. */
export async function takeFifo(
  database: Database,
  queue: Queue,
  take: Take,
  nextSeq: () => number,
): Promise<Taken> {
  for (;;) {
    const heads = await readHeads(database, queue, take);
    const plans = planReceive(heads, {
      now: take.now,
      max: take.max,
      retentionMs: queue.settings.retentionMs,
      maxReceiveCount: take.deadLetter?.maxReceiveCount,
    });
    if (plans.length === 0) return { leases: [], moved: 0 };
    try {
      await database.commit(plans.flatMap((plan) => carryOut(queue, take, plan, nextSeq)));
    } catch (error) {
      if (error instanceof Conflict) continue;
      throw error;
    }
    const taken = plans.flatMap((plan) => plan.take.map((message) => leaseAfter(message, take.now)));
    return { leases: taken, moved: plans.reduce((sum, plan) => sum + plan.bury.length, 0) };
  }
}

function leaseAfter(message: HeadMessage, now: number): Lease {
  return {
    seq: message.seq,
    sentAt: message.sentAt,
    receives: message.receives + 1,
    firstReceivedAt: message.firstReceivedAt ?? now,
    sourceArn: message.sourceArn,
  };
}

async function readHeads(database: Database, queue: Queue, { now, max }: Take): Promise<GroupHead[]> {
  const groups = await database.read<{ group_id: string; ready_at: number }>(
    "SELECT group_id, ready_at FROM sqs_groups WHERE box_id = ? AND ready_at <= ? ORDER BY ready_at LIMIT ?",
    [queue.boxId, now, max],
  );
  const heads: GroupHead[] = [];
  let found = 0;
  for (const { group_id: groupId, ready_at: readyAt } of groups) {
    if (found >= max) break;
    const rows = await database.read<HeadRow>(HEAD_SQL, [queue.boxId, groupId, GROUP_HEAD]);
    found += rows.length;
    heads.push({ groupId, readyAt: Number(readyAt), messages: rows.map(headMessage) });
  }
  return heads;
}

interface HeadRow {
  readonly seq: number;
  readonly visible_at: number;
  readonly sent_at: number;
  readonly receive_count: number;
  readonly first_received_at: number | null;
  readonly source_arn: string | null;
}

const HEAD_SQL = `SELECT seq, visible_at, sent_at, receive_count, first_received_at, source_arn
  FROM sqs_messages WHERE box_id = ? AND group_id = ? ORDER BY seq LIMIT ?`;

function headMessage(row: HeadRow): HeadMessage {
  return {
    seq: Number(row.seq),
    visibleAt: Number(row.visible_at),
    sentAt: Number(row.sent_at),
    receives: Number(row.receive_count),
    firstReceivedAt: optionalNumber(row.first_received_at),
    sourceArn: row.source_arn ?? undefined,
  };
}

function carryOut(queue: Queue, take: Take, plan: GroupPlan, nextSeq: () => number): Statement[] {
  const { boxId } = queue;
  const { now } = take;
  const unit: Statement[] = [
    {
      sql: "UPDATE sqs_groups SET ready_at = ? WHERE box_id = ? AND group_id = ? AND ready_at = ?",
      params: [now + take.visibilityTimeoutMs, boxId, plan.groupId, plan.readyAt],
      expect: 1,
    },
    ...plan.take.map(({ seq, receives }) => ({
      sql: `UPDATE sqs_messages SET visible_at = ?, receive_count = receive_count + 1, received_at = ?,
          first_received_at = COALESCE(first_received_at, ?)
        WHERE box_id = ? AND seq = ? AND receive_count = ?`,
      params: [now + take.visibilityTimeoutMs, now, now, boxId, seq, receives],
      expect: 1,
    })),
  ];
  if (take.deadLetter === undefined || plan.bury.length === 0) return unit;
  for (const message of plan.bury) {
    unit.push(
      ...moveFifo({ from: queue, to: take.deadLetter.queue, message, groupId: plan.groupId }, now, nextSeq()),
    );
  }
  return [...unit, ...settleGroup(boxId, plan.groupId, now)];
}

/** To the end of another FIFO queue; what was sent then counts as sent now. */
function moveFifo(
  move: { from: Queue; to: Queue; message: HeadMessage; groupId: string },
  now: number,
  seq: number,
): readonly Statement[] {
  const { from, to, message, groupId } = move;
  return [
    {
      sql: `UPDATE sqs_messages SET box_id = ?, seq = ?, visible_at = ?, sent_at = ?, receive_count = 0,
          first_received_at = NULL, received_at = NULL, source_arn = ?
        WHERE box_id = ? AND seq = ? AND receive_count = ?`,
      params: [to.boxId, seq, now, now, from.arn, from.boxId, message.seq, message.receives],
      expect: 1,
    },
    { sql: "UPDATE sqs_bodies SET seq = ? WHERE seq = ?", params: [seq, message.seq] },
    {
      sql: `INSERT INTO sqs_groups (box_id, group_id, ready_at) VALUES (?, ?, ?)
        ON CONFLICT (box_id, group_id) DO NOTHING`,
      params: [to.boxId, groupId, now],
    },
  ];
}

/** The earliest time at which a group can be served; undefined for an empty queue. */
export async function fifoReadyAt(database: Database, queue: Queue): Promise<number | undefined> {
  const [row] = await database.read<{ ready_at: number }>(
    "SELECT ready_at FROM sqs_groups WHERE box_id = ? ORDER BY ready_at LIMIT 1",
    [queue.boxId],
  );
  return row === undefined ? undefined : Number(row.ready_at);
}
