/**
 * Requests that boto3 and the AWS CLI really sent (`fixtures/capture.py`), bytes and all: routed,
 * verified and decoded to what was given to the client. They share no code with our tables' other
 * test, whose requests come from the SDK for JavaScript.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { routeRequest } from "../../src/aws/gateway/route.ts";
import { decodeInput, prepare } from "../../src/aws/protocol/codec.ts";
import { validateInput } from "../../src/aws/protocol/validate.ts";
import { parseAmzDate } from "../../src/aws/sigv4/canonical.ts";
import { readSignature } from "../../src/aws/sigv4/signature.ts";
import { verifySignature } from "../../src/aws/sigv4/verify.ts";

interface Captured {
  readonly client: string;
  readonly service: string;
  readonly operation: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly request: {
    readonly method: string;
    readonly target: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
}

const file = new URL("fixtures/captured.json", import.meta.url);
const captured = JSON.parse(readFileSync(file, "utf8")) as readonly Captured[];

const caller = { accessKeyId: "test", kind: "user", arn: "", userId: "", verified: true } as const;

/** Bytes in the notation of the fixture. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

/** What the clients add by themselves. */
const ADDED = [
  "ChecksumAlgorithm",
  "ContentMD5",
  "ContentType",
  "ContentLength",
  "ChecksumCRC32",
  "EncodingType",
];

for (const { client, service, operation, input, request } of captured) {
  test(`${client} ${service} ${operation} as captured`, async () => {
    const [path = "", query = ""] = request.target.split("?");
    const body = Buffer.from(request.body, "base64");
    const { method, headers } = request;
    const reading = readSignature(headers, query);
    assert.ok(reading.kind === "signed");
    const { signature } = reading;
    const routing = await routeRequest({
      method,
      path,
      query,
      headers,
      body,
      bucket: undefined,
      scopeService: signature.service,
    });
    assert.ok(routing.kind === "operation", "routed nowhere");
    const { route, model } = routing;
    assert.equal(`${model.name} ${route.operation.name}`, `${service} ${operation}`);
    const nowMs = parseAmzDate(signature.amzDate) ?? 0;
    const key = { secretAccessKey: "test", caller, accountId: "000000000000" };
    const parts = { method, path, query, headers, body, protocol: route.protocol };
    verifySignature(signature, key, parts, nowMs);
    assert.throws(() => verifySignature(signature, { ...key, secretAccessKey: "tset" }, parts, nowMs));
    await prepare(route.protocol);
    const decoded = decodeInput(route, { method, path, query, headers, body });
    validateInput(route.operation, decoded);
    for (const name of ADDED) if (!(name in input)) delete decoded[name];
    assert.deepEqual(plain(decoded), input);
  });
}

test("the captured requests cover every protocol", () => {
  const types = captured.map(({ request }) => request.headers["content-type"] ?? "");
  for (const type of ["json-1.0", "json-1.1", "form-urlencoded"]) {
    assert.ok(
      types.some((one) => one.includes(type)),
      type,
    );
  }
  assert.ok(
    captured.some(
      ({ request }) =>
        request.headers["smithy-protocol"] !== undefined ||
        request.headers["x-amz-target"]?.startsWith("Granite"),
    ),
  );
  assert.ok(
    captured.some(({ service }) => service === "s3") && captured.some(({ service }) => service === "lambda"),
  );
});
