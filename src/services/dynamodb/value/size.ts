/**
 * Bytes as DynamoDB counts them for its limits, its capacity and its stream records.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
import type { AttributeValue, Item } from "./item.ts";
import { numberSize, parseNumber } from "./number.ts";

/** Of a list or map as a whole, and of each of its elements. */
const DOCUMENT_BYTES = 3;
const ELEMENT_BYTES = 1;

export function itemSize(item: Item): number {
  let bytes = 0;
  for (const name of Object.keys(item))
    bytes += Buffer.byteLength(name) + valueSize(item[name] as AttributeValue);
  return bytes;
}

export function valueSize(value: AttributeValue): number {
  if (value.S !== undefined) return Buffer.byteLength(value.S);
  if (value.N !== undefined) return numberSize(parseNumber(value.N));
  if (value.B !== undefined) return value.B.length;
  if (value.BOOL !== undefined || value.NULL !== undefined) return 1;
  if (value.SS !== undefined) return sum(value.SS, (text) => Buffer.byteLength(text));
  if (value.NS !== undefined) return sum(value.NS, (text) => numberSize(parseNumber(text)));
  if (value.BS !== undefined) return sum(value.BS, (bytes) => bytes.length);
  if (value.L !== undefined)
    return DOCUMENT_BYTES + sum(value.L, (element) => ELEMENT_BYTES + valueSize(element));
  const map = value.M ?? {};
  return DOCUMENT_BYTES + Object.keys(map).length * ELEMENT_BYTES + itemSize(map);
}

function sum<T>(items: readonly T[], size: (item: T) => number): number {
  let bytes = 0;
  for (const item of items) bytes += size(item);
  return bytes;
}
