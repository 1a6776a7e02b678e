/**
 * JSON whose numbers are printed as they were written: `1.0` stays `1.0`, and integers beyond 2^53 keep
 * their digits. For what is taken out of an event and sent on.
 */

interface RawJson {
  rawJSON(text: string): unknown;
  isRawJSON(value: unknown): boolean;
}

type ExactReviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** In the engine, and not yet in TypeScript's library. */
const json = JSON as unknown as RawJson;

const keepNumber: ExactReviver = (_key, value, { source }) =>
  typeof value === "number" && source !== undefined && source !== String(value)
    ? json.rawJSON(source)
    : value;

/** What JSON.parse gives, but for numbers that would be printed otherwise. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, keepNumber as (key: string, value: unknown) => unknown);
}

/** A number that is kept as text: it looks like an object and has no fields. */
export function isKeptNumber(value: unknown): boolean {
  return json.isRawJSON(value);
}
