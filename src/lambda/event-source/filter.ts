/**
 * Which records of a source reach the function.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
 *
 * A record passes when one pattern matches it. The data of a queue's message (`body`) is text: a
 * pattern of fields is compared with the JSON in it, a pattern of values with the text itself, and a
 * body of the other kind fails. A pattern that does not speak of the body looks at the rest alone.
 */
import { compilePattern, FILTERS, PatternError } from "../../events/pattern/compile.ts";
import { matches, type Pattern } from "../../events/pattern/pattern.ts";
import { invalidParameter } from "../control/errors.ts";

export type RecordFilter = (record: Readonly<Record<string, unknown>>) => boolean;

const PATTERN_MAX = 4096;

/** Errors: InvalidParameterValueException for a pattern that is none. */
export function checkFilters(patterns: readonly string[]): void {
  for (const pattern of patterns) compileFilter(pattern);
}

function compileFilter(text: string): Pattern {
  if (text.length > PATTERN_MAX) throw invalid(`It is longer than ${String(PATTERN_MAX)} characters.`);
  try {
    return compilePattern(text, FILTERS);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw invalid(error.message);
  }
}

const invalid = (why: string): Error => invalidParameter("Invalid filter pattern definition.", why);

/** `dataField`: the member that holds the message's text; undefined where the whole record is JSON. */
export function recordFilter(patterns: readonly string[], dataField: string | undefined): RecordFilter {
  if (patterns.length === 0) return () => true;
  const tests = patterns.map((text) => {
    const pattern = compileFilter(text);
    if (dataField === undefined)
      return (record: Readonly<Record<string, unknown>>) => matches(pattern, record);
    if (!pattern.paths.has(dataField))
      return (record: Readonly<Record<string, unknown>>) => matches(pattern, record);
    const wantsJson = [...pattern.paths].some((path) => path.startsWith(`${dataField}.`));
    return (record: Readonly<Record<string, unknown>>) => {
      const parsed = parsedData(record[dataField]);
      if (wantsJson !== (parsed !== undefined)) return false;
      return matches(pattern, wantsJson ? { ...record, [dataField]: parsed } : record);
    };
  });
  return (record) => tests.some((test) => test(record));
}

/** The object or list in a text; undefined for plain text. */
function parsedData(text: unknown): unknown {
  if (typeof text !== "string") return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}
