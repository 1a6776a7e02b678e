/**
 * `{ $.level = "ERROR" && ($.user.id > 1 || $.tags[0] NOT EXISTS) }`. && binds tighter than ||.
 *
 *   pattern   = "{" either "}"
 *   either    = both { "||" both }
 *   both      = condition { "&&" condition }
 *   condition = "(" either ")" | selector ( operator value | "IS" NULL-TRUE-FALSE | ["NOT"] "EXISTS" )
 */
import { OPERATOR, type Operator, parseComparison, type Test } from "./comparison.ts";
import { createScanner, PatternError, QUOTED, type Scanner, unquote } from "./scanner.ts";

type Condition = (event: unknown) => boolean;
type Step = string | number | "[*]";

const DEPTH_MAX = 20;

export function compileJson(pattern: string): (message: string) => boolean {
  const scanner = createScanner(pattern);
  scanner.need(/\{/);
  const condition = parseEither(scanner, 0);
  scanner.skipSpace();
  scanner.need(/\}/);
  if (!scanner.atEnd()) throw new PatternError("text after the pattern");
  return (message) => {
    const event = parseEvent(message);
    return event !== undefined && condition(event);
  };
}

/** Only whole objects and arrays are JSON events. */
function parseEvent(message: string): unknown {
  const first = message.trimStart()[0];
  if (first !== "{" && first !== "[") return undefined;
  try {
    return JSON.parse(message) as unknown;
  } catch {
    return undefined;
  }
}

function parseEither(scanner: Scanner, depth: number): Condition {
  const any = [parseBoth(scanner, depth)];
  while (takeSign(scanner, /\|\|/)) any.push(parseBoth(scanner, depth));
  return (event) => any.some((condition) => condition(event));
}

function parseBoth(scanner: Scanner, depth: number): Condition {
  const all = [parseCondition(scanner, depth)];
  while (takeSign(scanner, /&&/)) all.push(parseCondition(scanner, depth));
  return (event) => all.every((condition) => condition(event));
}

function takeSign(scanner: Scanner, sign: RegExp): boolean {
  scanner.skipSpace();
  return scanner.take(sign) !== undefined;
}

function parseCondition(scanner: Scanner, depth: number): Condition {
  if (depth > DEPTH_MAX) throw new PatternError("too deep");
  if (takeSign(scanner, /\(/)) {
    const inner = parseEither(scanner, depth + 1);
    scanner.skipSpace();
    scanner.need(/\)/);
    return inner;
  }
  const steps = parseSelector(scanner);
  const test = parseTest(scanner);
  return (event) => valuesAt(event, steps).some(test);
}

function parseTest(scanner: Scanner): Test {
  scanner.skipSpace();
  if (scanner.take(/NOT\s+EXISTS\b/) !== undefined) return (value) => value === undefined;
  if (scanner.take(/EXISTS\b/) !== undefined) return (value) => value !== undefined;
  const is = scanner.take(/IS\s+(?:NULL|TRUE|FALSE)\b/)?.toUpperCase();
  if (is !== undefined) {
    const wanted = is.endsWith("NULL") ? null : is.endsWith("TRUE");
    return (value) => value === wanted;
  }
  const operator = scanner.need(OPERATOR) as Operator;
  return parseComparison(scanner, operator);
}

function parseSelector(scanner: Scanner): Step[] {
  scanner.skipSpace();
  scanner.need(/\$/);
  const steps: Step[] = [];
  for (;;) {
    const name = scanner.take(/\.[A-Za-z0-9_\-:@/]+/);
    if (name !== undefined) {
      steps.push(name.slice(1));
      continue;
    }
    if (scanner.take(/\./) !== undefined) {
      steps.push(unquote(scanner.need(QUOTED)));
      continue;
    }
    if (scanner.take(/\[/) === undefined) break;
    const inside = scanner.take(QUOTED) ?? scanner.need(/\d+|\*/);
    scanner.need(/\]/);
    steps.push(inside.startsWith('"') ? unquote(inside) : inside === "*" ? "[*]" : Number(inside));
  }
  if (steps.length === 0) throw new PatternError("a selector names a field");
  return steps;
}

/** What a selector finds; `[*]` finds each element. One undefined when there is nothing. */
function valuesAt(event: unknown, steps: readonly Step[]): readonly unknown[] {
  let values: readonly unknown[] = [event];
  for (const step of steps) values = values.flatMap((value) => stepInto(value, step));
  return values.length === 0 ? [undefined] : values;
}

function stepInto(value: unknown, step: Step): readonly unknown[] {
  if (step === "[*]") return Array.isArray(value) ? (value as unknown[]) : [];
  if (typeof step === "number") return Array.isArray(value) && step in value ? [value[step]] : [];
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return [];
  return [(value as Record<string, unknown>)[step]];
}
