/** What PutEvents takes, entry by entry: pure. */
import { EVENTS_LIMITS } from "./model.ts";

export interface Entry {
  readonly Time?: Date;
  readonly Source?: string;
  readonly Resources?: readonly string[];
  readonly DetailType?: string;
  readonly Detail?: string;
  readonly EventBusName?: string;
  readonly TraceHeader?: string;
}

export interface EntryFault {
  readonly ErrorCode: string;
  readonly ErrorMessage: string;
}

/**
 * As AWS counts: the texts in UTF-8, and 14 for a time.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
 */
export function entryBytes(entry: Entry): number {
  const texts = [entry.Source, entry.DetailType, entry.Detail, ...(entry.Resources ?? [])];
  const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? "", "utf8"), 0);
  return bytes + (entry.Time === undefined ? 0 : 14);
}

/** The object in the entry's detail, or the refusal of the entry; the others are taken all the same. */
export function readEntry(entry: Entry): { readonly detail: object } | EntryFault {
  for (const name of ["Source", "DetailType", "Detail"] as const) {
    if ((entry[name] ?? "") === "") {
      return {
        ErrorCode: "InvalidArgument",
        ErrorMessage: `Parameter ${name} is not valid. Reason: ${name} is a required argument.`,
      };
    }
  }
  if (/^aws\./iu.test(entry.Source ?? "")) {
    return {
      ErrorCode: "NotAuthorizedForSourceException",
      ErrorMessage: "Not authorized for the source.",
    };
  }
  const detail = parseDetail(entry.Detail ?? "");
  return detail === undefined
    ? { ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed." }
    : { detail };
}

/** Undefined where the text is no object. */
function parseDetail(text: string): object | undefined {
  let detail: unknown;
  try {
    detail = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof detail !== "object" || detail === null || Array.isArray(detail)) return undefined;
  return depthOf(text) > EVENTS_LIMITS.detailDepth ? undefined : detail;
}

/** How deep the brackets of a valid JSON text are nested. */
function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gu)) {
    if (token === "{" || token === "[") deepest = Math.max(deepest, (depth += 1));
    else if (token === "}" || token === "]") depth -= 1;
  }
  return deepest;
}
