/** The order that DynamoDB keeps a set's members in: strings and binaries by bytes, numbers by value. */
import { compareNumbers, parseNumber } from "./number.ts";

export function orderedStrings(members: Iterable<string>): string[] {
  const all = [...members];
  return all.length < 2 ? all : all.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export function orderedNumbers(members: Iterable<string>): string[] {
  const all = [...members];
  return all.length < 2 ? all : all.toSorted((a, b) => compareNumbers(parseNumber(a), parseNumber(b)));
}

export function orderedBinaries(members: Iterable<Uint8Array>): Uint8Array[] {
  return [...members].toSorted(Buffer.compare);
}
