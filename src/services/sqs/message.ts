/** What may be sent: bodies, attributes, sizes, and the digests that clients compare. */
import { createHash } from "node:crypto";
import { LIMITS } from "../../kernel/limits.ts";
import * as errors from "./errors.ts";

/** A message or system attribute as the API spells it. */
export interface AttributeValue {
  readonly DataType: string | undefined;
  readonly StringValue?: string | undefined;
  readonly BinaryValue?: Uint8Array | undefined;
  readonly StringListValues?: readonly string[] | undefined;
  readonly BinaryListValues?: readonly Uint8Array[] | undefined;
}

export type AttributeMap = Readonly<Record<string, AttributeValue>>;

export function md5(data: string | Uint8Array): string {
  return createHash("md5").update(data).digest("hex");
}

/** What XML 1.0 allows: everything else is refused, lone surrogates too. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/u;

export function checkBody(body: string | undefined): string {
  if (body === undefined || body === "") throw errors.missingParameter("MessageBody");
  const forbidden = FORBIDDEN.exec(body)?.[0].codePointAt(0);
  if (forbidden !== undefined) throw errors.invalidMessageContents(forbidden.toString(16).toUpperCase());
  return body;
}

const ATTRIBUTE_NAME = /^(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)$/u;
const RESERVED = /^(?:aws|amazon)\./iu;
const TYPE = /^(?:String|Number|Binary)(?:\.[^]{1,249})?$/u;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/u;

/** Refuses attributes AWS refuses; `kind` is how its sentences call them. */
export function checkAttributes(attributes: AttributeMap, kind: "user" | "system" = "user"): void {
  const entries = Object.entries(attributes);
  if (entries.length > LIMITS.sqsMessageAttributes) {
    throw errors.invalidParameter(
      `Number of message attributes [${String(entries.length)}] exceeds the allowed maximum [${String(LIMITS.sqsMessageAttributes)}].`,
    );
  }
  for (const [name, value] of entries) {
    if (kind === "system") checkSystemName(name);
    else checkAttributeName(name);
    checkAttributeValue(name, value, kind);
  }
}

function checkSystemName(name: string): void {
  if (name === "AWSTraceHeader") return;
  throw errors.invalidParameter(`Message system attribute name '${name}' is invalid.`);
}

function checkAttributeName(name: string): void {
  if (RESERVED.test(name)) {
    throw errors.invalidParameter(
      `Message (user) attribute name '${name}' is invalid. Reason: it must not start with AWS-reserved prefixes like 'AWS.' or 'Amazon.'`,
    );
  }
  if (ATTRIBUTE_NAME.test(name)) return;
  throw errors.invalidParameter(
    `Message (user) attribute name '${name}' is invalid. Reason: it can contain alphanumeric characters, underscores, hyphens and periods, is 1 to 256 in length, and neither starts nor ends with a period or has two in a row.`,
  );
}

function checkAttributeValue(name: string, value: AttributeValue, kind: "user" | "system"): void {
  const what = `Message (${kind}) attribute '${name}'`;
  if ((value.StringListValues?.length ?? 0) > 0 || (value.BinaryListValues?.length ?? 0) > 0) {
    throw errors.unsupported("Message attribute list values in SendMessage operation are not supported.");
  }
  const type = value.DataType ?? "";
  if (type === "") throw errors.invalidParameter(`${what} must contain a non-empty attribute type.`);
  if (!TYPE.test(type)) {
    throw errors.invalidParameter(
      `The type of message (${kind}) attribute '${name}' is invalid. You must use only the following supported type prefixes: Binary, Number, String.`,
    );
  }
  if (kind === "system" && type !== "String") {
    throw errors.invalidParameter(
      `The type of message (system) attribute '${name}' is invalid. It must be String.`,
    );
  }
  if (baseType(type) === "Binary") {
    if ((value.BinaryValue?.length ?? 0) === 0) {
      throw errors.invalidParameter(`${what} must contain a non-empty value of type '${type}'.`);
    }
    return;
  }
  const text = value.StringValue ?? "";
  if (text === "") throw errors.invalidParameter(`${what} must contain a non-empty value of type '${type}'.`);
  if (FORBIDDEN.test(text)) {
    throw errors.invalidParameter(`${what} contains characters that are not allowed in a message.`);
  }
  if (baseType(type) === "Number" && !NUMBER.test(text)) {
    throw errors.invalidParameter(
      `Can't cast the value of message (${kind}) attribute '${name}' to a number.`,
    );
  }
}

