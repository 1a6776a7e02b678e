/**
 * The short way in (src/aws/gateway/short-way.ts) against node:http: whatever comes on a connection, the
 * same answers go back, and each request reaches its handler as often.
 */
import assert from "node:assert/strict";
import type { Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { createHttpServer } from "../../src/aws/gateway/http-server.ts";
import { ServiceError } from "../../src/kernel/errors.ts";
import type { ShortPath } from "../../src/aws/service.ts";
import { startStub, stubService, type StubServer } from "./stub.ts";

let seen: string[] = [];
const full = new ServiceError("ServiceException", 500, "No room.", { hint: "Come later." });
/** Set by tests of an overloaded server. */
let isFull = false;
/** Set by tests that want answers to wait. */
let gate: Promise<void> | undefined;

const shortPath: ShortPath = {
  operation: "Invoke",
  match: (method, path) =>
    method === "POST" && path.startsWith("/short/") ? { Name: path.slice(7) } : undefined,
  isFull: () => isFull,
  refusal: () => full,
  async handle(labels, request) {
    seen.push(`${String(labels["Name"])} ${Buffer.from(request.body).toString()}`);
    await gate;
    if (labels["Name"] === "refused") throw full;
    return {
      status: 200,
      headers: { "Content-Type": "application/json", "x-query": request.query },
      body: Buffer.from(request.body),
    };
  },
};

let short: StubServer;
let plain: Server;
before(async () => {
  short = await startStub([stubService("lambda", {}, [shortPath])]);
  // The same gateway without its short way.
  const gateway = short.gateway;
  plain = createHttpServer({ handle: (...args) => gateway.handle(...args) });
  await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
});
after(async () => {
  await short[Symbol.asyncDispose]();
  plain.closeAllConnections();
  await new Promise((resolve) => plain.close(resolve));
});

/** What a connection brought back: each answer without what differs by time and chance, and whether it is still open. */
interface Outcome {
  readonly answers: readonly string[];
  readonly closed: boolean;
  readonly seen: readonly string[];
}

async function talk(
  port: number,
  pieces: readonly string[],
  count: number,
  halfClose = false,
): Promise<Outcome> {
  seen = [];
  const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
  let text = "";
  let closed = false;
  const answers: string[] = [];
  const enough = Promise.withResolvers<void>();
  const over = (): void => {
    closed = true;
    enough.resolve();
  };
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    for (let answer = cut(text); answer !== undefined; answer = cut(text)) {
      text = text.slice(answer.length);
      answers.push(normal(answer));
    }
    if (answers.length >= count) enough.resolve();
  });
  socket.on("end", over).on("close", over).on("error", over);
  for (const piece of pieces) {
    await new Promise<void>((resolve) =>
      socket.write(Buffer.from(piece, "latin1"), () => setImmediate(resolve)),
    );
  }
  if (halfClose) socket.end();
  await enough.promise;
  socket.destroy();
  return { answers, closed, seen };
}

function cut(text: string): string | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const length = Number(/^content-length: *(\d+)/im.exec(text.slice(0, end))?.[1] ?? 0);
  return text.length < end + 4 + length ? undefined : text.slice(0, end + 4 + length);
}

const normal = (answer: string): string =>
  answer.replace(/^(date|x-amzn-requestid): .*$/gim, "$1: …").replaceAll(/[0-9a-f-]{36}/g, "<id>");

const request = (body: string, fields = "", line = "POST /short/f?Qualifier=1 HTTP/1.1"): string =>
  `${line}\r\nHost: localhost\r\n${fields}Content-Length: ${String(body.length)}\r\n\r\n${body}`;

