import { parseForm } from "../../aws/protocol/query.ts";
import type { AccessNeed, AccessRule } from "../../aws/service.ts";
import { headerConditions, tagConditions } from "./access-conditions.ts";
import { bucketArn, type Tag } from "./model.ts";
import { parseCopySource } from "./names.ts";

/** Actions and resources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html */

type Input = Readonly<Record<string, unknown>>;

function text(input: Input, name: string): string {
  const value = input[name];
  return typeof value === "string" ? value : "";
}

function has(input: Input, name: string): boolean {
  return input[name] !== undefined;
}

function ofBucket(input: Input): readonly string[] {
  return [bucketArn(text(input, "Bucket"))];
}

function ofObject(input: Input): readonly string[] {
  return [`${bucketArn(text(input, "Bucket"))}/${text(input, "Key")}`];
}

function onBucket(action: string): AccessRule {
  return { actions: () => [`s3:${action}`], resources: ofBucket };
}

function onObject(...actions: readonly string[]): AccessRule {
  return { actions: () => actions.map((action) => `s3:${action}`), resources: ofObject };
}

/** One action for the latest version, another for a version named by its id. */
function onVersion(latest: readonly string[], named: readonly string[]): AccessRule {
  return {
    actions: (input) => (has(input, "VersionId") ? named : latest).map((action) => `s3:${action}`),
    resources: ofObject,
    conditions: (input) => ({ "s3:VersionId": text(input, "VersionId") || undefined }),
  };
}

function listing(action: string): AccessRule {
  return {
    ...onBucket(action),
    conditions: (input) => ({
      "s3:prefix": has(input, "Prefix") ? text(input, "Prefix") : undefined,
      "s3:delimiter": has(input, "Delimiter") ? text(input, "Delimiter") : undefined,
      "s3:max-keys": has(input, "MaxKeys") ? String(input["MaxKeys"]) : undefined,
    }),
  };
}

/** What comes with an object asks for its own permission. */
function writing(also?: (input: Input) => readonly AccessNeed[]): AccessRule {
  return {
    actions: (input) => [
      "s3:PutObject",
      ...(has(input, "Tagging") ? ["s3:PutObjectTagging"] : []),
      ...(has(input, "ACL") || Object.keys(input).some((name) => name.startsWith("Grant"))
        ? ["s3:PutObjectAcl"]
        : []),
    ],
    resources: ofObject,
    conditions: (input) => ({
      ...headerConditions(input),
      ...tagConditions(parseForm(text(input, "Tagging")).map(([Key, Value]) => ({ Key, Value }))),
    }),
    ...(also === undefined ? {} : { also }),
  };
}

function tagging(latest: string, named: string): AccessRule {
  const rule = onVersion([latest], [named]);
  return {
    ...rule,
    conditions: (input, scope) => ({
      ...rule.conditions?.(input, scope),
      ...tagConditions((input["Tagging"] as { readonly TagSet?: readonly Tag[] } | undefined)?.TagSet ?? []),
    }),
  };
}

/** A list that is set on what is there. */
function settingList(rule: AccessRule): AccessRule {
  return {
    ...rule,
    conditions: (input, scope) => ({ ...rule.conditions?.(input, scope), ...headerConditions(input) }),
  };
}

function readsSource(input: Input): readonly AccessNeed[] {
  try {
    const { bucket, key, versionId } = parseCopySource(text(input, "CopySource"));
    const action = versionId === undefined ? "s3:GetObject" : "s3:GetObjectVersion";
    const conditions = { "s3:VersionId": versionId };
    return [{ actions: [action], resources: [`${bucketArn(bucket)}/${key}`], conditions }];
  } catch {
    // The operation itself tells what is wrong with it.
    return [];
  }
}

/** Overriding a retention asks for more. */
function bypassing(input: Input): readonly AccessNeed[] {
  if (input["BypassGovernanceRetention"] !== true) return [];
  return [{ actions: ["s3:BypassGovernanceRetention"], resources: ofObject(input) }];
}

