/** SSE-C: objects encrypted with keys that their owners bring and nobody keeps. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectAttributesCommand,
  GetBucketEncryptionCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutBucketEncryptionCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { refusal, type Served, serveS3 } from "./s3-fixture.ts";

const MB = 1024 * 1024;
const BUCKET = "sealed";

interface Key {
  readonly SSECustomerAlgorithm: string;
  readonly SSECustomerKey: string;
  readonly SSECustomerKeyMD5: string;
}

function keyOf(bytes: Buffer): Key {
  return {
    SSECustomerAlgorithm: "AES256",
    SSECustomerKey: bytes.toString("base64"),
    SSECustomerKeyMD5: createHash("md5").update(bytes).digest("base64"),
  };
}

function asSource(key: Key): Record<string, string> {
  return Object.fromEntries(Object.entries(key).map(([name, value]) => [`CopySource${name}`, String(value)]));
}

const KEY = keyOf(Buffer.from("the first key has 32 bytes in it"));
const OTHER = keyOf(Buffer.from("another key of another 32 bytes!"));

const SENTENCES = {
  wrong:
    "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
  none: "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.",
  useless: "The encryption parameters are not applicable to this object.",
  algorithm: "The Encryption request you specified is not valid. Supported value: AES256.",
  size: "The secret key was invalid for the specified algorithm.",
  md5: "The calculated MD5 hash of the key did not match the hash that was provided.",
  part: "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.",
  mismatch: "The provided encryption parameters did not match the ones used originally.",
} as const;

async function start(t: TestContext): Promise<{ readonly served: Served; readonly s3: S3Client }> {
  const served = await serveS3(t);
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
  return { served, s3 };
}

async function read(s3: S3Client, Key: string, more: object): Promise<Buffer> {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key, ...more }));
  return Buffer.from((await Body?.transformToByteArray()) ?? []);
}

/** With the headers as they are given: the SDK would compute the MD5 itself. */
async function exactly(
  s3: S3Client,
  command: GetObjectCommand,
  sent: Readonly<Partial<Key>> & { readonly ServerSideEncryption?: string },
): Promise<unknown> {
  const headers = [
    ["algorithm", sent.SSECustomerAlgorithm],
    ["key", sent.SSECustomerKey],
    ["key-md5", sent.SSECustomerKeyMD5],
  ] as const;
  command.middlewareStack.add(
    (next) => (args) => {
      const request = args.request as { readonly headers: Record<string, string> };
      for (const [name, value] of headers) {
        if (value !== undefined) {
          request.headers[`x-amz-server-side-encryption-customer-${name}`] = value;
        }
      }
      if (sent.ServerSideEncryption !== undefined) {
        request.headers["x-amz-server-side-encryption"] = sent.ServerSideEncryption;
      }
      return next(args);
    },
    { step: "build", name: "exactly" },
  );
  return s3.send(command);
}

/** Everything the server has written to its disk, end to end. */
async function disk(folder: string): Promise<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Buffer.concat(await Promise.all(files.map((file) => readFile(join(file.parentPath, file.name)))));
}

test("bodies are encrypted at rest, and come back whole and in ranges", async (t) => {
  const { served, s3 } = await start(t);
  const mark = Buffer.from("this text must not stand on the disk");
  for (const size of [0, 20, 16_384, 100_003, 2 * MB + 5]) {
    const body = Buffer.concat([randomBytes(size), size === 0 ? Buffer.alloc(0) : mark]);
    const Name = `size-${String(size)}`;
    const put = await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: Name, Body: body, ...KEY }));
    assert.equal(put.SSECustomerAlgorithm, "AES256");
    assert.equal(put.SSECustomerKeyMD5, KEY.SSECustomerKeyMD5);
    assert.equal(put.ServerSideEncryption, undefined);
    assert.match(put.ETag ?? "", /^"[0-9a-f]{32}"$/u);
    assert.notEqual(put.ETag, `"${createHash("md5").update(body).digest("hex")}"`);
    assert.deepEqual(await read(s3, Name, KEY), body);
    for (const [from, to] of [
      [0, 0],
      [1, 17],
      [15, 16],
      [body.length - 21, body.length - 1],
    ] as const) {
      if (from < 0 || to >= body.length) continue;
      const Range = `bytes=${String(from)}-${String(to)}`;
      assert.deepEqual(await read(s3, Name, { ...KEY, Range }), body.subarray(from, to + 1), Range);
    }
    const head = await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: Name, ...KEY }));
    assert.equal(head.ContentLength, body.length);
    assert.equal(head.ETag, put.ETag);
    assert.equal(head.SSECustomerKeyMD5, KEY.SSECustomerKeyMD5);
  }
  await served.close();
  const bytes = await disk(served.folder);
  assert.equal(bytes.includes(mark), false);
  assert.equal(bytes.includes(Buffer.from(KEY.SSECustomerKey, "base64")), false);
  assert.equal(bytes.includes(KEY.SSECustomerKey), false);
});

