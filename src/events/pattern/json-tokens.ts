/**
 * JSON read token by token, with the place each was read to. AWS reads patterns with Jackson and tells
 * its users where and in which words it stopped, so this reader stops at the same places:
 *
 *   - numbers, literals and brackets are read whole;
 *   - of a text only the opening quote, until `text()` is asked for or the next token;
 *   - of a name also the colon and the beginning of its value.
 */

export type TokenKind =
  | "{"
  | "}"
  | "["
  | "]"
  | "name"
  | "text"
  | "number"
  | "true"
  | "false"
  | "null"
  | "end";

/** What is no JSON: `reason` in Jackson's words, and the place, counted from 1. */
export class JsonSyntaxError extends Error {
  override name = "JsonSyntaxError";
  readonly reason: string;
  readonly line: number;
  readonly column: number;
  constructor(source: string, reason: string, place: Place) {
    super(reason + placeText(source, place));
    this.reason = reason;
    this.line = place.line;
    this.column = place.column;
  }
}

export interface Place {
  readonly line: number;
  readonly column: number;
}

const SOURCE_MAX = 500;

function sourceText(source: string): string {
  const shown = `(String)"${source.slice(0, SOURCE_MAX)}"`;
  return source.length <= SOURCE_MAX
    ? shown
    : `${shown}[truncated ${String(source.length - SOURCE_MAX)} chars]`;
}

function placeName(source: string, { line, column }: Place): string {
  return `[Source: ${sourceText(source)}; line: ${String(line)}, column: ${String(column)}]`;
}

export function placeText(source: string, place: Place): string {
  return `\n at ${placeName(source, place)}`;
}

const VALUES = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')";
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/uy;
const WORD = /[\p{L}\p{N}_$]*/uy;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

interface Open {
  readonly kind: "{" | "[";
  readonly at: number;
  count: number;
}

export class JsonTokens {
  /** Of the last token that was a name. */
  name = "";
  readonly #source: string;
  #at = 0;
  readonly #open: Open[] = [];
  /** The value after a name, already begun. */
  #ahead: TokenKind | undefined;
  #isHalfRead = false;
  #text = "";

  constructor(source: string) {
    this.#source = source;
  }

  get source(): string {
    return this.#source;
  }

  /** Where the reader stands: behind what it has read. */
  get place(): Place {
    return this.#placeAt(this.#at);
  }

  /** A text's content; any other token but a name as it is written. */
  text(): string {
    if (this.#isHalfRead) this.#finishText("was expecting closing quote for a string value");
    return this.#text;
  }

  /** Errors: JsonSyntaxError. */
  next(): TokenKind {
    if (this.#ahead !== undefined) {
      const ahead = this.#ahead;
      this.#ahead = undefined;
      return ahead;
    }
    if (this.#isHalfRead) this.#finishText("was expecting closing quote for a string value");
    const open = this.#open.at(-1);
    this.#skipSpace();
    if (open === undefined) return this.#at >= this.#source.length ? "end" : this.#value();
    const char = this.#charIn(open);
    if (char === "}" || char === "]") return this.#close(open, char);
    if (open.count > 0) this.#comma(open, char);
    open.count += 1;
    return open.kind === "[" ? this.#value() : this.#readName(open);
  }

  #comma(open: Open, char: string): void {
    const what = open.kind === "{" ? "Object" : "Array";
    if (char !== ",") throw this.#unexpected(`was expecting comma to separate ${what} entries`);
    this.#at += 1;
    this.#skipSpace();
    this.#charIn(open);
  }

  #readName(open: Open): TokenKind {
    if (this.#charIn(open) !== '"') throw this.#unexpected("was expecting double-quote to start field name");
    this.#at += 1;
    this.#finishText("in field name");
    const name = this.#text;
    this.#skipSpace();
    if (this.#charIn(open) !== ":")
      throw this.#unexpected("was expecting a colon to separate field name and value");
    this.#at += 1;
    this.#skipSpace();
    this.#charIn(open);
    this.#ahead = this.#value();
    this.name = name;
    return "name";
  }

  #value(): TokenKind {
    const char = this.#source[this.#at] as string;
    switch (char) {
      case "{":
      case "[":
        this.#open.push({ kind: char, at: this.#at, count: 0 });
        this.#at += 1;
        this.#text = char;
        return char;
      case '"':
        this.#at += 1;
        this.#isHalfRead = true;
        return "text";
      case "t":
        return this.#literal("true");
      case "f":
        return this.#literal("false");
      case "n":
        return this.#literal("null");
      default:
        return /[-\d]/u.test(char) ? this.#number(char) : this.#noValue(char);
    }
  }

  #literal(word: "true" | "false" | "null"): TokenKind {
    const found = this.#wordAt(this.#at);
    this.#at += found.length;
    if (found !== word) throw this.#fail(`Unrecognized token '${found}': was expecting ${VALUES}`);
    this.#text = word;
    return word;
  }

