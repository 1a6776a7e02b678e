/**
 * Where each statement stands in a policy's text, as the policy simulator tells it: lines and columns
 * from 1. A statement of a list starts at its brace, a lone one behind it; both end behind theirs.
 */
export interface Position {
  readonly Line: number;
  readonly Column: number;
}

export interface Span {
  readonly start: Position;
  readonly end: Position;
}

/** One span for each statement, in their order. `text` is valid JSON. */
export function statementSpans(text: string): Span[] {
  const spans: Span[] = [];
  let depth = 0;
  /** Depth at which statements open: 2 for a lone one, 3 within a list; 0 outside of them. */
  let statementDepth = 0;
  let isNext = false;
  let startsAt = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (char === '"') {
      const end = endOfString(text, i);
      if (depth === 1 && text.slice(i, end) === '"Statement"' && /^\s*:/.test(text.slice(end))) isNext = true;
      i = end - 1;
    } else if (char === "{" || char === "[") {
      depth += 1;
      if (isNext) {
        statementDepth = char === "[" ? 3 : 2;
        isNext = false;
      }
      if (char === "{" && depth === statementDepth) startsAt = statementDepth === 2 ? i + 1 : i;
    } else if (char === "}" || char === "]") {
      if (char === "}" && depth === statementDepth) {
        spans.push({ start: positionOf(text, startsAt), end: positionOf(text, i + 1) });
      }
      depth -= 1;
      if (depth === 1) statementDepth = 0;
    }
  }
  return spans;
}

/** Index behind the closing quote. */
function endOfString(text: string, from: number): number {
  let i = from + 1;
  while (i < text.length && text.charAt(i) !== '"') i += text.charAt(i) === "\\" ? 2 : 1;
  return i + 1;
}

function positionOf(text: string, index: number): Position {
  const before = text.slice(0, index).split("\n");
  return { Line: before.length, Column: (before.at(-1)?.length ?? 0) + 1 };
}
