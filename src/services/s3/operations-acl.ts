import {
  type AclInput,
  type AclPolicyInput,
  checkBucketAcl,
  grantsOf,
  grantsOfPolicy,
  hasGrantHeaders,
  ownerGrant,
  ownershipOf,
} from "./acl.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf, objectAt } from "./lookup.ts";
import { type Bucket, canonicalId, type Grant } from "./model.ts";
import { changeMeta, taggable } from "./operations-tagging.ts";

export function aclOperations(deps: Deps): S3Operations {
  return {
    async GetBucketAcl(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const text = bucket.settings["acl"];
      return shown(bucket, text === undefined ? undefined : (JSON.parse(text) as Grant[]));
    },

    async PutBucketAcl(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      checkOwnAcl(bucket, input);
      const grants = askedGrants(bucket, input, input.AccessControlPolicy);
      await deps.buckets.set(bucket.name, "acl", grants === undefined ? undefined : JSON.stringify(grants));
      return {};
    },

    async GetObjectAcl(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const version = await objectAt(deps, bucket, input.Key ?? "", input.VersionId, "GET");
      return shown(bucket, version.meta.grants);
    },

    async PutObjectAcl(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      checkOwnAcl(bucket, input);
      const grants = askedGrants(bucket, input, input.AccessControlPolicy);
      await changeMeta(deps, context, bucket, {
        find: () => taggable(deps, bucket, input.Key ?? "", input.VersionId, "PUT"),
        change: ({ grants: _grants, ...meta }) => (grants === undefined ? meta : { ...meta, grants }),
        event: "ObjectAcl:Put",
      });
      return {};
    },
  };
}

function shown(
  bucket: Bucket,
  grants: readonly Grant[] | undefined,
): { Owner: { ID: string }; Grants: never } {
  return {
    Owner: { ID: canonicalId(bucket.accountId) },
    Grants: (grants ?? [ownerGrant(bucket.accountId)]) as never,
  };
}

/** Where ACLs are off, only what changes nothing is taken. Errors: AccessControlListNotSupported. */
function checkOwnAcl(bucket: Bucket, input: AclInput): void {
  if (ownershipOf(bucket) === "BucketOwnerEnforced") checkBucketAcl(bucket, input);
}

/** Errors: MissingSecurityHeader, UnexpectedContent, InvalidRequest, MalformedACLError, AccessDenied. */
function askedGrants(
  bucket: Bucket,
  input: AclInput,
  policy: AclPolicyInput | undefined,
): readonly Grant[] | undefined {
  const byHeader = input.ACL !== undefined || hasGrantHeaders(input);
  if (policy !== undefined && byHeader) {
    throw new ServiceError("UnexpectedContent", 400, "This request does not support content");
  }
  if (policy === undefined && !byHeader) {
    throw new ServiceError("MissingSecurityHeader", 400, "Your request was missing a required header", {
      members: { MissingHeaderName: "x-amz-acl" },
    });
  }
  const grants = policy === undefined ? grantsOf(input, bucket.accountId) : grantsOfPolicy(policy);
  const isForAll = (grants ?? []).some((grant) => grant.Grantee.URI?.includes("/groups/global/") === true);
  if (isForAll && publicAclsAreBlocked(bucket)) {
    throw errors.accessDenied(
      "Public ACLs are blocked because the BlockPublicAcls setting of this bucket is on",
    );
  }
  return grants;
}

function publicAclsAreBlocked(bucket: Bucket): boolean {
  const text = bucket.settings["publicAccessBlock"];
  return text !== undefined && (JSON.parse(text) as { BlockPublicAcls?: boolean }).BlockPublicAcls === true;
}
