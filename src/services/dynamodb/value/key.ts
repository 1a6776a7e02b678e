/**
 * Key values as bytes whose order is the order of the values, so that a Query is a range of an index.
 *
 * Partition column: four bytes of a hash, then the value. Scans go by that column, which spreads items
 * as evenly over segments as DynamoDB does. Sort column: the value; empty where there is no sort key.
 */
import { crc32 } from "node:zlib";
import type { AttributeValue } from "./item.ts";
import { encodeNumber, parseNumber } from "./number.ts";

export type KeyType = "S" | "N" | "B";

/** A value of another type than S, N or B has no encoding: callers have checked the type. */
export function encodeKeyValue(value: AttributeValue): Uint8Array {
  if (value.S !== undefined) return new Uint8Array(Buffer.from(value.S));
  if (value.N !== undefined) return encodeNumber(parseNumber(value.N));
  return value.B ?? new Uint8Array(0);
}

export function partitionBytes(value: AttributeValue): Uint8Array {
  const encoded = encodeKeyValue(value);
  const bytes = new Uint8Array(4 + encoded.length);
  new DataView(bytes.buffer).setUint32(0, hash(encoded));
  bytes.set(encoded, 4);
  return bytes;
}

/** CRC alone leaves near neighbours near; a multiplication spreads them over the range. */
function hash(bytes: Uint8Array): number {
  return Math.imul(crc32(bytes) ^ 0x9e3779b9, 0x85ebca6b) >>> 0;
}

export const NO_SORT_KEY: Uint8Array = new Uint8Array(0);

/** Partition columns of segment `segment` of `total`: from, and below (undefined: to the end). */
export function segmentBounds(
  segment: number,
  total: number,
): { from: Uint8Array; below: Uint8Array | undefined } {
  const bound = (index: number): number => Math.ceil((index * 2 ** 32) / total);
  const isLast = segment === total - 1;
  return { from: uint32(bound(segment)), below: isLast ? undefined : uint32(bound(segment + 1)) };
}

function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** The smallest bytes that come after everything that begins with `prefix`; undefined: nothing does. */
export function afterPrefix(prefix: Uint8Array): Uint8Array | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 255) length -= 1;
  if (length === 0) return undefined;
  // A copy: of a Buffer, `slice` is a view.
  const bytes = new Uint8Array(prefix.subarray(0, length));
  bytes[length - 1] = (bytes[length - 1] ?? 0) + 1;
  return bytes;
}
