/** ConsumedCapacity: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ConsumedCapacity.html */
import type { Capacity, ConsumedCapacity, ReturnConsumedCapacity } from "@aws-sdk/client-dynamodb";
import type { WriteUnits } from "./item/change.ts";
import { indexNamed, type Index, type Table } from "./table/model.ts";

const READ_UNIT_BYTES = 4096;

/** Units of a read of so many bytes; even nothing costs the smallest. */
export function readUnits(bytes: number, isConsistent: boolean): number {
  return Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES)) * (isConsistent ? 1 : 0.5);
}

/** A transactional read or write costs twice. */
export const TRANSACTION_FACTOR = 2;

export interface Consumed {
  readonly table: Table;
  /** As the request spelled the table. */
  readonly name: string;
  readonly units: number;
  readonly indexes: ReadonlyMap<string, number>;
}

export function consumedByWrite(
  table: Table,
  name: string,
  { table: units, indexes }: WriteUnits,
  factor = 1,
): Consumed {
  return {
    table,
    name,
    units: units * factor,
    indexes: new Map([...indexes].map(([index, count]) => [index, count * factor])),
  };
}

/** A read of a table, or of one of its indexes. */
export function consumedByRead(
  table: Table,
  name: string,
  index: Index | undefined,
  units: number,
): Consumed {
  return index === undefined
    ? { table, name, units, indexes: new Map() }
    : { table, name, units: 0, indexes: new Map([[index.name, units]]) };
}

/** What several parts of one request took of the same table. */
function addConsumed(parts: readonly Consumed[]): Consumed[] {
  const sums = new Map<string, { -readonly [K in keyof Consumed]: Consumed[K] }>();
  for (const part of parts) {
    const sum = sums.get(part.name);
    if (sum === undefined) sums.set(part.name, { ...part });
    else {
      sum.units += part.units;
      const indexes = new Map(sum.indexes);
      for (const [index, units] of part.indexes) indexes.set(index, (indexes.get(index) ?? 0) + units);
      sum.indexes = indexes;
    }
  }
  return [...sums.values()];
}

export type TransactionSide = "ReadCapacityUnits" | "WriteCapacityUnits";

/** undefined when nobody asked. Transactions also say which kind of units it were. */
export function showConsumed(
  asked: ReturnConsumedCapacity | undefined,
  { table, name, units, indexes }: Consumed,
  side?: TransactionSide,
): ConsumedCapacity | undefined {
  if (asked !== "TOTAL" && asked !== "INDEXES") return undefined;
  const show = (count: number): Capacity => ({
    CapacityUnits: count,
    ...(side === undefined ? {} : { [side]: count }),
  });
  const total = [...indexes.values()].reduce((sum, count) => sum + count, units);
  if (asked === "TOTAL") return { TableName: name, ...show(total) };
  const of = (kind: Index["kind"]): Record<string, Capacity> =>
    Object.fromEntries(
      [...indexes]
        .filter(([index]) => indexNamed(table, index)?.kind === kind)
        .map(([index, count]) => [index, show(count)]),
    );
  const [locals, globals] = [of("local"), of("global")];
  return {
    TableName: name,
    ...show(total),
    Table: show(units),
    ...(Object.keys(locals).length === 0 ? {} : { LocalSecondaryIndexes: locals }),
    ...(Object.keys(globals).length === 0 ? {} : { GlobalSecondaryIndexes: globals }),
  };
}

/** The member of an answer that tells of several tables; absent when nobody asked. */
export function showAllConsumed(
  asked: ReturnConsumedCapacity | undefined,
  parts: readonly Consumed[],
  side?: TransactionSide,
): { ConsumedCapacity?: ConsumedCapacity[] } {
  const shown = addConsumed(parts).flatMap((part) => showConsumed(asked, part, side) ?? []);
  return shown.length === 0 ? {} : { ConsumedCapacity: shown };
}
