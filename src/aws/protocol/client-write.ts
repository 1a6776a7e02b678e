import type { Operation, Scalar } from "../model/model.ts";
import { encodeStrict } from "../sigv4/canonical.ts";
import { encodeJsonStructure } from "./json.ts";
import { encodeQuery } from "./query.ts";
import { jsonBody, writeHeader, xmlBody } from "./rest.ts";
import { toText } from "./text.ts";
import type { Value } from "./types.ts";

export interface OutgoingRequest {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Lower-case names. */
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** The request of an operation in the first protocol of its service: the client's side of the codec. */
export function writeRequest(operation: Operation, input: Value): OutgoingRequest {
  const { service } = operation;
  const [protocol] = service.protocols;
  switch (protocol) {
    case "awsJson1_0":
    case "awsJson1_1":
      return {
        method: "POST",
        path: "/",
        query: "",
        headers: {
          "content-type": `application/x-amz-json-${protocol === "awsJson1_0" ? "1.0" : "1.1"}`,
          "x-amz-target": `${service.targetPrefix}.${operation.name}`,
        },
        body: JSON.stringify(encodeJsonStructure(input, operation.input)),
      };
    case "awsQuery":
      return {
        method: "POST",
        path: "/",
        query: "",
        headers: { "content-type": "application/x-www-form-urlencoded; charset=utf-8" },
        body: encodeQuery(operation.name, service.apiVersion, input, operation.input),
      };
    case "restJson1":
    case "restXml":
      return writeRest(operation, input);
    default:
      throw new Error(`the client does not speak ${String(protocol)}`);
  }
}

function writeRest(operation: Operation, input: Value): OutgoingRequest {
  const format = operation.service.protocols[0] === "restXml" ? xmlBody : jsonBody;
  const shape = operation.input;
  const [template = "", constants = ""] = operation.uri.split("?");
  let path = template;
  const query: string[] = constants === "" ? [] : [constants];
  const headers: Record<string, string> = {};
  for (const member of shape.bound) {
    const value = input[member.name];
    if (value === undefined || value === null) continue;
    if (member.at === "uri") {
      const text = toText(value, member.shape as Scalar, member.time ?? "iso8601");
      path = path.replace(`{${member.wire}}`, () => encodeStrict(text));
      path = path.replace(`{${member.wire}+}`, () => text.split("/").map(encodeStrict).join("/"));
    } else if (member.at === "header") {
      headers[member.wire.toLowerCase()] = writeHeader(value, member);
    } else if (member.at === "headers") {
      for (const [key, text] of Object.entries(value as Value)) {
        headers[(member.wire + key).toLowerCase()] = String(text);
      }
    } else if (member.at === "querystring") writeQueryMember(query, member.wire, value, member.shape.type);
  }
  const request = { method: operation.method, path, query: query.join("&"), headers };
  const { payload } = shape;
  if (payload === undefined) {
    if (shape.byWire.size === 0) return { ...request, body: "" };
    headers["content-type"] = format.contentType;
    return { ...request, body: format.encode(input, shape, operation.inputRoot, operation.inputNamespace) };
  }
  const value = input[payload.name];
  if (value === undefined || value === null) return { ...request, body: "" };
  if (payload.shape.type === "structure") {
    headers["content-type"] = format.contentType;
    const body = format.encode(value as Value, payload.shape, payload.wire, payload.namespace);
    return { ...request, body };
  }
  headers["content-type"] ??= "application/octet-stream";
  return { ...request, body: value as string | Uint8Array<ArrayBuffer> };
}

function writeQueryMember(query: string[], key: string, value: unknown, type: string): void {
  if (type === "map") {
    for (const [name, item] of Object.entries(value as Value)) writeQueryMember(query, name, item, "string");
    return;
  }
  for (const item of Array.isArray(value) ? value : [value]) {
    const text = item instanceof Date ? item.toISOString() : String(item);
    query.push(`${encodeStrict(key)}=${encodeStrict(text)}`);
  }
}
