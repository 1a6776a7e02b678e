/**
 * CloudWatch's filter patterns: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 *
 * Nothing matches all; `{ … }` looks into JSON, `[ … ]` at words, `%…%` is a regular expression,
 * everything else is terms.
 */
import * as errors from "../errors.ts";
import { compileJson } from "./json.ts";
import { compileRegex } from "./regex.ts";
import { compileWords } from "./words.ts";
import { compileTerms } from "./terms.ts";
import { PatternError } from "./scanner.ts";

const PATTERN_LENGTH_MAX = 1024;

/** Errors: InvalidParameterException when the pattern cannot be read. */
export function compilePattern(pattern: string): (message: string) => boolean {
  if (pattern.length > PATTERN_LENGTH_MAX) {
    const rule = `Member must have length less than or equal to ${PATTERN_LENGTH_MAX}`;
    throw errors.constraint(pattern, "filterPattern", rule);
  }
  const text = pattern.trim();
  try {
    if (text === "") return () => true;
    if (text.startsWith("{")) return compileJson(text);
    if (text.startsWith("[")) return compileWords(text);
    if (/^%.*%$/.test(text) && text.length > 2) return compileRegex(text.slice(1, -1));
    return compileTerms(text);
  } catch (error) {
    if (error instanceof PatternError) throw errors.invalidPattern();
    throw error;
  }
}
