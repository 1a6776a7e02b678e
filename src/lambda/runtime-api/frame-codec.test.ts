import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decodeLog,
  decodeTagged,
  encodeFrame,
  encodeInvoke,
  encodeLog,
  encodeTagged,
  FrameError,
  FrameParser,
} from "./frame-codec.ts";
import { FrameType } from "./frames.ts";

function parse(chunks: readonly Buffer[], bytesMax?: number): (readonly [number, string])[] {
  const seen: (readonly [number, string])[] = [];
  const parser = new FrameParser((type, body) => seen.push([type, body.toString()]), bytesMax);
  for (const chunk of chunks) parser.push(chunk);
  return seen;
}

test("frames come out whole, however the bytes are cut", () => {
  const bytes = Buffer.concat([
    encodeFrame(FrameType.ready),
    encodeFrame(FrameType.booted, Buffer.from("hello")),
    encodeTagged(FrameType.response, "id-1", Buffer.from("payload")),
    encodeFrame(FrameType.ready),
  ]);
  const whole = parse([bytes]);
  assert.deepEqual(
    whole.map(([type]) => type),
    [FrameType.ready, FrameType.booted, FrameType.response, FrameType.ready],
  );
  for (let size = 1; size < bytes.length; size += 1) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    assert.deepEqual(parse(chunks), whole, `chunks of ${String(size)}`);
  }
});

test("a frame that is too long, empty or unknown is refused", () => {
  const header = (length: number, type: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes.writeUInt32BE(length, 0);
    bytes[4] = type;
    return bytes;
  };
  assert.throws(() => parse([header(101, FrameType.response)], 100), FrameError);
  assert.throws(() => parse([header(0, FrameType.response)]), FrameError);
  assert.throws(() => parse([header(1, 0x7f)]), FrameError);
});

test("an INVOKE frame is JSON and bytes", () => {
  const frame = encodeInvoke(
    { requestId: "r", deadlineMs: 5, invokedFunctionArn: "arn", clientContext: '{"a":"\n"}' },
    Buffer.from([0, 255]),
  );
  const { tag, rest } = decodeTagged(frame.subarray(5));
  assert.deepEqual(JSON.parse(tag), {
    requestId: "r",
    deadlineMs: 5,
    invokedFunctionArn: "arn",
    clientContext: '{"a":"\n"}',
  });
  assert.deepEqual([...rest], [0, 255]);
});

test("strings that end outside their frame are refused", () => {
  assert.throws(() => decodeTagged(Buffer.from([0, 0])), FrameError);
  assert.throws(() => decodeTagged(Buffer.from([0, 0, 0, 9, 1])), FrameError);
  assert.throws(() => decodeLog(Buffer.alloc(3)), FrameError);
});

test("a LOG frame keeps its time, level and text", () => {
  const frame = { timestamp: 1767323045123, level: 3, text: "ä\nb" };
  assert.deepEqual(decodeLog(encodeLog(frame).subarray(5)), frame);
});
