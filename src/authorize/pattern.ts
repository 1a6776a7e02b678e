/**
 * Texts of policies with wildcards and variables: `arn:aws:s3:::home/${aws:username}/*`.
 *
 *   compile   the text becomes tokens once: literal characters, `*`, `?`, variables with their default
 *   resolve   variables become literal characters (a `*` inside a value is no wildcard)
 *   match     two pointers with one place to return to, so that no pattern is slower than n * m
 *
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
 */

/** Values of condition keys; the names are lower case, since keys are compared without regard to case. */
export interface Keys {
  get(name: string): readonly string[] | undefined;
}

const STAR: unique symbol = Symbol("*");
const ANY: unique symbol = Symbol("?");

type Character = string | typeof STAR | typeof ANY;
type Token = Character | { readonly key: string; readonly fallback: string | undefined };

export interface Pattern {
  readonly text: string;
  readonly tokens: readonly Token[];
  /** What it means depends on the request. */
  readonly hasVariables: boolean;
}

/** `${key}`, `${key, 'default'}`, and the escapes `${*}`, `${?}`, `${$}`. */
const VARIABLE = /\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}/y;

/** @param version of the policy's language: variables came with 2012-10-17 */
export function compilePattern(text: string, withVariables: boolean, wildcards = true): Pattern {
  const tokens: Token[] = [];
  let hasVariables = false;
  for (let i = 0; i < text.length; i += 1) {
    const char = text.charAt(i);
    if (char === "$" && withVariables) {
      VARIABLE.lastIndex = i;
      const match = VARIABLE.exec(text);
      const name = match?.[1];
      if (match !== null && name !== undefined) {
        i += match[0].length - 1;
        if (name === "*" || name === "?" || name === "$") tokens.push(name);
        else {
          tokens.push({ key: name.toLowerCase(), fallback: match[2] });
          hasVariables = true;
        }
        continue;
      }
    }
    tokens.push(wildcards && char === "*" ? STAR : wildcards && char === "?" ? ANY : char);
  }
  return { text, tokens, hasVariables };
}

/** Undefined when a variable has neither a value nor a default: such a text matches nothing. */
function resolve(pattern: Pattern, keys: Keys): readonly Character[] | undefined {
  if (!pattern.hasVariables) return pattern.tokens as readonly Character[];
  const characters: Character[] = [];
  for (const token of pattern.tokens) {
    if (typeof token !== "object") {
      characters.push(token);
      continue;
    }
    const values = keys.get(token.key);
    // Only keys with one value can stand in a text.
    const value = values?.length === 1 ? values[0] : token.fallback;
    if (value === undefined) return undefined;
    for (let i = 0; i < value.length; i += 1) characters.push(value.charAt(i));
  }
  return characters;
}

function matchCharacters(pattern: readonly Character[], text: string, ignoreCase: boolean): boolean {
  const value = ignoreCase ? text.toLowerCase() : text;
  let p = 0;
  let t = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (t < value.length) {
    const token = pattern[p];
    if (token === STAR) {
      starAt = p;
      resumeAt = t;
      p += 1;
    } else if (token === ANY || isSame(token, value.charAt(t), ignoreCase)) {
      p += 1;
      t += 1;
    } else if (starAt >= 0) {
      p = starAt + 1;
      resumeAt += 1;
      t = resumeAt;
    } else {
      return false;
    }
  }
  while (pattern[p] === STAR) p += 1;
  return p === pattern.length;
}

function isSame(token: Character | undefined, char: string, ignoreCase: boolean): boolean {
  if (typeof token !== "string") return false;
  return token === char || (ignoreCase && token.toLowerCase() === char);
}

/** The whole text, colons included: what Resource and Action mean. */
export function matches(pattern: Pattern, text: string, keys: Keys, ignoreCase = false): boolean {
  const characters = resolve(pattern, keys);
  return characters !== undefined && matchCharacters(characters, text, ignoreCase);
}

/** The six parts of an ARN one by one: what ArnLike means. `arn:aws:sns:*` stands for all that follows. */
export function matchesArn(pattern: Pattern, text: string, keys: Keys): boolean {
  const characters = resolve(pattern, keys);
  if (characters === undefined) return false;
  const parts = arnParts([...text]);
  const patterns = arnParts(characters);
  if (patterns.length < 6) return characters.at(-1) === STAR && matchCharacters(characters, text, false);
  if (parts.length < 6) return matchCharacters(characters, text, false);
  return patterns.every((part, index) => matchCharacters(part, (parts[index] ?? []).join(""), false));
}

/** At most six: the last one keeps its colons. */
function arnParts<T>(characters: readonly T[]): T[][] {
  const parts: T[][] = [[]];
  for (const character of characters) {
    if (character === ":" && parts.length < 6) parts.push([]);
    else parts.at(-1)?.push(character);
  }
  return parts;
}
