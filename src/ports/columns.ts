/** Columns that may be NULL, as the values of our models: undefined, and numbers whatever the engine gives. */
import type { SqlValue } from "./database.ts";

export function optionalText(value: SqlValue | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

/** Both engines may give 64-bit integers as text or bigint. */
export function optionalNumber(value: SqlValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
