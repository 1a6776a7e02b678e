import type { RequestContext } from "../../aws/service.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { type Bucket, isVersionId, type ObjectVersion } from "./model.ts";
import { checkPays } from "./requester-pays.ts";

/**
 * Errors: NoSuchBucket, InvalidBucketOwnerAWSAccountID, AccessDenied (another owner was expected, or the
 * requester has to pay and does not say that it will).
 * @param requester of operations that Requester Pays is about
 */
export async function bucketOf(
  deps: Pick<Deps, "buckets">,
  name: string | undefined,
  expectedOwner?: string | undefined,
  requester?: RequestContext,
): Promise<Bucket> {
  if (expectedOwner !== undefined && !/^\d{12}$/u.test(expectedOwner)) {
    throw errors.invalidOwnerId(expectedOwner);
  }
  const bucket = await deps.buckets.get(name ?? "");
  if (bucket === undefined) throw errors.noSuchBucket(name ?? "");
  if (expectedOwner !== undefined && expectedOwner !== bucket.accountId) throw errors.accessDenied();
  if (requester !== undefined) checkPays(bucket, requester);
  return bucket;
}

/**
 * The version asked for, or the latest. A delete marker is an answer of its own.
 * Errors: NoSuchKey, NoSuchVersion, InvalidArgument (not a version id).
 */
export async function versionAt(
  deps: Pick<Deps, "objects">,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): Promise<ObjectVersion> {
  if (versionId === undefined) {
    const latest = await deps.objects.latest(bucket.name, key);
    if (latest === undefined) throw errors.noSuchKey(key);
    return latest;
  }
  if (!isVersionId(versionId)) {
    throw errors.invalidArgument("Invalid version id specified", "versionId", versionId);
  }
  const version = await deps.objects.version(bucket.name, key, versionId);
  if (version === undefined) throw errors.noSuchVersion(key, versionId);
  return version;
}

/** The same, and it must hold an object. Errors also: MethodNotAllowed for a marker named by its id. */
export async function objectAt(
  deps: Pick<Deps, "objects">,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
  method: string,
): Promise<ObjectVersion> {
  const version = await versionAt(deps, bucket, key, versionId);
  if (!version.isMarker) return version;
  const refusal =
    versionId === undefined ? errors.noSuchKey(key) : errors.methodNotAllowed(method, "DeleteMarker");
  throw errors.aboutMarker(refusal, version);
}
