import { ServiceError } from "../../kernel/errors.ts";
import { HINT, HINT_HEADER, hintText } from "../hint.ts";
import type { Operation, Structure } from "../model/model.ts";
import { decodeJsonStructure, parseJsonObject } from "./json.ts";
import { jsonBody, readHeader, xmlBody } from "./rest.ts";
import type { Headers, Value } from "./types.ts";
import { decodeXmlStructure } from "./xml.ts";
import { parseXml, type XmlElement } from "./xml-tree.ts";

/** Reads an answer, with the hint beside it as its HINT; throws the ServiceError it tells of. `headers` have lower-case names. */
export function readResponse(
  operation: Operation,
  status: number,
  headers: Headers,
  body: Uint8Array,
): Value {
  if (status >= 300) throw readError(operation, status, headers, body);
  const output = readOutput(operation, status, headers, body);
  const hint = headers[HINT_HEADER];
  return hint === undefined ? output : Object.assign(output, { [HINT]: hintText(hint) });
}

function readOutput(operation: Operation, status: number, headers: Headers, body: Uint8Array): Value {
  const [protocol] = operation.service.protocols;
  if (protocol === "awsQuery") {
    const root = parseXml(Buffer.from(body).toString("utf8"));
    const result = root.children.find((child) => child.name === `${operation.name}Result`);
    return result === undefined ? {} : decodeXmlStructure(result, operation.output);
  }
  if (protocol === "restJson1" || protocol === "restXml") return readRest(operation, status, headers, body);
  return decodeJsonStructure(parseJsonObject(body), operation.output);
}

function readRest(operation: Operation, status: number, headers: Headers, body: Uint8Array): Value {
  const { output } = operation;
  const format = operation.service.protocols[0] === "restXml" ? xmlBody : jsonBody;
  const result: Value = {};
  for (const member of output.bound) {
    if (member.at === "statusCode") result[member.name] = status;
    const text = headers[member.wire.toLowerCase()];
    if (member.at === "header" && text !== undefined) result[member.name] = readHeader(text, member);
    if (member.at === "headers") {
      const prefix = member.wire.toLowerCase();
      const found = Object.entries(headers).filter(([name]) => name.startsWith(prefix));
      result[member.name] = Object.fromEntries(
        found.map(([name, value]) => [name.slice(prefix.length), value]),
      );
    }
  }
  const { payload } = output;
  if (payload === undefined) {
    if (output.byWire.size > 0 && body.length > 0) Object.assign(result, format.decode(body, output));
  } else if (payload.shape.type !== "structure") {
    result[payload.name] = payload.shape.type === "blob" ? body : Buffer.from(body).toString("utf8");
  } else if (body.length > 0) result[payload.name] = format.decode(body, payload.shape);
  return result;
}

function readError(operation: Operation, status: number, headers: Headers, body: Uint8Array): ServiceError {
  const text = Buffer.from(body).toString("utf8");
  const hint = headers[HINT_HEADER];
  const options = hint === undefined ? {} : { hint: hintText(hint) };
  const isXml = text.trimStart().startsWith("<");
  const told = isXml ? xmlError(text) : jsonError(text, headers);
  const shape: Structure | undefined = operation.service.errors.get(told.code);
  return new ServiceError(shape?.name ?? told.code, status, told.message, {
    ...options,
    members: told.members,
  });
}

interface Told {
  readonly code: string;
  readonly message: string;
  readonly members: Value;
}

function jsonError(text: string, headers: Headers): Told {
  let plain: Value;
  try {
    plain = JSON.parse(text) as Value;
  } catch {
    return { code: "UnknownError", message: text.slice(0, 500), members: {} };
  }
  const { __type, message, Message, ...members } = plain;
  const named = headers["x-amzn-errortype"] ?? (typeof __type === "string" ? __type : "UnknownError");
  const code = named.split(":")[0]?.split("#").at(-1) ?? named;
  return { code, message: String(message ?? Message ?? ""), members };
}

function xmlError(text: string): Told {
  const root = parseXml(text);
  const error =
    root.name === "Error" ? root : (root.children.find((child) => child.name === "Error") ?? root);
  const read = (name: string): string | undefined =>
    error.children.find((child: XmlElement) => child.name === name)?.text;
  return { code: read("Code") ?? "UnknownError", message: read("Message") ?? "", members: {} };
}
