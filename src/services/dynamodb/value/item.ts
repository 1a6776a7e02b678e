/** An item as the API spells it: attribute values are the SDK's own unions, blobs are bytes. */
import type { AttributeValue } from "@aws-sdk/client-dynamodb";

export type { AttributeValue } from "@aws-sdk/client-dynamodb";

export type Item = Readonly<Record<string, AttributeValue>>;

export type TypeName = "S" | "N" | "B" | "SS" | "NS" | "BS" | "M" | "L" | "NULL" | "BOOL";

export const TYPE_NAMES: readonly TypeName[] = ["S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"];

/** Attribute names are anybody's: `constructor` and `__proto__` are names like any other. */
export function attributeOf(item: Item, name: string): AttributeValue | undefined {
  return Object.hasOwn(item, name) ? item[name] : undefined;
}

/** A checked value has exactly one member. */
export function typeOf(value: AttributeValue): TypeName {
  for (const name of TYPE_NAMES) if (value[name as "S"] !== undefined) return name;
  throw new TypeError("an attribute value without a type");
}

export function without(item: Item, names: ReadonlySet<string>): Item {
  return Object.fromEntries(Object.entries(item).filter(([name]) => !names.has(name)));
}

/** Those of the named attributes that are there. */
export function pick(item: Item, names: Iterable<string>): Item {
  const picked: [string, AttributeValue][] = [];
  for (const name of names) {
    const value = attributeOf(item, name);
    if (value !== undefined) picked.push([name, value]);
  }
  return Object.fromEntries(picked);
}
