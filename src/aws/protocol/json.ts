import type { Member, Shape, Structure } from "../model/model.ts";
import {
  epochSeconds,
  formatTimestamp,
  fromBase64,
  parseTimestamp,
  serializationError,
  toBase64,
} from "./text.ts";
import type { Value } from "./types.ts";

/** Deeper nesting is refused before it can exhaust the stack. */
const DEPTH_MAX = 200;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The JSON text of a body, which must be an object (an empty body counts as `{}`). */
export function parseJsonObject(body: Uint8Array): Record<string, unknown> {
  if (body.length === 0) return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(decoder.decode(body));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw serializationError(`Could not parse request body into json: ${reason.slice(0, 200)}`);
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw serializationError("Unexpected token: the request body is not a JSON object");
  }
  return parsed as Record<string, unknown>;
}

function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return "STRING_VALUE";
    case "number":
      return Number.isInteger(value) ? "NUMBER_VALUE" : "DECIMAL_VALUE";
    case "boolean":
      return value ? "TRUE_VALUE" : "FALSE_VALUE";
    default:
      return Array.isArray(value) ? "START_ARRAY" : "START_OBJECT";
  }
}

function isInt32(value: number): boolean {
  return value >= -(2 ** 31) && value < 2 ** 31;
}

function mismatch(value: unknown, target: string): Error {
  if (Array.isArray(value)) return serializationError("Start of list found where not expected");
  if (typeof value === "object") {
    return serializationError("Start of structure or map found where not expected.");
  }
  return serializationError(`${describe(value)} can not be converted to ${target}`);
}

/** Reads a parsed JSON value as `shape` says; throws SerializationException where the types differ. */
export function decodeJson(value: unknown, shape: Shape, member: Member | undefined, depth = 0): unknown {
  if (depth > DEPTH_MAX) throw serializationError("The request body is nested too deeply");
  switch (shape.type) {
    case "structure":
      return decodeJsonStructure(value, shape, depth);
    case "list": {
      if (!Array.isArray(value)) throw mismatch(value, "a list");
      const of = shape.member;
      return value.map((item) => (item === null ? null : decodeJson(item, of.shape, of, depth + 1)));
    }
    case "map": {
      if (typeof value !== "object" || value === null || Array.isArray(value)) throw mismatch(value, "a map");
      const of = shape.value;
      // Null values are kept: whether a map may hold them is the validation's question.
      // `fromEntries` defines keys, so that a key `__proto__` stays a key.
      return Object.fromEntries(
        Object.entries(value).map(([key, item]): [string, unknown] => [
          key,
          item === null ? null : decodeJson(item, of.shape, of, depth + 1),
        ]),
      );
    }
    case "string":
      if (typeof value !== "string") throw mismatch(value, "String");
      return value;
    case "boolean":
      if (typeof value !== "boolean") throw mismatch(value, "Boolean");
      return value;
    case "integer":
    case "long":
      if (
        typeof value !== "number" ||
        !Number.isInteger(value) ||
        (shape.type === "integer" && !isInt32(value))
      ) {
        throw mismatch(value, shape.type === "long" ? "Long" : "Integer");
      }
      return value;
    case "float":
    case "double":
      if (typeof value === "number") return value;
      if (value === "NaN" || value === "Infinity" || value === "-Infinity") return Number(value);
      throw mismatch(value, shape.type === "float" ? "Float" : "Double");
    case "blob":
      if (typeof value !== "string") throw mismatch(value, "Blob");
      return fromBase64(value);
    case "timestamp": {
      if (typeof value === "number") return new Date(Math.round(value * 1000));
      const date = typeof value === "string" ? parseTimestamp(value) : undefined;
      if (date === undefined) throw mismatch(value, member?.name ?? "Timestamp");
      return date;
    }
    case "document":
      return value;
  }
}

export function decodeJsonStructure(value: unknown, shape: Structure, depth = 0): Value {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw mismatch(value, "a structure");
  const result: Value = {};
  for (const key of Object.keys(value)) {
    const member = shape.byWire.get(key);
    // Unknown keys are skipped, as AWS skips them: clients of other ages send other fields.
    if (member === undefined) continue;
    const item = (value as Record<string, unknown>)[key];
    if (item !== null && item !== undefined) {
      result[member.name] = decodeJson(item, member.shape, member, depth + 1);
    }
  }
  return result;
}

/** The plain value for `JSON.stringify`; members that are absent or null stay out. */
export function encodeJson(value: unknown, shape: Shape, member?: Member): unknown {
  switch (shape.type) {
    case "structure":
      return encodeJsonStructure(value as Value, shape);
    case "list": {
      const of = shape.member;
      return (value as unknown[]).map((item) => (item == null ? null : encodeJson(item, of.shape, of)));
    }
    case "map": {
      const of = shape.value;
      return Object.fromEntries(
        Object.entries(value as Value)
          .filter(([, item]) => item !== undefined)
          .map(([key, item]): [string, unknown] => [
            key,
            item === null ? null : encodeJson(item, of.shape, of),
          ]),
      );
    }
    case "timestamp": {
      if (!(value instanceof Date)) return value;
      const format = member?.time ?? shape.time ?? "unixTimestamp";
      return format === "unixTimestamp" ? epochSeconds(value) : formatTimestamp(value, format);
    }
    case "blob":
      return value instanceof Uint8Array ? toBase64(value) : toBase64(Buffer.from(String(value)));
    case "float":
    case "double":
      return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
    default:
      return value;
  }
}

export function encodeJsonStructure(value: Value, shape: Structure): Value {
  const result: Value = {};
  for (const member of shape.members) {
    if (member.at !== undefined) continue;
    const item = value[member.name];
    if (item !== undefined && item !== null) result[member.wire] = encodeJson(item, member.shape, member);
  }
  return result;
}
