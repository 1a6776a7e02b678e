/**
 * One page of a Query or Scan: rows in the order of their keys from where the last page ended, until the
 * limit, 1 MB of items, or the end. Rows are read in small steps, so that no turn reads more than a few
 * hundred; the size of a step follows the size of the items.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { LIMITS } from "../../../kernel/limits.ts";
import type { SqlValue } from "../../../ports/database.ts";
import type { KeyRange } from "../expression/key-condition.ts";
import type { ItemKey, Store } from "../store.ts";
import type { Index, Table } from "../table/model.ts";
import type { Item } from "../value/item.ts";
import { itemSize } from "../value/size.ts";
import { itemFromText } from "../value/storage.ts";
import { projected } from "./change.ts";

/** Where a row stands: its entry in the index, or in the table where both are one. */
export interface Position {
  readonly entry: ItemKey;
  readonly item: ItemKey;
}

export interface PageRequest {
  readonly table: Table;
  readonly index: Index | undefined;
  /** Of a Query: all rows of this partition. */
  readonly partition: Uint8Array | undefined;
  readonly range: KeyRange | undefined;
  /** Of a Scan: partitions from, and below. */
  readonly segment: { readonly from: Uint8Array; readonly below: Uint8Array | undefined } | undefined;
  readonly isForward: boolean;
  readonly after: Position | undefined;
  /** Items looked at, at most. */
  readonly limit: number | undefined;
  /**
   * Whether what a local index lacks is fetched from the table, at the table's price: for the filter
   * alone, or for the answer too.
   */
  readonly fetches: "filter" | "answer" | undefined;
  readonly accept: (item: Item) => boolean;
}

export interface Page {
  /** Those that were accepted, as the index or the table shows them. */
  readonly items: readonly Item[];
  readonly scanned: number;
  /** Of what was looked at; `fetchedBytes` of what had to be fetched from the table. */
  readonly bytes: number;
  readonly fetched: readonly number[];
  /** The last item looked at, when there may be more. */
  readonly last: Item | undefined;
}

const STEP_MIN = 8;
const STEP_MAX = 256;
const STEP_BYTES = 262_144;

interface Row {
  readonly pk: Uint8Array;
  readonly sk: Uint8Array;
  readonly item_pk: Uint8Array;
  readonly item_sk: Uint8Array;
  readonly bytes: number;
  readonly item: string;
}

export async function readPage(store: Store, request: PageRequest): Promise<Page> {
  const { table, index, limit } = request;
  const items: Item[] = [];
  const fetched: number[] = [];
  let scanned = 0;
  let bytes = 0;
  let after = request.after;
  let step = STEP_MIN;
  for (;;) {
    // A step is a few milliseconds of work; others get their turn between two.
    if (scanned > 0) await nextTurn();
    const wanted = Math.min(step, limit === undefined ? step : limit - scanned);
    const { sql, params } = select({ ...request, after }, wanted);
    const rows = await store.database.read<Row>(sql, params);
    for (const row of rows) {
      const whole = itemFromText(row.item);
      const shown = index === undefined ? whole : (projected(table, index, whole) ?? whole);
      scanned += 1;
      bytes += index === undefined ? row.bytes : itemSize(shown);
      if (request.fetches !== undefined) fetched.push(row.bytes);
      if (request.accept(request.fetches === undefined ? shown : whole)) {
        items.push(request.fetches === "answer" ? whole : shown);
      }
      if (bytes >= LIMITS.dynamodbPageBytes || scanned === limit)
        return { items, scanned, bytes, fetched, last: whole };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < wanted)
      return { items, scanned, bytes, fetched, last: undefined };
    after = { entry: last, item: { pk: last.item_pk, sk: last.item_sk } };
    const average = rows.reduce((sum, row) => sum + row.bytes, 0) / rows.length;
    step = Math.max(STEP_MIN, Math.min(STEP_MAX, Math.floor(STEP_BYTES / Math.max(1, average))));
  }
}

function select(request: PageRequest, limit: number): { sql: string; params: SqlValue[] } {
  const { table, index, partition, range, segment, isForward, after } = request;
  const where: string[] = [];
  const params: SqlValue[] = [];
  const add = (sql: string, ...values: SqlValue[]): void => {
    where.push(sql);
    params.push(...values);
  };
  const e = index === undefined ? "i" : "e";
  if (index !== undefined) params.push(table.no);
  add(`${e}.store_no = ?`, index?.no ?? table.no);
  if (partition !== undefined) add(`${e}.pk = ?`, partition);
  if (segment !== undefined) add(`${e}.pk >= ?`, segment.from);
  if (segment?.below !== undefined) add(`${e}.pk < ?`, segment.below);
  if (range?.from !== undefined) add(`${e}.sk ${range.isFromIncluded === true ? ">=" : ">"} ?`, range.from);
  if (range?.to !== undefined) add(`${e}.sk ${range.isToIncluded === true ? "<=" : "<"} ?`, range.to);
  const columns = index === undefined ? ["pk", "sk"] : ["pk", "sk", "item_pk", "item_sk"];
  const ordered = (partition === undefined ? columns : columns.slice(1)).map((column) => `${e}.${column}`);
  if (after !== undefined) {
    const place = [after.entry.pk, after.entry.sk, after.item.pk, after.item.sk];
    const values = place.slice(partition === undefined ? 0 : 1, columns.length);
    const marks = values.map(() => "?").join(", ");
    add(`(${ordered.join(", ")}) ${isForward ? ">" : "<"} (${marks})`, ...values);
  }
  const direction = isForward ? "" : " DESC";
  const order = ordered.map((column) => column + direction).join(", ");
  params.push(limit);
  const from =
    index === undefined
      ? "i.pk, i.sk, i.pk AS item_pk, i.sk AS item_sk, i.bytes, i.item FROM ddb_items i"
      : `e.pk, e.sk, e.item_pk, e.item_sk, i.bytes, i.item FROM ddb_entries e
        JOIN ddb_items i ON i.store_no = ? AND i.pk = e.item_pk AND i.sk = e.item_sk`;
  return { sql: `SELECT ${from} WHERE ${where.join(" AND ")} ORDER BY ${order} LIMIT ?`, params };
}
