import { ServiceError } from "../../kernel/errors.ts";
import type { Scalar } from "../model/model.ts";
import type { TimestampFormat } from "../model/table.ts";

/** AWS's answer to a value of the wrong type, and to a body that cannot be read at all. */
export function serializationError(message: string): ServiceError {
  return new ServiceError("SerializationException", 400, message);
}

const ISO_8601 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)?$/u;

/** A date in any of the three formats; undefined when it is none. */
export function parseTimestamp(text: string): Date | undefined {
  const seconds = /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/u.test(text) ? Number(text) : undefined;
  if (seconds !== undefined) return new Date(Math.round(seconds * 1000));
  const isDateOnly = /^\d{4}-\d\d-\d\d$/u.test(text);
  const isIso = ISO_8601.test(text) || isDateOnly;
  if (!isIso && !/\d\d:\d\d:\d\d/u.test(text)) return undefined;
  // Without an offset a date means UTC on every AWS wire; Date would take the machine's zone.
  const zoned = isIso && !isDateOnly && !/([Zz]|[+-]\d\d:?\d\d)$/u.test(text) ? `${text}Z` : text;
  const millis = Date.parse(zoned);
  return Number.isNaN(millis) ? undefined : new Date(millis);
}

export function formatTimestamp(date: Date, format: TimestampFormat): string {
  if (format === "unixTimestamp") return String(epochSeconds(date));
  if (format === "rfc822") return date.toUTCString();
  const iso = date.toISOString();
  return iso.endsWith(".000Z") ? `${iso.slice(0, -5)}Z` : iso;
}

/** Whole milliseconds survive; nothing finer exists in a Date. */
export function epochSeconds(date: Date): number {
  return date.getTime() / 1000;
}

const INTEGER = /^[+-]?\d+$/u;
const SPECIAL_FLOATS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

/** A number as the text of a header, query, label or element; undefined when it is not one. */
export function parseNumber(text: string, type: "integer" | "long" | "float" | "double"): number | undefined {
  const trimmed = text.trim();
  if (type === "integer" || type === "long") return INTEGER.test(trimmed) ? Number(trimmed) : undefined;
  if (trimmed in SPECIAL_FLOATS) return SPECIAL_FLOATS[trimmed];
  const value = Number(trimmed);
  return trimmed === "" || Number.isNaN(value) ? undefined : value;
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  integer: "Integer",
  long: "Long",
  float: "Float",
  double: "Double",
  boolean: "Boolean",
  timestamp: "Timestamp",
  blob: "Blob",
  string: "String",
};

/** Reads a scalar that travels as text: header, query key, label, element. */
export function fromText(text: string, shape: Scalar): unknown {
  switch (shape.type) {
    case "string":
      return text;
    case "boolean":
      if (text === "true" || text === "True" || text === "TRUE" || text === "1") return true;
      if (text === "false" || text === "False" || text === "FALSE" || text === "0") return false;
      break;
    case "integer":
    case "long":
    case "float":
    case "double": {
      const value = parseNumber(text, shape.type);
      if (value !== undefined) return value;
      break;
    }
    case "timestamp": {
      const date = parseTimestamp(text.trim());
      if (date !== undefined) return date;
      break;
    }
    case "blob":
      return fromBase64(text);
    case "document":
      return text;
  }
  throw serializationError(`Value '${text.slice(0, 100)}' can not be converted to ${TYPE_NAMES[shape.type]}`);
}

/** Writes a scalar as text. */
export function toText(value: unknown, shape: Scalar, format: TimestampFormat): string {
  if (value instanceof Date) return formatTimestamp(value, format);
  if (value instanceof Uint8Array) return toBase64(value);
  if (shape.type === "blob" && typeof value === "string") return toBase64(Buffer.from(value));
  return String(value);
}

export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/**
 * Strict: Buffer skips what it does not know, so a decoded length that is too short betrays a
 * character that was none of base64's.
 */
export function fromBase64(text: string): Uint8Array {
  const decoded = decodeBase64(text) ?? decodeBase64(text.replaceAll(/\s+/gu, ""));
  if (decoded === undefined) throw serializationError("Unable to decode Base64 data");
  return decoded;
}

function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, "base64");
  let length = text.length;
  while (length > 0 && text.charCodeAt(length - 1) === 61) length -= 1;
  return length % 4 !== 1 && bytes.length === Math.floor((length * 3) / 4) ? bytes : undefined;
}
