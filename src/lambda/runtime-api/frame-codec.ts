import { assert } from "../../kernel/assert.ts";
import { FrameType, type InitMessage, type InvokeMessage } from "./frames.ts";

/** A frame of a runtime may be this long: the largest payload plus room for the request id and JSON. */
export const FRAME_BYTES_MAX: number = 6 * 1024 * 1024 + 64 * 1024;

const HEADER_BYTES = 5;
const EMPTY = Buffer.alloc(0);

/** Why a byte stream is not one of frames; it ends the environment. */
export class FrameError extends Error {
  override name = "FrameError";
}

/**
 * Cuts a byte stream into frames. `onFrame` gets the type and the body; the body may be a view into
 * the chunk just pushed, so whoever keeps it longer than the call keeps that chunk alive.
 * Errors: FrameError from `push` for a frame that is too long or has an unknown type.
 */
export class FrameParser {
  readonly #onFrame: (type: FrameType, body: Buffer) => void;
  readonly #bytesMax: number;
  /** Pieces of a frame that spans chunks; joined once, when all of it is here. */
  #pieces: Buffer[] = [];
  #held = 0;
  #wanted = HEADER_BYTES;

  constructor(onFrame: (type: FrameType, body: Buffer) => void, bytesMax: number = FRAME_BYTES_MAX) {
    this.#onFrame = onFrame;
    this.#bytesMax = bytesMax;
  }

  push(chunk: Buffer): void {
    let data = chunk;
    if (this.#held > 0) {
      if (this.#held + chunk.length < this.#wanted) {
        this.#pieces.push(chunk);
        this.#held += chunk.length;
        return;
      }
      this.#pieces.push(chunk);
      data = Buffer.concat(this.#pieces);
      this.#pieces = [];
      this.#held = 0;
    }
    let at = 0;
    while (data.length - at >= HEADER_BYTES) {
      const length = data.readUInt32BE(at);
      if (length < 1 || length > this.#bytesMax) throw new FrameError(`frame of ${String(length)} bytes`);
      const end = at + 4 + length;
      if (end > data.length) {
        this.#hold(data, at, 4 + length);
        return;
      }
      const type = data[at + 4] as number;
      if (!KNOWN.has(type)) throw new FrameError(`unknown frame type 0x${type.toString(16)}`);
      this.#onFrame(type as FrameType, data.subarray(at + HEADER_BYTES, end));
      at = end;
    }
    if (at < data.length) this.#hold(data, at, HEADER_BYTES);
  }

  #hold(data: Buffer, at: number, wanted: number): void {
    this.#pieces.push(at === 0 ? data : data.subarray(at));
    this.#held = data.length - at;
    this.#wanted = wanted;
  }
}

const KNOWN: ReadonlySet<number> = new Set(Object.values(FrameType));

/** A frame whose body is a str() and then bytes (INVOKE, RESPONSE, ERROR, FATAL), as one buffer. */
export function encodeTagged(type: FrameType, tag: string, body: Uint8Array): Buffer {
  const tagBytes = Buffer.byteLength(tag);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + 4 + tagBytes + body.length);
  frame.writeUInt32BE(1 + 4 + tagBytes + body.length, 0);
  frame[4] = type;
  frame.writeUInt32BE(tagBytes, HEADER_BYTES);
  frame.write(tag, HEADER_BYTES + 4, "utf8");
  frame.set(body, HEADER_BYTES + 4 + tagBytes);
  return frame;
}

export function decodeTagged(body: Buffer): { readonly tag: string; readonly rest: Buffer } {
  if (body.length < 4) throw new FrameError("frame ends within a string's length");
  const length = body.readUInt32BE(0);
  if (4 + length > body.length) throw new FrameError("frame ends within a string");
  return { tag: body.toString("utf8", 4, 4 + length), rest: body.subarray(4 + length) };
}

/** A frame with any body. */
export function encodeFrame(type: FrameType, body: Uint8Array = EMPTY): Buffer {
  const frame = Buffer.allocUnsafe(HEADER_BYTES + body.length);
  frame.writeUInt32BE(1 + body.length, 0);
  frame[4] = type;
  frame.set(body, HEADER_BYTES);
  return frame;
}

export function encodeInit(message: InitMessage): Buffer {
  return encodeFrame(FrameType.init, Buffer.from(JSON.stringify(message)));
}

export function encodeInvoke(message: InvokeMessage, payload: Uint8Array): Buffer {
  return encodeTagged(FrameType.invoke, invokeJson(message), payload);
}

/** JSON.stringify costs more than the rest of the frame; ids and ARNs need no escaping. */
function invokeJson(message: InvokeMessage): string {
  let json = `{"requestId":"${message.requestId}","deadlineMs":${String(message.deadlineMs)},"invokedFunctionArn":"${message.invokedFunctionArn}"`;
  if (message.traceId !== undefined) json += `,"traceId":${JSON.stringify(message.traceId)}`;
  if (message.clientContext !== undefined)
    json += `,"clientContext":${JSON.stringify(message.clientContext)}`;
  if (message.cognitoIdentity !== undefined)
    json += `,"cognitoIdentity":${JSON.stringify(message.cognitoIdentity)}`;
  if (message.tenantId !== undefined) json += `,"tenantId":${JSON.stringify(message.tenantId)}`;
  return `${json}}`;
}

export interface LogFrame {
  readonly timestamp: number;
  readonly level: number;
  readonly text: string;
}

export function decodeLog(body: Buffer): LogFrame {
  if (body.length < 9) throw new FrameError("LOG frame of less than 9 bytes");
  return { timestamp: body.readDoubleBE(0), level: body[8] as number, text: body.toString("utf8", 9) };
}

export function encodeLog(frame: LogFrame): Buffer {
  assert(frame.level >= 0 && frame.level <= 6, "level out of range");
  const text = Buffer.from(frame.text);
  const body = Buffer.allocUnsafe(9 + text.length);
  body.writeDoubleBE(frame.timestamp, 0);
  body[8] = frame.level;
  body.set(text, 9);
  return encodeFrame(FrameType.log, body);
}
