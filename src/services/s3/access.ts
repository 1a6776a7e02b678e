import type { AccessList, AccessNeed, AccessRule, AskedAccess, ServiceAccess } from "../../aws/service.ts";
import type { ServiceError } from "../../kernel/errors.ts";
import { ownerGrant } from "./acl.ts";
import { asksOf, hasLists, type Listed as ListAsked, objectOwner, policyOf } from "./acl-grants.ts";
import { denialsOf, withoutPublic } from "./bucket-policy.ts";
import type { BucketStore } from "./bucket-store.ts";
import { noSuchKey, noSuchVersion } from "./errors.ts";
import { type Bucket, bucketArn, type Grant, isVersionId, type ObjectVersion } from "./model.ts";
import type { ObjectStore } from "./object-store.ts";
import { blocks } from "./public-access.ts";
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
      "s3:x-amz-acl": text(input, "ACL") || undefined,
      "s3:x-amz-storage-class": text(input, "StorageClass") || undefined,
      "s3:x-amz-server-side-encryption": text(input, "ServerSideEncryption") || undefined,
      "s3:x-amz-copy-source": text(input, "CopySource") || undefined,
      "s3:x-amz-metadata-directive": text(input, "MetadataDirective") || undefined,
    }),
    ...(also === undefined ? {} : { also }),
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

const RULES: Readonly<Record<string, AccessRule>> = {
  ListBuckets: { actions: () => ["s3:ListAllMyBuckets"], resources: () => ["*"] },
  CreateBucket: onBucket("CreateBucket"),
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
  PutObjectTagging: onVersion(["PutObjectTagging"], ["PutObjectVersionTagging"]),
  DeleteObjectTagging: onVersion(["DeleteObjectTagging"], ["DeleteObjectVersionTagging"]),
  GetObjectAcl: onVersion(["GetObjectAcl"], ["GetObjectVersionAcl"]),
  PutObjectAcl: onVersion(["PutObjectAcl"], ["PutObjectVersionAcl"]),

  GetBucketAcl: onBucket("GetBucketAcl"),
  PutBucketAcl: onBucket("PutBucketAcl"),
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
  DeleteBucketWebsite: onBucket("DeleteBucketWebsite"),
  GetBucketReplication: onBucket("GetReplicationConfiguration"),
  DeleteBucketReplication: onBucket("PutReplicationConfiguration"),
  GetObjectLockConfiguration: onBucket("GetBucketObjectLockConfiguration"),
  PutObjectLockConfiguration: onBucket("PutBucketObjectLockConfiguration"),
  GetObjectRetention: onObject("GetObjectRetention"),
  PutObjectRetention: { ...onObject("PutObjectRetention"), also: bypassing },
  GetObjectLegalHold: onObject("GetObjectLegalHold"),
  PutObjectLegalHold: onObject("PutObjectLegalHold"),
  RestoreObject: onObject("RestoreObject"),
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

function told(listed: ListAsked, missing?: ServiceError): AccessList | undefined {
  const policy = policyOf(listed);
  return policy === undefined ? undefined : { policy, ...(missing === undefined ? {} : { missing }) };
}

function notThere({ conditions }: AskedAccess, key: string): ServiceError {
  const versionId = conditions["s3:VersionId"];
  return typeof versionId === "string" ? noSuchVersion(key, versionId) : noSuchKey(key);
}

/**
 * Who owns what is asked for, and which policies and lists speak of it. Objects of others than the
 * bucket's owner are theirs alone to share: of the bucket's policy only what denies counts for them.
 */
export function createAccess(
  buckets: Pick<BucketStore, "get">,
  objects: Pick<ObjectStore, "latest" | "version">,
): ServiceAccess {
  function parts(arn: string): { readonly name: string; readonly key: string } {
    const path = arn.slice(arn.indexOf(":::") + 3);
    const slash = path.indexOf("/");
    return slash < 0 ? { name: path, key: "" } : { name: path.slice(0, slash), key: path.slice(slash + 1) };
  }

  async function objectOf(bucket: Bucket, asked: AskedAccess): Promise<ObjectVersion | undefined> {
    const { key } = parts(asked.resource);
    const versionId = asked.conditions["s3:VersionId"];
    if (typeof versionId !== "string") return objects.latest(bucket.name, key);
    return isVersionId(versionId) ? objects.version(bucket.name, key, versionId) : undefined;
  }

  /** Whose the object is that a list of its own speaks of; undefined where it is the bucket's owner. */
  async function strangerOf(bucket: Bucket, asked: AskedAccess | undefined): Promise<string | undefined> {
    if (asked === undefined || !hasLists(bucket)) return undefined;
    if (asksOf(asked.action, asked.operation)?.list !== "object") return undefined;
    const version = await objectOf(bucket, asked);
    const owner = version === undefined ? bucket.accountId : objectOwner(bucket, version);
    return owner === bucket.accountId ? undefined : owner;
  }

  async function listOf(bucket: Bucket, asked: AskedAccess): Promise<AccessList | undefined> {
    const asks = asksOf(asked.action, asked.operation);
    if (asks === undefined || !hasLists(bucket)) return undefined;
    const { action, resource } = asked;
    const own = bucket.settings["acl"];
    const grants = own === undefined ? [ownerGrant(bucket.accountId)] : (JSON.parse(own) as Grant[]);
    const listed = { bucket, action, resource, grants, permission: asks.permission };
    if (asks.list === "bucket" && asks.permission !== "WRITE") return told(listed);
    const version = await objectOf(bucket, asked);
    const isThere = version !== undefined && !version.isMarker;
    if (asks.list === "bucket") {
      return told(isThere ? { ...listed, onlyOwner: objectOwner(bucket, version) } : listed);
    }
    // Who may list the bucket may know that there is no such object.
    if (!isThere) return told({ ...listed, permission: "READ" }, notThere(asked, parts(resource).key));
    const grantsOfObject = version.meta.grants ?? [ownerGrant(objectOwner(bucket, version))];
    return told({ ...listed, grants: grantsOfObject });
  }

  return {
    prefix: "s3",
    rules: RULES,
    async resourcePolicy(arn, asked) {
      const bucket = await buckets.get(parts(arn).name);
      const text = bucket?.settings["policy"];
      if (bucket === undefined || text === undefined) return undefined;
      if ((await strangerOf(bucket, asked)) !== undefined) return denialsOf(text);
      return blocks(bucket, "RestrictPublicBuckets") ? withoutPublic(text, bucket.accountId) : text;
    },
    // The ARN of a bucket does not say whose it is.
    async ownerOf(arn, asked) {
      const bucket = await buckets.get(parts(arn).name);
      return bucket && ((await strangerOf(bucket, asked)) ?? bucket.accountId);
    },
    async acl(asked) {
      const bucket = await buckets.get(parts(asked.resource).name);
      return bucket && listOf(bucket, asked);
    },
  };
}
