import {
  type AclInput,
  type AclPolicyInput,
  checkBucketAcl,
  checkPublicAcl,
  grantsOf,
  grantsOfPolicy,
  hasGrantHeaders,
  ownerGrant,
} from "./acl.ts";
import { hasLists, objectOwner } from "./acl-grants.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Deps, S3Operations } from "./deps.ts";
import { bucketOf, objectAt } from "./lookup.ts";
import { bucketArn, type Grant, ownerId } from "./model.ts";
import { changeMeta, taggable } from "./operations-tagging.ts";

export function aclOperations(deps: Deps): S3Operations {
  return {
    async GetBucketAcl(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const text = bucket.settings["acl"];
      return shown(bucket.accountId, text === undefined ? undefined : (JSON.parse(text) as Grant[]));
    },

    async PutBucketAcl(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      checkBucketAcl(bucket, input);
      const grants = askedGrants(input, input.AccessControlPolicy, bucket.accountId);
      checkPublicAcl(bucket, grants, bucketArn(bucket.name), context);
      await deps.buckets.set(bucket.name, "acl", grants === undefined ? undefined : JSON.stringify(grants));
      return {};
    },

    async GetObjectAcl(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const version = await objectAt(deps, bucket, input.Key ?? "", input.VersionId, "GET");
      return shown(objectOwner(bucket, version), hasLists(bucket) ? version.meta.grants : undefined);
    },

    async PutObjectAcl(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      checkBucketAcl(bucket, input);
      await changeMeta(deps, context, bucket, {
        find: () => taggable(deps, bucket, input.Key ?? "", input.VersionId, "PUT"),
        change: ({ grants: _grants, ...meta }) => {
          const owner = objectOwner(bucket, { meta });
          const grants = askedGrants(input, input.AccessControlPolicy, owner, bucket.accountId);
          checkPublicAcl(bucket, grants, `${bucketArn(bucket.name)}/${input.Key ?? ""}`, context);
          return grants === undefined ? meta : { ...meta, grants };
        },
        event: "ObjectAcl:Put",
      });
      return {};
    },
  };
}

function shown(
  owner: string,
  grants: readonly Grant[] | undefined,
): { Owner: { ID: string }; Grants: never } {
  return { Owner: { ID: ownerId(owner) }, Grants: (grants ?? [ownerGrant(owner)]) as never };
}

/** Errors: MissingSecurityHeader, UnexpectedContent, InvalidRequest, MalformedACLError. */
function askedGrants(
  input: AclInput,
  policy: AclPolicyInput | undefined,
  owner: string,
  bucketOwner?: string,
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
  return policy === undefined ? grantsOf(input, owner, bucketOwner) : grantsOfPolicy(policy, owner);
}
