/** Equality of any two values, order of those that have one (strings, numbers, binaries of one type). */
import { attributeOf, typeOf, type AttributeValue, type Item } from "./item.ts";
import { compareNumbers, parseNumber } from "./number.ts";

export function equalValues(a: AttributeValue, b: AttributeValue): boolean {
  const type = typeOf(a);
  if (type !== typeOf(b)) return false;
  switch (type) {
    case "S":
      return a.S === b.S;
    case "N":
      return a.N === b.N;
    case "B":
      return sameBytes(a.B ?? EMPTY, b.B ?? EMPTY);
    case "BOOL":
      return a.BOOL === b.BOOL;
    case "NULL":
      return true;
    case "SS":
      return sameMembers(a.SS ?? [], b.SS ?? []);
    case "NS":
      return sameMembers(a.NS ?? [], b.NS ?? []);
    case "BS":
      return sameMembers((a.BS ?? []).map(base64), (b.BS ?? []).map(base64));
    case "L": {
      const [left, right] = [a.L ?? [], b.L ?? []];
      return (
        left.length === right.length &&
        left.every((value, index) => equalValues(value, right[index] as AttributeValue))
      );
    }
    case "M":
      return equalItems(a.M ?? {}, b.M ?? {});
  }
}

export function equalItems(a: Item, b: Item): boolean {
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => {
    const other = attributeOf(b, name);
    return other !== undefined && equalValues(a[name] as AttributeValue, other);
  });
}

/** Below, at or above zero; undefined where the two have no order between them. */
export function compareValues(a: AttributeValue, b: AttributeValue): number | undefined {
  if (a.S !== undefined && b.S !== undefined) return compareStrings(a.S, b.S);
  if (a.N !== undefined && b.N !== undefined) return compareNumbers(parseNumber(a.N), parseNumber(b.N));
  if (a.B !== undefined && b.B !== undefined) return Buffer.compare(a.B, b.B);
  return undefined;
}

const EMPTY = new Uint8Array(0);

/** By UTF-8 bytes; JavaScript's own order differs where surrogates come in. */
function compareStrings(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function sameMembers(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  const members = new Set(a);
  return b.every((member) => members.has(member));
}
