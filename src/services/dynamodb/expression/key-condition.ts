/** Key conditions: an equality for the partition key and at most one range of the sort key. */
import { invalidParameters, validation } from "../errors.ts";
import { attributeType, keyNames, type Keys, type Table } from "../table/model.ts";
import { typeOf, type AttributeValue } from "../value/item.ts";
import { afterPrefix, encodeKeyValue } from "../value/key.ts";
import type { Comparator, Condition, Operand, Path } from "./ast.ts";
import { invalidExpression } from "./tokens.ts";

const NOT_SUPPORTED = "Query key condition not supported";

/** Bytes of sort keys: from (inclusive or not) and up to. Absent bounds are open. */
export interface KeyRange {
  readonly from?: Uint8Array;
  readonly isFromIncluded?: boolean;
  readonly to?: Uint8Array;
  readonly isToIncluded?: boolean;
}

export interface KeyCondition {
  readonly hash: AttributeValue;
  readonly range: KeyRange | undefined;
}

interface Term {
  readonly name: string;
  readonly operator: Comparator | "between" | "begins_with";
  readonly values: readonly AttributeValue[];
}

/** `keys` are the table's or the index's. Errors: ValidationException in AWS's words. */
export function readKeyCondition(condition: Condition, table: Table, keys: Keys): KeyCondition {
  const terms = termsOf(condition);
  const names = terms.map(({ name }) => name);
  if (new Set(names).size < names.length) {
    throw invalidExpression(
      "KeyConditionExpression",
      "KeyConditionExpressions must only contain one condition per key",
    );
  }
  const count = keyNames(keys).length;
  if (terms.length > count) {
    throw validation(
      `The number of query conditions (${String(terms.length)}) exceeds the number of key attributes defined in the schema (${String(count)})`,
    );
  }
  const hash = terms.find(({ name }) => name === keys.hash);
  if (hash === undefined) throw validation(`Query condition missed key schema element: ${keys.hash}`);
  const other = terms.find(({ name }) => name !== keys.hash);
  if (other !== undefined && other.name !== keys.range) {
    throw validation(
      keys.range === undefined ? NOT_SUPPORTED : `Query condition missed key schema element: ${keys.range}`,
    );
  }
  for (const term of terms) refuseTypes(table, term);
  if (hash.operator !== "=") throw validation(NOT_SUPPORTED);
  return {
    hash: hash.values[0] as AttributeValue,
    range: other === undefined ? undefined : rangeOf(other),
  };
}

function termsOf(condition: Condition): Term[] {
  const misplaced = (operator: string): Error =>
    validation(`Invalid operator used in KeyConditionExpression: ${operator}`);
  switch (condition.kind) {
    case "and":
      return [...termsOf(condition.left), ...termsOf(condition.right)];
    case "or":
    case "not":
    case "in":
      throw misplaced(condition.kind.toUpperCase());
    case "call":
      if (condition.name !== "begins_with") throw misplaced(condition.name);
      return [term("begins_with", condition.operands)];
    case "between":
      return [term("between", condition.operands)];
    case "compare":
      if (condition.operator === "<>") throw misplaced("<>");
      return [term(condition.operator, condition.operands)];
  }
}

const MIRRORED: Readonly<Partial<Record<Term["operator"], Comparator>>> = {
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

function term(operator: Term["operator"], operands: readonly Operand[]): Term {
  if (operands.some(({ kind }) => kind === "call")) {
    throw validation("KeyConditionExpressions cannot contain nested operations");
  }
  const paths = operands.flatMap((operand) => (operand.kind === "path" ? [operand.path] : []));
  if (paths.length > 1) {
    throw validation(
      "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
    );
  }
  const [path] = paths;
  if (path === undefined) {
    throw validation("Invalid condition in KeyConditionExpression: No key attribute specified");
  }
  const values = operands.flatMap((operand) => (operand.kind === "value" ? [operand.value] : []));
  const isMirrored = operands[0]?.kind !== "path";
  return { name: keyName(path), operator: isMirrored ? (MIRRORED[operator] ?? operator) : operator, values };
}

function keyName(path: Path): string {
  const name = String(path[0]);
  if (path.length > 1) {
    throw validation(
      `Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: ${name}`,
    );
  }
  return name;
}

function refuseTypes(table: Table, { name, values }: Term): void {
  const expected = attributeType(table, name);
  for (const value of values) {
    if (typeOf(value) !== expected) {
      throw invalidParameters("Condition parameter type does not match schema type");
    }
    if (value.S === "" || value.B?.length === 0) {
      throw validation(
        `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty ${value.S === "" ? "string" : "binary"} value. Key: ${name}`,
      );
    }
  }
}

function rangeOf({ operator, values }: Term): KeyRange {
  const [first, second] = values.map(encodeKeyValue);
  const bound = first ?? new Uint8Array(0);
  switch (operator) {
    case "=":
      return { from: bound, isFromIncluded: true, to: bound, isToIncluded: true };
    case "<":
      return { to: bound };
    case "<=":
      return { to: bound, isToIncluded: true };
    case ">":
      return { from: bound };
    case ">=":
      return { from: bound, isFromIncluded: true };
    case "between":
      return { from: bound, isFromIncluded: true, to: second ?? bound, isToIncluded: true };
    case "begins_with": {
      const after = afterPrefix(bound);
      return { from: bound, isFromIncluded: true, ...(after === undefined ? {} : { to: after }) };
    }
    case "<>":
      throw validation(NOT_SUPPORTED);
  }
}

export function isWithin(range: KeyRange | undefined, key: Uint8Array): boolean {
  if (range === undefined) return true;
  const { from, to } = range;
  if (from !== undefined) {
    const order = Buffer.compare(key, from);
    if (order < 0 || (order === 0 && range.isFromIncluded !== true)) return false;
  }
  if (to === undefined) return true;
  const order = Buffer.compare(key, to);
  return order < 0 || (order === 0 && range.isToIncluded === true);
}
