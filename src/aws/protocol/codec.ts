import type { ServiceError } from "../../kernel/errors.ts";
import type { Operation } from "../model/model.ts";
import type { ProtocolId } from "../model/table.ts";
import { type Cbor, loadCbor } from "./cbor.ts";
import { encodeEvents } from "./event-stream.ts";
import { WIRE_HABITS } from "./habits.ts";
import { decodeJsonStructure, encodeJsonStructure, parseJsonObject } from "./json.ts";
import { decodeQuery, parseForm } from "./query.ts";
import { type BodyFormat, decodeRest, encodeRest, jsonBody, xmlBody } from "./rest.ts";
import { serializationError } from "./text.ts";
import type { Route, Value, WireRequest, WireResponse } from "./types.ts";
import { encodeXmlMembers } from "./xml.ts";

/**
 * The generic codec. Both functions are synchronous; only CBOR needs something loaded, which the
 * gateway does (`prepare`) before it decodes.
 */
let cbor: Cbor | undefined;

export async function prepare(protocol: ProtocolId): Promise<Cbor | undefined> {
  if (protocol === "rpcv2Cbor") cbor ??= await loadCbor();
  return cbor;
}

function bytesOf(request: WireRequest): Uint8Array {
  if (request.body instanceof Uint8Array) return request.body;
  throw serializationError("This operation takes no streamed body");
}

/** Reads the input of the routed operation; wrong types are a SerializationException. */
export function decodeInput(route: Route, request: WireRequest): Value {
  const { operation } = route;
  switch (route.protocol) {
    case "restJson1":
      return decodeRest(operation, request, route.labels, jsonBody);
    case "restXml":
      return decodeRest(operation, request, route.labels, xmlBody);
    case "awsJson1_0":
    case "awsJson1_1":
      return decodeJsonStructure(parseJsonObject(bytesOf(request)), operation.input);
    case "rpcv2Cbor":
      return requireCbor().decode(bytesOf(request), operation.input);
    case "awsQuery": {
      const body = Buffer.from(bytesOf(request)).toString("utf8");
      const pairs = [...parseForm(request.query), ...parseForm(body)];
      return withPathMember(decodeQuery(pairs, operation.input), operation, request);
    }
  }
}

/** The address that was posted to says what the form does not: which queue. */
function withPathMember(input: Value, operation: Operation, request: WireRequest): Value {
  const member = WIRE_HABITS[operation.service.name]?.pathMember;
  const isMissing = member !== undefined && input[member] === undefined && operation.input.byName.has(member);
  if (!isMissing || request.path === "/") return input;
  return { ...input, [member]: `http://${request.headers.host ?? ""}${request.path}` };
}

function requireCbor(): Cbor {
  if (cbor === undefined) throw new Error("prepare(rpcv2Cbor) was not awaited");
  return cbor;
}

const EVENT_STREAM = "application/vnd.amazon.eventstream";

/** Writes an output. `failure` turns what a stream throws midway into its exception message. */
export function encodeOutput(
  operation: Operation,
  protocol: ProtocolId,
  output: Value,
  requestId: string,
  failure: (cause: unknown) => ServiceError,
): WireResponse {
  switch (protocol) {
    case "restJson1":
      return encodeRestOutput(operation, output, jsonBody, undefined, failure);
    case "restXml":
      return encodeRestOutput(operation, output, xmlBody, operation.service.xmlNamespace, failure);
    case "awsJson1_0":
    case "awsJson1_1": {
      const version = protocol === "awsJson1_0" ? "1.0" : "1.1";
      const events = eventMember(operation, output);
      if (events !== undefined) return streamOf(events, jsonBody, {}, 200, failure);
      return {
        status: 200,
        headers: { "Content-Type": `application/x-amz-json-${version}` },
        body: JSON.stringify(encodeJsonStructure(output, operation.output)),
      };
    }
    case "rpcv2Cbor":
      return {
        status: 200,
        headers: { "Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor" },
        body: requireCbor().encode(output, operation.output),
      };
    case "awsQuery": {
      const { name } = operation;
      const xmlns = operation.service.xmlNamespace ?? "";
      const result = operation.output.name.endsWith("Unit")
        ? ""
        : `<${name}Result>${encodeXmlMembers(output, operation.output)}</${name}Result>`;
      return {
        status: 200,
        headers: { "Content-Type": "text/xml" },
        body:
          `<${name}Response xmlns="${xmlns}">${result}` +
          `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${name}Response>`,
      };
    }
  }
}

function eventMember(
  operation: Operation,
  output: Value,
): { union: Operation["output"]; events: AsyncIterable<Value> } | undefined {
  for (const member of operation.output.members) {
    if (member.shape.type === "structure" && member.shape.eventStream) {
      const events = output[member.name];
      if (events != null) return { union: member.shape, events: events as AsyncIterable<Value> };
    }
  }
  return undefined;
}

function streamOf(
  { union, events }: { union: Operation["output"]; events: AsyncIterable<Value> },
  format: BodyFormat,
  headers: Record<string, string>,
  status: number,
  failure: (cause: unknown) => ServiceError,
): WireResponse {
  return {
    status,
    headers: { ...headers, "Content-Type": EVENT_STREAM },
    body: encodeEvents(events, union, format, failure),
  };
}

function encodeRestOutput(
  operation: Operation,
  output: Value,
  format: BodyFormat,
  namespace: string | undefined,
  failure: (cause: unknown) => ServiceError,
): WireResponse {
  const stream = eventMember(operation, output);
  if (stream === undefined) return encodeRest(operation, output, format, namespace);
  const { status, headers } = encodeRest(
    operation,
    Object.fromEntries(Object.entries(output).filter(([, value]) => value !== stream.events)),
    format,
    namespace,
  );
  return streamOf(stream, format, headers, status, failure);
}