interface Location {
  readonly LocationConstraint?: string;
}

interface Listed {
  readonly Key?: string;
  readonly VersionId?: string;
}

function deletions(input: Input, isVersion: boolean): readonly string[] {
  const objects = (input["Delete"] as { Objects?: readonly Listed[] } | undefined)?.Objects ?? [];
  return objects
    .filter((object) => (object.VersionId !== undefined) === isVersion)
    .map((object) => `${bucketArn(text(input, "Bucket"))}/${object.Key ?? ""}`);
}

export const RULES: Readonly<Record<string, AccessRule>> = {
  ListBuckets: { actions: () => ["s3:ListAllMyBuckets"], resources: () => ["*"] },
  CreateBucket: {
    ...onBucket("CreateBucket"),
    conditions: (input) => ({
      ...headerConditions(input),
      "s3:LocationConstraint": (input["CreateBucketConfiguration"] as Location | undefined)
        ?.LocationConstraint,
    }),
  },
  DeleteBucket: onBucket("DeleteBucket"),
  HeadBucket: onBucket("ListBucket"),
  GetBucketLocation: onBucket("GetBucketLocation"),
  ListObjects: listing("ListBucket"),
  ListObjectsV2: listing("ListBucket"),
  ListObjectVersions: listing("ListBucketVersions"),
  ListMultipartUploads: listing("ListBucketMultipartUploads"),

  GetObject: onVersion(["GetObject"], ["GetObjectVersion"]),
  HeadObject: onVersion(["GetObject"], ["GetObjectVersion"]),
  GetObjectAttributes: onVersion(
    ["GetObject", "GetObjectAttributes"],
    ["GetObjectVersion", "GetObjectVersionAttributes"],
  ),
  PutObject: writing(),
  CopyObject: writing(readsSource),
  DeleteObject: { ...onVersion(["DeleteObject"], ["DeleteObjectVersion"]), also: bypassing },
  DeleteObjects: {
    actions: (input) =>
      deletions(input, false).length > 0 ? ["s3:DeleteObject"] : ["s3:DeleteObjectVersion"],
    resources: (input) =>
      deletions(input, false).length > 0 ? deletions(input, false) : deletions(input, true),
    also: (input) =>
      deletions(input, false).length === 0 || deletions(input, true).length === 0
        ? []
        : [{ actions: ["s3:DeleteObjectVersion"], resources: deletions(input, true) }],
  },
  CreateMultipartUpload: writing(),
  UploadPart: onObject("PutObject"),
  UploadPartCopy: { ...onObject("PutObject"), also: readsSource },
  CompleteMultipartUpload: onObject("PutObject"),
  AbortMultipartUpload: onObject("AbortMultipartUpload"),
  ListParts: onObject("ListMultipartUploadParts"),

  GetObjectTagging: onVersion(["GetObjectTagging"], ["GetObjectVersionTagging"]),
  PutObjectTagging: tagging("PutObjectTagging", "PutObjectVersionTagging"),
  DeleteObjectTagging: onVersion(["DeleteObjectTagging"], ["DeleteObjectVersionTagging"]),
  GetObjectAcl: onVersion(["GetObjectAcl"], ["GetObjectVersionAcl"]),
  PutObjectAcl: settingList(onVersion(["PutObjectAcl"], ["PutObjectVersionAcl"])),

  GetBucketAcl: onBucket("GetBucketAcl"),
  PutBucketAcl: settingList(onBucket("PutBucketAcl")),
  GetBucketTagging: onBucket("GetBucketTagging"),
  PutBucketTagging: onBucket("PutBucketTagging"),
  DeleteBucketTagging: onBucket("PutBucketTagging"),
  GetBucketVersioning: onBucket("GetBucketVersioning"),
  PutBucketVersioning: onBucket("PutBucketVersioning"),
  GetBucketPolicy: onBucket("GetBucketPolicy"),
  PutBucketPolicy: onBucket("PutBucketPolicy"),
  DeleteBucketPolicy: onBucket("DeleteBucketPolicy"),
  GetBucketPolicyStatus: onBucket("GetBucketPolicyStatus"),
  GetBucketCors: onBucket("GetBucketCORS"),
  PutBucketCors: onBucket("PutBucketCORS"),
  DeleteBucketCors: onBucket("PutBucketCORS"),
  GetBucketEncryption: onBucket("GetEncryptionConfiguration"),
  PutBucketEncryption: onBucket("PutEncryptionConfiguration"),
  DeleteBucketEncryption: onBucket("PutEncryptionConfiguration"),
  GetBucketLifecycleConfiguration: onBucket("GetLifecycleConfiguration"),
  PutBucketLifecycleConfiguration: onBucket("PutLifecycleConfiguration"),
  DeleteBucketLifecycle: onBucket("PutLifecycleConfiguration"),
  GetBucketNotificationConfiguration: onBucket("GetBucketNotification"),
  PutBucketNotificationConfiguration: onBucket("PutBucketNotification"),
  GetPublicAccessBlock: onBucket("GetBucketPublicAccessBlock"),
  PutPublicAccessBlock: onBucket("PutBucketPublicAccessBlock"),
  DeletePublicAccessBlock: onBucket("PutBucketPublicAccessBlock"),
  GetBucketOwnershipControls: onBucket("GetBucketOwnershipControls"),
  PutBucketOwnershipControls: onBucket("PutBucketOwnershipControls"),
  DeleteBucketOwnershipControls: onBucket("PutBucketOwnershipControls"),

  GetBucketWebsite: onBucket("GetBucketWebsite"),
  PutBucketWebsite: onBucket("PutBucketWebsite"),
  DeleteBucketWebsite: onBucket("DeleteBucketWebsite"),
  PutBucketReplication: onBucket("PutReplicationConfiguration"),
  GetBucketReplication: onBucket("GetReplicationConfiguration"),
  DeleteBucketReplication: onBucket("PutReplicationConfiguration"),
  GetObjectLockConfiguration: onBucket("GetBucketObjectLockConfiguration"),
  PutObjectLockConfiguration: onBucket("PutBucketObjectLockConfiguration"),
  GetObjectRetention: onObject("GetObjectRetention"),
  PutObjectRetention: { ...onObject("PutObjectRetention"), also: bypassing },
  GetObjectLegalHold: onObject("GetObjectLegalHold"),
  PutObjectLegalHold: onObject("PutObjectLegalHold"),
  RestoreObject: onObject("RestoreObject"),
  PutBucketLogging: onBucket("PutBucketLogging"),
  GetBucketLogging: onBucket("GetBucketLogging"),
  GetBucketAccelerateConfiguration: onBucket("GetAccelerateConfiguration"),
  GetBucketRequestPayment: onBucket("GetBucketRequestPayment"),
  PutBucketRequestPayment: onBucket("PutBucketRequestPayment"),
  ListBucketAnalyticsConfigurations: onBucket("GetAnalyticsConfiguration"),
  GetBucketAnalyticsConfiguration: onBucket("GetAnalyticsConfiguration"),
  ListBucketInventoryConfigurations: onBucket("GetInventoryConfiguration"),
  GetBucketInventoryConfiguration: onBucket("GetInventoryConfiguration"),
  ListBucketMetricsConfigurations: onBucket("GetMetricsConfiguration"),
  GetBucketMetricsConfiguration: onBucket("GetMetricsConfiguration"),
  ListBucketIntelligentTieringConfigurations: onBucket("GetIntelligentTieringConfiguration"),
  GetBucketIntelligentTieringConfiguration: onBucket("GetIntelligentTieringConfiguration"),
};
