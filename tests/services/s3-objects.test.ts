/** Objects as the SDK puts and gets them. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { until } from "../e2e/server.ts";
import { refusal, serveS3 } from "./s3-fixture.ts";

const MB = 1024 * 1024;

async function bytesOf(body: { transformToByteArray(): Promise<Uint8Array> } | undefined): Promise<Buffer> {
  return Buffer.from((await body?.transformToByteArray()) ?? []);
}

test("objects of every size come back as they went in", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket: "sizes" }));
  for (const size of [0, 1, 16_384, 16_385, 70_000, 3 * MB + 1]) {
    const body = randomBytes(size);
    const Key = `size/${String(size)}`;
    const put = await s3.send(new PutObjectCommand({ Bucket: "sizes", Key, Body: body }));
    const md5 = createHash("md5").update(body).digest("hex");
    assert.equal(put.ETag, `"${md5}"`);
    assert.equal(put.ServerSideEncryption, "AES256");
    assert.equal(put.ChecksumType, "FULL_OBJECT");
    const got = await s3.send(new GetObjectCommand({ Bucket: "sizes", Key }));
    assert.equal(got.ContentLength, size);
    assert.equal(got.ContentType, "application/octet-stream");
    assert.deepEqual(await bytesOf(got.Body), body);
    const head = await s3.send(new HeadObjectCommand({ Bucket: "sizes", Key }));
    assert.equal(head.ETag, `"${md5}"`);
    assert.equal(head.ContentLength, size);
  }
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: "sizes", Prefix: "size/" }));
  assert.deepEqual(
    Contents?.map((item) => item.Size).toSorted((a, b) => Number(a) - Number(b)),
    [0, 1, 16_384, 16_385, 70_000, 3 * MB + 1],
  );
});

test("a stream of unknown content is chunked by the SDK, with its checksum behind it", async (t) => {
  const s3 = (await serveS3(t)).client();
  await s3.send(new CreateBucketCommand({ Bucket: "streams" }));
  const body = randomBytes(MB);
  const pieces = Readable.from([body.subarray(0, 100), body.subarray(100, 300_000), body.subarray(300_000)]);
  await s3.send(
    new PutObjectCommand({ Bucket: "streams", Key: "k", Body: pieces, ContentLength: body.length }),
  );
  const got = await s3.send(new GetObjectCommand({ Bucket: "streams", Key: "k", ChecksumMode: "ENABLED" }));
  assert.deepEqual(await bytesOf(got.Body), body);
  assert.ok(got.ChecksumCRC32);
  assert.equal(got.ContentEncoding, undefined);
});

test("deleting an object takes its bytes from the disk; what others still name stays", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket: "space" }));
  const body = randomBytes(100_000);
  await s3.send(new PutObjectCommand({ Bucket: "space", Key: "a", Body: body }));
  await s3.send(new CopyObjectCommand({ Bucket: "space", Key: "b", CopySource: "space/a" }));
  const blobs = async (): Promise<number> => {
    const folders = (await readdir(join(served.folder, "objects"))).filter((name) =>
      /^[0-9a-f]{2}$/u.test(name),
    );
    const files = await Promise.all(folders.map((name) => readdir(join(served.folder, "objects", name))));
    return files.flat().length;
  };
  assert.equal(await blobs(), 1);
  await s3.send(new DeleteObjectCommand({ Bucket: "space", Key: "a" }));
  const got = await s3.send(new GetObjectCommand({ Bucket: "space", Key: "b" }));
  assert.deepEqual(await bytesOf(got.Body), body);
  await s3.send(new DeleteObjectCommand({ Bucket: "space", Key: "b" }));
  await until("both bodies are gone", async () => (await blobs()) === 0);
});

test("a caller who hangs up midway leaves nothing", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  await s3.send(new CreateBucketCommand({ Bucket: "broken" }));
  const url = new URL(`${served.endpoint}/broken/k`);
  const incoming = join(served.folder, "objects", "incoming");
  const upload = request(url, { method: "PUT", headers: { "content-length": String(MB) } });
  upload.on("error", () => undefined);
  const closed = new Promise<void>((resolve) => upload.on("close", () => resolve()));
  upload.write(randomBytes(200_000));
  await until("a part of it has been stored", async () => (await readdir(incoming)).length > 0);
  upload.destroy();
  await closed;
  const error = await refusal(s3.send(new GetObjectCommand({ Bucket: "broken", Key: "k" })));
  assert.equal(error.code, "NoSuchKey");
  await until("nothing of it is left", async () => (await readdir(incoming)).length === 0);
});

test("buckets: made, listed, refused when taken or not empty, removed", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  const other = served.client({ credentials: { accessKeyId: "111111111111", secretAccessKey: "x" } });
  const made = await s3.send(new CreateBucketCommand({ Bucket: "one" }));
  assert.equal(made.Location, "/one");
  assert.equal((await s3.send(new CreateBucketCommand({ Bucket: "one" }))).Location, "/one");
  assert.equal(
    (await refusal(other.send(new CreateBucketCommand({ Bucket: "one" })))).code,
    "BucketAlreadyExists",
  );
  assert.equal(
    (await refusal(s3.send(new CreateBucketCommand({ Bucket: "No_Good" })))).code,
    "InvalidBucketName",
  );
  assert.deepEqual(
    (await s3.send(new ListBucketsCommand({}))).Buckets?.map((bucket) => bucket.Name),
    ["one"],
  );
  assert.deepEqual((await other.send(new ListBucketsCommand({}))).Buckets ?? [], []);
  await s3.send(new PutObjectCommand({ Bucket: "one", Key: "k", Body: "x" }));
  const full = await refusal(s3.send(new DeleteBucketCommand({ Bucket: "one" })));
  assert.deepEqual([full.code, full.status, full.fields["BucketName"]], ["BucketNotEmpty", 409, "one"]);
  await s3.send(new DeleteObjectCommand({ Bucket: "one", Key: "k" }));
  await s3.send(new DeleteBucketCommand({ Bucket: "one" }));
  const gone = await refusal(s3.send(new ListObjectsV2Command({ Bucket: "one" })));
  assert.deepEqual(
    [gone.code, gone.status, gone.message],
    ["NoSuchBucket", 404, "The specified bucket does not exist"],
  );
});
