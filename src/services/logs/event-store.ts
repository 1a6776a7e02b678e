/** Chunks in and out of the day files, and what they say of streams and groups. */
import type { Row, SqlValue, Statement } from "../../ports/database.ts";
import { CHUNK_SPAN_MS, type Chunk, type ChunkRow } from "./chunk.ts";
import type { DayFiles } from "./day-files.ts";
import type { StreamActivity } from "./model.ts";

export interface ChunkOwner {
  readonly groupId: string;
  readonly streamId: string;
}

/** Which events a scan reads: a whole group's, or those of some of its streams. */
export interface Selection {
  readonly groupId: string;
  /** Undefined: all streams of the group. */
  readonly streamIds?: ReadonlySet<string> | undefined;
}

export interface LoadedChunk extends ChunkRow {
  readonly firstTs: number;
  readonly lastTs: number;
}

export function insertChunk(owner: ChunkOwner, chunk: Chunk, seq: number, now: number): Statement[] {
  const { firstTs, lastTs, events, bytes, body } = chunk;
  return [
    {
      sql: `INSERT INTO log_chunks
        (stream_id, seq, group_id, first_ts, last_ts, events, bytes, ingested_at, body)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      params: [owner.streamId, seq, owner.groupId, firstTs, lastTs, events, bytes, now, body],
    },
    {
      sql: `INSERT INTO log_stream_days (stream_id, group_id, first_ts, last_ts, ingested_at, events, bytes)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (stream_id) DO UPDATE SET
          first_ts = CASE WHEN excluded.first_ts < log_stream_days.first_ts
            THEN excluded.first_ts ELSE log_stream_days.first_ts END,
          last_ts = CASE WHEN excluded.last_ts > log_stream_days.last_ts
            THEN excluded.last_ts ELSE log_stream_days.last_ts END,
          ingested_at = excluded.ingested_at,
          events = log_stream_days.events + excluded.events,
          bytes = log_stream_days.bytes + excluded.bytes`,
      params: [owner.streamId, owner.groupId, firstTs, lastTs, now, events, bytes],
    },
  ];
}

export interface ChunkPage {
  /** In the order of first_ts going forward, of last_ts going backward. */
  readonly after?: { readonly ts: number; readonly seq: number } | undefined;
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
  readonly limit: number;
  readonly backward: boolean;
}

/**
 * The next chunks of one day that can hold events with from <= timestamp < to. For a selection of
 * more than 100 streams, chunks of the group's other streams are among them.
 */
export async function loadChunks(
  files: DayFiles,
  day: string,
  selection: Selection,
  page: ChunkPage,
): Promise<LoadedChunk[]> {
  const key = page.backward ? "last_ts" : "first_ts";
  const [order, compare] = page.backward ? ["DESC", "<"] : ["ASC", ">"];
  const { owner, params } = ownerCondition(selection);
  // A chunk spans less than CHUNK_SPAN_MS, so both ends are bounded and either index can be used.
  const bounds = "last_ts >= ? AND first_ts >= ? AND first_ts < ? AND last_ts < ?";
  // What was read already is left out by the index too, or each page would step over all before it.
  const lowest = Math.max(page.from - CHUNK_SPAN_MS, page.backward ? 0 : (page.after?.ts ?? 0));
  const behind = Math.min(
    page.to + CHUNK_SPAN_MS,
    page.backward ? (page.after?.ts ?? Infinity) + 1 : Infinity,
  );
  params.push(page.from, lowest, page.to, Math.min(behind, Number.MAX_SAFE_INTEGER));
  let next = "";
  if (page.after !== undefined) {
    next = ` AND (${key} ${compare} ? OR (${key} = ? AND seq ${compare} ?))`;
    params.push(page.after.ts, page.after.ts, page.after.seq);
  }
  if (selection.streamIds?.size === 0) return [];
  const sql = `SELECT stream_id, seq, first_ts, last_ts, ingested_at, body FROM log_chunks
    WHERE ${owner} AND ${bounds}${next} ORDER BY ${key} ${order}, seq ${order} LIMIT ?`;
  params.push(page.limit);
  const rows = (await files.use(day, (database) => database.read(sql, params))) ?? [];
  return rows.map(toChunk);
}

/**
 * One stream is found by its own index. Several are picked out of their group's chunks, which come in
 * the right order: by their own index they would have to be sorted, bodies and all. The concatenation
 * keeps SQLite from choosing that.
 */
function ownerCondition(selection: Selection): { owner: string; params: SqlValue[] } {
  const ids = [...(selection.streamIds ?? [])];
  if (ids.length === 1) return { owner: "stream_id = ?", params: ids };
  if (ids.length === 0 || ids.length > STREAMS_IN_SQL_MAX) {
    return { owner: "group_id = ?", params: [selection.groupId] };
  }
  const picked = `(stream_id || '') IN (${ids.map(() => "?").join(", ")})`;
  return { owner: `group_id = ? AND ${picked}`, params: [selection.groupId, ...ids] };
}

const STREAMS_IN_SQL_MAX = 100;

function toChunk(row: Row): LoadedChunk {
  return {
    streamId: String(row["stream_id"]),
    seq: Number(row["seq"]),
    firstTs: Number(row["first_ts"]),
    lastTs: Number(row["last_ts"]),
    ingestedAt: Number(row["ingested_at"]),
    body: row["body"] as Uint8Array,
  };
}

/** What all files together say of the streams of a group, or of some of them. */
export async function activityOf(
  files: DayFiles,
  groupId: string,
  streamIds?: readonly string[],
): Promise<Map<string, StreamActivity>> {
  const found = new Map<string, StreamActivity>();
  const some = streamIds === undefined ? "" : ` AND stream_id IN (${streamIds.map(() => "?").join(", ")})`;
  if (streamIds?.length === 0) return found;
  const sql = `SELECT stream_id, first_ts, last_ts, ingested_at, bytes FROM log_stream_days WHERE group_id = ?${some}`;
  for (const day of files.days()) {
    const rows = await files.use(day, (database) => database.read(sql, [groupId, ...(streamIds ?? [])]));
    for (const row of rows ?? []) {
      const id = String(row["stream_id"]);
      found.set(id, merged(found.get(id), row));
    }
  }
  return found;
}

function merged(known: StreamActivity | undefined, row: Row): StreamActivity {
  const [firstTs, lastTs] = [Number(row["first_ts"]), Number(row["last_ts"])];
  const [ingestedAt, bytes] = [Number(row["ingested_at"]), Number(row["bytes"])];
  if (known === undefined) return { firstTs, lastTs, ingestedAt, bytes };
  return {
    firstTs: Math.min(known.firstTs, firstTs),
    lastTs: Math.max(known.lastTs, lastTs),
    ingestedAt: Math.max(known.ingestedAt, ingestedAt),
    bytes: known.bytes + bytes,
  };
}

/** Bytes stored for each group. */
export async function bytesOfGroups(files: DayFiles): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  const sql = "SELECT group_id, SUM(bytes) AS bytes FROM log_stream_days GROUP BY group_id";
  for (const day of files.days()) {
    for (const row of (await files.use(day, (database) => database.read(sql))) ?? []) {
      const id = String(row["group_id"]);
      found.set(id, (found.get(id) ?? 0) + Number(row["bytes"]));
    }
  }
  return found;
}
