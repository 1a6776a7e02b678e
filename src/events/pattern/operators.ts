/**
 * The operators: `{ "prefix": "a" }` and its kin. Each reads its tokens in the order in which AWS
 * does, since the place of a refusal is how far was read.
 */
import { addressOf } from "./cidr.ts";
import type { Dialect } from "./dialect.ts";
import { JsonSyntaxError, type JsonTokens, type TokenKind } from "./json-tokens.ts";
import { PatternError } from "./pattern-error.ts";
import * as tests from "./test.ts";
import type { Range, Test } from "./test.ts";
import { wildcardFault } from "./wildcard.ts";

/** Refuses with the place of the reader. */
export type Refuse = (reason: string) => never;

const ONE_KEY = "Only one key allowed in match expression";
const TOO_MANY = "Too many elements in numeric expression";

/** From behind the opening brace to behind the closing one. */
export function compileOperator(tokens: JsonTokens, dialect: Dialect, refuse: Refuse): Test {
  if (tokens.next() !== "name") refuse("Match expression name not found");
  const { name } = tokens;
  if (!dialect.operators.has(name)) refuse(`Unrecognized match type ${name}`);
  const reader = new OperatorReader(tokens, dialect, refuse);
  switch (name) {
    case "exactly":
      return reader.text("exact match", tests.equals);
    case "prefix":
    case "suffix":
      return reader.edge(name);
    case "equals-ignore-case":
      return reader.text(name, tests.equalsIgnoreCase);
    case "wildcard":
      return reader.text(name, (text) => reader.wildcard(text));
    case "cidr":
      // AWS's own sentence speaks of a prefix here.
      return reader.text("prefix", cidrTest);
    case "exists":
      return reader.exists();
    case "numeric":
      return reader.numeric();
    default:
      return reader.anythingBut();
  }
}

class OperatorReader {
  readonly #tokens: JsonTokens;
  readonly #dialect: Dialect;
  readonly #refuse: Refuse;

  constructor(tokens: JsonTokens, dialect: Dialect, refuse: Refuse) {
    this.#tokens = tokens;
    this.#dialect = dialect;
    this.#refuse = refuse;
  }

  #end(complaint: string): void {
    if (this.#tokens.next() !== "}") this.#refuse(complaint);
  }

