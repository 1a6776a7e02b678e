/** What standard and FIFO queues share of the tables: rows in, bodies out, counts. */
import { optionalNumber } from "../../ports/columns.ts";
import type { Database, Statement } from "../../ports/database.ts";
import type { Queue } from "./directory.ts";

/** A message as it is sent. */
export interface NewMessage {
  readonly seq: number;
  readonly messageId: string;
  readonly body: string;
  readonly bodyMd5: string;
  /** As storeAttributes wrote them. */
  readonly attributes: string | null;
  /** SenderId, MessageGroupId, AWSTraceHeader, …: shown as they are. */
  readonly system: Readonly<Record<string, string>>;
  readonly sentAt: number;
  readonly visibleAt: number;
  /** FIFO queues only. */
  readonly groupId: string | undefined;
}

/** What a receive learns of a message beside its body. */
export interface Lease {
  readonly seq: number;
  readonly sentAt: number;
  /** This receive included. */
  readonly receives: number;
  readonly firstReceivedAt: number;
  readonly sourceArn: string | undefined;
}

export interface Received extends Lease {
  readonly messageId: string;
  readonly body: string;
  readonly bodyMd5: string;
  readonly attributes: string | null;
  readonly system: Readonly<Record<string, string>>;
}

export interface LeaseRow {
  readonly seq: number;
  readonly sent_at: number;
  readonly receive_count: number;
  readonly first_received_at: number;
  readonly source_arn: string | null;
}

export const LEASE_COLUMNS = "seq, sent_at, receive_count, first_received_at, source_arn";

export function leaseOf(row: LeaseRow): Lease {
  return {
    seq: Number(row.seq),
    sentAt: Number(row.sent_at),
    receives: Number(row.receive_count),
    firstReceivedAt: Number(row.first_received_at),
    sourceArn: row.source_arn ?? undefined,
  };
}

export function insertMessage(boxId: number, message: NewMessage): readonly Statement[] {
  return [
    {
      sql: `INSERT INTO sqs_messages (box_id, seq, visible_at, sent_at, receive_count, group_id)
        VALUES (?, ?, ?, ?, 0, ?)`,
      params: [boxId, message.seq, message.visibleAt, message.sentAt, message.groupId ?? null],
    },
    {
      sql: "INSERT INTO sqs_bodies (seq, message_id, body, md5, attributes, system) VALUES (?, ?, ?, ?, ?, ?)",
      params: [
        message.seq,
        message.messageId,
        message.body,
        message.bodyMd5,
        message.attributes,
        JSON.stringify(message.system),
      ],
    },
  ];
}

interface BodyRow {
  readonly seq: number;
  readonly message_id: string;
  readonly body: string;
  readonly md5: string;
  readonly attributes: string | null;
  readonly system: string;
}

/** In the order they were sent. A message that was deleted meanwhile is left out. */
export async function withBodies(database: Database, leases: readonly Lease[]): Promise<Received[]> {
  if (leases.length === 0) return [];
  const marks = leases.map(() => "?").join(", ");
  const rows = await database.read<BodyRow>(
    `SELECT seq, message_id, body, md5, attributes, system FROM sqs_bodies WHERE seq IN (${marks})`,
    leases.map(({ seq }) => seq),
  );
  const bySeq = new Map(rows.map((row) => [Number(row.seq), row]));
  const received: Received[] = [];
  for (const lease of leases.toSorted((a, b) => a.seq - b.seq)) {
    const row = bySeq.get(lease.seq);
    if (row === undefined) continue;
    received.push({
      ...lease,
      messageId: row.message_id,
      body: row.body,
      bodyMd5: row.md5,
      attributes: row.attributes,
      system: JSON.parse(row.system) as Record<string, string>,
    });
  }
  return received;
}

/** One message as it stands. */
export interface Standing {
  readonly receives: number;
  readonly visibleAt: number;
  /** When the receive under way began; undefined before the first. */
  readonly receivedAt: number | undefined;
  readonly groupId: string | undefined;
}

export async function findMessage(
  database: Database,
  boxId: number,
  seq: number,
): Promise<Standing | undefined> {
  const [row] = await database.read<{
    receive_count: number;
    visible_at: number;
    received_at: number | null;
    group_id: string | null;
  }>(
    "SELECT receive_count, visible_at, received_at, group_id FROM sqs_messages WHERE box_id = ? AND seq = ?",
    [boxId, seq],
  );
  if (row === undefined) return undefined;
  return {
    receives: Number(row.receive_count),
    visibleAt: Number(row.visible_at),
    receivedAt: optionalNumber(row.received_at),
    groupId: row.group_id ?? undefined,
  };
}

export interface Counts {
  readonly visible: number;
  /** Received and not deleted. */
  readonly inFlight: number;
  /** Never received and not yet to be seen. */
  readonly delayed: number;
}

/** The first rows are counted on the main thread, in about two milliseconds. */
const COUNT_HERE_MAX = 5000;
/** The others by the writer, in steps that others' units come between. */
const COUNT_STEP = 20_000;

const COUNT_SQL = `SELECT COUNT(*) AS held, MAX(seq) AS last,
    SUM(CASE WHEN visible_at > ? AND receive_count > 0 THEN 1 ELSE 0 END) AS in_flight,
    SUM(CASE WHEN visible_at > ? AND receive_count = 0 THEN 1 ELSE 0 END) AS delayed
  FROM (SELECT seq, visible_at, receive_count FROM sqs_messages
    WHERE box_id = ? AND seq > ? AND sent_at > ? ORDER BY seq LIMIT ?) AS counted`;

interface CountRow {
  readonly held: number;
  readonly last: number | null;
  readonly in_flight: number | null;
  readonly delayed: number | null;
}

/**
 * Exact at the time of asking for a small queue; a large one may change while it is counted. Messages past
 * their retention do not count.
 */
export async function countMessages(database: Database, queue: Queue, now: number): Promise<Counts> {
  const kept = now - queue.settings.retentionMs;
  let counts: Counts = { visible: 0, inFlight: 0, delayed: 0 };
  let after = 0;
  for (let limit = COUNT_HERE_MAX; ; limit = COUNT_STEP) {
    const params = [now, now, queue.boxId, after, kept, limit];
    const [row] =
      limit === COUNT_HERE_MAX
        ? await database.read<CountRow>(COUNT_SQL, params)
        : ((await database.commit([{ sql: COUNT_SQL, params }]))[0] as readonly unknown[] as CountRow[]);
    const held = Number(row?.held ?? 0);
    const inFlight = Number(row?.in_flight ?? 0);
    const delayed = Number(row?.delayed ?? 0);
    counts = {
      visible: counts.visible + held - inFlight - delayed,
      inFlight: counts.inFlight + inFlight,
      delayed: counts.delayed + delayed,
    };
    if (held < limit) return counts;
    after = Number(row?.last);
  }
}

/** Deletes a message, if this receive of it is still the latest. */
export function deleteMessage(boxId: number, seq: number, receives: number): readonly Statement[] {
  return [
    {
      sql: "DELETE FROM sqs_messages WHERE box_id = ? AND seq = ? AND receive_count = ?",
      params: [boxId, seq, receives],
      expect: 1,
    },
    { sql: "DELETE FROM sqs_bodies WHERE seq = ?", params: [seq] },
  ];
}
