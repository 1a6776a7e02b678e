/** Lifecycle rules run: days pass on the server's clock, and what was due is gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetBucketLifecycleConfigurationCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { until } from "../e2e/server.ts";
import { ACCOUNT, refusal, REGION, serveS3 } from "./s3-fixture.ts";

const DAY = 86_400_000;

test("objects, old versions, lonely markers and forgotten uploads go when their days are over", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  const Bucket = "aging";
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }));
  const Events = ["s3:LifecycleExpiration:*" as const];
  const QueueArn = `arn:aws:sqs:${REGION}:${ACCOUNT}:q`;
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: { QueueConfigurations: [{ QueueArn, Events }] },
    }),
  );
  for (const Body of ["1", "2"]) await s3.send(new PutObjectCommand({ Bucket, Key: "tmp/a", Body }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "keep", Body: "x" }));
  await s3.send(new CreateMultipartUploadCommand({ Bucket, Key: "tmp/forgotten" }));
  const rule = {
    ID: "r",
    Status: "Enabled" as const,
    Filter: { Prefix: "tmp/" },
    Expiration: { Days: 1 },
    NoncurrentVersionExpiration: { NoncurrentDays: 3 },
    AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 },
  };
  await s3.send(
    new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules: [rule] } }),
  );
  const shown = await s3.send(new HeadObjectCommand({ Bucket, Key: "tmp/a" }));
  assert.match(shown.Expiration ?? "", /^expiry-date=".+ 00:00:00 GMT", rule-id="r"$/u);

  served.clock.advance(2 * DAY);
  await until("the object has expired", async () => {
    const error = await refusal(s3.send(new HeadObjectCommand({ Bucket, Key: "tmp/a" })));
    return error.status === 404;
  });
  await until("the upload was aborted", async () => {
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket }));
    return (Uploads ?? []).length === 0;
  });
  const listed = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: "tmp/" }));
  assert.deepEqual([listed.Versions?.length, listed.DeleteMarkers?.length], [2, 1]);

  served.clock.advance(5 * DAY);
  await until("old versions are gone, and the marker after them", async () => {
    const rest = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: "tmp/" }));
    return (rest.Versions ?? []).length + (rest.DeleteMarkers ?? []).length === 0;
  });
  await s3.send(new HeadObjectCommand({ Bucket, Key: "keep" }));
  const names = served.sent.map(
    (delivery) => (JSON.parse(delivery.body) as { Records: [{ eventName: string }] }).Records[0].eventName,
  );
  assert.deepEqual(names.toSorted(), [
    "LifecycleExpiration:Delete",
    "LifecycleExpiration:Delete",
    "LifecycleExpiration:Delete",
    "LifecycleExpiration:DeleteMarkerCreated",
  ]);
});

test("objects move to colder classes when their days are over, and S3 tells of it", async (t) => {
  const served = await serveS3(t);
  const s3 = served.client();
  const Bucket = "cooling";
  await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: {
        QueueConfigurations: [
          { QueueArn: `arn:aws:sqs:${REGION}:${ACCOUNT}:q`, Events: ["s3:LifecycleTransition"] },
        ],
        EventBridgeConfiguration: {},
      },
    }),
  );
  await s3.send(new PutObjectCommand({ Bucket, Key: "large", Body: Buffer.alloc(131_072) }));
  await s3.send(new PutObjectCommand({ Bucket, Key: "small", Body: "x" }));
  served.sent.length = 0;
  const rule = {
    ID: "r",
    Status: "Enabled" as const,
    Filter: { Prefix: "" },
    Transitions: [{ Days: 30, StorageClass: "STANDARD_IA" as const }],
  };
  const dated = {
    ID: "d",
    Status: "Enabled" as const,
    Filter: { Prefix: "" },
    Transitions: [{ Date: new Date(Date.UTC(2090, 0, 1)), StorageClass: "DEEP_ARCHIVE" as const }],
  };
  const put = (more: object = {}): Promise<unknown> =>
    s3.send(
      new PutBucketLifecycleConfigurationCommand({
        Bucket,
        LifecycleConfiguration: { Rules: [rule, dated] },
        ...more,
      }),
    );
  assert.equal((await refusal(put({ TransitionDefaultMinimumObjectSize: "none" }))).code, "InvalidRequest");
  await put({ TransitionDefaultMinimumObjectSize: "varies_by_storage_class" });
  const shown = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
  assert.deepEqual(shown.Rules, [rule, dated]);
  assert.equal(shown.TransitionDefaultMinimumObjectSize, "varies_by_storage_class");

  const classOf = async (Key: string): Promise<string | undefined> =>
    (await s3.send(new HeadObjectCommand({ Bucket, Key }))).StorageClass;
  served.clock.advance(40 * DAY);
  await until("the large one has moved", async () => (await classOf("large")) === "STANDARD_IA");
  assert.equal(await classOf("small"), undefined);
  assert.deepEqual(
    served.sent.map(({ detailType, body }) => {
      const told = JSON.parse(body) as Record<string, unknown> & {
        Records?: [{ eventName: string; lifecycleEventData: unknown }];
      };
      const [record] = told.Records ?? [];
      return record === undefined
        ? [detailType, told["destination-storage-class"]]
        : [record.eventName, record.lifecycleEventData];
    }),
    [
      ["LifecycleTransition", { transitionEventData: { destinationStorageClass: "STANDARD_IA" } }],
      ["Object Storage Class Changed", "STANDARD_IA"],
    ],
  );
});
