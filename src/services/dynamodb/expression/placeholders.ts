/**
 * ExpressionAttributeNames and ExpressionAttributeValues of one request: checked once, shared by all its
 * expressions, and in the end nothing may be left over.
 */
import { ServiceError } from "../../../kernel/errors.ts";
import { validation } from "../errors.ts";
import { checkValue } from "../value/check.ts";
import { attributeOf, type AttributeValue, type Item } from "../value/item.ts";
import type { Path, RawPath } from "./ast.ts";
import { isReserved } from "./reserved-words.ts";
import { invalidExpression, type ExpressionKind } from "./tokens.ts";

const KEY = { "#": /^#[A-Za-z0-9_]+$/u, ":": /^:[A-Za-z0-9_]+$/u } as const;

export interface PlaceholderInput {
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>> | undefined;
  readonly ExpressionAttributeValues?: Item | undefined;
}

export class Placeholders {
  readonly #names: ReadonlyMap<string, string>;
  readonly #values: ReadonlyMap<string, AttributeValue>;
  readonly #unusedNames: Set<string>;
  readonly #unusedValues: Set<string>;

  /**
   * `expressions`: the request's expressions by member, undefined where it has none; `withValues` names
   * those that can hold values.
   * Errors: ValidationException for maps that are empty, malformed or without an expression.
   */
  constructor(
    input: PlaceholderInput,
    expressions: Readonly<Partial<Record<ExpressionKind, string | undefined>>>,
    withValues: readonly ExpressionKind[],
  ) {
    const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } = input;
    const given = Object.entries(expressions).filter(([, text]) => text !== undefined) as [
      ExpressionKind,
      string,
    ][];
    if (names !== undefined && given.length === 0) {
      throw validation("ExpressionAttributeNames can only be specified when using expressions");
    }
    if (values !== undefined && !withValues.some((kind) => expressions[kind] !== undefined)) {
      const verb = withValues.length > 1 ? "are" : "is";
      throw validation(
        `ExpressionAttributeValues can only be specified when using expressions: ${withValues.join(" and ")} ${verb} null`,
      );
    }
    this.#names = new Map(names === undefined ? [] : checkedNames(names));
    this.#values = new Map(values === undefined ? [] : checkedValues(values));
    this.#unusedNames = new Set(this.#names.keys());
    this.#unusedValues = new Set(this.#values.keys());
  }

  path(kind: ExpressionKind, { parts }: RawPath): Path {
    return parts.map((part) => {
      if (typeof part === "number" || !part.startsWith("#")) return part;
      const name = this.#names.get(part);
      if (name === undefined) {
        throw invalidExpression(
          kind,
          `An expression attribute name used in the document path is not defined; attribute name: ${part}`,
        );
      }
      this.#unusedNames.delete(part);
      return name;
    });
  }

  value(kind: ExpressionKind, name: string): AttributeValue {
    const value = this.#values.get(name);
    if (value === undefined) {
      throw invalidExpression(
        kind,
        `An expression attribute value used in expression is not defined; attribute value: ${name}`,
      );
    }
    this.#unusedValues.delete(name);
    return value;
  }

  /** After every expression of the request was read. */
  refuseUnused(): void {
    refuseLeft("Names", this.#unusedNames);
    refuseLeft("Values", this.#unusedValues);
  }
}

function refuseLeft(map: "Names" | "Values", unused: ReadonlySet<string>): void {
  if (unused.size === 0) return;
  throw validation(
    `Value provided in ExpressionAttribute${map} unused in expressions: keys: {${[...unused].join(", ")}}`,
  );
}

export function refuseReserved(kind: ExpressionKind, path: RawPath): void {
  for (const part of path.parts) {
    if (typeof part === "string" && isReserved(part)) {
      throw invalidExpression(kind, `Attribute name is a reserved keyword; reserved keyword: ${part}`);
    }
  }
}

function checkKeys(map: "Names" | "Values", sign: "#" | ":", keys: readonly string[]): void {
  if (keys.length === 0) throw validation(`ExpressionAttribute${map} must not be empty`);
  for (const key of keys) {
    if (!KEY[sign].test(key)) {
      throw validation(`ExpressionAttribute${map} contains invalid key: Syntax error; key: "${key}"`);
    }
  }
}

function checkedNames(names: Readonly<Record<string, string>>): [string, string][] {
  const entries = Object.entries(names);
  checkKeys("Names", "#", Object.keys(names));
  for (const [key, name] of entries) {
    if (name === "") {
      throw validation(
        `ExpressionAttributeNames contains invalid value: Empty attribute name for key ${key}`,
      );
    }
  }
  return entries;
}

function checkedValues(values: Item): [string, AttributeValue][] {
  checkKeys("Values", ":", Object.keys(values));
  return Object.keys(values).map((key): [string, AttributeValue] => {
    try {
      return [key, checkValue(attributeOf(values, key) as AttributeValue)];
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      throw validation(`ExpressionAttributeValues contains invalid value: ${error.message} for key ${key}`);
    }
  });
}
