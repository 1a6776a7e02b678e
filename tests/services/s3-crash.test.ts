/** The server is killed in the middle of multipart uploads: nothing acknowledged is lost, nothing half is seen. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { SDK_CONFIG, startServer, until } from "../e2e/server.ts";

const PART = 5 * 1024 * 1024;

function connect(endpoint: string): S3Client {
  return new S3Client({ ...SDK_CONFIG, endpoint, forcePathStyle: true, maxAttempts: 1 });
}

async function blobCount(dataDir: string): Promise<number> {
  const folder = join(dataDir, "objects");
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{2}$/u.test(name));
  return (await Promise.all(names.map((name) => readdir(join(folder, name))))).flat().length;
}

test("kill -9 during parts and completions", async () => {
  const body = randomBytes(PART);
  const tail = randomBytes(1000);
  const acknowledged: string[] = [];
  const first = await startServer({ flags: ["--pool", "0"] });
  const { dataDir } = first;
  let s3 = connect(first.endpoint);
  await s3.send(new CreateBucketCommand({ Bucket: "crash" }));
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket: "crash", Key: "big" }));
  const at = { Bucket: "crash", Key: "big", UploadId };
  const one = await s3.send(new UploadPartCommand({ ...at, PartNumber: 1, Body: body }));

  // Small and large objects, and a part, are on their way when the server dies.
  const writers = Array.from({ length: 6 }, async (_, writer) => {
    for (let n = 0; ; n += 1) {
      const Key = `w${String(writer)}/${String(n)}`;
      const Body = Buffer.from(Key.repeat(writer % 2 === 0 ? 10 : 20_000));
      try {
        await s3.send(new PutObjectCommand({ Bucket: "crash", Key, Body }));
        acknowledged.push(Key);
      } catch {
        return;
      }
    }
  });
  const dying = s3
    .send(new UploadPartCommand({ ...at, PartNumber: 2, Body: randomBytes(PART) }))
    .catch(() => undefined);
  await until("some objects were written", () => acknowledged.length > 40);
  await first.kill();
  await Promise.all([...writers, dying]);
  s3.destroy();

  await using second = await startServer({ dataDir, flags: ["--pool", "0"] });
  s3 = connect(second.endpoint);
  try {
    const keys = new Set<string>();
    let ContinuationToken: string | undefined;
    do {
      const page = await s3.send(new ListObjectsV2Command({ Bucket: "crash", ContinuationToken }));
      for (const item of page.Contents ?? []) keys.add(item.Key ?? "");
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    assert.deepEqual(
      acknowledged.filter((key) => !keys.has(key)),
      [],
    );
    for (const Key of keys) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: "crash", Key }));
      const writer = Number(Key.charAt(1));
      assert.equal(await Body?.transformToString(), Key.repeat(writer % 2 === 0 ? 10 : 20_000));
    }
    const { Parts } = await s3.send(new ListPartsCommand(at));
    assert.equal(Parts?.[0]?.ETag, one.ETag);
    const two = await s3.send(new UploadPartCommand({ ...at, PartNumber: 2, Body: tail }));
    const MultipartUpload = {
      Parts: [
        { PartNumber: 1, ETag: one.ETag },
        { PartNumber: 2, ETag: two.ETag },
      ],
    };
    // Two clients complete at once: one of them does it.
    const complete = (): Promise<string> =>
      s3.send(new CompleteMultipartUploadCommand({ ...at, MultipartUpload })).then(
        () => "done",
        (error: unknown) => (error as Error).name,
      );
    const ends = await Promise.all([complete(), complete(), complete()]);
    assert.deepEqual(ends.toSorted(), ["NoSuchUpload", "NoSuchUpload", "done"]);
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "crash", Key: "big" }));
    assert.deepEqual(Buffer.from((await Body?.transformToByteArray()) ?? []), Buffer.concat([body, tail]));
    // What the crash left without a name is swept: large objects and the two parts stay.
    const large = [...keys].filter((key) => Number(key.charAt(1)) % 2 === 1).length;
    await until("blobs of nobody are gone", async () => (await blobCount(dataDir)) === large + 2);
  } finally {
    s3.destroy();
  }
});