test("two objects of one content and key have nothing in common at rest", async (t) => {
  const { s3 } = await start(t);
  const put = (Key: string): Promise<{ ETag?: string | undefined }> =>
    s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: "the same", ...KEY }));
  assert.notEqual((await put("a")).ETag, (await put("b")).ETag);
});

test("requests that cannot be are refused in AWS's words", async (t) => {
  const { s3 } = await start(t);
  const short = Buffer.from("short").toString("base64");
  const shortMd5 = createHash("md5").update("short").digest("base64");
  const requests = "Requests specifying Server Side Encryption with Customer provided keys must provide";
  const table: readonly (readonly [sent: object, code: string, message: string])[] = [
    [{ ...KEY, SSECustomerAlgorithm: "KMS" }, "InvalidEncryptionAlgorithmError", SENTENCES.algorithm],
    [{ ...KEY, SSECustomerKey: short, SSECustomerKeyMD5: shortMd5 }, "InvalidArgument", SENTENCES.size],
    [{ ...KEY, SSECustomerKeyMD5: OTHER.SSECustomerKeyMD5 }, "InvalidArgument", SENTENCES.md5],
    [
      { SSECustomerAlgorithm: "AES256", SSECustomerKey: KEY.SSECustomerKey },
      "InvalidArgument",
      `${requests} the client calculated MD5 of the secret key.`,
    ],
    [
      { SSECustomerKey: KEY.SSECustomerKey, SSECustomerKeyMD5: KEY.SSECustomerKeyMD5 },
      "InvalidArgument",
      `${requests} a valid encryption algorithm.`,
    ],
    [{ SSECustomerAlgorithm: "AES256" }, "InvalidArgument", `${requests} an appropriate secret key.`],
    [
      { ...KEY, ServerSideEncryption: "AES256" },
      "InvalidArgument",
      "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
    ],
  ];
  for (const [sent, code, message] of table) {
    for (const command of [
      new PutObjectCommand({ Bucket: BUCKET, Key: "k", Body: "x" }),
      new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: "k" }),
    ]) {
      const told = await refusal(exactly(s3, command as GetObjectCommand, sent));
      assert.deepEqual([told.code, told.message], [code, message]);
    }
  }
});

test("an object is read with its key alone", async (t) => {
  const { s3 } = await start(t);
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "k", Body: "secret", ...KEY }));
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "plain", Body: "open" }));
  const short = { ...KEY, SSECustomerKey: Buffer.from("short").toString("base64") };
  const table: readonly (readonly [
    key: string,
    sent: object,
    status: number,
    code: string,
    message: string,
  ])[] = [
    ["k", {}, 400, "InvalidRequest", SENTENCES.none],
    ["k", OTHER, 403, "AccessDenied", SENTENCES.wrong],
    ["k", { ...KEY, SSECustomerKeyMD5: OTHER.SSECustomerKeyMD5 }, 403, "AccessDenied", SENTENCES.wrong],
    ["k", { ...OTHER, SSECustomerKeyMD5: KEY.SSECustomerKeyMD5 }, 400, "InvalidArgument", SENTENCES.md5],
    [
      "k",
      { ...KEY, SSECustomerAlgorithm: "KMS" },
      400,
      "InvalidEncryptionAlgorithmError",
      SENTENCES.algorithm,
    ],
    ["k", short, 400, "InvalidArgument", SENTENCES.size],
    ["plain", KEY, 400, "InvalidRequest", SENTENCES.useless],
  ];
  for (const [Key, sent, status, code, message] of table) {
    const get = await refusal(exactly(s3, new GetObjectCommand({ Bucket: BUCKET, Key }), sent));
    assert.deepEqual([get.status, get.code, get.message], [status, code, message]);
    const attributes = await refusal(
      exactly(
        s3,
        new GetObjectAttributesCommand({ Bucket: BUCKET, Key, ObjectAttributes: ["ETag"] }) as never,
        sent,
      ),
    );
    assert.deepEqual([attributes.status, attributes.code, attributes.message], [status, code, message]);
    const head = await refusal(exactly(s3, new HeadObjectCommand({ Bucket: BUCKET, Key }) as never, sent));
    assert.equal(head.status, status);
  }
});

test("each version has its own key", async (t) => {
  const { s3 } = await start(t);
  await s3.send(
    new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration: { Status: "Enabled" } }),
  );
  const put = (Body: string, key: Key): Promise<{ VersionId?: string | undefined }> =>
    s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "k", Body, ...key }));
  const { VersionId = "" } = await put("version1", KEY);
  await put("version2", OTHER);
  assert.equal((await read(s3, "k", OTHER)).toString(), "version2");
  assert.equal((await read(s3, "k", { ...KEY, VersionId })).toString(), "version1");
  assert.equal((await refusal(read(s3, "k", KEY))).code, "AccessDenied");
});

