import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf } from "./lookup.ts";

/**
 * What reading answers of features that are not there: exactly what AWS answers of buckets that do not
 * use them, so that tools which read everything of a bucket work. Setting them up is refused.
 */
export function unsetOperations(deps: Deps): S3Operations {
  const there = (input: { Bucket?: string | undefined; ExpectedBucketOwner?: string | undefined }) =>
    bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);

  async function noConfiguration(input: Parameters<typeof there>[0]): Promise<never> {
    await there(input);
    throw errors.noSuchConfiguration("NoSuchConfiguration", "The specified configuration does not exist.");
  }

  return {
    async GetBucketAccelerateConfiguration(input, _context) {
      await there(input);
      return {};
    },
    async ListBucketAnalyticsConfigurations(input, _context) {
      await there(input);
      return { IsTruncated: false };
    },
    async ListBucketInventoryConfigurations(input, _context) {
      await there(input);
      return { IsTruncated: false };
    },
    async ListBucketMetricsConfigurations(input, _context) {
      await there(input);
      return { IsTruncated: false };
    },
    async ListBucketIntelligentTieringConfigurations(input, _context) {
      await there(input);
      return { IsTruncated: false };
    },
    GetBucketAnalyticsConfiguration: (input, _context) => noConfiguration(input),
    GetBucketInventoryConfiguration: (input, _context) => noConfiguration(input),
    GetBucketMetricsConfiguration: (input, _context) => noConfiguration(input),
    GetBucketIntelligentTieringConfiguration: (input, _context) => noConfiguration(input),
  };
}
