/** Items as text for a column: the API's own JSON, binaries in base64. */
import type { AttributeValue, Item } from "./item.ts";
import { base64 } from "./compare.ts";

export function itemToText(item: Item): string {
  return JSON.stringify(itemToJson(item));
}

export function itemFromText(text: string): Item {
  return itemFromJson(JSON.parse(text) as Record<string, JsonValue>);
}

export type JsonValue = Readonly<Record<string, unknown>>;

/** As the wire and stream events have it. */
export function itemToJson(item: Item): Record<string, JsonValue> {
  return Object.fromEntries(Object.entries(item).map(([name, value]) => [name, valueToJson(value)]));
}

function valueToJson(value: AttributeValue): JsonValue {
  if (value.B !== undefined) return { B: base64(value.B) };
  if (value.BS !== undefined) return { BS: value.BS.map(base64) };
  if (value.L !== undefined) return { L: value.L.map(valueToJson) };
  if (value.M !== undefined) return { M: itemToJson(value.M) };
  return value as unknown as JsonValue;
}

/** Changes the parsed JSON in place: reading is the hot path, and nobody else holds it. */
export function itemFromJson(json: Readonly<Record<string, JsonValue>>): Item {
  for (const name of Object.keys(json)) restoreBytes(json[name] as Record<string, unknown>);
  return json as unknown as Item;
}

function restoreBytes(value: Record<string, unknown>): void {
  if (typeof value["B"] === "string") value["B"] = fromBase64(value["B"]);
  else if (value["BS"] !== undefined) value["BS"] = (value["BS"] as string[]).map(fromBase64);
  else if (value["L"] !== undefined) (value["L"] as Record<string, unknown>[]).forEach(restoreBytes);
  else if (value["M"] !== undefined) itemFromJson(value["M"] as Record<string, JsonValue>);
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