  text(what: string, make: (text: string) => Test, token: TokenKind = this.#tokens.next()): Test {
    if (token !== "text") this.#refuse(`${what} match pattern must be a string`);
    const made = make(this.#tokens.text());
    this.#end(ONE_KEY);
    return made;
  }

  edge(kind: "prefix" | "suffix"): Test {
    const make = kind === "prefix" ? tests.prefix : tests.suffix;
    const token = this.#tokens.next();
    if (token !== "{" || !this.#dialect.edgesIgnoreCase) {
      return this.text(kind, (text) => make(text, false), token);
    }
    const noun = kind === "prefix" ? "Prefix" : "Suffix";
    if (this.#tokens.next() !== "name") this.#refuse(`${noun} expression name not found`);
    const { name } = this.#tokens;
    if (name !== "equals-ignore-case") this.#refuse(`Unsupported ${kind} pattern: ${name}`);
    const made = this.text(name, (text) => make(text, true));
    this.#end(ONE_KEY);
    return made;
  }

  wildcard(text: string): Test {
    const fault = wildcardFault(text);
    if (fault !== undefined) this.#refuse(fault);
    return tests.wildcard(text);
  }

  exists(): Test {
    const token = this.#tokens.next();
    if (token !== "true" && token !== "false") {
      this.#refuse("exists match pattern must be either true or false.");
    }
    this.#end(ONE_KEY);
    return token === "true" ? tests.exists : tests.absent;
  }

  numeric(): Test {
    if (this.#tokens.next() !== "[") this.#refuse("Value of numeric must be an array.");
    const range = this.#range();
    this.#end(TOO_MANY);
    return tests.numeric(range);
  }

  #range(): Range {
    const tokens = this.#tokens;
    if (tokens.next() !== "text") this.#refuse(`Invalid member in numeric match: ${this.#shown()}`);
    const operator = tokens.text();
    const token = tokens.next();
    if (!["=", "<", "<=", ">", ">="].includes(operator)) {
      this.#refuse(`Unrecognized numeric range operator: ${operator}`);
    }
    if (token !== "number") {
      this.#refuse(`Value of ${operator === "=" ? "equals" : operator} must be numeric`);
    }
    const first = tokens.text();
    const after = tokens.next();
    if (operator !== ">" && operator !== ">=") {
      if (after !== "]") this.#refuse(TOO_MANY);
      const value = this.#number(first);
      if (operator === "=") return { atLeast: value, atMost: value };
      return operator === "<" ? { below: value } : { atMost: value };
    }
    const lower = (value: number): Range => (operator === ">" ? { above: value } : { atLeast: value });
    if (after === "]") return lower(this.#number(first));
    return this.#upper(after, first, lower);
  }

  #upper(token: TokenKind, first: string, lower: (value: number) => Range): Range {
    const tokens = this.#tokens;
    if (token !== "text") this.#refuse(`Bad value in numeric range: ${this.#shown()}`);
    const operator = tokens.text();
    if (operator !== "<" && operator !== "<=") this.#refuse(`Bad numeric range operator: ${operator}`);
    if (tokens.next() !== "number") this.#refuse(`Value of ${operator} must be numeric`);
    const second = tokens.text();
    if (tokens.next() !== "]") this.#refuse("Too many terms in numeric range expression");
    const [bottom, top] = [this.#number(first), this.#number(second)];
    if (bottom >= top) this.#refuse("Bottom must be less than top");
    return { ...lower(bottom), ...(operator === "<" ? { below: top } : { atMost: top }) };
  }

  /** The text of the token at hand, brackets included. */
  #shown(): string {
    return this.#tokens.text();
  }

  #number(text: string): number {
    const fault = numberFault(text);
    if (fault !== undefined) this.#refuse(fault);
    return Number(text);
  }

  anythingBut(): Test {
    const tokens = this.#tokens;
    let operator: string | undefined;
    let token = tokens.next();
    if (token === "{") {
      if (tokens.next() !== "name") this.#refuse("Anything-But expression name not found");
      operator = tokens.name;
      if (!this.#dialect.insideAnythingBut.has(operator)) {
        this.#refuse(`Unsupported anything-but pattern: ${operator}`);
      }
      token = tokens.next();
    }
    if (token !== "[" && token !== "text" && token !== "number") {
      this.#refuse("Value of anything-but must be an array or single string/number value.");
    }
    const others = token === "[" ? this.#others(operator) : [this.#other(token, operator, true)];
    this.#end(TOO_MANY);
    if (operator !== undefined) this.#end(TOO_MANY);
    return tests.noneOf(others);
  }

  /** What is refused within a list tells its place twice: so does AWS. */
  #others(operator: string | undefined): Test[] {
    const found: { readonly token: TokenKind; readonly test: Test }[] = [];
    try {
      let token: TokenKind;
      while ((token = this.#tokens.next()) !== "]") {
        found.push({ token, test: this.#other(token, operator, false) });
      }
    } catch (error) {
      if (error instanceof PatternError || error instanceof JsonSyntaxError) this.#refuse(error.message);
      throw error;
    }
    if (operator === undefined && new Set(found.map(({ token }) => token)).size !== 1) {
      this.#refuse(
        "Inside anything but list, either all values are number or string, mixed type is not supported",
      );
    }
    for (const { test } of found) for (const text of test.wildcards ?? []) this.wildcard(text);
    return found.map(({ test }) => test);
  }

  #other(token: TokenKind, operator: string | undefined, isSingle: boolean): Test {
    const tokens = this.#tokens;
    if (operator === undefined) {
      if (token === "text") return tests.equals(tokens.text());
      if (token !== "number") this.#refuse("Inside anything but list, start|null|boolean is not supported.");
      const fault = numberFault(tokens.text());
      // One number that is too large is refused without a place; the list around it adds one.
      if (fault !== undefined) throw new PatternError(fault);
      return tests.equals(Number(tokens.text()));
    }
    if (token !== "text") this.#refuse(noText(operator));
    const text = tokens.text();
    if (operator === "equals-ignore-case") return tests.equalsIgnoreCase(text);
    // Those of a list are looked at when it is read.
    if (operator === "wildcard") return isSingle ? this.wildcard(text) : tests.wildcard(text);
    if (text === "") this.#refuse("Null prefix/suffix not allowed");
    return operator === "prefix" ? tests.prefix(text, false) : tests.suffix(text, false);
  }
}

function noText(operator: string): string {
  if (operator === "equals-ignore-case") {
    return "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.";
  }
  return operator === "wildcard"
    ? "wildcard match pattern must be a string"
    : "prefix/suffix match pattern must be a string";
}

function numberFault(text: string): string | undefined {
  return Math.abs(Number(text)) > tests.NUMBER_MAX
    ? "Value must be between -5.0E9 and 5.0E9, inclusive"
    : undefined;
}

/** Refused without a place. */
function cidrTest(operand: string): Test {
  const parts = operand.replace(/\/+$/u, "").split("/");
  if (parts.length !== 2) throw new PatternError("Malformed CIDR, one '/' required");
  const [ip = "", mask = ""] = parts;
  if (!/^[+-]?\d{1,9}$/u.test(mask)) throw new PatternError("Malformed CIDR, mask bits must be an integer");
  if (Number(mask) < 0) throw new PatternError("Malformed CIDR, mask bits must not be negative");
  const address = addressOf(ip);
  if (address === undefined) throw new PatternError(`Nonstandard IP address: ${ip}`);
  if (Number(mask) >= address.bits) {
    const version = address.bits === 32 ? "IPv4" : "IPv6";
    throw new PatternError(`${version} mask bits must be < ${String(address.bits)}`);
  }
  return tests.cidr({ bits: address.bits, address: address.value, mask: Number(mask) });
}