test("parts are encrypted with the upload's key, and read across their borders", async (t) => {
  const { s3 } = await start(t);
  const at = { Bucket: BUCKET, Key: "large" };
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ ...at, ...KEY }));
  const first = randomBytes(5 * MB + 3);
  const second = randomBytes(1000);
  const send = (PartNumber: number, Body: Buffer, more: object): Promise<{ ETag?: string | undefined }> =>
    s3.send(new UploadPartCommand({ ...at, UploadId, PartNumber, Body, ...more }));
  assert.equal((await refusal(send(1, second, {}))).message, SENTENCES.part);
  assert.equal((await refusal(send(1, second, OTHER))).message, SENTENCES.mismatch);
  const one = await send(1, first, KEY);
  // The second is a copy of an object that has another key.
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "piece", Body: second, ...OTHER }));
  const copy = { ...at, UploadId, PartNumber: 2, CopySource: `${BUCKET}/piece` };
  assert.equal(
    (await refusal(s3.send(new UploadPartCopyCommand({ ...copy, ...KEY })))).message,
    SENTENCES.none,
  );
  const two = await s3.send(new UploadPartCopyCommand({ ...copy, ...KEY, ...asSource(OTHER) }));
  assert.equal(two.SSECustomerKeyMD5, KEY.SSECustomerKeyMD5);
  const Parts = [
    { PartNumber: 1, ETag: one.ETag },
    { PartNumber: 2, ETag: two.CopyPartResult?.ETag },
  ];
  const complete = { ...at, UploadId, MultipartUpload: { Parts } };
  const wrong = await refusal(s3.send(new CompleteMultipartUploadCommand({ ...complete, ...OTHER })));
  assert.equal(wrong.message, SENTENCES.mismatch);
  const done = await s3.send(new CompleteMultipartUploadCommand({ ...complete, ...KEY }));
  assert.match(done.ETag ?? "", /^"[0-9a-f]{32}-2"$/u);
  const whole = Buffer.concat([first, second]);
  assert.deepEqual(await read(s3, "large", KEY), whole);
  const Range = `bytes=${String(5 * MB - 7)}-${String(5 * MB + 30)}`;
  assert.deepEqual(await read(s3, "large", { ...KEY, Range }), whole.subarray(5 * MB - 7, 5 * MB + 31));
  assert.deepEqual(await read(s3, "large", { ...KEY, PartNumber: 2 }), second);

  const plain = await s3.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key: "plain" }));
  const part = { Bucket: BUCKET, Key: "plain", UploadId: plain.UploadId, PartNumber: 1, Body: "x" };
  assert.equal((await refusal(s3.send(new UploadPartCommand({ ...part, ...KEY })))).message, SENTENCES.part);
});

test("a copy is read with one key and written with another, or with none", async (t) => {
  const { s3 } = await start(t);
  const body = randomBytes(40_000);
  await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "source", Body: body, ...KEY }));
  const copy = (Key: string, more: object): Promise<{ SSECustomerKeyMD5?: string | undefined }> =>
    s3.send(new CopyObjectCommand({ Bucket: BUCKET, Key, CopySource: `${BUCKET}/source`, ...more }));
  assert.equal((await refusal(copy("a", {}))).message, SENTENCES.none);
  assert.equal((await refusal(copy("a", asSource(OTHER)))).message, SENTENCES.wrong);
  const turned = await copy("turned", { ...asSource(KEY), ...OTHER });
  assert.equal(turned.SSECustomerKeyMD5, OTHER.SSECustomerKeyMD5);
  assert.deepEqual(await read(s3, "turned", OTHER), body);
  await copy("open", asSource(KEY));
  assert.deepEqual(await read(s3, "open", {}), body);
  const head = await s3.send(new HeadObjectCommand({ Bucket: BUCKET, Key: "open" }));
  assert.equal(head.ETag, `"${createHash("md5").update(body).digest("hex")}"`);
  // In place, with a new key: that changes something.
  await copy("source", { ...asSource(KEY), ...OTHER });
  assert.deepEqual(await read(s3, "source", OTHER), body);
  const useless = { Bucket: BUCKET, Key: "b", CopySource: `${BUCKET}/open`, ...asSource(KEY) };
  assert.equal((await refusal(s3.send(new CopyObjectCommand(useless)))).message, SENTENCES.useless);
});

test("a bucket can be told to take no customers' keys", async (t) => {
  const { s3 } = await start(t);
  const configure = (EncryptionType: readonly ("NONE" | "SSE-C")[]): Promise<unknown> =>
    s3.send(
      new PutBucketEncryptionCommand({
        Bucket: BUCKET,
        ServerSideEncryptionConfiguration: {
          Rules: [
            {
              ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" },
              BlockedEncryptionTypes: { EncryptionType: [...EncryptionType] },
            },
          ],
        },
      }),
    );
  const put = (): Promise<unknown> =>
    s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: "k", Body: "x", ...KEY }));
  await configure(["SSE-C"]);
  assert.equal((await refusal(put())).code, "AccessDenied");
  const { ServerSideEncryptionConfiguration: shown } = await s3.send(
    new GetBucketEncryptionCommand({ Bucket: BUCKET }),
  );
  assert.deepEqual(shown?.Rules?.[0]?.BlockedEncryptionTypes, { EncryptionType: ["SSE-C"] });
  await configure(["NONE"]);
  await put();
});
