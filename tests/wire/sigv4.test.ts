import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";

import { SignatureV4 } from "@smithy/signature-v4";

import { ServiceError } from "../../src/kernel/errors.ts";
import type { Caller } from "../../src/aws/service.ts";
import { amzDate, EMPTY_HASH, hmac, hmacHex, hmacKey, sha256Hex } from "../../src/aws/sigv4/canonical.ts";
import type { KnownKey } from "../../src/aws/sigv4/keys.ts";
import { signRequest } from "../../src/aws/sigv4/sign.ts";
import { readSignature, type Signature, type SignatureReading } from "../../src/aws/sigv4/signature.ts";
import { verifySignature, type VerifiedParts } from "../../src/aws/sigv4/verify.ts";
import { seeded } from "./samples.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const caller: Caller = {
  accessKeyId: "AKIDEXAMPLE",
  kind: "user",
  arn: "arn:aws:iam::000000000000:user/u",
  userId: "AIDA",
  verified: true,
};
const KEY: KnownKey = { secretAccessKey: SECRET, caller, accountId: "000000000000" };
/** The moment of AWS's own test suite: 2015-08-30T12:36:00Z. */
const SUITE_MS = Date.UTC(2015, 7, 30, 12, 36, 0);

function refusalOf(parts: VerifiedParts, key: KnownKey, nowMs: number): string {
  const reading = readSignature(parts.headers, parts.query);
  assert.equal(reading.kind, "signed");
  if (reading.kind !== "signed") return "unsigned";
  try {
    verifySignature(reading.signature, key, parts, nowMs);
    return "accepted";
  } catch (error) {
    assert.ok(error instanceof ServiceError);
    return `${error.status} ${error.code}: ${error.message}`;
  }
}

function suiteRequest(query: string, signature: string): VerifiedParts {
  return {
    method: "GET",
    path: "/",
    query,
    body: new Uint8Array(),
    protocol: "awsQuery",
    headers: {
      host: "example.amazonaws.com",
      "x-amz-date": "20150830T123600Z",
      authorization:
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, " +
        `SignedHeaders=host;x-amz-date, Signature=${signature}`,
    },
  };
}

