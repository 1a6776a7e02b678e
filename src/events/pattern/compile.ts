/**
 * From a pattern's text to a Pattern. What a dialect does not know is refused, never ignored.
 * Errors: PatternError, whose message is the reason as AWS words it, with the place where it has one.
 *
 * The reader goes through the tokens once. Each `$or` multiplies the branches that were there before
 * it; a field belongs to every branch, and the last one of a name counts.
 */
import { type Dialect, EVENTS, RESERVED_BESIDE_OR } from "./dialect.ts";
import { JsonSyntaxError, JsonTokens, placeText, type TokenKind } from "./json-tokens.ts";
import { compileOperator } from "./operators.ts";
import { makePattern, type Pattern } from "./pattern.ts";
import { PatternError } from "./pattern-error.ts";
import * as tests from "./test.ts";
import type { Test } from "./test.ts";
import { checkComplexity } from "./wildcard.ts";

export { EVENTS, FILTERS, SNS, type Dialect } from "./dialect.ts";
export { PatternError } from "./pattern-error.ts";

/** Tests by the dotted path of their field. */
type Branch = ReadonlyMap<string, readonly Test[]>;

const BRANCHES_MAX = 1_000;
const DEPTH_MAX = 1_000;

/** Errors: PatternError. */
export function compilePattern(text: string, dialect: Dialect = EVENTS): Pattern {
  const reader = new Reader(text, dialect);
  try {
    return makePattern(reader.read());
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw new PatternError(error.message);
    throw error;
  }
}

class Reader {
  readonly #tokens: JsonTokens;
  readonly #dialect: Dialect;
  #branches: Branch[] = [];

  constructor(text: string, dialect: Dialect) {
    this.#tokens = new JsonTokens(text);
    this.#dialect = dialect;
  }

  read(): readonly Branch[] {
    if (this.#tokens.next() !== "{") this.#refuse("Filter is not an object");
    this.#object([], false);
    return this.#branches;
  }

  #refuse(reason: string): never {
    throw new PatternError(reason + placeText(this.#tokens.source, this.#tokens.place));
  }

  #object(path: readonly string[], isInsideOr: boolean): void {
    if (path.length > DEPTH_MAX) this.#refuse("Pattern is nested too deeply");
    let isEmpty = true;
    while (this.#tokens.next() !== "}") {
      isEmpty = false;
      const { name } = this.#tokens;
      if (name === "$or") {
        this.#alternatives(path);
        continue;
      }
      if (isInsideOr && RESERVED_BESIDE_OR.has(name)) {
        this.#refuse(`${name} is Ruler reserved fieldName which cannot be used inside $or.`);
      }
      const value = this.#tokens.next();
      if (value === "{") this.#object([...path, name], isInsideOr);
      else if (value === "[") this.#field([...path, name].join("."));
      else this.#refuse(`"${name}" must be an object or an array`);
    }
    if (isEmpty) this.#refuse("Empty objects are not allowed");
  }

  #alternatives(path: readonly string[]): void {
    const before = this.#branches.length === 0 ? [new Map<string, readonly Test[]>()] : this.#branches;
    if (this.#tokens.next() !== "[") this.#refuse("It must be an Array followed with $or.");
    const made: Branch[] = [];
    let count = 0;
    let token: TokenKind;
    while ((token = this.#tokens.next()) !== "]") {
      count += 1;
      if (token !== "{") this.#refuse("Only JSON object is allowed in array of $or relationship.");
      this.#branches = [...before];
      this.#object(path, true);
      made.push(...this.#branches);
      if (made.length > BRANCHES_MAX) {
        throw new PatternError(
          `Rule is too complex - $or makes more than ${String(BRANCHES_MAX)} combinations`,
        );
      }
    }
    if (count < 2) this.#refuse("There must have at least 2 Objects in $or relationship.");
    this.#branches = made;
  }

  #field(path: string): void {
    const found: Test[] = [];
    let token: TokenKind;
    while ((token = this.#tokens.next()) !== "]") found.push(this.#test(token));
    if (found.length === 0) this.#refuse("Empty arrays are not allowed");
    checkComplexity(found);
    if (this.#branches.length === 0) this.#branches = [new Map()];
    this.#branches = this.#branches.map((branch) => new Map(branch).set(path, found));
  }

  #test(token: TokenKind): Test {
    switch (token) {
      case "{":
        return compileOperator(this.#tokens, this.#dialect, (reason) => this.#refuse(reason));
      case "text":
        return tests.equals(this.#tokens.text());
      case "number":
        return tests.equals(Number(this.#tokens.text()));
      case "true":
        return tests.equals(true);
      case "false":
        return tests.equals(false);
      case "null":
        return tests.equals(null);
      default:
        return this.#refuse("Match value must be String, number, true, false, or null");
    }
  }
}
