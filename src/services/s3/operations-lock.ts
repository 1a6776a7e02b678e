import type { RequestContext } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf, objectAt } from "./lookup.ts";
import type { Bucket } from "./model.ts";
import {
  type LockConfigurationInput,
  lockConfiguration,
  readLockConfiguration,
  type RetentionInput,
  withRetention,
} from "./object-lock.ts";
import { changeMeta, taggable } from "./operations-tagging.ts";

/** Object Lock: a bucket's configuration, retentions and legal holds of versions. */
export function lockOperations(deps: Deps): S3Operations {
  async function lockable(
    input: { Bucket?: string | undefined; ExpectedBucketOwner?: string | undefined },
    context: RequestContext,
  ): Promise<Bucket> {
    const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
    if (lockConfiguration(bucket) === undefined) {
      throw errors.invalidRequest("Bucket is missing Object Lock Configuration");
    }
    return bucket;
  }

  return {
    async GetObjectLockConfiguration(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const configuration = lockConfiguration(bucket);
      if (configuration !== undefined) return { ObjectLockConfiguration: configuration };
      throw errors.noSuchConfiguration(
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
        bucket.name,
      );
    },

    async PutObjectLockConfiguration(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const sent = input.ObjectLockConfiguration as LockConfigurationInput | undefined;
      if (bucket.versioning !== "Enabled") {
        throw new ServiceError(
          "InvalidBucketState",
          409,
          "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
        );
      }
      await deps.buckets.set(bucket.name, "objectLock", JSON.stringify(readLockConfiguration(sent)));
      return {};
    },

    async GetObjectRetention(input, context) {
      const bucket = await lockable(input, context);
      const version = await objectAt(deps, bucket, input.Key ?? "", input.VersionId, "GET");
      const { mode, retainUntilMs } = version.meta.lock ?? {};
      if (mode === undefined || retainUntilMs === undefined) throw noLock();
      return { Retention: { Mode: mode, RetainUntilDate: new Date(retainUntilMs) } };
    },

    async PutObjectRetention(input, context) {
      const bucket = await lockable(input, context);
      const bypass = input.BypassGovernanceRetention === true;
      await changeMeta(deps, context, bucket, {
        find: () => taggable(deps, bucket, input.Key ?? "", input.VersionId, "PUT"),
        change: (meta) => ({
          ...meta,
          lock: withRetention(
            meta.lock,
            input.Retention as RetentionInput | undefined,
            context.clock.now(),
            bypass,
          ),
        }),
        event: undefined,
      });
      return {};
    },

    async GetObjectLegalHold(input, context) {
      const bucket = await lockable(input, context);
      const version = await objectAt(deps, bucket, input.Key ?? "", input.VersionId, "GET");
      const status = version.meta.lock?.legalHold;
      if (status === undefined) throw noLock();
      return { LegalHold: { Status: status } };
    },

    async PutObjectLegalHold(input, context) {
      const named = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      await taggable(deps, named, input.Key ?? "", input.VersionId, "PUT");
      const bucket = await lockable(input, context);
      const legalHold = input.LegalHold?.Status;
      if (legalHold !== "ON" && legalHold !== "OFF") throw errors.malformedXml();
      await changeMeta(deps, context, bucket, {
        find: () => taggable(deps, bucket, input.Key ?? "", input.VersionId, "PUT"),
        change: (meta) => ({ ...meta, lock: { ...meta.lock, legalHold } }),
        event: undefined,
      });
      return {};
    },
  };
}

function noLock(): ServiceError {
  return errors.noSuchConfiguration(
    "NoSuchObjectLockConfiguration",
    "The specified object does not have a ObjectLock configuration",
  );
}
