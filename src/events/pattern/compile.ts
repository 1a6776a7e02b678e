/**
 * From a pattern's text to a Pattern. What a dialect does not know is refused, never ignored.
 * Errors: PatternError, whose message is the reason as AWS words it, without the position.
 */
import { addressOf } from "./cidr.ts";
import type { Field, Pattern } from "./pattern.ts";
import * as tests from "./test.ts";
import type { Range, Test } from "./test.ts";

export class PatternError extends Error {
  override name = "PatternError";
}

/** What the users of the language may write. */
export interface Dialect {
  readonly operators: ReadonlySet<string>;
  /** What `anything-but` may hold beside values. */
  readonly insideAnythingBut: ReadonlySet<string>;
}

const COMMON = ["prefix", "suffix", "anything-but", "numeric", "exists", "equals-ignore-case"];

export const EVENTS: Dialect = {
  operators: new Set([...COMMON, "cidr", "wildcard"]),
  insideAnythingBut: new Set(["prefix", "suffix", "equals-ignore-case", "wildcard"]),
};
/** Filters of event source mappings. */
export const FILTERS: Dialect = EVENTS;

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;
const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Errors: PatternError. */
export function compilePattern(text: string, dialect: Dialect = EVENTS): Pattern {
  let parsed: Json;
  try {
    parsed = JSON.parse(text);
  } catch (error) {
    throw new PatternError(error instanceof Error ? error.message : String(error));
  }
  if (!isObject(parsed)) throw new PatternError("Filter is not an object");
  return compileObject(parsed, dialect);
}

function compileObject(source: JsonObject, dialect: Dialect): Pattern {
  const fields: Field[] = [];
  const anyOf: (readonly Pattern[])[] = [];
  const entries = Object.entries(source);
  if (entries.length === 0) throw new PatternError("Empty objects are not allowed");
  for (const [name, value] of entries) {
    if (name === "$or" && isAlternatives(value, dialect)) {
      anyOf.push(value.map((one) => compileObject(one, dialect)));
    } else if (isObject(value)) {
      fields.push({ name, inner: compileObject(value, dialect) });
    } else if (Array.isArray(value)) {
      if (value.length === 0) throw new PatternError("Empty arrays are not allowed");
      fields.push({ name, tests: value.map((one) => compileTest(one, dialect)) });
    } else {
      throw new PatternError(`"${name}" must be an object or an array`);
    }
  }
  return { fields, anyOf };
}

/** `$or` is an operator only before two or more patterns; else it is a field of that name. */
function isAlternatives(value: Json, dialect: Dialect): value is readonly JsonObject[] {
  if (!Array.isArray(value) || value.length < 2) return false;
  return value.every(
    (one) =>
      isObject(one) &&
      Object.keys(one).length > 0 &&
      !Object.keys(one).some((key) => dialect.operators.has(key)),
  );
}

function compileTest(value: Json, dialect: Dialect): Test {
  if (
    value === null ||
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "boolean"
  ) {
    return tests.equals(value);
  }
  if (!isObject(value)) throw new PatternError("Match value must be String, number, true, false, or null");
  const entries = Object.entries(value);
  const [operator = "", operand] = entries[0] ?? [];
  if (!dialect.operators.has(operator)) throw new PatternError(`Unrecognized match type ${operator}`);
  if (entries.length > 1) throw new PatternError("Only one key allowed in match expression");
  return compileOperator(operator, operand, dialect);
}

function compileOperator(operator: string, operand: Json, dialect: Dialect): Test {
  switch (operator) {
    case "exists":
      if (typeof operand !== "boolean")
        throw new PatternError("exists match pattern must be either true or false.");
      return operand ? tests.exists : tests.absent;
    case "prefix":
    case "suffix":
      return edge(operator, operand);
    case "equals-ignore-case":
      return tests.equalsIgnoreCase(textOf(operator, operand));
    case "wildcard":
      return tests.wildcard(wildcardOf(operand));
    case "numeric":
      return tests.numeric(rangeOf(operand));
    case "cidr":
      return cidrTest(operand);
    default:
      return anythingBut(operand, dialect);
  }
}

function textOf(operator: string, operand: Json): string {
  if (typeof operand !== "string") throw new PatternError(`${operator} match pattern must be a string`);
  return operand;
}

function edge(operator: "prefix" | "suffix", operand: Json): Test {
  const make = operator === "prefix" ? tests.prefix : tests.suffix;
  if (!isObject(operand)) return make(textOf(operator, operand), false);
  const [inner = "", value] = Object.entries(operand)[0] ?? [];
  if (inner !== "equals-ignore-case") throw new PatternError(`Unsupported ${operator} pattern: ${inner}`);
  return make(textOf("equals-ignore-case", value), true);
}

function wildcardOf(operand: Json): string {
  const text = textOf("wildcard", operand);
  const double = text.replaceAll(/\\[\s\S]/gu, "  ").indexOf("**");
  if (double >= 0) throw new PatternError(`Consecutive wildcard characters at pos ${String(double)}`);
  const escape = /\\(?![\\*])/u.exec(text.replaceAll(/\\[\\*]/gu, "  "));
  if (escape !== null) throw new PatternError(`Invalid escape character at pos ${String(escape.index)}`);
  return text;
}

