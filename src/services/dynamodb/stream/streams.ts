/** A table's streams: opening one, closing it (it stays readable for a day), and what readers ask of them. */
import type { Random } from "../../../kernel/random.ts";
import type { Statement } from "../../../ports/database.ts";
import type { TableStreamInfo, TableStreamRecord, TableStreams } from "../../../ports/table-streams.ts";
import { storeNumber } from "../numbers.ts";
import type { Store } from "../store.ts";
import { keyNames, streamArn, type Table, type TableStream, type ViewType } from "../table/model.ts";
import { itemFromJson } from "../value/storage.ts";
import { placeOf, sequenceNumber, type RecordBody } from "./record.ts";

/** `2026-11-21T14:05:31.123`, as AWS labels streams. */
export function streamLabel(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, -1);
}

/** Numbers of records start with the time, so that they differ from stream to stream. */
function firstNumber(nowMs: number): number {
  return nowMs * 1000;
}

export function openStream(
  table: Table,
  viewType: ViewType,
  nowMs: number,
  random: Random,
): { stream: TableStream; rows: Statement[] } {
  const stream = { no: storeNumber(random), label: streamLabel(nowMs), viewType, enabled: true };
  const first = firstNumber(nowMs);
  const shardId = `shardId-${String(nowMs).padStart(20, "0")}-${random.hex(8)}`;
  const { accountId, region } = table.scope;
  const rows = [
    {
      sql: `INSERT INTO ddb_streams (stream_no, account_id, region, table_name, label, view_type, key_schema,
          created_at, closed_at, shard_id, first_seq, last_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)`,
      params: [
        stream.no,
        accountId,
        region,
        table.name,
        stream.label,
        viewType,
        JSON.stringify(keyNames(table.keys)),
        nowMs,
        shardId,
        first,
        first,
      ],
      expect: 1,
    },
  ];
  return { stream, rows };
}

export function closeStream(stream: TableStream, nowMs: number): Statement {
  return {
    sql: "UPDATE ddb_streams SET closed_at = ? WHERE stream_no = ? AND closed_at IS NULL",
    params: [nowMs, stream.no],
  };
}

interface StreamRow {
  readonly stream_no: number;
  readonly account_id: string;
  readonly region: string;
  readonly table_name: string;
  readonly label: string;
  readonly view_type: ViewType;
  readonly key_schema: string;
  readonly created_at: number;
  readonly closed_at: number | null;
  readonly shard_id: string;
  readonly first_seq: number;
  readonly last_seq: number;
}

function infoOf(row: StreamRow): TableStreamInfo {
  const scope = { accountId: row.account_id, region: row.region };
  return {
    no: row.stream_no,
    scope,
    arn: streamArn(scope, row.table_name, row.label),
    tableName: row.table_name,
    label: row.label,
    viewType: row.view_type,
    keys: JSON.parse(row.key_schema) as string[],
    createdAt: row.created_at,
    closedAt: row.closed_at ?? undefined,
    shardId: row.shard_id,
    firstSeq: row.first_seq,
    lastSeq: row.last_seq,
  };
}

interface RecordRow {
  readonly seq: number;
  readonly created_at: number;
  readonly bytes: number;
  readonly record: string;
}

const RECORDS_STEP = 200;

function recordOf({ seq, created_at: createdAt, record }: RecordRow): TableStreamRecord {
  const { Keys, NewImage, OldImage, ...body } = JSON.parse(record) as RecordBody;
  return {
    seq,
    sequenceNumber: sequenceNumber(seq),
    createdAt,
    ...body,
    Keys: itemFromJson(Keys),
    ...(NewImage === undefined ? {} : { NewImage: itemFromJson(NewImage) }),
    ...(OldImage === undefined ? {} : { OldImage: itemFromJson(OldImage) }),
  };
}

export function createStreamReader(store: () => Promise<Store>): TableStreams {
  return {
    sequenceNumber,
    placeOf,
    async stream(scope, arn) {
      const match = /^arn:[^:]+:dynamodb:([^:]+):(\d{12}):table\/([^/]+)\/stream\/(.+)$/u.exec(arn);
      if (match === null || match[1] !== scope.region || match[2] !== scope.accountId) return undefined;
      const { database } = await store();
      const [row] = await database.read<StreamRow>(
        "SELECT * FROM ddb_streams WHERE account_id = ? AND region = ? AND table_name = ? AND label = ?",
        [scope.accountId, scope.region, match[3] ?? "", match[4] ?? ""],
      );
      return row === undefined ? undefined : infoOf(row);
    },
    async streams(scope, { tableName, after, limit }) {
      const { database } = await store();
      const rows = await database.read<StreamRow>(
        `SELECT * FROM ddb_streams WHERE account_id = ? AND region = ? AND (table_name, label) > (?, ?)
          ${tableName === undefined ? "" : "AND table_name = ?"} ORDER BY table_name, label LIMIT ?`,
        [
          scope.accountId,
          scope.region,
          after?.tableName ?? "",
          after?.label ?? "",
          ...(tableName === undefined ? [] : [tableName]),
          limit,
        ],
      );
      return rows.map(infoOf);
    },
    async records({ no }, { after, sinceMs, limit, bytesMax }) {
      const { database } = await store();
      const found: TableStreamRecord[] = [];
      let bytes = 0;
      let place = after;
      for (;;) {
        const wanted = Math.min(RECORDS_STEP, limit - found.length);
        const rows = await database.read<RecordRow>(
          `SELECT seq, created_at, bytes, record FROM ddb_records
            WHERE stream_no = ? AND seq > ? AND created_at >= ? ORDER BY seq LIMIT ?`,
          [no, place, sinceMs, wanted],
        );
        for (const row of rows) {
          bytes += row.bytes;
          if (found.length > 0 && bytes > bytesMax) return found;
          found.push(recordOf(row));
          place = row.seq;
        }
        if (rows.length < wanted || found.length >= limit) return found;
      }
    },
    async oldest(stream, sinceMs) {
      const { database } = await store();
      const [row] = await database.read<{ seq: number | null }>(
        "SELECT MIN(seq) AS seq FROM ddb_records WHERE stream_no = ? AND created_at >= ?",
        [stream.no, sinceMs],
      );
      return row?.seq ?? stream.lastSeq + 1;
    },
  };
}
