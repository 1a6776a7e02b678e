/**
 * Filter policies of subscriptions: what they may say, and which messages they let through. Pure.
 * https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
 */
import { compilePattern, PatternError, SNS } from "../../events/pattern/compile.ts";
import { matches } from "../../events/pattern/pattern.ts";
import * as errors from "./errors.ts";
import { parseJson } from "./json.ts";
import type { AttributeMap } from "./message.ts";

export type FilterScope = "MessageAttributes" | "MessageBody";

/** What a filter looks at. The body is read once for all subscriptions. */
export interface Filtered {
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Undefined when it is no JSON object. */
  body(): unknown;
}

export interface Filter {
  lets(message: Filtered): boolean;
}

const KEYS_MAX = 5;
const COMBINATIONS_MAX = 150;

type Json = unknown;
type JsonObject = Readonly<Record<string, Json>>;
const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Of a policy that was checked. */
export function compileFilter(text: string, scope: FilterScope): Filter {
  const pattern = compilePattern(text, SNS);
  return {
    lets: (message) => matches(pattern, scope === "MessageBody" ? message.body() : message.attributes),
  };
}

/**
 * Refuses a policy in AWS's words.
 * @param prefix how the operation's refusals begin: `Attributes Reason: ` of Subscribe, nothing of the other
 */
export function checkFilter(text: string, scope: FilterScope, prefix: string): void {
  const parsed = parseJson(text, `${prefix}FilterPolicy`);
  const fault = (why: string): Error => errors.invalid(`${prefix}FilterPolicy: ${why}`);
  if (!isObject(parsed)) throw fault("Filter is not an object");
  if (Object.keys(parsed).length > KEYS_MAX) {
    throw fault(`Filter policy can not have more than ${String(KEYS_MAX)} keys`);
  }
  if (combinations(parsed, 1) > COMBINATIONS_MAX) throw fault("Filter policy is too complex");
  try {
    compilePattern(text, SNS);
  } catch (error) {
    if (error instanceof PatternError) throw fault(error.message);
    throw error;
  }
  if (scope === "MessageAttributes" && isNested(parsed)) {
    throw errors.invalid(
      `${prefix}Filter policy scope MessageAttributes does not support nested filter policy`,
      "FilterPolicyScope=MessageBody filters by the fields of a JSON message",
    );
  }
}

/** The product over the leaves of their values times their depth; alternatives of `$or` add up. */
function combinations(policy: JsonObject, depth: number): number {
  let product = 1;
  for (const [name, value] of Object.entries(policy)) {
    if (isObject(value)) product *= combinations(value, depth + 1);
    else if (!Array.isArray(value)) continue;
    else if (name === "$or" && value.every(isObject)) {
      product *= value.reduce((sum: number, one) => sum + combinations(one as JsonObject, depth), 0);
    } else product *= value.length * depth;
  }
  return product;
}

function isNested(policy: JsonObject): boolean {
  return Object.entries(policy).some(
    ([name, value]) =>
      isObject(value) || (name === "$or" && Array.isArray(value) && value.filter(isObject).some(isNested)),
  );
}

/** The message as filters see it. */
export function filtered(attributes: AttributeMap, text: string): Filtered {
  let body: { readonly value: unknown } | undefined;
  return {
    attributes: Object.fromEntries(
      Object.entries(attributes).flatMap(([name, { DataType, StringValue }]) => {
        const value = attributeValue(DataType ?? "", StringValue ?? "");
        return value === undefined ? [] : [[name, value]];
      }),
    ),
    body: () => (body ??= { value: readBody(text) }).value,
  };
}

/** Binary attributes cannot be filtered by. */
function attributeValue(type: string, text: string): unknown {
  if (type.startsWith("Binary")) return undefined;
  if (type === "Number" || type.startsWith("Number.")) return Number(text);
  if (type !== "String.Array") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function readBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
