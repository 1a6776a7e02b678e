/**
 * One parser for all expressions. Conditions are read by binding power (Pratt): OR binds loosest, then
 * AND, NOT, and the comparisons; whether parentheses hold an operand or a condition shows only when
 * their inside has been read, so both come out of the same function and are told apart afterwards.
 */
import { LIMITS } from "../../../kernel/limits.ts";
import type {
  Comparator,
  RawAction,
  RawArithmetic,
  RawCall,
  RawCondition,
  RawOperand,
  RawPath,
  Section,
} from "./ast.ts";
import { invalidExpression, syntaxError, tokenize, type ExpressionKind, type Token } from "./tokens.ts";

const COMPARATORS: ReadonlySet<string> = new Set(["=", "<>", "<", "<=", ">", ">="]);
const KEYWORDS: ReadonlySet<string> = new Set(["AND", "OR", "NOT", "BETWEEN", "IN"]);
const SECTIONS: ReadonlySet<string> = new Set(["SET", "REMOVE", "ADD", "DELETE"]);
const POWER = { or: 1, and: 2, not: 3, compare: 4 } as const;
/** Deeper nesting is refused before it can exhaust the stack; AWS allows 300 operators in all. */
const DEPTH_MAX = 300;
const INDEX_MAX = 2 ** 31 - 1;

type Node = RawCondition | RawOperand;

function isOperand(node: Node): node is RawOperand {
  return node.kind === "path" || node.kind === "value" || node.kind === "call";
}

class Parser {
  readonly #kind: ExpressionKind;
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #at = 0;
  #depth = 0;
  #redundant = false;

