/**
 * What every changing operation did is there after the server was killed and started again. Each case acts
 * on a bucket of its own; after the restart each looks at what it did.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as sdk from "@aws-sdk/client-s3";
import { OperationRecord } from "../../src/app/operation-record.ts";
import { startServer } from "../e2e/server.ts";

const evidence = OperationRecord.fromEnvironment();

function saw(operation: string): void {
  evidence?.note({
    service: "s3",
    operation,
    errorCode: "persistence",
    status: 200,
    ms: 0,
    requestId: "r",
    accountId: "",
    region: "",
    fromSandbox: false,
  });
}

interface Case {
  /** Operations whose effect is looked at. */
  readonly of: readonly string[];
  readonly act: (Bucket: string) => Promise<unknown>;
  readonly look: (Bucket: string) => Promise<unknown>;
  readonly expected: unknown;
  readonly made?: Partial<sdk.CreateBucketCommandInput>;
}

const PART = Buffer.alloc(5 * 1024 * 1024, 7);
const FAR = new Date(Date.UTC(2090, 0, 1));
const ALLOW = (Bucket: string): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      {
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::000000000000:root" },
        Action: "s3:GetObject",
        Resource: `arn:aws:s3:::${Bucket}/*`,
      },
    ],
  });

test("every change outlives a server that is killed", async (t) => {
  let s3 = new sdk.S3Client({});
  t.after(() => s3.destroy());
  const connect = (endpoint: string): void => {
    s3.destroy();
    s3 = new sdk.S3Client({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
      forcePathStyle: true,
      maxAttempts: 1,
    });
  };
  const put = (Bucket: string, Key = "k", more: object = {}): Promise<sdk.PutObjectCommandOutput> =>
    s3.send(new sdk.PutObjectCommand({ Bucket, Key, Body: `${Key} of ${Bucket}`, ...more }));
  const text = async (Bucket: string, Key = "k"): Promise<string> =>
    (await (await s3.send(new sdk.GetObjectCommand({ Bucket, Key }))).Body?.transformToString()) ?? "";
  const code = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => "there",
      (error: unknown) => (error as Error).name,
    );
  const keys = async (Bucket: string): Promise<(string | undefined)[]> =>
    ((await s3.send(new sdk.ListObjectsV2Command({ Bucket }))).Contents ?? []).map(({ Key }) => Key);
  const parts = async (Bucket: string, UploadId: string | undefined): Promise<(number | undefined)[]> =>
    ((await s3.send(new sdk.ListPartsCommand({ Bucket, Key: "k", UploadId }))).Parts ?? []).map(
      ({ PartNumber }) => PartNumber,
    );
  const begin = async (Bucket: string): Promise<string | undefined> =>
    (await s3.send(new sdk.CreateMultipartUploadCommand({ Bucket, Key: "k" }))).UploadId;
  const uploads = new Map<string, string | undefined>();
  const lockable = { ObjectLockEnabledForBucket: true };
  const corsRules = [{ AllowedMethods: ["GET"], AllowedOrigins: ["*"] }];
  const rule = { ID: "r", Status: "Enabled" as const, Filter: { Prefix: "" }, Expiration: { Days: 3 } };
  const owned = { ObjectOwnership: "ObjectWriter" as const };

  const configure = async (Bucket: string): Promise<void> => {
    const status = { VersioningConfiguration: { Status: "Enabled" as const } };
    await s3.send(new sdk.PutBucketVersioningCommand({ Bucket, ...status }));
    const WebsiteConfiguration = { IndexDocument: { Suffix: "index.html" } };
    await s3.send(new sdk.PutBucketWebsiteCommand({ Bucket, WebsiteConfiguration }));
    const LoggingEnabled = { TargetBucket: Bucket, TargetPrefix: "log" };
    await s3.send(new sdk.PutBucketLoggingCommand({ Bucket, BucketLoggingStatus: { LoggingEnabled } }));
    const Destination = { Bucket: `arn:aws:s3:::${Bucket}` };
    const Rules = [{ ID: "kept", Status: "Disabled" as const, Prefix: "", Destination }];
    const ReplicationConfiguration = { Role: "arn:aws:iam::000000000000:role/copier", Rules };
    await s3.send(new sdk.PutBucketReplicationCommand({ Bucket, ReplicationConfiguration }));
  };
  const cases: readonly Case[] = [
    {
      of: ["CreateBucket", "HeadBucket"],
      act: async () => undefined,
      look: async (Bucket) => (await s3.send(new sdk.HeadBucketCommand({ Bucket }))).BucketRegion,
      expected: "us-east-1",
    },
    {
      of: ["DeleteBucket"],
      act: (Bucket) => s3.send(new sdk.DeleteBucketCommand({ Bucket })),
      look: (Bucket) => code(s3.send(new sdk.HeadBucketCommand({ Bucket }))),
      expected: "NotFound",
    },
    {
      of: ["PutObject", "HeadObject"],
      act: (Bucket) => put(Bucket, "k", { Metadata: { a: "b" } }),
      look: async (Bucket) => [
        await text(Bucket),
        (await s3.send(new sdk.HeadObjectCommand({ Bucket, Key: "k" }))).Metadata,
      ],
      expected: ["k of put-object", { a: "b" }],
    },
    {
      of: ["CopyObject"],
      async act(Bucket) {
        await put(Bucket);
        await s3.send(new sdk.CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/k` }));
      },
      look: (Bucket) => text(Bucket, "copy"),
      expected: "k of copy-object",
    },
    {
      of: ["DeleteObject"],
      async act(Bucket) {
        await put(Bucket, "stays");
        await put(Bucket);
        await s3.send(new sdk.DeleteObjectCommand({ Bucket, Key: "k" }));
      },
      look: keys,
      expected: ["stays"],
    },
    {
      of: ["DeleteObjects"],
      async act(Bucket) {
        for (const key of ["a", "b", "stays"]) await put(Bucket, key);
        const Objects = [{ Key: "a" }, { Key: "b" }];
        await s3.send(new sdk.DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      },
      look: keys,
      expected: ["stays"],
    },
    {
      of: ["CreateMultipartUpload", "UploadPart", "UploadPartCopy"],
      async act(Bucket) {
        await put(Bucket, "source");
        const UploadId = await begin(Bucket);
        uploads.set(Bucket, UploadId);
        const part = { Bucket, Key: "k", UploadId };
        await s3.send(new sdk.UploadPartCommand({ ...part, PartNumber: 1, Body: "1" }));
        const CopySource = `${Bucket}/source`;
        await s3.send(new sdk.UploadPartCopyCommand({ ...part, PartNumber: 2, CopySource }));
      },
      look: (Bucket) => parts(Bucket, uploads.get(Bucket)),
      expected: [1, 2],
    },
    {
      of: ["CompleteMultipartUpload"],
      async act(Bucket) {
        const part = { Bucket, Key: "k", UploadId: await begin(Bucket) };
        const Parts: sdk.CompletedPart[] = [];
        for (const [at, Body] of [PART, Buffer.from("end")].entries()) {
          const { ETag } = await s3.send(new sdk.UploadPartCommand({ ...part, PartNumber: at + 1, Body }));
          Parts.push({ ETag, PartNumber: at + 1 });
        }
        await s3.send(new sdk.CompleteMultipartUploadCommand({ ...part, MultipartUpload: { Parts } }));
      },
      async look(Bucket) {
        const whole = await s3.send(new sdk.GetObjectCommand({ Bucket, Key: "k" }));
        return Buffer.from((await whole.Body?.transformToByteArray()) ?? []).equals(
          Buffer.concat([PART, Buffer.from("end")]),
        );
      },
      expected: true,
    },
    {
      of: ["AbortMultipartUpload"],
      async act(Bucket) {
        const UploadId = await begin(Bucket);
        uploads.set(Bucket, UploadId);
        await s3.send(new sdk.AbortMultipartUploadCommand({ Bucket, Key: "k", UploadId }));
      },
      look: (Bucket) => code(parts(Bucket, uploads.get(Bucket))),
      expected: "NoSuchUpload",
    },
    {
      of: ["PutObjectTagging"],
      async act(Bucket) {
        await put(Bucket);
        const TagSet = [{ Key: "a", Value: "b" }];
        await s3.send(new sdk.PutObjectTaggingCommand({ Bucket, Key: "k", Tagging: { TagSet } }));
      },
      look: async (Bucket) => (await s3.send(new sdk.GetObjectTaggingCommand({ Bucket, Key: "k" }))).TagSet,
      expected: [{ Key: "a", Value: "b" }],
    },
    {
      of: ["DeleteObjectTagging"],
      async act(Bucket) {
        await put(Bucket, "k", { Tagging: "a=b" });
        await s3.send(new sdk.DeleteObjectTaggingCommand({ Bucket, Key: "k" }));
      },
      look: async (Bucket) => (await s3.send(new sdk.GetObjectTaggingCommand({ Bucket, Key: "k" }))).TagSet,
      expected: [],
    },
    {
      of: ["PutObjectAcl", "PutBucketAcl", "DeletePublicAccessBlock"],
      made: owned,
      async act(Bucket) {
        await put(Bucket);
        await s3.send(new sdk.DeletePublicAccessBlockCommand({ Bucket }));
        await s3.send(new sdk.PutObjectAclCommand({ Bucket, Key: "k", ACL: "public-read" }));
        await s3.send(new sdk.PutBucketAclCommand({ Bucket, ACL: "authenticated-read" }));
      },
      look: async (Bucket) => [
        (await s3.send(new sdk.GetObjectAclCommand({ Bucket, Key: "k" }))).Grants?.[1]?.Grantee?.URI,
        (await s3.send(new sdk.GetBucketAclCommand({ Bucket }))).Grants?.[1]?.Grantee?.URI,
        await code(s3.send(new sdk.GetPublicAccessBlockCommand({ Bucket }))),
      ],
      expected: [
        "http://acs.amazonaws.com/groups/global/AllUsers",
        "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
        "NoSuchPublicAccessBlockConfiguration",
      ],
    },
    {
      of: ["PutPublicAccessBlock"],
      act: (Bucket) =>
        s3.send(
          new sdk.PutPublicAccessBlockCommand({
            Bucket,
            PublicAccessBlockConfiguration: { BlockPublicPolicy: true },
          }),
        ),
      look: async (Bucket) =>
        (await s3.send(new sdk.GetPublicAccessBlockCommand({ Bucket }))).PublicAccessBlockConfiguration,
      expected: {
        BlockPublicAcls: false,
        IgnorePublicAcls: false,
        BlockPublicPolicy: true,
        RestrictPublicBuckets: false,
      },
    },
    {
      of: ["PutBucketOwnershipControls"],
      act: (Bucket) =>
        s3.send(new sdk.PutBucketOwnershipControlsCommand({ Bucket, OwnershipControls: { Rules: [owned] } })),
      look: async (Bucket) =>
        (await s3.send(new sdk.GetBucketOwnershipControlsCommand({ Bucket }))).OwnershipControls?.Rules,
      expected: [owned],
    },
    {
      of: ["DeleteBucketOwnershipControls"],
      act: (Bucket) => s3.send(new sdk.DeleteBucketOwnershipControlsCommand({ Bucket })),
      look: (Bucket) => code(s3.send(new sdk.GetBucketOwnershipControlsCommand({ Bucket }))),
      expected: "OwnershipControlsNotFoundError",
    },
    {
      of: ["PutBucketCors"],
      act: (Bucket) =>
        s3.send(new sdk.PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: corsRules } })),
      look: async (Bucket) => (await s3.send(new sdk.GetBucketCorsCommand({ Bucket }))).CORSRules,
      expected: corsRules,
    },
    {
      of: ["DeleteBucketCors"],
      async act(Bucket) {
        await s3.send(new sdk.PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: corsRules } }));
        await s3.send(new sdk.DeleteBucketCorsCommand({ Bucket }));
      },
      look: (Bucket) => code(s3.send(new sdk.GetBucketCorsCommand({ Bucket }))),
      expected: "NoSuchCORSConfiguration",
    },
    {
      of: ["PutBucketPolicy"],
      act: (Bucket) => s3.send(new sdk.PutBucketPolicyCommand({ Bucket, Policy: ALLOW(Bucket) })),
      look: async (Bucket) => (await s3.send(new sdk.GetBucketPolicyCommand({ Bucket }))).Policy,
      expected: ALLOW("put-bucket-policy"),
    },
    {
      of: ["DeleteBucketPolicy"],
      async act(Bucket) {
        await s3.send(new sdk.PutBucketPolicyCommand({ Bucket, Policy: ALLOW(Bucket) }));
        await s3.send(new sdk.DeleteBucketPolicyCommand({ Bucket }));
      },
      look: (Bucket) => code(s3.send(new sdk.GetBucketPolicyCommand({ Bucket }))),
      expected: "NoSuchBucketPolicy",
    },
    {
      of: ["PutBucketEncryption", "DeleteBucketEncryption"],
      async act(Bucket) {
        const ServerSideEncryptionConfiguration = {
          Rules: [
            {
              ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" as const },
              BucketKeyEnabled: true,
            },
          ],
        };
        await s3.send(new sdk.PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration }));
        const other = `${Bucket}-off`;
        await s3.send(new sdk.CreateBucketCommand({ Bucket: other }));
        await s3.send(
          new sdk.PutBucketEncryptionCommand({ Bucket: other, ServerSideEncryptionConfiguration }),
        );
        await s3.send(new sdk.DeleteBucketEncryptionCommand({ Bucket: other }));
      },
      look: (Bucket) =>
        Promise.all(
          [Bucket, `${Bucket}-off`].map(
            async (name) =>
              (await s3.send(new sdk.GetBucketEncryptionCommand({ Bucket: name })))
                .ServerSideEncryptionConfiguration?.Rules?.[0]?.BucketKeyEnabled,
          ),
        ),
      expected: [true, false],
    },
    {
      of: ["PutBucketLifecycleConfiguration"],
      act: (Bucket) =>
        s3.send(
          new sdk.PutBucketLifecycleConfigurationCommand({
            Bucket,
            LifecycleConfiguration: { Rules: [rule] },
          }),
        ),
      look: async (Bucket) =>
        (await s3.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket }))).Rules,
      expected: [rule],
    },
    {
      of: ["DeleteBucketLifecycle"],
      async act(Bucket) {
        const LifecycleConfiguration = { Rules: [rule] };
        await s3.send(new sdk.PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }));
        await s3.send(new sdk.DeleteBucketLifecycleCommand({ Bucket }));
      },
      look: (Bucket) => code(s3.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket }))),
      expected: "NoSuchLifecycleConfiguration",
    },
    {
      of: ["PutBucketNotificationConfiguration"],
      act: (Bucket) =>
        s3.send(
          new sdk.PutBucketNotificationConfigurationCommand({
            Bucket,
            NotificationConfiguration: { EventBridgeConfiguration: {} },
          }),
        ),
      look: async (Bucket) =>
        (await s3.send(new sdk.GetBucketNotificationConfigurationCommand({ Bucket })))
          .EventBridgeConfiguration,
      expected: {},
    },
    {
      of: ["PutBucketTagging"],
      act: (Bucket) =>
        s3.send(new sdk.PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: "a", Value: "b" }] } })),
      look: async (Bucket) => (await s3.send(new sdk.GetBucketTaggingCommand({ Bucket }))).TagSet,
      expected: [{ Key: "a", Value: "b" }],
    },
    {
      of: ["DeleteBucketTagging"],
      async act(Bucket) {
        const Tagging = { TagSet: [{ Key: "a", Value: "b" }] };
        await s3.send(new sdk.PutBucketTaggingCommand({ Bucket, Tagging }));
        await s3.send(new sdk.DeleteBucketTaggingCommand({ Bucket }));
      },
      look: (Bucket) => code(s3.send(new sdk.GetBucketTaggingCommand({ Bucket }))),
      expected: "NoSuchTagSet",
    },
    {
      of: ["PutBucketVersioning"],
      async act(Bucket) {
        const VersioningConfiguration = { Status: "Enabled" as const };
        await s3.send(new sdk.PutBucketVersioningCommand({ Bucket, VersioningConfiguration }));
        await put(Bucket);
        await put(Bucket);
      },
      look: async (Bucket) => [
        (await s3.send(new sdk.GetBucketVersioningCommand({ Bucket }))).Status,
        (await s3.send(new sdk.ListObjectVersionsCommand({ Bucket }))).Versions?.length,
      ],
      expected: ["Enabled", 2],
    },
    {
      of: ["PutObjectLockConfiguration"],
      made: lockable,
      act: (Bucket) =>
        s3.send(
          new sdk.PutObjectLockConfigurationCommand({
            Bucket,
            ObjectLockConfiguration: {
              ObjectLockEnabled: "Enabled",
              Rule: { DefaultRetention: { Mode: "GOVERNANCE", Days: 2 } },
            },
          }),
        ),
      look: async (Bucket) =>
        (await s3.send(new sdk.GetObjectLockConfigurationCommand({ Bucket }))).ObjectLockConfiguration?.Rule,
      expected: { DefaultRetention: { Mode: "GOVERNANCE", Days: 2 } },
    },
    {
      of: ["PutObjectRetention", "PutObjectLegalHold"],
      made: lockable,
      async act(Bucket) {
        await put(Bucket);
        const Retention = { Mode: "GOVERNANCE" as const, RetainUntilDate: FAR };
        await s3.send(new sdk.PutObjectRetentionCommand({ Bucket, Key: "k", Retention }));
        await s3.send(new sdk.PutObjectLegalHoldCommand({ Bucket, Key: "k", LegalHold: { Status: "ON" } }));
      },
      look: async (Bucket) => [
        (await s3.send(new sdk.GetObjectRetentionCommand({ Bucket, Key: "k" }))).Retention,
        (await s3.send(new sdk.GetObjectLegalHoldCommand({ Bucket, Key: "k" }))).LegalHold,
      ],
      expected: [{ Mode: "GOVERNANCE", RetainUntilDate: FAR }, { Status: "ON" }],
    },
    {
      of: ["RestoreObject"],
      async act(Bucket) {
        await put(Bucket, "k", { StorageClass: "GLACIER" });
        const RestoreRequest = { Days: 2 };
        await s3.send(new sdk.RestoreObjectCommand({ Bucket, Key: "k", RestoreRequest }));
      },
      look: text,
      expected: "k of restore-object",
    },
    {
      of: ["PutBucketWebsite", "PutBucketLogging", "PutBucketReplication"],
      act: configure,
      look: async (Bucket) => [
        (await s3.send(new sdk.GetBucketWebsiteCommand({ Bucket }))).IndexDocument?.Suffix,
        (await s3.send(new sdk.GetBucketLoggingCommand({ Bucket }))).LoggingEnabled?.TargetPrefix,
        (await s3.send(new sdk.GetBucketReplicationCommand({ Bucket }))).ReplicationConfiguration?.Rules?.[0]
          ?.ID,
      ],
      expected: ["index.html", "log", "kept"],
    },
    {
      of: ["PutBucketRequestPayment", "DeleteBucketWebsite", "DeleteBucketReplication"],
      async act(Bucket) {
        const RequestPaymentConfiguration = { Payer: "Requester" as const };
        await s3.send(new sdk.PutBucketRequestPaymentCommand({ Bucket, RequestPaymentConfiguration }));
        await configure(Bucket);
        await s3.send(new sdk.DeleteBucketWebsiteCommand({ Bucket }));
        await s3.send(new sdk.DeleteBucketReplicationCommand({ Bucket }));
      },
      look: async (Bucket) => [
        (await s3.send(new sdk.GetBucketRequestPaymentCommand({ Bucket }))).Payer,
        await code(s3.send(new sdk.GetBucketWebsiteCommand({ Bucket }))),
        await code(s3.send(new sdk.GetBucketReplicationCommand({ Bucket }))),
      ],
      expected: ["Requester", "NoSuchWebsiteConfiguration", "ReplicationConfigurationNotFoundError"],
    },
  ];
  /** `PutObject` -> `put-object`. */
  const bucketOf = ({ of: [operation = ""] }: Case): string =>
    operation.replaceAll(/(?<=.)[A-Z]/gu, (letter) => `-${letter}`).toLowerCase();

  const first = await startServer({ flags: ["--pool", "0"] });
  connect(first.endpoint);
  for (const one of cases) {
    const Bucket = bucketOf(one);
    await s3.send(new sdk.CreateBucketCommand({ Bucket, ...one.made }));
    await one.act(Bucket);
  }
  await first.kill();
  await using second = await startServer({ dataDir: first.dataDir, flags: ["--pool", "0"] });
  connect(second.endpoint);
  for (const one of cases) {
    assert.deepEqual(await one.look(bucketOf(one)), one.expected, one.of.join());
    for (const operation of one.of) saw(operation);
  }
});
