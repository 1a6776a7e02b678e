/** From an item, a key or an index to the bytes they are found by, with AWS's refusals on the way. */
import { LIMITS } from "../../../kernel/limits.ts";
import { invalidParameters, validation } from "../errors.ts";
import type { ItemKey } from "../store.ts";
import { attributeOf, pick, typeOf, type AttributeValue, type Item } from "../value/item.ts";
import { encodeKeyValue, NO_SORT_KEY, partitionBytes } from "../value/key.ts";
import { attributeType, keyNames, type Index, type Keys, type Table } from "./model.ts";

/** The item's key attributes, checked. Errors: ValidationException in the words of PutItem. */
export function keyOfItem(table: Table, item: Item): ItemKey {
  for (const name of keyNames(table.keys)) {
    const value = attributeOf(item, name);
    if (value === undefined) throw invalidParameters(`Missing the key ${name} in the item`);
    const expected = attributeType(table, name);
    if (typeOf(value) !== expected) {
      throw invalidParameters(`Type mismatch for key ${name} expected: ${expected} actual: ${typeOf(value)}`);
    }
    refuseEmpty(name, value);
  }
  return sized(table.keys, item);
}

export const keyMismatch = (): Error => validation("The provided key element does not match the schema");

/** A `Key` parameter: exactly the key attributes. Errors: ValidationException in the words of GetItem. */
export function keyOfKey(table: Table, key: Item): ItemKey {
  const names = keyNames(table.keys);
  if (Object.keys(key).length !== names.length) throw keyMismatch();
  for (const name of names) {
    const value = attributeOf(key, name);
    if (value === undefined || typeOf(value) !== attributeType(table, name)) throw keyMismatch();
    refuseEmpty(name, value);
  }
  return sized(table.keys, key);
}

function refuseEmpty(name: string, value: AttributeValue): void {
  const empty = value.S === "" ? "string" : value.B?.length === 0 ? "binary" : undefined;
  if (empty === undefined) return;
  throw validation(
    `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty ${empty} value. Key: ${name}`,
  );
}

/** Errors: ValidationException for keys that are too long. */
function sized(keys: Keys, item: Item): ItemKey {
  const key = entryOf(keys, item) as ItemKey;
  if (key.pk.length - 4 > LIMITS.dynamodbHashKeyBytes) {
    throw invalidParameters("Size of hashkey has exceeded the maximum size limit of2048 bytes");
  }
  if (key.sk.length > LIMITS.dynamodbRangeKeyBytes) {
    throw invalidParameters("Aggregated size of all range keys has exceeded the size limit of 1024 bytes");
  }
  return key;
}

/** Where an item stands under these keys; undefined when it lacks one of them: then it is not in the index. */
export function entryOf(keys: Keys, item: Item): ItemKey | undefined {
  const hash = attributeOf(item, keys.hash);
  if (hash === undefined) return undefined;
  if (keys.range === undefined) return { pk: partitionBytes(hash), sk: NO_SORT_KEY };
  const range = attributeOf(item, keys.range);
  return range === undefined ? undefined : { pk: partitionBytes(hash), sk: encodeKeyValue(range) };
}

/**
 * Of several indexes that are wronged AWS names the first by its name.
 * Errors: ValidationException when a key attribute of an index has the wrong type, is empty or too long;
 * what an update expression makes is worded otherwise than what a whole item brings.
 */
export function refuseIndexKeys(table: Table, item: Item, from: "item" | "update"): void {
  for (const index of table.indexes.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    for (const name of keyNames(index.keys)) {
      const value = attributeOf(item, name);
      if (value !== undefined) refuseIndexKey(table, index, { name, value, from });
    }
  }
}

interface IndexKeyValue {
  readonly name: string;
  readonly value: AttributeValue;
  readonly from: "item" | "update";
}

function refuseIndexKey(table: Table, index: Index, { name, value, from }: IndexKeyValue): void {
  const expected = attributeType(table, name);
  if (typeOf(value) !== expected) {
    throw invalidParameters(
      `Type mismatch for Index Key ${name} Expected: ${expected} Actual: ${typeOf(value)} IndexName: ${index.name}`,
    );
  }
  const empty = value.S === "" ? "string" : value.B?.length === 0 ? "binary" : undefined;
  if (empty !== undefined) {
    const cannot = `The AttributeValue for a key attribute cannot contain an empty ${empty} value.`;
    throw validation(
      from === "update"
        ? `One or more parameter values are not valid. The update expression attempted to update a secondary index key to a value that is not supported. ${cannot}`
        : `One or more parameter values are not valid. A value specified for a secondary index key is not supported. ${cannot} IndexName: ${index.name}, IndexKey: ${name}`,
    );
  }
  const isHash = name === index.keys.hash;
  const bytesMax = isHash ? LIMITS.dynamodbHashKeyBytes : LIMITS.dynamodbRangeKeyBytes;
  if (encodeKeyValue(value).length > bytesMax) {
    throw invalidParameters(
      isHash
        ? `Size of hashkey has exceeded the maximum size limit of${String(bytesMax)} bytes`
        : `Aggregated size of all range keys has exceeded the size limit of ${String(bytesMax)} bytes`,
    );
  }
}

/** The attributes that find an item, in a table or in one of its indexes: what LastEvaluatedKey holds. */
export function keyAttributes(table: Table, index: Index | undefined, item: Item): Item {
  return pick(item, new Set([...keyNames(table.keys), ...(index === undefined ? [] : keyNames(index.keys))]));
}
