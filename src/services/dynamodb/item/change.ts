/** One item before and after a write: which rows change with it, and what that costs. */
import type { Statement } from "../../../ports/database.ts";
import {
  addCounts,
  addToCollection,
  deleteEntry,
  deleteItem,
  expectItem,
  insertEntry,
  insertItem,
  replaceItem,
  type ItemKey,
  type ItemState,
} from "../store.ts";
import { entryOf } from "../table/keys.ts";
import { isMaintained, projectedNames, type Index, type Table } from "../table/model.ts";
import { attributeOf, pick, type Item } from "../value/item.ts";
import { equalItems } from "../value/compare.ts";
import { itemSize } from "../value/size.ts";
import { itemToText } from "../value/storage.ts";

export interface Change {
  readonly table: Table;
  readonly key: ItemKey;
  readonly stored: ItemState | undefined;
  readonly old: Item | undefined;
  /** undefined: it is deleted. */
  readonly next: Item | undefined;
  /** Bytes of `next`; 0 without one. */
  readonly bytes: number;
  /** What `next` is stored with. */
  readonly version: number;
  /** The write leaves everything as it was: no new version, no record. */
  readonly isUnchanged: boolean;
  /** Of the item collection before the change; 0 where there is none. */
  readonly collectionBytes: number;
}

export function sameItem(old: Item | undefined, next: Item | undefined): boolean {
  if (old === undefined || next === undefined) return old === next;
  return equalItems(old, next);
}

/** The item's row, its index entries and the counts; not the stream. Nothing changed: only the expectation. */
export function changeStatements(change: Change): Statement[] {
  const { table, key, stored, next, bytes, version } = change;
  if (change.isUnchanged) return [expectItem(table, key, stored)];
  const statements: Statement[] = [];
  if (next === undefined) {
    if (stored !== undefined) statements.push(deleteItem(table, key, stored));
  } else {
    const row = { version, bytes, text: itemToText(next), expiresAt: expiryOf(table, next) };
    statements.push(
      stored === undefined ? insertItem(table, key, row) : replaceItem(table, key, stored, row),
    );
  }
  const items = (next === undefined ? 0 : 1) - (stored === undefined ? 0 : 1);
  statements.push(...addCounts(table.no, items, bytes - (stored?.bytes ?? 0)));
  for (const index of table.indexes)
    if (isMaintained(index)) statements.push(...entryStatements(change, index));
  if (hasCollections(table)) statements.push(...addToCollection(table, key.pk, collectionGrowth(change)));
  return statements;
}

/** Only tables with local indexes have item collections. */
export function hasCollections({ indexes }: Table): boolean {
  return indexes.some(({ kind }) => kind === "local");
}

/** Bytes by which a change makes its item collection larger: the item and its entries in local indexes. */
export function collectionGrowth(change: Change): number {
  const { table, bytes, stored } = change;
  let growth = bytes - (stored?.bytes ?? 0);
  for (const index of table.indexes) {
    if (index.kind !== "local") continue;
    const { oldBytes, newBytes } = entrySizes(change, index);
    growth += newBytes - oldBytes;
  }
  return growth;
}

/** Epoch seconds from the attribute of the table's TimeToLive; only whole numbers of type N count. */
export function expiryOf({ timeToLive }: Table, item: Item): number | null {
  if (timeToLive === undefined) return null;
  const text = attributeOf(item, timeToLive.attribute)?.N;
  const seconds = text === undefined ? Number.NaN : Math.trunc(Number(text));
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds : null;
}

function entryStatements(change: Change, index: Index): Statement[] {
  const { key } = change;
  const before = change.old === undefined ? undefined : entryOf(index.keys, change.old);
  const after = change.next === undefined ? undefined : entryOf(index.keys, change.next);
  const statements: Statement[] = [];
  if (!sameKey(before, after)) {
    if (before !== undefined) statements.push(deleteEntry(index.no, before, key));
    if (after !== undefined) statements.push(insertEntry(index.no, after, key));
  }
  const { oldBytes, newBytes } = entrySizes(change, index);
  const count = (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
  // While an index is being filled, its counts are made from its entries at the end.
  if (index.backfilling !== true) statements.push(...addCounts(index.no, count, newBytes - oldBytes));
  return statements;
}

function sameKey(a: ItemKey | undefined, b: ItemKey | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return Buffer.compare(a.pk, b.pk) === 0 && Buffer.compare(a.sk, b.sk) === 0;
}

/** What the index shows of an item; undefined when the item is not in it. */
export function projected(table: Table, index: Index, item: Item | undefined): Item | undefined {
  if (item === undefined || entryOf(index.keys, item) === undefined) return undefined;
  const names = projectedNames(table, index);
  return names === undefined ? item : pick(item, names);
}

interface EntrySizes {
  readonly oldBytes: number;
  readonly newBytes: number;
}

function entrySizes({ table, old, next }: Change, index: Index): EntrySizes {
  const before = projected(table, index, old);
  const after = projected(table, index, next);
  return {
    oldBytes: before === undefined ? 0 : itemSize(before),
    newBytes: after === undefined ? 0 : itemSize(after),
  };
}

/** Write units of the table and of each index that the change touches. */
export interface WriteUnits {
  readonly table: number;
  readonly indexes: ReadonlyMap<string, number>;
}

const WRITE_UNIT_BYTES = 1024;

/** One for each KB begun; even nothing costs one. */
export function unitsOfWrite(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / WRITE_UNIT_BYTES));
}

/** https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html#GSI.ThroughputConsiderations.Writes */
export function writeUnits(change: Change): WriteUnits {
  const { table, stored, old, next, bytes } = change;
  const indexes = new Map<string, number>();
  for (const index of table.indexes) {
    if (!isMaintained(index)) continue;
    const before = projected(table, index, old);
    const after = projected(table, index, next);
    if (before === undefined && after === undefined) continue;
    if (before !== undefined && after !== undefined && equalItems(before, after)) continue;
    const isMoved = !sameKey(
      before === undefined ? undefined : entryOf(index.keys, before),
      after === undefined ? undefined : entryOf(index.keys, after),
    );
    const oldUnits = before === undefined ? 0 : unitsOfWrite(itemSize(before));
    const newUnits = after === undefined ? 0 : unitsOfWrite(itemSize(after));
    indexes.set(index.name, isMoved ? oldUnits + newUnits : Math.max(oldUnits, newUnits));
  }
  return { table: unitsOfWrite(Math.max(stored?.bytes ?? 0, bytes)), indexes };
}
