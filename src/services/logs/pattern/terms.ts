/**
 * Terms: all must be there; of those with `?` one must; those with `-` must not. Where terms
 * without `?` stand beside terms with it, the ones with `?` do not count (as AWS does it).
 */
import { createScanner, PatternError, QUOTED, unquote } from "./scanner.ts";

interface Terms {
  readonly all: string[];
  readonly any: string[];
  readonly none: string[];
}

export function compileTerms(pattern: string): (message: string) => boolean {
  const { all, any, none } = parseTerms(pattern);
  const alternatives = all.length > 0 ? [] : any;
  return (message) =>
    all.every((term) => message.includes(term)) &&
    none.every((term) => !message.includes(term)) &&
    (alternatives.length === 0 || alternatives.some((term) => message.includes(term)));
}

function parseTerms(pattern: string): Terms {
  const terms: Terms = { all: [], any: [], none: [] };
  const scanner = createScanner(pattern);
  while (!scanner.atEnd()) {
    const sign = scanner.take(/[?-]/);
    const term = scanner.take(QUOTED);
    const text = term === undefined ? scanner.need(/[^\s"]+/) : unquote(term);
    if (text === "") throw new PatternError("an empty term");
    const list = sign === "?" ? terms.any : sign === "-" ? terms.none : terms.all;
    list.push(text);
  }
  return terms;
}
