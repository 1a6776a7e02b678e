import { PatternError } from "./scanner.ts";

const ALLOWED = /^[\w:#=@/;,\-^$?[\]{}|\\*+. ~]*$/;

/**
 * The text between two `%`. Alternation is taken as AWS documents it; groups do not exist. Messages
 * are matched by RegExp, whose cost on hostile patterns is bounded by refusing nested repeats: with
 * no groups there is nothing to nest.
 */
export function compileRegex(source: string): (message: string) => boolean {
  const plain = source.replace(/\\[^\w]/g, "");
  if (!ALLOWED.test(plain)) throw new PatternError("only letters, digits and some symbols");
  if (repeats(source) > REPEATS_MAX) throw new PatternError("too many repetitions");
  try {
    const expression = new RegExp(source.replace(/\\_/g, "_"));
    return (message) => expression.test(message);
  } catch {
    throw new PatternError("not a regular expression");
  }
}

/** `.*.*.*…` costs a power of the message's length for each repeat, so few are allowed. */
const REPEATS_MAX = 4;

function repeats(source: string): number {
  return (source.replace(/\\./g, "").match(/[*+{]/g) ?? []).length;
}
