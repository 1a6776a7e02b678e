/**
 * What access control lists allow, told as a resource policy that the evaluator understands.
 *
 *   1. where the bucket's owner owns everything, lists are off
 *   2. the action says which list is asked (the bucket's, the object's) and for which permission
 *   3. grants to everybody are left out where the bucket ignores public lists
 *   4. writing over or deleting what is there already takes WRITE and owning it
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#permissions
 */
import { ALL_USERS, AUTHENTICATED, isForEverybody, LOG_DELIVERY, ownershipOf } from "./acl.ts";
import { ANONYMOUS, type Bucket, type Grant, type ObjectVersion, ownerId } from "./model.ts";
import { blocks } from "./public-access.ts";

export type Permission = "READ" | "WRITE" | "READ_ACP" | "WRITE_ACP";

export interface Asks {
  readonly list: "bucket" | "object";
  readonly permission: Permission;
}

const ASKS: Readonly<Record<string, Asks>> = {
  "s3:ListBucket": { list: "bucket", permission: "READ" },
  "s3:ListBucketVersions": { list: "bucket", permission: "READ" },
  "s3:ListBucketMultipartUploads": { list: "bucket", permission: "READ" },
  "s3:PutObject": { list: "bucket", permission: "WRITE" },
  "s3:DeleteObject": { list: "bucket", permission: "WRITE" },
  "s3:GetBucketAcl": { list: "bucket", permission: "READ_ACP" },
  "s3:PutBucketAcl": { list: "bucket", permission: "WRITE_ACP" },
  "s3:GetObject": { list: "object", permission: "READ" },
  "s3:GetObjectVersion": { list: "object", permission: "READ" },
  "s3:GetObjectAcl": { list: "object", permission: "READ_ACP" },
  "s3:GetObjectVersionAcl": { list: "object", permission: "READ_ACP" },
  "s3:PutObjectAcl": { list: "object", permission: "WRITE_ACP" },
  "s3:PutObjectVersionAcl": { list: "object", permission: "WRITE_ACP" },
};

/** A list that comes with a new object is its writer's to choose. */
const WRITES = new Set(["PutObject", "CopyObject", "CreateMultipartUpload"]);

/** Which list decides on an action, and by which permission; undefined where none does. */
export function asksOf(action: string, operation: string): Asks | undefined {
  if (action === "s3:PutObjectAcl" && WRITES.has(operation)) return ASKS["s3:PutObject"];
  return ASKS[action];
}

export function hasLists(bucket: Bucket): boolean {
  return ownershipOf(bucket) !== "BucketOwnerEnforced";
}

/** Account of an object's owner, or ANONYMOUS: not always the bucket's. */
export function objectOwner(bucket: Bucket, version: Pick<ObjectVersion, "meta">): string {
  return (hasLists(bucket) ? version.meta.owner : undefined) ?? bucket.accountId;
}

/** Everybody may read what the list is of. */
export function isReadByAll(bucket: Bucket, grants: readonly Grant[] | undefined): boolean {
  if (!hasLists(bucket) || blocks(bucket, "IgnorePublicAcls")) return false;
  return (grants ?? []).some(
    ({ Grantee, Permission }) =>
      Grantee.URI === ALL_USERS && (Permission === "READ" || Permission === "FULL_CONTROL"),
  );
}

export interface Listed {
  readonly bucket: Bucket;
  readonly action: string;
  readonly resource: string;
  readonly permission: Permission;
  readonly grants: readonly Grant[];
  /** Of the object that would be written over or deleted: only its owner may. */
  readonly onlyOwner?: string;
}

type Statement = Readonly<Record<string, unknown>>;

/** The policy's JSON text; undefined when the list grants none of it. */
export function policyOf(listed: Listed): string | undefined {
  const isIgnored = (grant: Grant): boolean =>
    isForEverybody(grant) && blocks(listed.bucket, "IgnorePublicAcls");
  const granted = listed.grants.filter(
    (grant) =>
      (grant.Permission === listed.permission || grant.Permission === "FULL_CONTROL") && !isIgnored(grant),
  );
  const Statement = granted.flatMap((grant) => {
    const who = whom(grant, listed.onlyOwner);
    return who === undefined
      ? []
      : [{ Effect: "Allow", Action: listed.action, Resource: listed.resource, ...who }];
  });
  return Statement.length === 0 ? undefined : JSON.stringify({ Version: "2008-10-17", Statement });
}

const SIGNED = { Condition: { Null: { "aws:PrincipalAccount": "false" } } };
const UNSIGNED = { Condition: { StringEquals: { "aws:PrincipalType": "Anonymous" } } };

/** Whom a grant means, as Principal and Condition; undefined for nobody. */
function whom(grant: Grant, onlyOwner: string | undefined): Statement | undefined {
  const { ID, URI } = grant.Grantee;
  if (URI === LOG_DELIVERY) return { Principal: { Service: "logging.s3.amazonaws.com" } };
  if (URI === undefined) {
    const isOwner = onlyOwner === undefined || ownerId(onlyOwner) === ID;
    return isOwner ? { Principal: { CanonicalUser: ID } } : undefined;
  }
  if (onlyOwner === ANONYMOUS) return URI === ALL_USERS ? { Principal: "*", ...UNSIGNED } : undefined;
  if (onlyOwner !== undefined) return { Principal: { CanonicalUser: ownerId(onlyOwner) } };
  return { Principal: "*", ...(URI === AUTHENTICATED ? SIGNED : {}) };
}
