import { crc32 } from "node:zlib";

import type { ServiceError } from "../../kernel/errors.ts";
import type { Structure } from "../model/model.ts";
import type { BodyFormat } from "./rest.ts";
import type { Value } from "./types.ts";

/**
 * Event-stream framing, https://smithy.io/2.0/aws/amazon-eventstream.html: a prelude of two lengths
 * and their CRC, headers, payload, and the CRC of it all. Only string headers occur in outputs.
 */
const PRELUDE_BYTES = 12;
const CRC_BYTES = 4;
const STRING_HEADER = 7;

export function frame(headers: Readonly<Record<string, string>>, payload: Uint8Array): Uint8Array {
  const encoded = Object.entries(headers).map(([name, text]) => {
    const key = Buffer.from(name);
    const value = Buffer.from(text);
    const size = Buffer.alloc(3);
    size.writeUInt8(STRING_HEADER, 0);
    size.writeUInt16BE(value.length, 1);
    return Buffer.concat([Buffer.of(key.length), key, size, value]);
  });
  const head = Buffer.concat(encoded);
  const total = PRELUDE_BYTES + head.length + payload.length + CRC_BYTES;
  const message = Buffer.allocUnsafe(total);
  message.writeUInt32BE(total, 0);
  message.writeUInt32BE(head.length, 4);
  message.writeUInt32BE(crc32(message.subarray(0, 8)), 8);
  head.copy(message, PRELUDE_BYTES);
  message.set(payload, PRELUDE_BYTES + head.length);
  message.writeUInt32BE(crc32(message.subarray(0, total - CRC_BYTES)), total - CRC_BYTES);
  return message;
}

/** One event, given as the union the SDK's types describe: `{ PayloadChunk: { Payload } }`. */
export function encodeEvent(event: Value, union: Structure, format: BodyFormat): Uint8Array {
  const [name] = Object.keys(event);
  const member = union.byName.get(name ?? "");
  if (name === undefined || member === undefined || member.shape.type !== "structure") {
    throw new TypeError(`${String(name)} is no event of ${union.name}`);
  }
  const value = event[name] as Value;
  const { shape } = member;
  const headers: Record<string, string> = { ":message-type": "event", ":event-type": member.wire };
  for (const item of shape.members) {
    if (item.event === "header" && value[item.name] != null) headers[item.wire] = String(value[item.name]);
  }
  const explicit = shape.members.find((item) => item.event === "payload");
  if (explicit === undefined) {
    if (shape.members.every((item) => item.event === "header")) return frame(headers, new Uint8Array());
    headers[":content-type"] = format.contentType;
    return frame(headers, Buffer.from(format.encode(value, shape, shape.name, undefined)));
  }
  const payload = value[explicit.name];
  if (explicit.shape.type === "structure") {
    headers[":content-type"] = format.contentType;
    const text = format.encode((payload ?? {}) as Value, explicit.shape, explicit.shape.name, undefined);
    return frame(headers, Buffer.from(text));
  }
  headers[":content-type"] = explicit.shape.type === "blob" ? "application/octet-stream" : "text/plain";
  return frame(headers, payload instanceof Uint8Array ? payload : Buffer.from(String(payload ?? "")));
}

/** A failure after the first byte: the status is gone, so it travels as a message of its own. */
export function encodeException(error: ServiceError): Uint8Array {
  return frame(
    { ":message-type": "exception", ":exception-type": error.code, ":content-type": "application/json" },
    Buffer.from(JSON.stringify({ ...error.members, message: error.message })),
  );
}

export async function* encodeEvents(
  events: AsyncIterable<Value>,
  union: Structure,
  format: BodyFormat,
  failure: (cause: unknown) => ServiceError,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const event of events) yield encodeEvent(event, union, format);
  } catch (cause) {
    yield encodeException(failure(cause));
  }
}