const NUMBER_MAX = 5_000_000_000;

function rangeOf(operand: Json): Range {
  if (!Array.isArray(operand)) throw new PatternError("Value of numeric must be an array.");
  const [first, firstValue, second, secondValue] = operand as Json[];
  if (typeof first !== "string") throw new PatternError(`Invalid member in numeric match: ${String(first)}`);
  const range = bound(first, firstValue, ["=", "<", "<=", ">", ">="]);
  if (operand.length <= 2) return range;
  if (typeof second !== "string") throw new PatternError(`Bad value in numeric range: ${String(second)}`);
  if (first === "=" || first.startsWith("<"))
    throw new PatternError("Too many terms in numeric range expression");
  const upper = bound(second, secondValue, ["<", "<="]);
  const low = range.above ?? range.atLeast ?? 0;
  const high = upper.below ?? upper.atMost ?? 0;
  if (low >= high) throw new PatternError("Bottom must be less than top");
  if (operand.length > 4) throw new PatternError("Too many terms in numeric range expression");
  return { ...range, ...upper };
}

function bound(operator: string, value: Json, allowed: readonly string[]): Range {
  if (!allowed.includes(operator)) {
    const known = allowed.includes("=")
      ? "Unrecognized numeric range operator"
      : "Bad numeric range operator";
    throw new PatternError(`${known}: ${operator}`);
  }
  if (typeof value !== "number") {
    throw new PatternError(
      operator === "=" ? "Value of equals must be numeric" : `Value of ${operator} must be numeric`,
    );
  }
  if (Math.abs(value) > NUMBER_MAX) {
    throw new PatternError(
      `Value must be between -${String(NUMBER_MAX)}.0 and ${String(NUMBER_MAX)}.0, inclusive`,
    );
  }
  switch (operator) {
    case "=":
      return { atLeast: value, atMost: value };
    case "<":
      return { below: value };
    case "<=":
      return { atMost: value };
    case ">":
      return { above: value };
    default:
      return { atLeast: value };
  }
}

function cidrTest(operand: Json): Test {
  // AWS's own sentence speaks of a prefix here.
  if (typeof operand !== "string") throw new PatternError("prefix match pattern must be a string");
  const parts = operand.split("/");
  if (parts.length !== 2) throw new PatternError("Malformed CIDR, one '/' required");
  const [ip = "", mask = ""] = parts;
  if (!/^\d+$/u.test(mask)) throw new PatternError("Malformed CIDR, mask bits must be an integer");
  const address = addressOf(ip);
  if (address === undefined) throw new PatternError(`Nonstandard IP address: ${ip}`);
  if (Number(mask) > address.bits) {
    throw new PatternError("Malformed CIDR, mask bits must be 0 to " + String(address.bits));
  }
  return tests.cidr({ bits: address.bits, address: address.value, mask: Number(mask) });
}

const ANYTHING_BUT_VALUE = "Value of anything-but must be an array or single string/number value.";

function anythingBut(operand: Json, dialect: Dialect): Test {
  if (typeof operand === "string" || typeof operand === "number")
    return tests.noneOf([tests.equals(operand)]);
  if (Array.isArray(operand)) return tests.noneOf(values(operand));
  if (!isObject(operand)) throw new PatternError(ANYTHING_BUT_VALUE);
  const [inner = "", value] = Object.entries(operand)[0] ?? [];
  if (!dialect.insideAnythingBut.has(inner))
    throw new PatternError(`Unsupported anything-but pattern: ${inner}`);
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new PatternError("Empty arrays are not allowed");
  return tests.noneOf(list.map((one) => insideAnythingBut(inner, one)));
}

function values(list: readonly Json[]): Test[] {
  if (list.length === 0) throw new PatternError("Empty arrays are not allowed");
  const kinds = new Set(list.map((one) => typeof one));
  if (!list.every((one) => typeof one === "string" || typeof one === "number")) {
    throw new PatternError("Inside anything but list, start|null|boolean is not supported.");
  }
  if (kinds.size > 1)
    throw new PatternError(
      "Inside anything but list, either all values are number or string, mixed type is not supported",
    );
  return list.map((one) => tests.equals(one as string | number));
}

function insideAnythingBut(operator: string, value: Json): Test {
  if (operator === "equals-ignore-case") {
    if (typeof value !== "string") {
      throw new PatternError(
        "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
      );
    }
    return tests.equalsIgnoreCase(value);
  }
  if (operator === "wildcard") return tests.wildcard(wildcardOf(value));
  if (isObject(value)) throw new PatternError(ANYTHING_BUT_VALUE);
  if (typeof value !== "string") throw new PatternError("prefix/suffix match pattern must be a string");
  if (value === "") throw new PatternError("Null prefix/suffix not allowed");
  return operator === "prefix" ? tests.prefix(value, false) : tests.suffix(value, false);
}
