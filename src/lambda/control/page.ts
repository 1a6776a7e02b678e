import { invalidParameter } from "./errors.ts";

/** One page of a list and, when there is more, the marker that continues it. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextMarker: string | undefined;
}

/** Lambda's lists answer at most this many at once, whatever MaxItems asks for. */
export const PAGE_MAX = 50;

export function pageSize(maxItems: number | undefined): number {
  return Math.min(maxItems ?? PAGE_MAX, PAGE_MAX);
}

/** Markers are opaque to callers: the key of the last item told. */
export function encodeMarker(key: string): string {
  return Buffer.from(key).toString("base64url");
}

/** Errors: InvalidParameterValueException for a marker that is not one of ours. */
export function decodeMarker(marker: string): string {
  const key = Buffer.from(marker, "base64url").toString();
  if (key === "" || encodeMarker(key) !== marker) {
    throw invalidParameter("Invalid Marker", "Pass NextMarker of the previous page as it was.");
  }
  return key;
}

/**
 * A page of a list that is in memory, in the order of its keys: `isBehind` says which of two comes later.
 * The item of the marker may be gone by now; what was behind it is next.
 */
export function pageOf<T>(
  all: readonly T[],
  keyOf: (item: T) => string,
  marker: string | undefined,
  maxItems: number | undefined,
  isBehind: (key: string, other: string) => boolean = (key, other) => key > other,
): Page<T> {
  const after = marker === undefined ? undefined : decodeMarker(marker);
  const left = after === undefined ? all : all.filter((item) => isBehind(keyOf(item), after));
  const items = left.slice(0, pageSize(maxItems));
  const last = items.at(-1);
  const more = last !== undefined && items.length < left.length;
  return { items, nextMarker: more ? encodeMarker(keyOf(last)) : undefined };
}
