import { ServiceError } from "../../kernel/errors.ts";
import type { RequestContext } from "../../aws/service.ts";
import { RAW_XML } from "../../aws/streamed-body.ts";
import { grantsOf, hasGrantHeaders, isForEverybody } from "./acl.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf } from "./lookup.ts";
import { type Bucket, bucketArn, canonicalId, type Versioning } from "./model.ts";
import { isBucketName } from "./names.ts";
import { checkBucketTags, readTagSet } from "./tags.ts";
import { REPLICATION } from "./replication.ts";

const US_EAST_1 = "us-east-1";
const OWNERSHIPS = ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"];
const BLOCK_ALL = {
  BlockPublicAcls: true,
  IgnorePublicAcls: true,
  BlockPublicPolicy: true,
  RestrictPublicBuckets: true,
};

export function bucketOperations(deps: Deps): S3Operations {
  return {
    async CreateBucket(input, context) {
      const name = input.Bucket ?? "";
      if (!isBucketName(name)) throw errors.invalidBucketName(name);
      const region = locationOf(input.CreateBucketConfiguration, context);
      const tags = readTagSet(input.CreateBucketConfiguration?.Tags);
      checkNewTags(tags);
      const ownership = input.ObjectOwnership ?? "BucketOwnerEnforced";
      if (!OWNERSHIPS.includes(ownership)) {
        throw errors.invalidArgument(
          `Invalid x-amz-object-ownership header: ${ownership}`,
          "x-amz-object-ownership",
        );
      }
      const settings: Record<string, string> = { ownership, publicAccessBlock: JSON.stringify(BLOCK_ALL) };
      if (tags.length > 0) settings["tagging"] = JSON.stringify(tags);
      const isLockable = input.ObjectLockEnabledForBucket === true;
      if (isLockable) settings["objectLock"] = JSON.stringify({ ObjectLockEnabled: "Enabled" });
      const bucket: Bucket = {
        name,
        accountId: context.accountId,
        region,
        createdAt: context.clock.now(),
        versioning: isLockable ? "Enabled" : "Off",
        settings,
      };
      const asksForAcl = (input.ACL !== undefined && input.ACL !== "private") || hasGrantHeaders(input);
      if (asksForAcl && ownership === "BucketOwnerEnforced") throw errors.invalidBucketAclWithOwnership();
      const grants = grantsOf(input, context.accountId);
      // New buckets block public lists.
      if (grants?.some(isForEverybody) === true) throw errors.invalidBucketAclWithBlock();
      if (grants !== undefined) settings["acl"] = JSON.stringify(grants);
      const created = await deps.buckets.create(bucket);
      if (!created) await checkTaken(deps, context, name, region, tags.length > 0);
      return {
        Location: region === US_EAST_1 ? `/${name}` : `${context.endpoint}/${name}/`,
        BucketArn: bucketArn(name),
      };
    },

    async HeadBucket(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      return {
        BucketRegion: bucket.region,
        BucketArn: bucketArn(bucket.name),
        AccessPointAlias: false,
      } as never;
    },

    async GetBucketLocation(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      // The default region has no name here: the element is empty.
      const text = bucket.region === US_EAST_1 ? "" : bucket.region;
      const raw = `<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${text}</LocationConstraint>`;
      return { ...(text === "" ? {} : { LocationConstraint: text }), [RAW_XML]: raw } as never;
    },

    async ListBuckets(input, context) {
      const max = input.MaxBuckets ?? 10_000;
      if (max < 1 || max > 10_000) {
        throw errors.invalidArgument(
          "Argument max-buckets must be an integer between 1 and 10000",
          "max-buckets",
          input.MaxBuckets,
        );
      }
      const { Prefix = "", BucketRegion } = input;
      const after =
        input.ContinuationToken === undefined || input.ContinuationToken === ""
          ? ""
          : Buffer.from(input.ContinuationToken, "base64").toString("utf8");
      const found = (await deps.buckets.list(context.accountId, after, 1_000_000)).filter(
        (bucket) =>
          bucket.name.startsWith(Prefix) && (BucketRegion === undefined || bucket.region === BucketRegion),
      );
      const page = found.slice(0, max);
      const isPaged =
        input.MaxBuckets !== undefined || input.Prefix !== undefined || BucketRegion !== undefined;
      return {
        Buckets: page.map((bucket) => ({
          Name: bucket.name,
          CreationDate: new Date(bucket.createdAt),
          ...(isPaged ? { BucketRegion: bucket.region } : {}),
          BucketArn: bucketArn(bucket.name),
        })),
        Owner: { ID: canonicalId(context.accountId) },
        ...(found.length > page.length
          ? { ContinuationToken: Buffer.from(page.at(-1)?.name ?? "").toString("base64") }
          : {}),
        ...(input.Prefix === undefined ? {} : { Prefix }),
      };
    },

    async DeleteBucket(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      if (await deps.buckets.remove(bucket.name)) return {};
      await bucketOf(deps, bucket.name);
      throw errors.bucketNotEmpty(bucket.name, bucket.versioning !== "Off");
    },

    async GetBucketVersioning(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      return bucket.versioning === "Off" ? {} : { Status: bucket.versioning };
    },

    async PutBucketVersioning(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const status = input.VersioningConfiguration?.Status;
      if (input.MFA !== undefined || input.VersioningConfiguration?.MFADelete === "Enabled") {
        throw errors.notServed("MFA delete");
      }
      if (status === undefined) {
        throw new ServiceError(
          "IllegalVersioningConfigurationException",
          400,
          "The Versioning element must be specified",
        );
      }
      if (status !== "Enabled" && status !== "Suspended") throw errors.malformedXml();
      if (status === "Suspended" && bucket.settings["objectLock"] !== undefined) {
        throw new ServiceError(
          "InvalidBucketState",
          409,
          "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
        );
      }
      if (status === "Suspended" && bucket.settings[REPLICATION] !== undefined) {
        throw new ServiceError(
          "InvalidBucketState",
          409,
          "A replication configuration is present on this bucket, so you cannot change the versioning state. To change the versioning state, first delete the replication configuration.",
        );
      }
      await deps.buckets.setVersioning(bucket.name, status satisfies Versioning);
      return {};
    },
  };
}

