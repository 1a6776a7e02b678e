/** Objects in an archive are read while a restored copy of them is there, and S3 tells of each step. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-s3";
import { until } from "../e2e/server.ts";
import { ACCOUNT, refusal, REGION, serveS3 } from "./s3-fixture.ts";

const DAY = 86_400_000;
const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:q`;

interface Told {
  readonly eventName: string;
  readonly userIdentity: { readonly principalId: string };
  readonly requestParameters: { readonly sourceIPAddress: string };
  readonly s3: { readonly object: Readonly<Record<string, unknown>> };
  readonly glacierEventData?: unknown;
}

test("a restored copy is read, listed and copied until its days are over", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  const Bucket = "archive";
  const at = { Bucket, Key: "k" };
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  await s3.send(
    new sdk.PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: {
        QueueConfigurations: [{ QueueArn: QUEUE, Events: ["s3:ObjectRestore:*"] }],
        EventBridgeConfiguration: {},
      },
    }),
  );
  const read = (): Promise<unknown> => s3.send(new sdk.GetObjectCommand(at));
  const restore = (RestoreRequest: sdk.RestoreRequest): Promise<sdk.RestoreObjectCommandOutput> =>
    s3.send(new sdk.RestoreObjectCommand({ ...at, RestoreRequest }));
  await s3.send(new sdk.PutObjectCommand({ ...at, Body: "frozen", StorageClass: "GLACIER" }));
  served.sent.length = 0;
  assert.equal((await refusal(read())).code, "InvalidObjectState");

  const first = await restore({ Days: 2, GlacierJobParameters: { Tier: "Expedited" } });
  assert.equal(first.$metadata.httpStatusCode, 202);
  const midnight = Math.ceil((served.clock.now() + 2 * DAY) / DAY) * DAY;
  const shown = `ongoing-request="false", expiry-date="${new Date(midnight).toUTCString()}"`;
  const head = await s3.send(new sdk.HeadObjectCommand(at));
  assert.deepEqual([head.Restore, head.StorageClass], [shown, "GLACIER"]);
  const got = await s3.send(new sdk.GetObjectCommand(at));
  assert.deepEqual([got.Restore, await got.Body?.transformToString()], [shown, "frozen"]);
  const listed = await s3.send(
    new sdk.ListObjectsV2Command({ Bucket, OptionalObjectAttributes: ["RestoreStatus"] }),
  );
  assert.deepEqual(listed.Contents?.[0]?.RestoreStatus, {
    IsRestoreInProgress: false,
    RestoreExpiryDate: new Date(midnight),
  });
  const plain = await s3.send(new sdk.ListObjectsV2Command({ Bucket }));
  assert.equal(plain.Contents?.[0]?.RestoreStatus, undefined);
  await s3.send(new sdk.CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/k` }));
  const copy = await s3.send(new sdk.HeadObjectCommand({ Bucket, Key: "copy" }));
  assert.deepEqual([copy.StorageClass, copy.Restore], [undefined, undefined]);

  const told = served.sent.filter((delivery) => delivery.targetArn === QUEUE);
  const records = (): Told[] =>
    served.sent
      .filter((delivery) => delivery.targetArn === QUEUE)
      .map((delivery) => (JSON.parse(delivery.body) as { Records: [Told] }).Records[0]);
  assert.equal(told.length, 2);
  const [post, done] = records();
  assert.deepEqual(
    [post?.eventName, post?.requestParameters.sourceIPAddress, post?.glacierEventData],
    ["ObjectRestore:Post", "127.0.0.1", undefined],
  );
  assert.equal(done?.eventName, "ObjectRestore:Completed");
  assert.equal(done.requestParameters.sourceIPAddress, "s3.amazonaws.com");
  assert.match(done.userIdentity.principalId, /^AmazonCustomer:A/u);
  assert.equal(done.s3.object["size"], 6);
  assert.deepEqual(done.glacierEventData, {
    restoreEventData: {
      lifecycleRestorationExpiryTime: new Date(midnight).toISOString(),
      lifecycleRestoreStorageClass: "GLACIER",
    },
  });
  const bridged = served.sent.filter((delivery) => delivery.detailType?.startsWith("Object Restore"));
  assert.deepEqual(
    bridged.map((delivery) => delivery.detailType),
    ["Object Restore Initiated", "Object Restore Completed"],
  );
  const details = bridged.map((delivery) => JSON.parse(delivery.body) as Record<string, unknown>);
  assert.deepEqual(
    details.map((detail) => [
      detail["requester"],
      detail["source-ip-address"],
      detail["restore-expiry-time"],
    ]),
    [
      [ACCOUNT, "127.0.0.1", undefined],
      ["s3.amazonaws.com", undefined, new Date(midnight).toISOString().replace(".000Z", "Z")],
    ],
  );

  const again = await restore({ Days: 3 });
  assert.equal(again.$metadata.httpStatusCode, 200, "it is only kept for longer");
  assert.equal(records().length, 2);
  served.clock.advance(5 * DAY);
  assert.equal((await refusal(read())).code, "InvalidObjectState");
  await until("its end is told", async () => records().length === 3);
  assert.deepEqual(
    [records()[2]?.eventName, records()[2]?.userIdentity],
    ["ObjectRestore:Delete", { principalId: "s3.amazonaws.com" }],
  );
  assert.equal((await s3.send(new sdk.HeadObjectCommand(at))).Restore, undefined);
});

test("what cannot be restored, and how it cannot", async (t) => {
  const s3 = (await serveS3(t)).client();
  const Bucket = "refusals";
  await s3.send(new sdk.CreateBucketCommand({ Bucket }));
  for (const [Key, StorageClass] of [
    ["std", "STANDARD"],
    ["deep", "DEEP_ARCHIVE"],
  ] as const) {
    await s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body: "x", StorageClass }));
  }
  const table: readonly (readonly [string, sdk.RestoreRequest | undefined, string, number])[] = [
    ["none", { Days: 1 }, "NoSuchKey", 404],
    ["std", { Days: 1 }, "InvalidObjectState", 403],
    ["deep", {}, "MalformedXML", 400],
    ["deep", { Days: 0 }, "InvalidArgument", 400],
    ["deep", { Days: 1, Tier: "Expedited" }, "InvalidArgument", 400],
    ["deep", { Days: 1, Tier: "Fast" as "Bulk" }, "MalformedXML", 400],
    ["deep", { Type: "SELECT" }, "NotImplemented", 501],
  ];
  for (const [Key, RestoreRequest, code, status] of table) {
    const refused = await refusal(s3.send(new sdk.RestoreObjectCommand({ Bucket, Key, RestoreRequest })));
    assert.deepEqual(
      [refused.code, refused.status],
      [code, status],
      `${Key} ${JSON.stringify(RestoreRequest)}`,
    );
  }
  await s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "deep" }));
  const gone = await refusal(
    s3.send(new sdk.RestoreObjectCommand({ Bucket, Key: "deep", RestoreRequest: { Days: 1 } })),
  );
  assert.equal(gone.code, "NoSuchKey");
});
