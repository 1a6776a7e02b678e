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

const COMPLEXITY_MAX = 50;

/**
 * How many places of its wildcards a field's value could be at once: each star passed stays possible,
 * and so does each beginning of the text behind it that the text itself repeats.
 * Errors: PatternError, without a place.
 */
export function checkComplexity(tests: readonly Test[]): void {
  const wildcards = tests.flatMap((test) => test.wildcards ?? []);
  const places = wildcards.reduce((sum, text) => sum + complexityOf(text), 0);
  if (places < COMPLEXITY_MAX) return;
  throw new PatternError(
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character",
  );
}

export function complexityOf(text: string): number {
  return wildcardParts(text)
    .slice(1)
    .reduce((sum, part) => sum + 1 + repeats(part), 0);
}

/** The longest chain of beginnings of `part` that are also its ends so far. */
function repeats(part: string): number {
  const border: number[] = [0];
  const depth: number[] = [0];
  let most = 0;
  for (let at = 1; at < part.length; at += 1) {
    let length = border[at - 1] ?? 0;
    while (length > 0 && part[at] !== part[length]) length = border[length - 1] ?? 0;
    if (part[at] === part[length]) length += 1;
    border.push(length);
    depth.push(length === 0 ? 0 : (depth[length - 1] ?? 0) + 1);
    most = Math.max(most, depth[at] ?? 0);
  }
  return most;
}
