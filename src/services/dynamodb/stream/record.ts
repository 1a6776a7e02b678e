/**
 * Stream records: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html
 *
 * A stream has one shard: a table here has one partition, as a table of AWS's with up to 1,000 write units
 * has, and one shard keeps all its records in the order of their commits. The row of the stream counts them:
 * it is changed in the writer's unit, so numbers and commits have one order on every engine.
 */
import type { Random } from "../../../kernel/random.ts";
import type { Statement } from "../../../ports/database.ts";
import type { Change } from "../item/change.ts";
import { keyAttributes } from "../table/keys.ts";
import type { Item } from "../value/item.ts";
import { itemSize } from "../value/size.ts";
import { itemToJson, type JsonValue } from "../value/storage.ts";

export interface UserIdentity {
  readonly PrincipalId: string;
  readonly Type: string;
}

/** Who deletes expired items. */
export const TIME_TO_LIVE: UserIdentity = { Type: "Service", PrincipalId: "dynamodb.amazonaws.com" };

type JsonItem = Readonly<Record<string, JsonValue>>;

/** The part of a record that is stored; the rest is told by its stream and its number. */
export interface RecordBody {
  readonly eventID: string;
  readonly eventName: "INSERT" | "MODIFY" | "REMOVE";
  readonly userIdentity?: UserIdentity;
  readonly Keys: JsonItem;
  readonly NewImage?: JsonItem;
  readonly OldImage?: JsonItem;
  readonly SizeBytes: number;
}

/** A write that changes nothing leaves no record. */
export function recordStatements(
  change: Change,
  how: { readonly nowMs: number; readonly random: Random; readonly userIdentity: UserIdentity | undefined },
): Statement[] {
  const { stream } = change.table;
  if (stream?.enabled !== true || change.isUnchanged) return [];
  const body = recordBody(change, how.random.hex(32), how.userIdentity);
  const text = JSON.stringify(body);
  return [
    {
      sql: "UPDATE ddb_streams SET last_seq = last_seq + 1 WHERE stream_no = ? AND closed_at IS NULL",
      params: [stream.no],
      expect: 1,
    },
    {
      sql: `INSERT INTO ddb_records (stream_no, seq, created_at, bytes, record)
        SELECT stream_no, last_seq, ?, ?, ? FROM ddb_streams WHERE stream_no = ?`,
      params: [how.nowMs, Buffer.byteLength(text), text, stream.no],
      expect: 1,
    },
  ];
}

export function recordBody(
  change: Change,
  eventID: string,
  userIdentity: UserIdentity | undefined,
): RecordBody {
  const { table, old, next } = change;
  const view = table.stream?.viewType ?? "KEYS_ONLY";
  const keys = keyAttributes(table, undefined, (next ?? old) as Item);
  const newImage = view === "NEW_IMAGE" || view === "NEW_AND_OLD_IMAGES" ? next : undefined;
  const oldImage = view === "OLD_IMAGE" || view === "NEW_AND_OLD_IMAGES" ? old : undefined;
  const images = [newImage, oldImage].filter((image) => image !== undefined);
  return {
    eventID,
    eventName: old === undefined ? "INSERT" : next === undefined ? "REMOVE" : "MODIFY",
    ...(userIdentity === undefined ? {} : { userIdentity }),
    Keys: itemToJson(keys),
    ...(newImage === undefined ? {} : { NewImage: itemToJson(newImage) }),
    ...(oldImage === undefined ? {} : { OldImage: itemToJson(oldImage) }),
    SizeBytes: [keys, ...images].reduce((bytes, image) => bytes + itemSize(image), 0),
  };
}

/** 21 digits, growing with the record's place in its stream. */
export function sequenceNumber(seq: number): string {
  return `1${String(seq).padStart(20, "0")}`;
}

/** undefined for what is no sequence number of ours. */
export function placeOf(sequence: string): number | undefined {
  return /^1\d{20}$/u.test(sequence) ? Number(sequence.slice(1)) : undefined;
}
