import { ServiceError } from "../../kernel/errors.ts";
import { WIRE_HABITS, type WireHabits } from "./habits.ts";
import { headerText, HINT, HINT_HEADER } from "../hint.ts";
import { HTTP_STATUS, RAW_XML } from "../streamed-body.ts";
import type { Member, Operation, Scalar, Structure } from "../model/model.ts";
import type { TimestampFormat } from "../model/table.ts";
import { decodeJsonStructure, encodeJsonStructure, parseJsonObject } from "./json.ts";
import { parseForm } from "./query.ts";
import { fromText, parseNumber, serializationError, toText } from "./text.ts";
import type { Headers, Value, WireBody, WireRequest } from "./types.ts";
import { decodeXmlStructure, encodeXml } from "./xml.ts";
import { parseXml } from "./xml-tree.ts";

/** The half of a REST protocol that differs: how a structure becomes a body. */
export interface BodyFormat {
  readonly contentType: string;
  decode(body: Uint8Array, shape: Structure): Value;
  encode(value: Value, shape: Structure, root: string, namespace: string | undefined): string;
}

export const jsonBody: BodyFormat = {
  contentType: "application/json",
  decode: (body, shape) => decodeJsonStructure(parseJsonObject(body), shape),
  encode: (value, shape) => JSON.stringify(encodeJsonStructure(value, shape)),
};

const XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';

export const xmlBody: BodyFormat = {
  contentType: "application/xml",
  decode: (body, shape) =>
    body.length === 0 ? {} : decodeXmlStructure(parseXml(Buffer.from(body).toString("utf8")), shape),
  encode: (value, shape, root, namespace) => XML_HEAD + encodeXml(root, value, shape, undefined, namespace),
};

/** A header's list: at commas, which inside quotes (and inside an HTTP date) are text. */
function splitHeader(text: string, of: Scalar, time: TimestampFormat | undefined): string[] {
  if (of.type === "timestamp" && (time ?? "rfc822") === "rfc822") {
    const parts = text.split(",");
    return parts.flatMap((part, index) => (index % 2 === 1 ? [`${parts[index - 1]},${part}`.trim()] : []));
  }
  const items = text.match(/"(?:[^"\\]|\\.)*"|[^,]+/gu) ?? [];
  return items
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .map((item) =>
      item.startsWith('"') && item.endsWith('"') ? item.slice(1, -1).replaceAll(/\\(.)/gu, "$1") : item,
    );
}

