/**
 * Event patterns: one language with three users, each with operators of its own.
 *
 * A pattern is an object whose leaves are lists of alternatives. An event matches when for every leaf
 * one alternative holds for one value at that path. Where the event has a list of objects, all leaves
 * below must hold for the same element of it. `$or` holds when one of its patterns does.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
import type { Test } from "./test.ts";

/** A compiled pattern. Of one object of the event: every field must hold. */
export interface Pattern {
  readonly fields: readonly Field[];
  /** For each `$or`: one of its patterns must hold. */
  readonly anyOf: readonly (readonly Pattern[])[];
}

export interface Field {
  readonly name: string;
  /** What the value must be … */
  readonly tests?: readonly Test[];
  /** … or what its fields must be. */
  readonly inner?: Pattern;
}

type Json = unknown;
const isObject = (value: Json): value is Readonly<Record<string, Json>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether the event, as JSON.parse gives it, matches. */
export function matches(pattern: Pattern, event: Json): boolean {
  return isObject(event) && holds(pattern, event);
}

function holds(pattern: Pattern, object: Readonly<Record<string, Json>>): boolean {
  return (
    pattern.fields.every((field) => fieldHolds(field, object)) &&
    pattern.anyOf.every((patterns) => patterns.some((one) => holds(one, object)))
  );
}

function fieldHolds(field: Field, object: Readonly<Record<string, Json>>): boolean {
  const value = Object.hasOwn(object, field.name) ? object[field.name] : undefined;
  if (field.inner !== undefined) return innerHolds(field.inner, value);
  const leaves = leavesOf(value);
  return (
    field.tests?.some((test) => (test.ofAbsence ? leaves.length === 0 : leaves.some(test.holds))) ?? false
  );
}

function innerHolds(inner: Pattern, value: Json): boolean {
  if (Array.isArray(value)) {
    const elements = value.flat(Infinity).filter(isObject);
    if (elements.length > 0) return elements.some((element) => holds(inner, element));
  }
  // What is no object has none of the fields: only tests for their absence can hold.
  return holds(inner, isObject(value) ? value : {});
}

/** The values a leaf is compared with: the elements of a list; an object or nothing is none. */
function leavesOf(value: Json): readonly Json[] {
  if (Array.isArray(value)) return value.flat(Infinity).filter((element) => !isObject(element));
  return value === undefined || isObject(value) ? [] : [value];
}