  #noValue(char: string): never {
    const word = this.#wordAt(this.#at);
    if (word !== "") {
      this.#at += word.length;
      throw this.#fail(`Unrecognized token '${word}': was expecting ${VALUES}`);
    }
    if (char === "}" || char === "]") {
      const open = this.#open.at(-1);
      if (open !== undefined && char !== (open.kind === "{" ? "}" : "]")) throw this.#wrongClose(open, char);
    }
    throw this.#unexpected(`expected a valid value ${VALUES}`);
  }

  #number(char: string): TokenKind {
    const start = this.#at;
    NUMBER.lastIndex = start;
    const found = NUMBER.exec(this.#source)?.[0];
    if (found === undefined) {
      this.#at += 1;
      throw this.#unexpectedIn("expected digit (0-9) to follow minus sign, for valid numeric value");
    }
    this.#at += found.length;
    const after = this.#source[this.#at] ?? "";
    if (/\d/u.test(after) && /^-?0$/u.test(found)) {
      throw this.#failAt("Invalid numeric value: Leading zeroes not allowed", start + (char === "-" ? 2 : 1));
    }
    if (after === ".") {
      this.#at += 1;
      throw this.#unexpectedIn("Decimal point not followed by a digit");
    }
    if (/[eE]/u.test(after)) {
      this.#at += /[+-]/u.test(this.#source[this.#at + 1] ?? "") ? 2 : 1;
      throw this.#unexpectedIn("Exponent indicator not followed by a digit");
    }
    this.#text = found;
    return "number";
  }

  #unexpectedIn(what: string): JsonSyntaxError {
    const char = this.#source[this.#at];
    if (char === undefined) return this.#fail("Unexpected end-of-input within/between Object entries");
    return this.#failAt(`Unexpected character (${charName(char)}) in numeric value: ${what}`, this.#at);
  }

  /** From behind the opening quote to behind the closing one. */
  #finishText(missing: string): void {
    this.#isHalfRead = false;
    const source = this.#source;
    let text = "";
    for (;;) {
      const char = source[this.#at];
      if (char === undefined) {
        throw this.#fail(
          missing === "in field name"
            ? `Unexpected end-of-input ${missing}`
            : `Unexpected end-of-input: ${missing}`,
        );
      }
      this.#at += 1;
      if (char === '"') break;
      if (char === "\\") text += this.#escape();
      else if (char < " ") {
        throw this.#failAt(
          `Illegal unquoted character (${charName(char)}): has to be escaped using backslash to be included in ${missing === "in field name" ? "name" : "string value"}`,
          this.#at,
        );
      } else text += char;
    }
    this.#text = text;
  }

  #escape(): string {
    const char = this.#source[this.#at] ?? "";
    if (char === "") throw this.#fail("Unexpected end-of-input in character escape sequence");
    this.#at += 1;
    const plain = ESCAPES[char];
    if (plain !== undefined) return plain;
    if (char !== "u") throw this.#fail(`Unrecognized character escape ${charName(char)}`);
    const digits = this.#source.slice(this.#at, this.#at + 4);
    const valid = /^[\da-fA-F]*/u.exec(digits)?.[0].length ?? 0;
    if (valid < 4) {
      this.#at += valid;
      const bad = this.#source[this.#at];
      if (bad === undefined) throw this.#fail("Unexpected end-of-input in character escape sequence");
      throw this.#unexpected("expected a hex-digit for character escape sequence");
    }
    this.#at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  #close(open: Open, char: "}" | "]"): TokenKind {
    if (char !== (open.kind === "{" ? "}" : "]")) throw this.#wrongClose(open, char);
    this.#at += 1;
    this.#text = char;
    this.#open.pop();
    return char;
  }

  #wrongClose(open: Open, char: string): JsonSyntaxError {
    const [expected, what] = open.kind === "{" ? ["}", "Object"] : ["]", "Array"];
    const began = placeName(this.#source, this.#placeAt(open.at));
    return this.#failAt(
      `Unexpected close marker '${char}': expected '${expected}' (for ${what} starting at ${began})`,
      this.#at,
    );
  }

  #skipSpace(): void {
    while (/[ \t\r\n]/u.test(this.#source[this.#at] ?? "")) this.#at += 1;
  }

  /** The next character, which must be there while something is open. */
  #charIn(open: Open): string {
    const char = this.#source[this.#at];
    if (char !== undefined) return char;
    const what = open.kind === "{" ? "Object" : "Array";
    const began = placeName(this.#source, this.#placeAt(open.at));
    throw this.#fail(`Unexpected end-of-input: expected close marker for ${what} (start marker at ${began})`);
  }

  #wordAt(at: number): string {
    WORD.lastIndex = at;
    return WORD.exec(this.#source)?.[0] ?? "";
  }

  #unexpected(what: string): JsonSyntaxError {
    return this.#failAt(
      `Unexpected character (${charName(this.#source[this.#at] ?? "")}): ${what}`,
      this.#at,
    );
  }

  #fail(reason: string): JsonSyntaxError {
    return this.#failAt(reason, this.#at);
  }

  #failAt(reason: string, at: number): JsonSyntaxError {
    return new JsonSyntaxError(this.#source, reason, this.#placeAt(at));
  }

  #placeAt(at: number): Place {
    const before = this.#source.slice(0, at);
    const lineStart = before.lastIndexOf("\n") + 1;
    return { line: before.split("\n").length, column: at - lineStart + 1 };
  }
}

function charName(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 32) return `(CTRL-CHAR, code ${String(code)})`.slice(1, -1);
  return code > 255
    ? `'${char}' (code ${String(code)} / 0x${code.toString(16)})`
    : `'${char}' (code ${String(code)})`;
}

/** Reads all of it, which may be several values. Errors: JsonSyntaxError. */
export function scanJson(source: string): void {
  const tokens = new JsonTokens(source);
  while (tokens.next() !== "end") continue;
}
