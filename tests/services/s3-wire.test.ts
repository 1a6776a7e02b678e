/** S3 as plain HTTP: chunked uploads of every kind, CORS, and what travels in headers. */
import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { request } from "node:http";
import { test } from "node:test";
import {
  CreateBucketCommand,
  DeletePublicAccessBlockCommand,
  GetObjectCommand,
  PutBucketAclCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { checksumOf } from "../../src/services/s3/checksums.ts";
import { KEY, REGION, serveS3 } from "./s3-fixture.ts";

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

function send(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
  body: Uint8Array | string = "",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    call.on("error", reject);
    call.end(body);
  });
}

const sha256 = (data: string | Uint8Array): string => createHash("sha256").update(data).digest("hex");
const hmac = (key: Uint8Array | string, data: string): Buffer =>
  createHmac("sha256", key).update(data).digest();

interface Chunked {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Signs an upload as the SDKs that sign each chunk do: a chain that begins with the request's signature. */
function signChunks(
  endpoint: string,
  path: string,
  chunks: readonly Buffer[],
  trailer?: [string, string],
): Chunked {
  const host = endpoint.slice("http://".length);
  const amzDate = new Date().toISOString().replaceAll(/[-:]|\.\d{3}/gu, "");
  const date = amzDate.slice(0, 8);
  const scope = `${date}/${REGION}/s3/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${KEY.secretAccessKey}`, date), REGION), "s3"), "aws4_request");
  const sign = (text: string): string => hmac(key, text).toString("hex");
  const kind = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer === undefined ? "" : "-TRAILER"}`;
  const plain: Record<string, string> = {
    "content-encoding": "aws-chunked",
    host,
    "x-amz-content-sha256": kind,
    "x-amz-date": amzDate,
    "x-amz-decoded-content-length": String(Buffer.concat(chunks).length),
    ...(trailer === undefined ? {} : { "x-amz-trailer": trailer[0] }),
  };
  const names = Object.keys(plain).toSorted();
  const canonical = `PUT\n${path}\n\n${names.map((name) => `${name}:${plain[name] ?? ""}\n`).join("")}\n${names.join(";")}\n${kind}`;
  const seed = sign(`AWS4-HMAC-SHA256\n${amzDate}\n${scope}\n${sha256(canonical)}`);
  let previous = seed;
  const pieces: Buffer[] = [];
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    const text = `AWS4-HMAC-SHA256-PAYLOAD\n${amzDate}\n${scope}\n${previous}\n${sha256("")}\n${sha256(chunk)}`;
    previous = sign(text);
    pieces.push(Buffer.from(`${chunk.length.toString(16)};chunk-signature=${previous}\r\n`), chunk);
    if (chunk.length > 0 || trailer === undefined) pieces.push(Buffer.from("\r\n"));
  }
  if (trailer !== undefined) {
    const [name, value] = trailer;
    const text = `AWS4-HMAC-SHA256-TRAILER\n${amzDate}\n${scope}\n${previous}\n${sha256(`${name}:${value}\n`)}`;
    pieces.push(Buffer.from(`${name}:${value}\r\nx-amz-trailer-signature:${sign(text)}\r\n\r\n`));
  }
  const authorization = `AWS4-HMAC-SHA256 Credential=${KEY.accessKeyId}/${scope}, SignedHeaders=${names.join(";")}, Signature=${seed}`;
  return { url: endpoint + path, headers: { ...plain, authorization }, body: Buffer.concat(pieces) };
}

test("chunks are believed by their signatures, with and without trailers", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket: "chunks" }));
  const chunks = [Buffer.alloc(65_536, "a"), Buffer.alloc(1024, "b")];
  const whole = Buffer.concat(chunks);
  const crc = checksumOf("CRC32", whole);
  const upload = async (
    path: string,
    change: (body: Buffer) => Buffer,
    trailer?: [string, string],
  ): Promise<Answer> => {
    const { url, headers, body } = signChunks(served.endpoint, path, chunks, trailer);
    return send(url, "PUT", headers, change(body));
  };
  const same = (body: Buffer): Buffer => body;
  const spoiled = (body: Buffer): Buffer =>
    Buffer.from(body.toString("latin1").replace("aaaa", "aaab"), "latin1");
  assert.equal((await upload("/chunks/plain", same)).status, 200);
  assert.equal((await upload("/chunks/trailer", same, ["x-amz-checksum-crc32", crc])).status, 200);
  for (const Key of ["plain", "trailer"]) {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "chunks", Key }));
    assert.deepEqual(Buffer.from((await Body?.transformToByteArray()) ?? []), whole);
  }
  for (const trailer of [undefined, ["x-amz-checksum-crc32", crc] as [string, string]]) {
    const refused = await upload("/chunks/spoiled", spoiled, trailer);
    assert.equal(refused.status, 403);
    assert.match(refused.text, /<Code>SignatureDoesNotMatch<\/Code>/u);
  }
  const wrong = await upload("/chunks/wrong", same, ["x-amz-checksum-crc32", "AAAAAA=="]);
  assert.match(wrong.text, /<Code>BadDigest<\/Code>/u);
  const cut = await upload("/chunks/cut", (body) => body.subarray(0, body.length - 100));
  assert.match(cut.text, /<Code>IncompleteBody<\/Code>/u);
  for (const key of ["spoiled", "wrong", "cut"]) {
    assert.equal((await send(`${served.endpoint}/chunks/${key}`, "GET")).status, 404, key);
  }
});

test("unsigned chunks with every checksum behind them", async (t) => {
  const served = await serveS3(t);
  await served.client().send(new CreateBucketCommand({ Bucket: "trailers" }));
  const body = Buffer.from("some text");
  const chunked = (trailer: string): string => `9\r\n${body.toString()}\r\n0\r\n${trailer}\r\n\r\n`;
  for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const) {
    const name = `x-amz-checksum-${algorithm.toLowerCase()}`;
    const headers = {
      "content-encoding": "gzip,aws-chunked",
      "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
      "x-amz-decoded-content-length": String(body.length),
      "x-amz-trailer": name,
    };
    const url = `${served.endpoint}/trailers/${algorithm}`;
    const value = checksumOf(algorithm, body);
    const right = await send(url, "PUT", headers, chunked(`${name}:${value}`));
    assert.equal(right.status, 200, right.text);
    assert.equal(right.headers[name], value);
    const wrong = await send(
      url,
      "PUT",
      headers,
      chunked(`${name}:${checksumOf(algorithm, Buffer.from("x"))}`),
    );
    assert.match(wrong.text, /<Code>BadDigest<\/Code>/u);
    const none = await send(url, "PUT", headers, chunked("").replace(/\r\n\r\n$/u, "\r\n"));
    assert.match(none.text, /<Code>MalformedTrailerError<\/Code>/u);
    const got = await send(url, "GET");
    assert.equal(got.headers["content-encoding"], "gzip");
  }
});

test("a stated hash and a stated length are held", async (t) => {
  const served = await serveS3(t);
  await served.client().send(new CreateBucketCommand({ Bucket: "held" }));
  const url = `${served.endpoint}/held/k`;
  for (const size of [10, 100_000]) {
    const body = Buffer.alloc(size, "x");
    const wrong = await send(url, "PUT", { "x-amz-content-sha256": sha256("other") }, body);
    assert.match(wrong.text, /<Code>XAmzContentSHA256Mismatch<\/Code>/u);
    assert.match(wrong.text, new RegExp(`<S3ComputedContentSHA256>${sha256(body)}<`, "u"));
    assert.equal((await send(url, "GET")).status, 404);
  }
  const large = await send(
    url,
    "PUT",
    { "content-length": String(5 * 1024 ** 3 + 1), connection: "close" },
    "x",
  ).catch((error: unknown) => String(error));
  assert.ok(typeof large === "string" || /EntityTooLarge/u.test(large.text));
  const form = { "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await send(url, "PUT", form, "a=b")).status, 200);
  assert.equal((await send(url, "GET")).text, "a=b");
});

test("virtual-hosted buckets and keys that look like paths", async (t) => {
  const served = await serveS3(t);
  await served.client().send(new CreateBucketCommand({ Bucket: "by-host" }));
  const port = new URL(served.endpoint).port;
  for (const host of [
    `by-host.s3.localhost:${port}`,
    `by-host.s3.us-east-1.localhost.localstack.cloud:${port}`,
  ]) {
    for (const path of ["/k", "/a//b/", "/2015-03-31/functions/f", "/%2F"]) {
      assert.equal((await send(served.endpoint + path, "PUT", { host }, path)).status, 200, host + path);
      assert.equal((await send(served.endpoint + path, "GET", { host })).text, path);
      assert.equal((await send(`${served.endpoint}/by-host${path}`, "GET")).text, path);
    }
  }
});

test("a preflight says what it is about, to a bucket with rules", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket: "preflights" }));
  const origin = "https://shop.example";
  const table: readonly (readonly [Record<string, string>, number, string])[] = [
    [{}, 400, "<Code>BadRequest</Code><Message>Insufficient information. Origin request header needed.<"],
    [{ origin }, 400, "<Code>BadRequest</Code><Message>Invalid Access-Control-Request-Method: null<"],
    [
      { origin, "access-control-request-method": "PATCH" },
      400,
      "<Code>BadRequest</Code><Message>Invalid Access-Control-Request-Method: PATCH<",
    ],
    [
      { origin, "access-control-request-method": "PUT" },
      403,
      "<Code>AccessForbidden</Code><Message>CORSResponse: CORS is not enabled for this bucket.</Message><Method>PUT</Method><ResourceType>BUCKET<",
    ],
  ];
  for (const [headers, status, text] of table) {
    const answer = await send(`${served.endpoint}/preflights/k`, "OPTIONS", headers);
    assert.equal(answer.status, status, JSON.stringify(headers));
    assert.ok(answer.text.includes(text), answer.text);
  }
  // Pages of this machine need no rules.
  const own = { origin: "http://localhost:3000", "access-control-request-method": "PUT" };
  assert.equal((await send(`${served.endpoint}/preflights/k`, "OPTIONS", own)).status, 204);
});

test("what everybody may read a page may read without a signature, where the rules let it in", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  const Bucket = "open-pages";
  const origin = "https://shop.example";
  await s3.send(new CreateBucketCommand({ Bucket, ObjectOwnership: "ObjectWriter" }));
  await s3.send(new DeletePublicAccessBlockCommand({ Bucket }));
  const rule = { AllowedOrigins: [origin], AllowedMethods: ["GET", "PUT"] };
  await s3.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "an open one", Body: "x", ACL: "public-read" }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "closed", Body: "x" }));
  const ask = async (path: string, method = "GET"): Promise<number> =>
    (await send(`${served.endpoint}/${Bucket}${path}`, method, { origin })).status;
  assert.deepEqual(
    [
      await ask("/an%20open%20one"),
      await ask("/closed"),
      await ask("/an%20open%20one", "PUT"),
      await ask("/"),
    ],
    [200, 403, 403, 403],
  );
  await s3.send(new PutBucketAclCommand({ Bucket, ACL: "public-read" }));
  assert.deepEqual([await ask("/"), await ask("/closed")], [200, 403]);
});

test("pages of other origins are let in by the bucket's rules and by nothing else", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket: "pages" }));
  await s3.send(new PutObjectCommand({ Bucket: "pages", Key: "k", Body: "test-cors" }));
  const url = `${served.endpoint}/pages/k`;
  const origin = "https://shop.example";
  const preflight = (method: string, more: Record<string, string> = {}): Promise<Answer> =>
    send(url, "OPTIONS", { origin, "access-control-request-method": method, ...more });
  assert.equal((await send(url, "GET", { origin })).status, 403);
  assert.equal((await preflight("GET")).status, 403);
  const rule = {
    AllowedOrigins: [origin],
    AllowedMethods: ["GET"],
    AllowedHeaders: ["x-amz-*"],
    ExposeHeaders: ["etag"],
    MaxAgeSeconds: 3000,
  };
  await s3.send(new PutBucketCorsCommand({ Bucket: "pages", CORSConfiguration: { CORSRules: [rule] } }));
  const allowed = await preflight("GET", { "access-control-request-headers": "x-amz-Date,x-amz-user-agent" });
  assert.equal(allowed.status, 200);
  const shown = Object.fromEntries(
    Object.entries(allowed.headers).filter(([name]) => name.startsWith("access-control-") || name === "vary"),
  );
  assert.deepEqual(shown, {
    "access-control-allow-origin": origin,
    "access-control-allow-methods": "GET",
    "access-control-allow-headers": "x-amz-date, x-amz-user-agent",
    "access-control-expose-headers": "etag",
    "access-control-max-age": "3000",
    "access-control-allow-credentials": "true",
    vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  });
  const refused = await preflight("PUT");
  assert.equal(refused.status, 403);
  assert.match(refused.text, /<Code>AccessForbidden<\/Code>.*<Method>PUT<\/Method><ResourceType>OBJECT</su);
  assert.equal((await preflight("GET", { "access-control-request-headers": "x-other" })).status, 403);
  // Signed, as presigned links are; unsigned requests of foreign pages act as nobody and are refused.
  const signed = { authorization: "AWS test:unverified", origin };
  assert.equal((await send(url, "GET", { origin })).status, 403);
  const stranger = await send(url, "GET", { ...signed, origin: "https://other.example" });
  assert.equal(stranger.status, 403);
  const own = await send(url, "GET", { origin: "http://localhost:3000" });
  assert.deepEqual([own.status, own.headers["access-control-allow-origin"]], [200, undefined]);
  // A bucket's invitation leads to that bucket only.
  const elsewhere = await send(
    `${served.endpoint}/pages`,
    "POST",
    { ...signed, "content-type": "application/x-www-form-urlencoded" },
    "Action=ListUsers&Version=2010-05-08",
  );
  assert.equal(elsewhere.status, 403);
});