const FORM = "application/x-www-form-urlencoded; charset=utf-8";
const CASES: Readonly<Record<string, readonly [pieces: readonly string[], answers: number]>> = {
  "a whole request": [[request('{"a":1}')], 1],
  "one after the other": [[request("1"), request("2"), request("3")], 3],
  "an empty body": [[request("")], 1],
  "an operation that answers in one piece": [
    [request("{}", "X-Amz-Target: AmazonSQS.Nothing\r\n", "POST / HTTP/1.1"), request("1")],
    2,
  ],
  "a form": [[request("Action=No&Version=1", `Content-Type: ${FORM}\r\n`, "POST / HTTP/1.1")], 1],
  "a target of another kind": [[request("{}", "X-Amz-Target: Logs.X\r\n", "POST / HTTP/1.1")], 1],
  "two in one piece": [[request("1") + request("2")], 2],
  "five in one piece, one of them cut": [
    [request("1").repeat(4) + request("5").slice(0, 30), request("5").slice(30)],
    5,
  ],
  "a head in two pieces": [[request("1").slice(0, 20), request("1").slice(20)], 1],
  "a body in two pieces": [[request("12345").slice(0, -2), "45"], 1],
  "byte for byte": [[...request("1")], 1],
  "another path on the same connection": [
    [request("1"), request("2", "", "POST /other HTTP/1.1"), request("3")],
    3,
  ],
  chunks: [
    [
      request("1"),
      "POST /short/f HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
      request("2"),
    ],
    3,
  ],
  "chunks and a length": [[request("1", "Transfer-Encoding: chunked\r\n")], 1],
  "two lengths": [[request("1", "Content-Length: 2\r\n")], 1],
  "an expectation": [[request("1", "Expect: 100-continue\r\n")], 2],
  "the last one": [[request("1", "Connection: close\r\n")], 1],
  "HTTP/1.0": [[request("1", "", "POST /short/f HTTP/1.0")], 1],
  "no Host": [["POST /short/f HTTP/1.1\r\nContent-Length: 1\r\n\r\n1"], 1],
  "two Hosts": [[request("1", "Host: evil.example\r\n")], 1],
  "a foreign Host": [[request("1").replace("localhost", "evil.example")], 1],
  "a foreign Origin": [[request("1", "Origin: http://evil.example\r\n")], 1],
  "lines without CR": [["POST /short/f HTTP/1.1\nHost: localhost\nContent-Length: 1\n\n1"], 1],
  "a control character in a field": [[request("1", "x: \x01\r\n")], 1],
  "a folded field": [[request("1", "x: a\r\n b\r\n")], 1],
  "a space before the colon": [[request("1", "x : a\r\n")], 1],
  "a head that is too long": [[request("1", `x: ${"a".repeat(40_000)}\r\n`)], 1],
  "no HTTP at all": [["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], 1],
  "garbage behind a request": [[`${request("1")}garbage\r\n\r\n`], 2],
};

describe("the short way and node:http answer alike", () => {
  for (const [name, [pieces, count]] of Object.entries(CASES)) {
    test(name, { timeout: 20_000 }, async () => {
      const expected = await talk((plain.address() as AddressInfo).port, pieces, count);
      const got = await talk(short.port, pieces, count);
      assert.ok(expected.answers.length > 0 || expected.closed, "node:http says something");
      assert.deepEqual(got, expected);
    });
  }

  test("an overloaded server lets requests wait, looks at nothing, and refuses alike", async () => {
    const refused = await talk(short.port, [request("1", "", "POST /short/refused HTTP/1.1")], 1);
    assert.match(refused.answers[0] ?? "", /^HTTP\/1\.1 500 .*ServiceException.*No room\./s);
    const signed = "Authorization: AWS4-HMAC-SHA256 nonsense\r\n";
    const page = request("4", "Origin: http://evil.example\r\n");
    try {
      isFull = true;
      assert.match((await talk(short.port, [page], 1)).answers[0] ?? "", /^HTTP\/1\.1 403 /);
      // Who comes while the refusal is put into words goes on.
      await talk(short.port, [request("1")], 1);
      const turnedAway = await talk(short.port, [request("2", signed)], 1);
      assert.deepEqual(turnedAway, { ...refused, seen: [] });
      const waits = talk(short.port, [request("3")], 1);
      isFull = false;
      assert.deepEqual((await waits).seen, ["f 3"]);
    } finally {
      isFull = false;
    }
  });
  test("a client that has said its last still gets its answer", async () => {
    const expected = await talk((plain.address() as AddressInfo).port, [request("1")], 2, true);
    assert.deepEqual(await talk(short.port, [request("1")], 2, true), expected);
    assert.equal(expected.answers.length, 1);
    assert.equal(expected.closed, true);
  });

  test("what comes before the answer waits for it", async () => {
    const open = Promise.withResolvers<void>();
    gate = open.promise;
    seen = [];
    const socket = connect({ port: short.port, host: "127.0.0.1", noDelay: true });
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.write(request("1"));
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await new Promise<void>((resolve) => socket.write(request("2") + request("3"), () => resolve()));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, ["f 1"], "one at a time");
    gate = undefined;
    open.resolve();
    while (text.split("HTTP/1.1 200 OK").length < 4) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(seen, ["f 1", "f 2", "f 3"]);
    assert.deepEqual(text.match(/\r\n\r\n\d/g), ["\r\n\r\n1", "\r\n\r\n2", "\r\n\r\n3"]);
    socket.destroy();
  });

  test("a client that hangs up before its answer harms nobody", async () => {
    const open = Promise.withResolvers<void>();
    gate = open.promise;
    seen = [];
    const socket = connect(short.port, "127.0.0.1");
    socket.write(request("gone"));
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
    await new Promise((resolve) => socket.once("close", resolve));
    gate = undefined;
    open.resolve();
    assert.equal((await talk(short.port, [request("1")], 1)).answers.length, 1);
  });

  test("idle connections are closed with the server, those with a request under way are not", async () => {
    await using server = await startStub([stubService("lambda", {}, [shortPath])]);
    const open = Promise.withResolvers<void>();
    const idle = connect(server.port, "127.0.0.1");
    await new Promise((resolve) => idle.once("connect", resolve));
    idle.write(request("idle"));
    await new Promise((resolve) => idle.once("data", resolve));
    gate = open.promise;
    seen = [];
    const busy = talk(server.port, [request("busy")], 1);
    while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = new Promise((resolve) => idle.once("close", resolve));
    idle.resume();
    server.server.closeIdleConnections();
    await closed;
    gate = undefined;
    open.resolve();
    assert.equal((await busy).answers.length, 1);
  });
});