test("AWS's published vectors are accepted, and refused when one digit differs", () => {
  const vectors: readonly [query: string, signature: string][] = [
    ["", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"],
    ["Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"],
  ];
  for (const [query, signature] of vectors) {
    assert.equal(refusalOf(suiteRequest(query, signature), KEY, SUITE_MS), "accepted", query);
    const wrong = signature.replace(/^./u, (digit) => (digit === "0" ? "1" : "0"));
    assert.match(refusalOf(suiteRequest(query, wrong), KEY, SUITE_MS), /^403 SignatureDoesNotMatch: /u);
  }
});

test("the one-shot HMAC equals RFC 4231's vectors", () => {
  const cases: readonly [key: Buffer, text: string, mac: string][] = [
    [Buffer.alloc(20, 0x0b), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      Buffer.alloc(131, 0xaa),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ];
  for (const [key, text, mac] of cases) assert.equal(hmac(hmacKey(key), text).toString("hex"), mac);
  assert.equal(sha256Hex(""), EMPTY_HASH);
});

test("the one-shot HMAC takes texts of every length, one after the other with one key", () => {
  const key = hmacKey(Buffer.from(SECRET));
  for (const length of [0, 1, 64, 255, 256, 257, 768, 5000, 3]) {
    const text = "é".repeat(length);
    assert.equal(hmacHex(key, text), createHmac("sha256", SECRET).update(text).digest("hex"), String(length));
  }
});

test("a header that was read before is read the same again, whatever surrounds its signature", () => {
  const signature = "0123456789abcdef".repeat(4);
  const other = "f".repeat(64);
  const credential = "Credential=AKIDEXAMPLE/20150830/us-east-1/lambda/aws4_request";
  const usual = (value: string): string =>
    `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=${value}`;
  const dated = { host: "h", "x-amz-date": "20150830T123600Z" };
  const read = (authorization: string, headers: Record<string, string> = dated): SignatureReading =>
    readSignature({ ...headers, authorization }, "");
  const first = read(usual(signature));
  assert.deepEqual(read(usual(signature)), first);
  assert.deepEqual(read(usual(other)), { kind: "signed", signature: { ...signed(first), signature: other } });
  assert.deepEqual(
    signed(read(usual(signature), { ...dated, "x-amz-security-token": "t" })).sessionToken,
    "t",
  );
  assert.equal(read(usual(signature), { host: "h" }).kind, "malformed");
  assert.equal(signed(read(usual(`${signature}, Extra=1`))).signature, signature);
  // The first of two counts, at every reading.
  for (let times = 0; times < 2; times += 1) {
    assert.equal(signed(read(`${usual(other)}, Signature=${signature}`)).signature, other);
    const turned = `AWS4-HMAC-SHA256 Signature=${signature}, ${credential}, SignedHeaders=host`;
    assert.equal(signed(read(turned)).signature, signature);
  }
});

function signed(reading: SignatureReading): Signature {
  assert.ok(reading.kind === "signed");
  return reading.signature;
}

class Sha256 {
  readonly #hash = createHash("sha256");
  readonly #secret: Uint8Array | undefined;
  #mac: Buffer = Buffer.alloc(0);
  constructor(secret?: string | Uint8Array) {
    this.#secret = secret === undefined ? undefined : Buffer.from(secret as string);
  }
  update(data: string | Uint8Array): void {
    if (this.#secret === undefined) this.#hash.update(data);
    else this.#mac = Buffer.concat([this.#mac, Buffer.from(data as string)]);
  }
  async digest(): Promise<Uint8Array> {
    if (this.#secret === undefined) return this.#hash.digest();
    return createHmac("sha256", this.#secret).update(this.#mac).digest();
  }
  reset(): void {}
}

const WORDS = ["plain", "with space", "a/b", "é", "arn:aws:x:1", "100%", "a+b", "~.-_", "k=v&w", "'()*!"];

test("the SDK's signer and ours agree, in headers and in presigned queries", async () => {
  const random = seeded(7);
  const pick = (): string => WORDS[Math.floor(random() * WORDS.length)] ?? "";
  const nowMs = Date.UTC(2026, 0, 31, 23, 59, 59);
  for (let round = 0; round < 120; round += 1) {
    const service = round % 2 === 0 ? "lambda" : "s3";
    const signer = new SignatureV4({
      credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET },
      region: "eu-west-1",
      service,
      sha256: Sha256 as never,
      uriEscapePath: service !== "s3",
      applyChecksum: round % 3 === 0,
    });
    const query: Record<string, string | string[]> = { [pick()]: pick(), marker: [pick(), pick()] };
    const body = round % 4 === 0 ? "" : `{"payload":"${pick()}"}`;
    const request = {
      method: round % 5 === 0 ? "GET" : "POST",
      protocol: "http:",
      hostname: "127.0.0.1",
      port: 4566,
      path: `/2015-03-31/${encodeURIComponent(pick())}/${encodeURIComponent(pick())}`,
      query,
      headers: { host: "127.0.0.1:4566", "x-extra": `  two   ${round} ` },
      body,
    };
    const isPresigned = round % 6 === 1;
    const signed = (isPresigned
      ? await signer.presign(request as never, { signingDate: new Date(nowMs), expiresIn: 60 })
      : await signer.sign(request as never, { signingDate: new Date(nowMs) })) as unknown as typeof request;
    const pairs = Object.entries(signed.query).flatMap(([key, value]) =>
      [value].flat().map((item) => `${encodeURIComponent(key)}=${encodeURIComponent(item)}`),
    );
    const parts: VerifiedParts = {
      method: signed.method,
      path: signed.path,
      query: pairs.join("&"),
      headers: Object.fromEntries(Object.entries(signed.headers).map(([k, v]) => [k.toLowerCase(), v])),
      // A presigned S3 request does not cover its body; any other covers the one it was signed with.
      body: Buffer.from(body),
      protocol: "restJson1",
    };
    const what = `${round}: ${service} ${parts.path}?${parts.query}`;
    const isCovered = !isPresigned || service !== "s3";
    // The SDK presigns for S3 with the hash of the body unless told otherwise; both are read below.
    if (isCovered) assert.equal(refusalOf(parts, KEY, nowMs), "accepted", what);
    assert.notEqual(refusalOf({ ...parts, path: `${parts.path}x` }, KEY, nowMs), "accepted", what);
    assert.notEqual(refusalOf({ ...parts, method: "PUT" }, KEY, nowMs), "accepted", what);
    if (isCovered) {
      assert.notEqual(refusalOf({ ...parts, body: Buffer.from("other") }, KEY, nowMs), "accepted", what);
    }
    assert.notEqual(refusalOf(parts, { ...KEY, secretAccessKey: "other" }, nowMs), "accepted", what);
  }
});

function ours(nowMs: number, extra: { sessionToken?: string } = {}): VerifiedParts {
  const body = '{"a":1}';
  const base = { method: "POST", path: "/2015-03-31/functions/a%3Ab/invocations", query: "Qualifier=1" };
  const headers = signRequest({
    ...base,
    headers: { host: "127.0.0.1:4566" },
    body,
    region: "us-east-1",
    service: "lambda",
    credentials: { accessKeyId: "AKIDEXAMPLE", secretAccessKey: SECRET, ...extra },
    nowMs,
  });
  return { ...base, headers, body: Buffer.from(body), protocol: "restJson1" };
}

test("what our own client signs is accepted, and each refusal is told in AWS's words", () => {
  const now = Date.UTC(2026, 5, 1, 12, 0, 0);
  const minute = 60_000;
  assert.equal(refusalOf(ours(now), KEY, now), "accepted");
  assert.equal(refusalOf(ours(now - 14 * minute), KEY, now), "accepted");
  assert.equal(refusalOf(ours(now + 14 * minute), KEY, now), "accepted");
  assert.equal(
    refusalOf(ours(now - 16 * minute), KEY, now),
    "403 InvalidSignatureException: Signature expired: 20260601T114400Z is now earlier than " +
      "20260601T114500Z (20260601T120000Z - 15 min.)",
  );
  assert.equal(
    refusalOf(ours(now + 16 * minute), KEY, now),
    "403 InvalidSignatureException: Signature not yet current: 20260601T121600Z is still later than " +
      "20260601T121500Z (20260601T120000Z + 15 min.)",
  );
  assert.match(
    refusalOf({ ...ours(now), protocol: "awsJson1_0" }, { ...KEY, secretAccessKey: "x" }, now),
    /^400 InvalidSig/u,
  );
  assert.match(
    refusalOf({ ...ours(now), body: Buffer.from("{}") }, KEY, now),
    /^403 InvalidSignatureException/u,
  );
  const session = { ...KEY, sessionToken: "token" };
  assert.equal(refusalOf(ours(now, { sessionToken: "token" }), session, now), "accepted");
  assert.match(refusalOf(ours(now), session, now), /^403 UnrecognizedClientException: The security token/u);
  assert.match(
    refusalOf(ours(now, { sessionToken: "token" }), { ...session, expired: true }, now),
    /^403 ExpiredTokenException: The security token included in the request is expired$/u,
  );
});

test("a body without x-amz-content-sha256 is hashed, as boto3 leaves it out", () => {
  const now = Date.UTC(2026, 5, 1, 12, 0, 0);
  const signed = ours(now);
  const { "x-amz-content-sha256": stated, ...headers } = signed.headers;
  assert.ok(stated !== undefined);
  // Our signer covers that header, so the request without it is another one and must fail …
  assert.notEqual(refusalOf({ ...signed, headers }, KEY, now), "accepted");
  // … while one that never had it is accepted on the strength of its body alone.
  assert.equal(
    refusalOf(
      suiteRequest("", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
      KEY,
      SUITE_MS,
    ),
    "accepted",
  );
});

test("malformed signatures are told apart from missing ones", () => {
  const date = amzDate(SUITE_MS);
  assert.equal(readSignature({}, "").kind, "unsigned");
  assert.equal(readSignature({ authorization: "Bearer x" }, "").kind, "unsigned");
  const cut = readSignature({ authorization: "AWS4-HMAC-SHA256 Credential=a/b", "x-amz-date": date }, "");
  assert.ok(cut.kind === "malformed");
  assert.match(cut.message, /requires 'Signature' parameter/u);
  const short = readSignature(
    { authorization: "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=x", "x-amz-date": date },
    "",
  );
  assert.ok(short.kind === "malformed");
  assert.match(short.message, /exactly 5 slash-delimited elements/u);
});
