/** Errors of single operations that no story of the other tests meets, and lists' next pages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-s3";
import { OperationRecord } from "../../src/app/operation-record.ts";
import { refusal, serveS3 } from "./s3-fixture.ts";

const evidence = OperationRecord.fromEnvironment();

test("operations on a key that is not there", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "keyless";
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  const at = { Bucket, Key: "gone" };
  const CopySource = `${Bucket}/gone`;
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["GetObject", () => s3.send(new sdk.GetObjectCommand(at))],
    [
      "GetObjectAttributes",
      () => s3.send(new sdk.GetObjectAttributesCommand({ ...at, ObjectAttributes: ["ETag"] })),
    ],
    ["GetObjectAcl", () => s3.send(new sdk.GetObjectAclCommand(at))],
    ["PutObjectAcl", () => s3.send(new sdk.PutObjectAclCommand({ ...at, ACL: "private" }))],
    ["GetObjectTagging", () => s3.send(new sdk.GetObjectTaggingCommand(at))],
    ["PutObjectTagging", () => s3.send(new sdk.PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [] } }))],
    ["DeleteObjectTagging", () => s3.send(new sdk.DeleteObjectTaggingCommand(at))],
    ["CopyObject", () => s3.send(new sdk.CopyObjectCommand({ Bucket, Key: "to", CopySource }))],
  ];
  for (const [operation, call] of calls) {
    const refused = await refusal(call());
    assert.deepEqual(
      [refused.code, refused.status, refused.message, refused.fields["Key"]],
      ["NoSuchKey", 404, "The specified key does not exist.", "gone"],
      operation,
    );
  }
  const upload = { ...at, UploadId: "never" };
  const uploads: readonly (readonly [string, () => Promise<unknown>])[] = [
    ["UploadPart", () => s3.send(new sdk.UploadPartCommand({ ...upload, PartNumber: 1, Body: "x" }))],
    ["ListParts", () => s3.send(new sdk.ListPartsCommand(upload))],
    ["AbortMultipartUpload", () => s3.send(new sdk.AbortMultipartUploadCommand(upload))],
    [
      "CompleteMultipartUpload",
      () =>
        s3.send(
          new sdk.CompleteMultipartUploadCommand({
            ...upload,
            MultipartUpload: { Parts: [{ PartNumber: 1, ETag: "x" }] },
          }),
        ),
    ],
  ];
  for (const [operation, call] of uploads) {
    const refused = await refusal(call());
    assert.deepEqual([refused.code, refused.status], ["NoSuchUpload", 404], operation);
  }
});

test("operations on a bucket that is not there", async (t) => {
  const s3 = (await serveS3(t)).client();
  const at = { Bucket: "nowhere" };
  const calls: readonly (() => Promise<unknown>)[] = [
    () => s3.send(new sdk.ListObjectsCommand(at)),
    () => s3.send(new sdk.ListObjectsV2Command(at)),
    () => s3.send(new sdk.ListObjectVersionsCommand(at)),
    () => s3.send(new sdk.ListMultipartUploadsCommand(at)),
    () => s3.send(new sdk.GetBucketAclCommand(at)),
    () => s3.send(new sdk.GetBucketPolicyCommand(at)),
    () => s3.send(new sdk.GetBucketVersioningCommand(at)),
    () => s3.send(new sdk.GetBucketWebsiteCommand(at)),
    () => s3.send(new sdk.PutObjectCommand({ ...at, Key: "k", Body: "x" })),
    () => s3.send(new sdk.GetObjectCommand({ ...at, Key: "k" })),
    () => s3.send(new sdk.DeleteBucketCommand(at)),
  ];
  for (const call of calls) {
    const { code, status, message, fields } = await refusal(call());
    assert.deepEqual(
      [code, status, message, fields["BucketName"]],
      ["NoSuchBucket", 404, "The specified bucket does not exist", "nowhere"],
    );
  }
});

test("the next page of each list is where its marker says", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "pages";
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  for (const Key of ["a", "b/1", "b/2", "c", "d"]) {
    await s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body: Key }));
  }
  const seen: (string | undefined)[] = [];
  let Marker: string | undefined;
  for (let page = 0; page < 10; page += 1) {
    const more: { Marker?: string } = Marker === undefined ? {} : { Marker };
    const listed = await s3.send(new sdk.ListObjectsCommand({ Bucket, MaxKeys: 2, Delimiter: "/", ...more }));
    seen.push(...(listed.Contents ?? []).map(({ Key }) => Key));
    seen.push(...(listed.CommonPrefixes ?? []).map(({ Prefix }) => Prefix));
    Marker = listed.NextMarker;
    assert.equal(listed.IsTruncated, Marker !== undefined);
    if (Marker === undefined) break;
  }
  assert.deepEqual(seen, ["a", "b/", "c", "d"]);
  // Without a delimiter AWS names no next marker: the last key is it.
  const first = await s3.send(new sdk.ListObjectsCommand({ Bucket, MaxKeys: 3 }));
  assert.deepEqual([first.IsTruncated, first.NextMarker], [true, undefined]);
  const last = first.Contents?.at(-1)?.Key ?? "";
  const rest = await s3.send(new sdk.ListObjectsCommand({ Bucket, Marker: last }));
  assert.deepEqual(
    rest.Contents?.map(({ Key }) => Key),
    ["c", "d"],
  );
  evidence?.note({
    service: "s3",
    operation: "ListObjects",
    errorCode: "pagination",
    status: 200,
    ms: 0,
    requestId: "r",
    accountId: "",
    region: "",
    fromSandbox: false,
  });
});

test("where requesters pay, others than the owner say that they would", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  const other = served.client({ credentials: { accessKeyId: "111111111111", secretAccessKey: "x" } });
  const Bucket = "paying";
  const payment = (Payer: string): Promise<unknown> =>
    s3.send(
      new sdk.PutBucketRequestPaymentCommand({
        Bucket,
        RequestPaymentConfiguration: { Payer: Payer as sdk.Payer },
      }),
    );
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  await s3.send(new sdk.PutObjectCommand({ Bucket, Key: "k", Body: "x" }));
  assert.equal((await refusal(payment("Nobody"))).code, "MalformedXML");
  await payment("Requester");
  assert.equal((await s3.send(new sdk.GetBucketRequestPaymentCommand({ Bucket }))).Payer, "Requester");
  const own = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "k" }));
  assert.equal(own.RequestCharged, undefined);
  const at = { Bucket, Key: "k" };
  const RequestPayer = "requester" as const;
  const offers: readonly (readonly [
    () => Promise<unknown>,
    () => Promise<{ RequestCharged?: string | undefined }>,
  ])[] = [
    [
      () => other.send(new sdk.GetObjectCommand(at)),
      () => other.send(new sdk.GetObjectCommand({ ...at, RequestPayer })),
    ],
    [
      () => other.send(new sdk.ListObjectsV2Command({ Bucket })),
      () => other.send(new sdk.ListObjectsV2Command({ Bucket, RequestPayer })),
    ],
    [
      () => other.send(new sdk.PutObjectCommand({ ...at, Body: "y" })),
      () => other.send(new sdk.PutObjectCommand({ ...at, Body: "y", RequestPayer })),
    ],
    [
      () => other.send(new sdk.CopyObjectCommand({ ...at, Key: "c", CopySource: `${Bucket}/k` })),
      () =>
        other.send(new sdk.CopyObjectCommand({ ...at, Key: "c", CopySource: `${Bucket}/k`, RequestPayer })),
    ],
    [
      () => other.send(new sdk.DeleteObjectCommand(at)),
      () => other.send(new sdk.DeleteObjectCommand({ ...at, RequestPayer })),
    ],
  ];
  for (const [silent, offering] of offers) {
    const { code, status } = await refusal(silent());
    assert.deepEqual([code, status], ["AccessDenied", 403]);
    assert.equal((await offering()).RequestCharged, "requester");
  }
  await payment("BucketOwner");
  const free = await other.send(new sdk.ListObjectsV2Command({ Bucket }));
  assert.equal(free.RequestCharged, undefined);
});

test("what lies in an archive is neither read nor copied", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "archive";
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  for (const StorageClass of ["GLACIER", "DEEP_ARCHIVE"] as const) {
    await s3.send(new sdk.PutObjectCommand({ Bucket, Key: "k", Body: "x", StorageClass }));
    const read = await refusal(s3.send(new sdk.GetObjectCommand({ Bucket, Key: "k" })));
    assert.deepEqual(
      [read.code, read.status, read.message, read.fields["StorageClass"]],
      ["InvalidObjectState", 403, "The operation is not valid for the object's storage class", StorageClass],
    );
    const CopySource = `${Bucket}/k`;
    const copied = await refusal(s3.send(new sdk.CopyObjectCommand({ Bucket, Key: "to", CopySource })));
    assert.deepEqual(
      [copied.code, copied.status, copied.message],
      ["InvalidObjectState", 403, "Operation is not valid for the source object's storage class"],
    );
  }
});

test("lists of configurations that cannot be made are empty, each of them is not there", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "plain";
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  const lists = await Promise.all([
    s3.send(new sdk.ListBucketAnalyticsConfigurationsCommand({ Bucket })),
    s3.send(new sdk.ListBucketInventoryConfigurationsCommand({ Bucket })),
    s3.send(new sdk.ListBucketIntelligentTieringConfigurationsCommand({ Bucket })),
    s3.send(new sdk.ListBucketMetricsConfigurationsCommand({ Bucket })),
  ]);
  for (const { $metadata, ...list } of lists) {
    assert.equal($metadata.httpStatusCode, 200);
    assert.deepEqual(list, { IsTruncated: false });
  }
  const one = { Bucket, Id: "x" };
  const calls = [
    () => s3.send(new sdk.GetBucketAnalyticsConfigurationCommand(one)),
    () => s3.send(new sdk.GetBucketInventoryConfigurationCommand(one)),
    () => s3.send(new sdk.GetBucketIntelligentTieringConfigurationCommand(one)),
    () => s3.send(new sdk.GetBucketMetricsConfigurationCommand(one)),
  ];
  for (const call of calls) {
    const { code, status, message } = await refusal(call());
    assert.deepEqual(
      [code, status, message],
      ["NoSuchConfiguration", 404, "The specified configuration does not exist."],
    );
  }
});