function joinHeader(items: readonly unknown[], of: Scalar): string {
  return items
    .map((item) => {
      const text = toText(item, of, of.time ?? "rfc822");
      return of.type === "string" && /[",]/u.test(text) ? `"${text.replaceAll(/["\\]/gu, "\\$&")}"` : text;
    })
    .join(", ");
}

export function readHeader(text: string, member: Member): unknown {
  const { shape } = member;
  if (shape.type !== "list") return fromText(text, shape as Scalar);
  const of = shape.member.shape as Scalar;
  return splitHeader(text, of, shape.member.time).map((item) => fromText(item, of));
}

export function writeHeader(value: unknown, member: Member): string {
  const { shape } = member;
  if (shape.type === "list") return joinHeader(value as unknown[], shape.member.shape as Scalar);
  return toText(value, shape as Scalar, member.time ?? "rfc822");
}

function prefixed(headers: Headers, prefix: string): Record<string, string> | undefined {
  const lower = prefix.toLowerCase();
  const found = Object.entries(headers).filter(([name]) => name.startsWith(lower));
  if (found.length === 0) return undefined;
  return Object.fromEntries(found.map(([name, value]) => [name.slice(lower.length), value ?? ""]));
}

function readQuery(
  members: readonly Member[],
  query: string,
  result: Value,
  { badNumber }: WireHabits,
): void {
  const pairs = parseForm(query);
  const named = new Set(members.filter((member) => member.shape.type !== "map").map((member) => member.wire));
  for (const member of members) {
    const { shape } = member;
    if (shape.type === "map") {
      const rest = pairs.filter(([key]) => !named.has(key));
      const isMultiple = shape.value.shape.type === "list";
      const grouped: Record<string, unknown> = {};
      for (const [key, text] of rest) {
        if (!isMultiple) grouped[key] ??= text;
        else grouped[key] = [...((grouped[key] as string[] | undefined) ?? []), text];
      }
      if (rest.length > 0) result[member.name] = grouped;
      continue;
    }
    const texts = pairs.filter(([key]) => key === member.wire).map(([, text]) => text);
    const [first] = texts;
    if (first === undefined) continue;
    if (badNumber !== undefined && shape.type === "integer" && first !== "" && !isInteger(first)) {
      throw new ServiceError("InvalidArgument", 400, badNumber(member.wire), {
        members: { ArgumentName: member.wire, ArgumentValue: first },
      });
    }
    if (shape.type === "list") {
      const of = shape.member.shape as Scalar;
      result[member.name] = texts.map((text) => fromText(text, of));
    } else if (first !== "" || shape.type === "string") {
      result[member.name] = fromText(first, shape as Scalar);
    }
  }
}

const INTEGER_MAX = 2_147_483_647;

function isInteger(text: string): boolean {
  const value = parseNumber(text, "integer");
  return value !== undefined && Math.abs(value) <= INTEGER_MAX;
}

/** Input of a REST operation: labels, query, headers, body. */
export function decodeRest(
  operation: Operation,
  request: WireRequest,
  labels: Readonly<Record<string, string>>,
  format: BodyFormat,
): Value {
  const { input } = operation;
  const result: Value = {};
  const habits = WIRE_HABITS[operation.service.name] ?? {};
  const { malformedCode } = habits;
  if (malformedCode === undefined) {
    readBound(input, request, labels, result, habits);
    readBody(input, request, format, result);
    return result;
  }
  try {
    readBound(input, request, labels, result, habits);
  } catch (error) {
    throw respelled(error, "InvalidArgument");
  }
  try {
    readBody(input, request, format, result);
  } catch (error) {
    throw respelled(error, malformedCode);
  }
  return result;
}

/** The service's own code for what could not be read. */
function respelled(error: unknown, code: string): unknown {
  if (!(error instanceof ServiceError) || error.code !== "SerializationException") return error;
  return new ServiceError(code, 400, code === "InvalidArgument" ? error.message : MALFORMED_XML);
}

const MALFORMED_XML =
  "The XML you provided was not well-formed or did not validate against our published schema";

function readBound(
  input: Structure,
  request: WireRequest,
  labels: Readonly<Record<string, string>>,
  result: Value,
  habits: WireHabits,
): void {
  const queried = input.bound.filter((member) => member.at === "querystring");
  if (queried.length > 0 && request.query !== "") readQuery(queried, request.query, result, habits);
  for (const member of input.bound) {
    if (member.at === "uri") {
      const text = labels[member.wire];
      if (text !== undefined) result[member.name] = fromText(text, member.shape as Scalar);
    } else if (member.at === "header") {
      const text = request.headers[member.wire.toLowerCase()];
      if (text !== undefined) result[member.name] = readHeader(text, member);
    } else if (member.at === "headers") {
      const found = prefixed(request.headers, member.wire);
      if (found !== undefined) result[member.name] = found;
    }
  }
}

function readBody(input: Structure, request: WireRequest, format: BodyFormat, result: Value): void {
  const { body } = request;
  const { payload } = input;
  if (payload === undefined) {
    if (input.byWire.size === 0) return;
    Object.assign(result, format.decode(inMemory(body), input));
    return;
  }
  if (payload.stream) {
    result[payload.name] = body;
    return;
  }
  const bytes = inMemory(body);
  if (bytes.length === 0) return;
  const { shape } = payload;
  if (shape.type === "structure") result[payload.name] = format.decode(bytes, shape);
  else result[payload.name] = shape.type === "blob" ? bytes : Buffer.from(bytes).toString("utf8");
}

function inMemory(body: WireRequest["body"]): Uint8Array {
  if (body instanceof Uint8Array) return body;
  throw serializationError("This operation takes no streamed body");
}

export interface RestParts {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: WireBody;
}

/** The HTTP shape of an output (or of an error's members). */
export function encodeRest(
  operation: Operation,
  value: Value,
  format: BodyFormat,
  namespace: string | undefined,
): RestParts {
  const { output } = operation;
  const headers: Record<string, string> = {};
  const hint = (value as { [HINT]?: string })[HINT];
  if (hint !== undefined) headers[HINT_HEADER] = headerText(hint);
  let status = (value as { [HTTP_STATUS]?: number })[HTTP_STATUS] ?? operation.status;
  for (const member of output.bound) {
    const item = value[member.name];
    if (item === undefined || item === null) continue;
    if (member.at === "statusCode") status = Number(item);
    else if (member.at === "header") headers[member.wire] = writeHeader(item, member);
    else if (member.at === "headers") {
      for (const [key, text] of Object.entries(item as Value)) headers[member.wire + key] = String(text);
    }
  }
  const raw = (value as { [RAW_XML]?: string })[RAW_XML];
  if (raw !== undefined) {
    headers["Content-Type"] = format.contentType;
    return { status, headers, body: XML_HEAD + raw };
  }
  const { payload } = output;
  if (payload === undefined) {
    if (output.byWire.size === 0 && (status === 204 || format !== jsonBody || output.name.endsWith("Unit"))) {
      return { status, headers, body: "" };
    }
    headers["Content-Type"] = format.contentType;
    return { status, headers, body: format.encode(value, output, operation.outputRoot, namespace) };
  }
  const item = value[payload.name];
  const { shape } = payload;
  if (item === undefined || item === null) return { status, headers, body: "" };
  if (shape.type === "structure") {
    headers["Content-Type"] = format.contentType;
    const root = shape.name === payload.name || payload.wire !== payload.name ? payload.wire : shape.name;
    return { status, headers, body: format.encode(item as Value, shape, root, namespace) };
  }
  headers["Content-Type"] ??= shape.type === "blob" ? "application/octet-stream" : "text/plain";
  return { status, headers, body: item as WireBody };
}