/** Errors: IllegalLocationConstraintException, InvalidLocationConstraint. */
function locationOf(
  configuration: { readonly LocationConstraint?: string | undefined } | undefined,
  context: RequestContext,
): string {
  const asked = configuration?.LocationConstraint;
  const { region } = context;
  if (asked === undefined) {
    if (region !== US_EAST_1) throw errors.unspecifiedLocation();
    return US_EAST_1;
  }
  if (asked === US_EAST_1) {
    if (region === US_EAST_1) throw errors.invalidLocation(asked);
    throw errors.illegalLocation(asked);
  }
  if (asked === "EU") {
    if (region !== US_EAST_1 && region !== "eu-west-1") throw errors.illegalLocation(asked);
    return "eu-west-1";
  }
  if (!/^[a-z]{2}(?:-[a-z]+)+-\d$/u.test(asked)) {
    throw region === US_EAST_1 ? errors.invalidLocation(asked) : errors.illegalLocation(asked);
  }
  if (region !== US_EAST_1 && asked !== region) throw errors.illegalLocation(asked);
  return asked;
}

function checkNewTags(tags: readonly { readonly Key: string; readonly Value: string }[]): void {
  if (tags.some((tag) => tag.Key.startsWith("aws:"))) {
    throw errors.invalidTag(
      'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. Remove "aws:" from your tag keys and try again.',
    );
  }
  checkBucketTags(tags);
}

/**
 * Creating a bucket one has is an error, but not in us-east-1, which answers as if it had been made.
 * Errors: BucketAlreadyExists, BucketAlreadyOwnedByYou.
 */
async function checkTaken(
  deps: Deps,
  context: RequestContext,
  name: string,
  region: string,
  hasTags: boolean,
): Promise<void> {
  const taken = await deps.buckets.get(name);
  if (taken === undefined) throw errors.operationAborted();
  if (taken.accountId !== context.accountId) throw errors.bucketAlreadyExists(name);
  if (taken.region === US_EAST_1 && region === US_EAST_1 && context.region === US_EAST_1 && !hasTags) return;
  throw errors.bucketAlreadyOwnedByYou(name);
}
