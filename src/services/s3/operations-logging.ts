import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import type { LogDelivery } from "./log-delivery.ts";
import { checkLogging, checkTarget, LOGGING, loggingOf } from "./logging.ts";
import { bucketOf } from "./lookup.ts";

export function loggingOperations(
  deps: Pick<Deps, "buckets">,
  delivery: Pick<LogDelivery, "changed">,
): S3Operations {
  return {
    async GetBucketLogging(input, _context) {
      const logging = loggingOf(await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner));
      return logging === undefined ? {} : ({ LoggingEnabled: logging } as never);
    },

    async PutBucketLogging(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      if (input.BucketLoggingStatus === undefined) throw errors.malformedXml();
      const logging = input.BucketLoggingStatus.LoggingEnabled;
      if (logging !== undefined) {
        checkLogging(logging);
        const name = logging.TargetBucket ?? "";
        checkTarget(bucket, await deps.buckets.get(name), name);
      }
      const body = logging === undefined ? undefined : JSON.stringify(logging);
      await deps.buckets.set(bucket.name, LOGGING, body);
      delivery.changed(await bucketOf(deps, bucket.name));
      return {};
    },
  };
}