  constructor(kind: ExpressionKind, text: string) {
    this.#kind = kind;
    this.#text = text;
    if (text === "") throw this.#invalid("The expression can not be empty;");
    const bytes = Buffer.byteLength(text);
    if (bytes > LIMITS.dynamodbExpressionBytes) {
      throw this.#invalid(
        `Expression size has exceeded the maximum allowed size; expression size: ${String(bytes)}`,
      );
    }
    this.#tokens = tokenize(text);
  }

  condition(): RawCondition {
    const found = this.#asCondition(this.#node(0));
    this.#end();
    return found;
  }

  projection(): RawPath[] {
    const paths = this.#list(() => this.#path());
    this.#end();
    return paths;
  }

  update(): RawAction[] {
    const actions: RawAction[] = [];
    const seen = new Set<Section>();
    let repeated: Section | undefined;
    do {
      const section = this.#section();
      if (section === undefined) throw this.#unexpected();
      if (seen.has(section)) repeated ??= section;
      seen.add(section);
      this.#at += 1;
      actions.push(...this.#list(() => this.#action(section)));
    } while (this.#token.type !== "end");
    this.#end();
    if (repeated !== undefined) {
      throw this.#invalid(`The "${repeated}" section can only be used once in an update expression;`);
    }
    return actions;
  }

  // ---- conditions

  #node(power: number): Node {
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) {
      throw this.#invalid(`The expression is nested too deeply; maximum: ${String(DEPTH_MAX)}`);
    }
    let left = this.#prefix();
    for (;;) {
      const next = this.#infix(left, power);
      if (next === undefined) break;
      left = next;
    }
    this.#depth -= 1;
    return left;
  }

  #prefix(): Node {
    if (this.#isKeyword("NOT")) {
      this.#at += 1;
      return { kind: "not", of: this.#asCondition(this.#node(POWER.not)) };
    }
    if (!this.#isSign("(")) return this.#operand();
    this.#at += 1;
    const isDoubled = this.#isSign("(");
    const before = this.#at;
    const inner = this.#node(0);
    // `((x))`: the inner pair was closed right before this one closes.
    if (isDoubled && this.#isSign(")") && this.#closes(before)) this.#redundant = true;
    this.#expect(")");
    return inner;
  }

  /** Whether the parenthesis opened at token `open` is closed by the token just read. */
  #closes(open: number): boolean {
    let level = 0;
    for (let i = open; i < this.#at; i++) {
      const { type, text } = this.#tokens[i] as Token;
      if (type !== "sign") continue;
      if (text === "(") level += 1;
      else if (text === ")") level -= 1;
      if (level === 0) return i === this.#at - 1;
    }
    return false;
  }

  /** The operator that follows, with all it takes, if it binds more tightly than `power`. */
  #infix(left: Node, power: number): Node | undefined {
    const { text } = this.#token;
    if (this.#isKeyword("OR") && power < POWER.or) return this.#join("or", POWER.or, left);
    if (this.#isKeyword("AND") && power < POWER.and) return this.#join("and", POWER.and, left);
    if (power >= POWER.compare || !isOperand(left)) return undefined;
    if (this.#token.type === "sign" && COMPARATORS.has(text)) {
      this.#at += 1;
      return { kind: "compare", operator: text as Comparator, operands: [left, this.#groupedOperand()] };
    }
    if (this.#isKeyword("BETWEEN")) {
      this.#at += 1;
      const lower = this.#groupedOperand();
      if (!this.#isKeyword("AND")) throw this.#unexpected();
      this.#at += 1;
      return { kind: "between", operands: [left, lower, this.#groupedOperand()] };
    }
    if (this.#isKeyword("IN")) {
      this.#at += 1;
      this.#expect("(");
      const list = this.#list(() => this.#groupedOperand());
      this.#expect(")");
      return { kind: "in", operands: [left, ...list] };
    }
    return undefined;
  }

  #join(kind: "and" | "or", power: number, left: Node): RawCondition {
    const first = this.#asCondition(left);
    this.#at += 1;
    return { kind, left: first, right: this.#asCondition(this.#node(power)) };
  }

  /** A path or a value is no condition: then the token that follows is the one too many. */
  #asCondition(node: Node): RawCondition {
    if (node.kind === "path" || node.kind === "value") throw this.#unexpected();
    return node;
  }

  // ---- operands

  #groupedOperand(): RawOperand {
    if (!this.#isSign("(")) return this.#operand();
    this.#at += 1;
    if (this.#isSign("(")) this.#redundant = true;
    const inner = this.#groupedOperand();
    this.#expect(")");
    return inner;
  }

  #operand(): RawOperand {
    const token = this.#token;
    if (token.type === ":value") {
      this.#at += 1;
      return { kind: "value", name: token.text };
    }
    const next = this.#tokens[this.#at + 1];
    if (token.type === "name" && next?.text === "(" && !KEYWORDS.has(token.text.toUpperCase())) {
      return this.#call();
    }
    return this.#path();
  }

  #call(): RawCall {
    const name = this.#token.text;
    this.#at += 2;
    const operands = this.#list(() => this.#groupedOperand());
    this.#expect(")");
    return { kind: "call", name, operands };
  }

  #path(): RawPath {
    const parts: (string | number)[] = [this.#pathName()];
    for (;;) {
      if (this.#isSign(".")) {
        this.#at += 1;
        parts.push(this.#pathName());
      } else if (this.#isSign("[")) {
        this.#at += 1;
        if (this.#token.type !== "index") throw this.#unexpected();
        const index = Number(this.#token.text);
        if (index > INDEX_MAX) {
          throw this.#invalid(`List index is not within the allowable range; index: [${this.#token.text}]`);
        }
        parts.push(index);
        this.#at += 1;
        this.#expect("]");
      } else return { kind: "path", parts };
    }
  }

  #pathName(): string {
    const { type, text } = this.#token;
    const isKeyword = KEYWORDS.has(text.toUpperCase()) || this.#section() !== undefined;
    if (type !== "#name" && (type !== "name" || isKeyword)) throw this.#unexpected();
    this.#at += 1;
    return text;
  }

  // ---- updates

  #section(): Section | undefined {
    const upper = this.#token.text.toUpperCase();
    if (this.#kind !== "UpdateExpression") return undefined;
    return this.#token.type === "name" && SECTIONS.has(upper) ? (upper as Section) : undefined;
  }

  #action(section: Section): RawAction {
    const path = this.#path();
    if (section === "REMOVE") return { section, path };
    if (section === "SET") {
      this.#expect("=");
      return { section, path, value: this.#assigned() };
    }
    if (this.#token.type !== ":value") throw this.#unexpected();
    return { section, path, value: this.#operand() };
  }

  #assigned(): RawOperand | RawArithmetic {
    const left = this.#assignedPart();
    const operator = this.#token.text;
    if (this.#token.type !== "sign" || (operator !== "+" && operator !== "-")) return left;
    if (left.kind === "arithmetic") throw this.#unexpected();
    this.#at += 1;
    const right = this.#assignedPart();
    if (right.kind === "arithmetic") throw this.#unexpected();
    return { kind: "arithmetic", operator, operands: [left, right] };
  }

  #assignedPart(): RawOperand | RawArithmetic {
    if (!this.#isSign("(")) return this.#operand();
    this.#at += 1;
    if (this.#isSign("(")) this.#redundant = true;
    const inner = this.#assigned();
    this.#expect(")");
    return inner;
  }

  // ---- tokens

  get #token(): Token {
    return this.#tokens[this.#at] as Token;
  }

  #isSign(text: string): boolean {
    return this.#token.type === "sign" && this.#token.text === text;
  }

  #isKeyword(word: string): boolean {
    return this.#token.type === "name" && this.#token.text.toUpperCase() === word;
  }

  #expect(sign: string): void {
    if (!this.#isSign(sign)) throw this.#unexpected();
    this.#at += 1;
  }

  #list<T>(one: () => T): T[] {
    const items = [one()];
    while (this.#isSign(",")) {
      this.#at += 1;
      items.push(one());
    }
    return items;
  }

  #end(): void {
    if (this.#token.type !== "end") throw this.#unexpected();
    if (this.#redundant) throw this.#invalid("The expression has redundant parentheses;");
  }

  #unexpected(): Error {
    return syntaxError(this.#kind, this.#text, this.#tokens, this.#at);
  }

  #invalid(why: string): Error {
    return invalidExpression(this.#kind, why);
  }
}

/** Errors of all three: ValidationException, "Invalid …Expression: …". */
export function parseCondition(kind: ExpressionKind, text: string): RawCondition {
  return new Parser(kind, text).condition();
}

export function parseProjection(text: string): RawPath[] {
  return new Parser("ProjectionExpression", text).projection();
}

export function parseUpdate(text: string): RawAction[] {
  return new Parser("UpdateExpression", text).update();
}
