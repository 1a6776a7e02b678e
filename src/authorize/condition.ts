/**
 * The Condition element. Every operator is one comparison of a value of the request with a value of
 * the policy; what lists, missing keys and the words around the operator's name mean is said once.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
import { BlockList, isIP } from "node:net";
import { compilePattern, type Keys, matches, matchesArn, type Pattern } from "./pattern.ts";

/** Whether one value of the request meets one value of the policy. */
type Comparison = (value: string, wanted: Pattern, keys: Keys) => boolean;

interface Operator {
  readonly compare: Comparison;
  /** `…Not…`: no value of the policy may match; a missing key is a match. */
  readonly negated: boolean;
  readonly wildcards: boolean;
  readonly variables: boolean;
}

export interface Condition {
  /** Lower case. */
  readonly key: string;
  readonly operator: Operator | "null" | undefined;
  readonly quantifier: "all" | "any" | undefined;
  readonly ifExists: boolean;
  readonly values: readonly Pattern[];
}

const text: Comparison = (value, wanted, keys) => matches(wanted, value, keys);
const textIgnoringCase: Comparison = (value, wanted, keys) => matches(wanted, value, keys, true);
const arn: Comparison = (value, wanted, keys) => matchesArn(wanted, value, keys);
const bool: Comparison = (value, wanted) => value.toLowerCase() === wanted.text.toLowerCase();
const binary: Comparison = (value, wanted) =>
  Buffer.from(value, "base64").equals(Buffer.from(wanted.text, "base64"));
const address: Comparison = (value, wanted) => isWithin(value, wanted.text);

function numbers(holds: (value: number, wanted: number) => boolean): Comparison {
  return (value, wanted) => {
    const [left, right] = [toNumber(value), toNumber(wanted.text)];
    return left !== undefined && right !== undefined && holds(left, right);
  };
}

function dates(holds: (value: number, wanted: number) => boolean): Comparison {
  return (value, wanted) => {
    const [left, right] = [toTime(value), toTime(wanted.text)];
    return left !== undefined && right !== undefined && holds(left, right);
  };
}

const equal = (a: number, b: number): boolean => a === b;
const less = (a: number, b: number): boolean => a < b;
const lessOrEqual = (a: number, b: number): boolean => a <= b;
const greater = (a: number, b: number): boolean => a > b;
const greaterOrEqual = (a: number, b: number): boolean => a >= b;

function is(compare: Comparison, more: Partial<Operator> = {}): Operator {
  return { compare, negated: false, wildcards: false, variables: false, ...more };
}

const PLAIN = { variables: true } as const;
const LIKE = { variables: true, wildcards: true } as const;
const NOT = { negated: true } as const;

/** By name in lower case. */
const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  Object.entries({
    stringequals: is(text, PLAIN),
    stringnotequals: is(text, { ...PLAIN, ...NOT }),
    stringequalsignorecase: is(textIgnoringCase, PLAIN),
    stringnotequalsignorecase: is(textIgnoringCase, { ...PLAIN, ...NOT }),
    stringlike: is(text, LIKE),
    stringnotlike: is(text, { ...LIKE, ...NOT }),
    numericequals: is(numbers(equal)),
    numericnotequals: is(numbers(equal), NOT),
    numericlessthan: is(numbers(less)),
    numericlessthanequals: is(numbers(lessOrEqual)),
    numericgreaterthan: is(numbers(greater)),
    numericgreaterthanequals: is(numbers(greaterOrEqual)),
    dateequals: is(dates(equal)),
    datenotequals: is(dates(equal), NOT),
    datelessthan: is(dates(less)),
    datelessthanequals: is(dates(lessOrEqual)),
    dategreaterthan: is(dates(greater)),
    dategreaterthanequals: is(dates(greaterOrEqual)),
    bool: is(bool),
    binaryequals: is(binary),
    ipaddress: is(address),
    notipaddress: is(address, NOT),
    // ArnEquals and ArnLike behave alike.
    arnequals: is(arn, LIKE),
    arnlike: is(arn, LIKE),
    arnnotequals: is(arn, { ...LIKE, ...NOT }),
    arnnotlike: is(arn, { ...LIKE, ...NOT }),
  }),
);

const NAME = /^(?:(forallvalues|foranyvalue):)?([a-z]+?)(ifexists)?$/;

/** Of the Condition element, with the words that may stand around it. */
export function isOperator(operatorName: string): boolean {
  const [, , name = ""] = NAME.exec(operatorName.toLowerCase()) ?? [];
  return name === "null" || OPERATORS.has(name);
}

/** @param withVariables false for policies of the language of 2008 */
export function compileCondition(
  operatorName: string,
  key: string,
  wanted: unknown,
  withVariables: boolean,
): Condition {
  const [, quantifier, name = "", ifExists] = NAME.exec(operatorName.toLowerCase()) ?? [];
  const operator = name === "null" ? "null" : OPERATORS.get(name);
  const known = operator === undefined || operator === "null" ? undefined : operator;
  const list = Array.isArray(wanted) ? (wanted as readonly unknown[]) : [wanted];
  return {
    key: key.toLowerCase(),
    operator,
    quantifier: quantifier === undefined ? undefined : quantifier === "forallvalues" ? "all" : "any",
    ifExists: ifExists !== undefined,
    values: list.map((value) =>
      compilePattern(String(value), withVariables && known?.variables === true, known?.wildcards === true),
    ),
  };
}

/** Undefined for an operator that does not exist: an Allow must not match by it, and a Deny must. */
export function holds(condition: Condition, keys: Keys): boolean | undefined {
  const { operator, quantifier, ifExists, values } = condition;
  const found = keys.get(condition.key);
  const isThere = found !== undefined && found.length > 0;
  if (operator === undefined) return undefined;
  if (operator === "null") return values.some((value) => (value.text.toLowerCase() === "true") !== isThere);
  if (!isThere) {
    if (ifExists || quantifier === "all") return true;
    return quantifier === undefined && operator.negated;
  }
  const meets = (value: string): boolean =>
    values.some((wanted) => operator.compare(value, wanted, keys)) !== operator.negated;
  if (quantifier === "all") return found.every(meets);
  // A negated operator without a quantifier is about all values: none may be among the policy's.
  return quantifier === undefined && operator.negated ? found.every(meets) : found.some(meets);
}

function toNumber(value: string): number | undefined {
  const number = Number(value);
  return value.trim() === "" || Number.isNaN(number) ? undefined : number;
}

/** ISO 8601 or seconds since 1970, as milliseconds. */
function toTime(value: string): number | undefined {
  if (/^-?\d+(\.\d+)?$/.test(value) && !/^\d{4}$/.test(value)) return Number(value) * 1000;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

/** @param range an address or a CIDR block, IPv4 or IPv6 */
export function isWithin(value: string, range: string): boolean {
  const plain =
    value.toLowerCase().startsWith("::ffff:") && isIP(value.slice(7)) === 4 ? value.slice(7) : value;
  const [base = "", bits] = range.split("/");
  const family = isIP(base);
  if (family === 0 || isIP(plain) !== family) return false;
  const prefix = bits === undefined ? (family === 4 ? 32 : 128) : Number(bits);
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > (family === 4 ? 32 : 128)) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const list = new BlockList();
  list.addSubnet(base, prefix, type);
  return list.check(plain, type);
}
