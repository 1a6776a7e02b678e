import type { ServiceError } from "../../kernel/errors.ts";
import type { ServiceModel, Structure } from "../model/model.ts";
import type { ProtocolId } from "../model/table.ts";
import type { Cbor } from "./cbor.ts";
import { WIRE_HABITS } from "./habits.ts";
import { encodeJsonStructure } from "./json.ts";
import { writeHeader } from "./rest.ts";
import type { Value, WireResponse } from "./types.ts";
import { encodeXmlMembers } from "./xml.ts";
import { escapeXml } from "./xml-tree.ts";

/** The members of an error: AWS's modelled ones, its message where the model puts it, then the rest. */
function membersOf(error: ServiceError, shape: Structure | undefined): { modelled: Value; message: string } {
  const spelled =
    shape?.byName.has("Message") === true && !shape.byName.has("message") ? "Message" : "message";
  return { modelled: { [spelled]: error.message, ...error.members }, message: spelled };
}

function plainMembers(error: ServiceError, shape: Structure | undefined): Value {
  const { modelled } = membersOf(error, shape);
  const plain = shape === undefined ? {} : encodeJsonStructure(modelled, shape);
  for (const [name, value] of Object.entries(modelled)) {
    if (value !== undefined && shape?.byName.has(name) !== true) plain[name] = value;
  }
  return plain;
}

function boundHeaders(error: ServiceError, shape: Structure | undefined): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const member of shape?.bound ?? []) {
    const item = error.members[member.name];
    if (member.at === "header" && item != null) headers[member.wire] = writeHeader(item, member);
  }
  return headers;
}

function queryErrorHeader(service: ServiceModel, code: string, status: number): Record<string, string> {
  if (service.queryCompatible !== true) return {};
  return { "x-amzn-query-error": `${code};${status < 500 ? "Sender" : "Receiver"}` };
}

/** A failure in the words of the caller's protocol. */
export function encodeError(
  service: ServiceModel,
  protocol: ProtocolId,
  error: ServiceError,
  requestId: string,
  cbor?: Cbor,
): WireResponse {
  const shape = service.errors.get(error.code);
  const habits = WIRE_HABITS[service.name];
  const queryCode = shape?.queryCode ?? habits?.queryCodes?.[error.code] ?? error.code;
  const { status } = error;
  switch (protocol) {
    case "restJson1":
      return {
        status,
        headers: {
          "Content-Type": "application/json",
          "x-amzn-ErrorType": error.code,
          ...boundHeaders(error, shape),
        },
        body: JSON.stringify(plainMembers(error, shape)),
      };
    case "awsJson1_0":
    case "awsJson1_1":
      return {
        status,
        headers: {
          "Content-Type": `application/x-amz-json-${protocol === "awsJson1_0" ? "1.0" : "1.1"}`,
          ...queryErrorHeader(service, queryCode, status),
        },
        body: JSON.stringify({ __type: error.code, ...plainMembers(error, shape) }),
      };
    case "rpcv2Cbor":
      return {
        status,
        headers: {
          "Content-Type": "application/cbor",
          "smithy-protocol": "rpc-v2-cbor",
          ...queryErrorHeader(service, queryCode, status),
        },
        body: cbor?.encodePlain({ __type: error.code, ...plainMembers(error, shape) }) ?? "",
      };
    case "awsQuery": {
      const type = status < 500 ? "Sender" : "Receiver";
      const xmlns = escapeXml(service.xmlNamespace ?? "");
      return {
        status,
        headers: { "Content-Type": "text/xml" },
        body:
          `<ErrorResponse xmlns="${xmlns}">\n  <Error>\n    <Type>${type}</Type>\n` +
          `    <Code>${escapeXml(queryCode)}</Code>\n    <Message>${escapeXml(error.message)}</Message>` +
          `${extraXml(error, shape)}${habits?.errorDetail === true ? "<Detail/>" : ""}\n  </Error>\n` +
          `  <RequestId>${requestId}</RequestId>\n</ErrorResponse>\n`,
      };
    }
    case "restXml":
      return {
        status,
        headers: { "Content-Type": "application/xml", ...boundHeaders(error, shape) },
        body:
          `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${escapeXml(error.code)}</Code>` +
          `<Message>${escapeXml(error.message)}</Message>${extraXml(error, shape)}` +
          `<RequestId>${requestId}</RequestId><HostId>${requestId}</HostId></Error>`,
      };
  }
}

function extraXml(error: ServiceError, shape: Structure | undefined): string {
  const spoken = new Set(["Message", "message", "Code", "Type"]);
  const extra = Object.fromEntries(
    Object.entries(error.members).filter(([name, value]) => !spoken.has(name) && value != null),
  );
  const modelled = shape === undefined ? "" : encodeXmlMembers(extra, shape);
  const rest = Object.entries(extra)
    .filter(([name]) => shape?.byName.has(name) !== true)
    .map(([name, value]) => `<${name}>${escapeXml(String(value))}</${name}>`);
  return modelled + rest.join("");
}
