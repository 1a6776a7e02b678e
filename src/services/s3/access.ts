import type { AccessList, AccessNeed, AskedAccess, ServiceAccess } from "../../aws/service.ts";
import type { ServiceError } from "../../kernel/errors.ts";
import { RULES } from "./access-rules.ts";
import { ownerGrant } from "./acl.ts";
import { asksOf, hasLists, type Listed, objectOwner, policyOf } from "./acl-grants.ts";
import { denialsOf, withoutPublic } from "./bucket-policy.ts";
import type { BucketStore } from "./bucket-store.ts";
import { noSuchBucket, noSuchKey, noSuchVersion } from "./errors.ts";
import { type Bucket, bucketArn, type Grant, isVersionId, type ObjectVersion } from "./model.ts";
import { type CopySource, parseCopySource } from "./names.ts";
import type { ObjectStore } from "./object-store.ts";
import { blocks } from "./public-access.ts";

/** Actions that policies may tie to the tags of the object that is there. */
const BY_TAGS = /^s3:(?:GetObject(?:Version)?|(?:Get|Put|Delete)Object(?:Version)?(?:Acl|Tagging))$/u;

type Input = Readonly<Record<string, unknown>>;

const READS = new Set(["GetObject", "HeadObject", "GetObjectAttributes"]);

/** What an operation reads; undefined where it reads nothing, or nothing that could be. */
function keyRead(operation: string, input: Input): CopySource | undefined {
  const { Bucket: bucket, Key: key, VersionId, CopySource: source } = input;
  if (typeof source === "string") {
    try {
      return parseCopySource(source);
    } catch {
      return undefined;
    }
  }
  if (!READS.has(operation) || typeof bucket !== "string" || typeof key !== "string") return undefined;
  return { bucket, key, versionId: typeof VersionId === "string" ? VersionId : undefined };
}

/** Who may not list a bucket is not told which keys it lacks; of versions nothing is held back. */
function missing({ bucket, versionId }: CopySource): readonly AccessNeed[] {
  return versionId === undefined ? [{ actions: ["s3:ListBucket"], resources: [bucketArn(bucket)] }] : [];
}

/** Tags are taken along only by those who may read them there and put them here. */
function taking({ bucket, key, versionId }: CopySource, input: Input): readonly AccessNeed[] {
  const action = versionId === undefined ? "s3:GetObjectTagging" : "s3:GetObjectVersionTagging";
  return [
    {
      actions: [action],
      resources: [`${bucketArn(bucket)}/${key}`],
      conditions: { "s3:VersionId": versionId },
    },
    {
      actions: ["s3:PutObjectTagging"],
      resources: [`${bucketArn(String(input["Bucket"]))}/${String(input["Key"])}`],
    },
  ];
}

function told(listed: Listed, missing?: ServiceError): AccessList | undefined {
  const policy = policyOf(listed);
  return policy === undefined ? undefined : { policy, ...(missing === undefined ? {} : { missing }) };
}

/** That there is no such bucket is told to whoever asks: names are everybody's to see. */
function nowhere({ action, resource }: AskedAccess, name: string): AccessList | undefined {
  if (!resource.startsWith(bucketArn("")) || name.includes("*") || action === "s3:CreateBucket")
    return undefined;
  const Statement = [{ Effect: "Allow", Principal: "*", Action: action, Resource: resource }];
  const policy = JSON.stringify({ Version: "2012-10-17", Statement });
  return { policy, missing: noSuchBucket(name) };
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
    async lateNeeds(operation, input) {
      const read = keyRead(operation, input);
      if (read === undefined) return [];
      const { bucket, key, versionId } = read;
      const version =
        versionId === undefined
          ? await objects.latest(bucket, key)
          : await objects.version(bucket, key, versionId);
      if (version === undefined || version.isMarker) return missing(read);
      const copiesTags = operation === "CopyObject" && input["TaggingDirective"] !== "REPLACE";
      return copiesTags && (version.meta.tags ?? []).length > 0 ? taking(read, input) : [];
    },
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
    tagKeys: ["s3:ExistingObjectTag"],
    async resourceTags(arn, asked) {
      if (asked === undefined || !BY_TAGS.test(asked.action)) return {};
      const bucket = await buckets.get(parts(arn).name);
      const version = bucket && (await objectOf(bucket, asked));
      return Object.fromEntries((version?.meta.tags ?? []).map(({ Key, Value }) => [Key, Value]));
    },
    async acl(asked) {
      const { name } = parts(asked.resource);
      const bucket = await buckets.get(name);
      return bucket === undefined ? nowhere(asked, name) : listOf(bucket, asked);
    },
  };
}
