/**
 * Listing with prefix, delimiter and page: everything between a common prefix's first and last key is
 * one entry, so a scan jumps over it instead of reading it.
 */

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The first key behind all that start with these bytes; undefined when there is none. */
export function behind(prefix: Uint8Array): Uint8Array | undefined {
  for (let at = prefix.length - 1; at >= 0; at -= 1) {
    const byte = prefix[at] as number;
    if (byte < 0xff) {
      const end = prefix.slice(0, at + 1);
      end[at] = byte + 1;
      return end;
    }
  }
  return undefined;
}

/** The key that comes directly after. */
export function after(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1);
  next.set(key);
  return next;
}

export function commonPrefix(key: string, prefix: string, delimiter: string | undefined): string | undefined {
  if (delimiter === undefined || delimiter === "") return undefined;
  const at = key.indexOf(delimiter, prefix.length);
  return at < 0 ? undefined : key.slice(0, at + delimiter.length);
}

export interface Listed<Item> {
  readonly items: readonly Item[];
  readonly prefixes: readonly string[];
  readonly isTruncated: boolean;
  /** The last entry of the page: an item or a common prefix. */
  readonly last: Item | string | undefined;
}

/** Where a scan goes on: at a key, or within the versions (or uploads) of one. */
export interface Position {
  readonly key: Uint8Array;
  /** Behind this one of the key's rows. */
  readonly seq?: number;
}

export interface ListQuery {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly max: number;
  /** Undefined: there is nothing behind the marker. */
  readonly from: Position | undefined;
}

/**
 * Where a page begins that follows a marker. A marker inside a common prefix has shown that prefix.
 * Undefined when nothing can follow.
 */
export function startBehind(
  marker: string,
  prefix: string,
  delimiter: string | undefined,
): Position | undefined {
  if (marker === "") return { key: new Uint8Array() };
  const common = marker.startsWith(prefix) ? commonPrefix(marker, prefix, delimiter) : undefined;
  if (common === undefined) return { key: after(bytesOf(marker)) };
  const key = behind(bytesOf(common));
  return key === undefined ? undefined : { key };
}

const BATCH_MAX = 1000;

/** Reads rows in their order until the page is full. `read` gives at most `limit` from a position on. */
export async function list<Item extends { readonly key: string; readonly seq: number }>(
  query: ListQuery,
  read: (from: Position, to: Uint8Array | undefined, limit: number) => Promise<readonly Item[]>,
): Promise<Listed<Item>> {
  const { prefix, delimiter, max } = query;
  const start = bytesOf(prefix);
  const to = behind(start);
  const items: Item[] = [];
  const prefixes: string[] = [];
  let last: Item | string | undefined;
  let from = query.from !== undefined && compare(query.from.key, start) < 0 ? { key: start } : query.from;
  if (max === 0) return { items, prefixes, isTruncated: false, last };
  while (from !== undefined) {
    const limit = Math.min(BATCH_MAX, max + 1 - items.length - prefixes.length);
    const rows: readonly Item[] = await read(from, to, limit);
    let jumped = false;
    for (const row of rows) {
      const common = commonPrefix(row.key, prefix, delimiter);
      if (items.length + prefixes.length === max) return { items, prefixes, isTruncated: true, last };
      if (common === undefined) {
        items.push(row);
        last = row;
        from = { key: bytesOf(row.key), seq: row.seq };
        continue;
      }
      prefixes.push(common);
      last = common;
      const next = behind(bytesOf(common));
      if (next === undefined) return { items, prefixes, isTruncated: false, last };
      from = { key: next };
      jumped = true;
      break;
    }
    if (!jumped && rows.length < limit) break;
  }
  return { items, prefixes, isTruncated: false, last };
}

export function compare(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** `encoding-type=url`: as a form encodes it, but slashes and some others stay. */
export function urlEncoded(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replaceAll(/[!'()~]/gu, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+")
    .replaceAll("%2F", "/");
}
