import assert from "node:assert/strict";
import { test } from "node:test";
import { readWhole } from "./whole-request.ts";

const START = "POST /a/b?c=d HTTP/1.1\r\n";
const LINE = `${START}Host: x\r\n`;
const read = (text: string): ReturnType<typeof readWhole> => readWhole(Buffer.from(text, "latin1"));

test("one whole request is read as it is", () => {
  const head = `${LINE}X-Empty:\r\nx-amz-date:20260101T000000Z\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\n`;
  assert.deepEqual(read(`${head}{"\x80`), {
    method: "POST",
    url: "/a/b?c=d",
    headers: { host: "x", "x-empty": "", "x-amz-date": "20260101T000000Z", "content-length": "3" },
    bodyAt: head.length,
  });
  assert.equal(read(`${LINE}content-length: 0\r\n\r\n`)?.headers["host"], "x");
});

const REST = "content-length: 2\r\n\r\n{}";
const OTHERS: Readonly<Record<string, string>> = {
  nothing: "",
  "half a head": `${LINE}content-le`,
  "half a body": `${LINE}content-length: 3\r\n\r\n{}`,
  "something behind it": `${LINE}${REST}P`,
  "two requests": `${LINE}${REST}${LINE}${REST}`,
  "another method": `PUT /a HTTP/1.1\r\nHost: x\r\n${REST}`,
  "an absolute address": `POST http://x/a HTTP/1.1\r\nHost: x\r\n${REST}`,
  "a space in the address": `POST /a b HTTP/1.1\r\nHost: x\r\n${REST}`,
  "HTTP/1.0": `POST /a HTTP/1.0\r\nHost: x\r\n${REST}`,
  "an empty line in front": `\r\n${LINE}${REST}`,
  "lines without CR": `POST /a HTTP/1.1\nHost: x\ncontent-length: 2\n\n{}`,
  "a CR alone": `${LINE}a: b\rc\r\n${REST}`,
  "no Host": `${START}${REST}`,
  "no length": `${LINE}\r\n`,
  "a length with a sign": `${LINE}content-length: +2\r\n\r\n{}`,
  "a length in hexadecimal": `${LINE}content-length: 0x2\r\n\r\n{}`,
  "two lengths": `${LINE}content-length: 2\r\n${REST}`,
  "two lengths in one": `${LINE}content-length: 2, 2\r\n\r\n{}`,
  "a field twice": `${LINE}host: y\r\n${REST}`,
  chunks: `${LINE}transfer-encoding: chunked\r\n${REST}`,
  "an expectation": `${LINE}Expect: 100-continue\r\n${REST}`,
  "an upgrade": `${LINE}Upgrade: h2c\r\n${REST}`,
  "the last of its connection": `${LINE}Connection: close\r\n${REST}`,
  "a connection field of two words": `${LINE}Connection: keep-alive, x\r\n${REST}`,
  "a space before the colon": `${LINE}other : x\r\n${REST}`,
  "a field without a name": `${LINE}: x\r\n${REST}`,
  "a folded field": `${LINE}other: x\r\n y\r\n${REST}`,
  "a control character": `${LINE}other: x\x01\r\n${REST}`,
  "a zero": `${LINE}other: x\0y\r\n${REST}`,
  "more than ASCII": `${LINE}other: \xe9\r\n${REST}`,
  "space behind a value": `${LINE}other: x \r\n${REST}`,
  "the name of a prototype": `${LINE}__proto__: x\r\n${REST}`,
  "the name of a method of all objects": `${LINE}constructor: x\r\n${REST}`,
  "too many fields": `${LINE}${Array.from({ length: 70 }, (_, n) => `a${String(n)}: b\r\n`).join("")}${REST}`,
  "a head without end": `${LINE}a: ${"b".repeat(20_000)}\r\n${REST}`,
};
for (const [name, text] of Object.entries(OTHERS)) {
  test(`${name}: for node:http to judge`, () => assert.equal(read(text), undefined));
}
