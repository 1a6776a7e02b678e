/** What follows a comparison sign: `= 404`, `!= "a*"`, `> 1.5e3`, `= 4*`, `= %4[0-9]{2}%`. */
import { compileRegex } from "./regex.ts";
import { PatternError, QUOTED, type Scanner, unquote } from "./scanner.ts";

export type Operator = "=" | "!=" | "<" | "<=" | ">" | ">=";
/** How a value, of JSON or a word of a line, compares. */
export type Test = (value: unknown) => boolean;

export const OPERATOR: RegExp = /!=|<=|>=|=|<|>/;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;
const BARE = /[^\s"%&|(){}[\],<>=!]+/;
const BETWEEN_PERCENTS = /%[^%]+%/;

/** Reads the right side of `operator`. */
export function parseComparison(scanner: Scanner, operator: Operator): Test {
  scanner.skipSpace();
  const regex = scanner.take(BETWEEN_PERCENTS);
  if (regex !== undefined) return equality(operator, textTest(compileRegex(regex.slice(1, -1))));
  const quoted = scanner.take(QUOTED);
  if (quoted !== undefined) return equality(operator, textTest(wildcard(unquote(quoted))));
  const bare = scanner.need(BARE);
  if (NUMBER.test(bare)) return numberTest(operator, Number(bare));
  return equality(operator, textTest(wildcard(bare)));
}

function equality(operator: Operator, equal: Test): Test {
  if (operator === "=") return equal;
  if (operator === "!=") return (value) => value !== undefined && !equal(value);
  throw new PatternError("only numbers have an order");
}

/** A field that is not there is neither equal nor unequal. */
function textTest(matches: (text: string) => boolean): Test {
  return (value) => {
    if (typeof value === "string") return matches(value);
    if (typeof value === "number" || typeof value === "boolean") return matches(String(value));
    return false;
  };
}

function numberTest(operator: Operator, wanted: number): Test {
  const compare = NUMBER_COMPARISONS[operator];
  return (value) => {
    if (value === undefined || value === null || typeof value === "boolean") return false;
    const number = typeof value === "number" ? value : numberIn(value);
    if (number === undefined) return operator === "!=";
    return compare(number, wanted);
  };
}

function numberIn(value: unknown): number | undefined {
  return typeof value === "string" && NUMBER.test(value.trim()) ? Number(value) : undefined;
}

const NUMBER_COMPARISONS: Readonly<Record<Operator, (a: number, b: number) => boolean>> = {
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

/** `*` stands for any text, anywhere; without one the text must be equal. Linear in the text's length. */
export function wildcard(glob: string): (text: string) => boolean {
  const [head = "", ...parts] = glob.split("*");
  const tail = parts.pop();
  if (tail === undefined) return (text) => text === head;
  return (text) => {
    if (!text.startsWith(head) || !text.endsWith(tail)) return false;
    let at = head.length;
    for (const part of parts) {
      const found = text.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return at <= text.length - tail.length;
  };
}