function baseType(type: string): string {
  return type.split(".", 1)[0] ?? "";
}

function valueBytes(value: AttributeValue): Uint8Array {
  return baseType(value.DataType ?? "") === "Binary"
    ? (value.BinaryValue ?? new Uint8Array())
    : Buffer.from(value.StringValue ?? "", "utf8");
}

/** What counts against MaximumMessageSize: the body and each attribute's name, type and value. */
export function messageBytes(body: string, attributes: AttributeMap): number {
  let bytes = Buffer.byteLength(body, "utf8");
  for (const [name, value] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value.DataType ?? "") + valueBytes(value).length;
  }
  return bytes;
}

/**
 * The digest that clients compute too: for each attribute in the order of names its name, type and value,
 * each after its length in four bytes; a byte before the value says string (1) or binary (2). Undefined
 * for no attributes.
 */
export function md5OfAttributes(attributes: AttributeMap): string | undefined {
  const names = Object.keys(attributes).toSorted(byCodeUnits);
  if (names.length === 0) return undefined;
  const hash = createHash("md5");
  const add = (bytes: Uint8Array): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  };
  for (const name of names) {
    const value = attributes[name];
    if (value === undefined) continue;
    add(Buffer.from(name, "utf8"));
    add(Buffer.from(value.DataType ?? "", "utf8"));
    hash.update(Buffer.of(baseType(value.DataType ?? "") === "Binary" ? 2 : 1));
    add(valueBytes(value));
  }
  return hash.digest("hex");
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The id of content-based deduplication: SHA-256 of the body, its attributes left out.
 */
export function contentId(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

const PUNCTUATED = /^[A-Za-z0-9!-/:-@[-`{-~]{1,128}$/u;

/** MessageGroupId, MessageDeduplicationId and ReceiveRequestAttemptId have one alphabet. */
export function checkId(value: string, parameter: string): string {
  if (PUNCTUATED.test(value)) return value;
  throw errors.invalidValue(
    value,
    parameter,
    `${parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.`,
  );
}

/** Attributes as text for a column: binary values as base64. */
export function storeAttributes(attributes: AttributeMap): string | null {
  const entries = Object.entries(attributes);
  if (entries.length === 0) return null;
  return JSON.stringify(
    entries.map(([name, { DataType, StringValue, BinaryValue }]) =>
      baseType(DataType ?? "") === "Binary"
        ? [name, DataType, null, Buffer.from(BinaryValue ?? []).toString("base64")]
        : [name, DataType, StringValue],
    ),
  );
}

export function loadAttributes(text: string | null): AttributeMap {
  if (text === null) return {};
  const rows = JSON.parse(text) as [string, string, string | null, string?][];
  return Object.fromEntries(
    rows.map(([name, DataType, StringValue, binary]): [string, AttributeValue] => [
      name,
      binary === undefined
        ? { DataType, StringValue: StringValue ?? "" }
        : { DataType, BinaryValue: new Uint8Array(Buffer.from(binary, "base64")) },
    ]),
  );
}

/**
 * The attributes a receiver asked for: names, prefixes (`bar.*`), or all (`All`, `.*`).
 */
export function selectAttributes(attributes: AttributeMap, names: readonly string[]): AttributeMap {
  if (names.length === 0) return {};
  if (names.includes("All") || names.includes(".*")) return attributes;
  const exact = new Set(names);
  const prefixes = names.filter((name) => name.endsWith(".*")).map((name) => name.slice(0, -2));
  const kept = Object.entries(attributes).filter(
    ([name]) => exact.has(name) || prefixes.some((prefix) => name.startsWith(prefix)),
  );
  return Object.fromEntries(kept);
}
