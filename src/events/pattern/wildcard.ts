/** What a wildcard may look like, and how many of them. */
import { PatternError } from "./pattern-error.ts";
import { type Test, wildcardParts } from "./test.ts";

/** AWS counts bytes, and the quote before the text. */
export function wildcardFault(text: string): string | undefined {
  const bytes = Buffer.from(`"${text}`, "utf8").toString("latin1");
  for (let at = 0; at < bytes.length; at += 1) {
    if (bytes[at] === "*" && bytes[at + 1] === "*") {
      return `Consecutive wildcard characters at pos ${String(at)}`;
    }
    if (bytes[at] !== "\\") continue;
    if (bytes[at + 1] !== "*" && bytes[at + 1] !== "\\")
      return `Invalid escape character at pos ${String(at)}`;
    at += 1;
  }
  return undefined;
}

/** AWS refuses fields whose wildcards could be at more places than this at once. */
const COMPLEXITY_MAX = 10;
/** Of the search below; a field that needs more is taken. */
const STATES_MAX = 3_000;

/** Errors: PatternError, without a place. */
export function checkComplexity(tests: readonly Test[]): void {
  const wildcards = tests.flatMap((test) => test.wildcards ?? []);
  if (wildcards.length === 0 || !isTooComplex(wildcards)) return;
  throw new PatternError(
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character",
  );
}

/** @param wildcards of one field, as they stand in the pattern. */
export function isTooComplex(wildcards: readonly string[]): boolean {
  return complexityOf(wildcards.map((text) => `"${text}"`)) > COMPLEXITY_MAX;
}

/**
 * At how many places wildcards, read side by side, are at once for the worst text: a star that was passed
 * stays one, so does each beginning of what may follow it, and the end of a run of characters and the star
 * behind it are two. All sets of places that a text can lead to are looked through, the text's next
 * character being one that some place waits for, or another.
 *
 * Equal to what AWS's own library counts, whose published tests are this function's.
 *
 * @returns stops counting above what is refused.
 */
export function complexityOf(wildcards: readonly string[], max: number = COMPLEXITY_MAX): number {
  const patterns = [...new Set(wildcards)].map(tokensOf);
  const begin = patterns.map((tokens) => (tokens[0] === undefined ? [0, 1] : [0]));
  const seen = new Set<string>();
  const open = [begin];
  let most = 0;
  for (let state = open.pop(); state !== undefined && most <= max; state = open.pop()) {
    for (const char of awaited(patterns, state)) {
      const next = patterns.map((tokens, index) => step(tokens, state[index] ?? [], char));
      const key = next.map((places) => places.join(" ")).join(",");
      if (seen.has(key)) continue;
      if (seen.size >= STATES_MAX) return most;
      seen.add(key);
      most = Math.max(
        most,
        next.reduce((sum, places) => sum + places.length, 0),
      );
      open.push(next);
    }
  }
  return most;
}

/** Characters that stand for themselves, and `undefined` for a star. */
type Token = string | undefined;

function tokensOf(text: string): Token[] {
  return wildcardParts(text).flatMap((part, index) => (index === 0 ? [...part] : [undefined, ...part]));
}

function awaited(patterns: readonly (readonly Token[])[], state: readonly (readonly number[])[]): Set<Token> {
  // Whatever nobody waits for keeps the stars alone.
  const chars = new Set<Token>([undefined]);
  state.forEach((places, index) => places.forEach((place) => chars.add(patterns[index]?.[place])));
  return chars;
}

/** The places after one more character; a place is how many tokens are behind it. */
function step(tokens: readonly Token[], places: readonly number[], char: Token): number[] {
  const next = new Set<number>();
  for (const place of places) {
    if (place > 0 && tokens[place - 1] === undefined) next.add(place);
    if (char === undefined || tokens[place] !== char) continue;
    next.add(place + 1);
    if (place + 1 < tokens.length && tokens[place + 1] === undefined) next.add(place + 2);
  }
  return [...next].toSorted((a, b) => a - b);
}
