import type { RequestContext } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { matches } from "./conditions.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf } from "./lookup.ts";
import {
  type Bucket,
  isVersionId,
  newVersionId,
  type ObjectVersion,
  S3_LIMITS,
  wholeSecond,
  writtenVersion,
} from "./model.ts";
import type { Cause } from "./notifications.ts";
import { isProtected } from "./object-lock.ts";
import { causeOf } from "./sender.ts";

export function deleteOperations(deps: Deps): S3Operations {
  return {
    async DeleteObject(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      if (context.headers["x-amz-bypass-governance-retention"] !== undefined) checkBypass(bucket);
      for (const header of ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"]) {
        if (context.headers[header] !== undefined) throw errors.headerNotImplemented(header);
      }
      const { versionId, isMarker } = await deleteOne(deps, bucket, causeOf(context), {
        key: input.Key ?? "",
        versionId: input.VersionId,
        ifMatch: input.IfMatch,
        bypass: input.BypassGovernanceRetention === true,
      });
      return {
        ...(isMarker ? { DeleteMarker: true } : {}),
        ...(versionId === undefined ? {} : { VersionId: versionId }),
      };
    },

    async DeleteObjects(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      if (context.headers["x-amz-bypass-governance-retention"] !== undefined) checkBypass(bucket);
      const wanted = input.Delete?.Objects ?? [];
      if (wanted.length === 0 || wanted.length > S3_LIMITS.deleteKeys) throw errors.malformedXml();
      const Deleted: Record<string, unknown>[] = [];
      const Errors: Record<string, unknown>[] = [];
      for (const { Key, VersionId, ETag } of wanted) {
        const shown = { Key, ...(VersionId === undefined ? {} : { VersionId }) };
        try {
          Deleted.push({
            ...shown,
            ...(await deleteShown(deps, bucket, context, {
              key: Key ?? "",
              versionId: VersionId,
              ifMatch: ETag,
              bypass: input.BypassGovernanceRetention === true,
            })),
          });
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error;
          Errors.push({ ...shown, Code: error.code, Message: error.message });
        }
      }
      return {
        ...(input.Delete?.Quiet === true || Deleted.length === 0 ? {} : { Deleted }),
        ...(Errors.length === 0 ? {} : { Errors }),
      };
    },
  };
}

function checkBypass(bucket: Bucket): void {
  if (bucket.settings["objectLock"] !== undefined) return;
  throw errors.invalidArgument(
    "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
    "x-amz-bypass-governance-retention",
  );
}

async function deleteShown(
  deps: Deps,
  bucket: Bucket,
  context: RequestContext,
  deletion: Deletion,
): Promise<Record<string, unknown>> {
  const { key, versionId } = deletion;
  // Here an unknown version is an error, which DeleteObject lets pass.
  const isUnknown =
    versionId !== undefined && (await deps.objects.version(bucket.name, key, versionId)) === undefined;
  if (isUnknown) throw errors.noSuchVersion(key, versionId);
  const done = await deleteOne(deps, bucket, causeOf(context), deletion);
  if (!done.isMarker) return {};
  return { DeleteMarker: true, DeleteMarkerVersionId: done.versionId ?? "null" };
}

export interface Deletion {
  readonly key: string;
  readonly versionId?: string | undefined;
  readonly ifMatch?: string | undefined;
  readonly byLifecycle?: boolean;
  /** The caller overrides GOVERNANCE retentions. */
  readonly bypass?: boolean;
}

export interface Deleted {
  /** Of what went, or of the marker that came. */
  readonly versionId: string | undefined;
  readonly isMarker: boolean;
}

const ATTEMPTS_MAX = 20;

/**
 * With a version id: that version goes. Without one: the object goes, or where the bucket is (or was)
 * versioned a delete marker is put over it.
 * Errors: PreconditionFailed, InvalidArgument, NoSuchBucket.
 */
export async function deleteOne(
  deps: Deps,
  first: Bucket,
  cause: Cause,
  deletion: Deletion,
): Promise<Deleted> {
  const { key, versionId, ifMatch } = deletion;
  if (versionId !== undefined && !isVersionId(versionId)) {
    throw errors.invalidArgument("Invalid version id specified", "versionId", versionId);
  }
  let bucket = first;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const target =
      versionId === undefined
        ? await deps.objects.latest(bucket.name, key)
        : await deps.objects.version(bucket.name, key, versionId);
    checkMatch(target, ifMatch, key);
    const done =
      versionId !== undefined || bucket.versioning === "Off"
        ? await removeTarget(deps, bucket, cause, deletion, target)
        : await putMarker(deps, bucket, cause, deletion, target);
    if (done !== undefined) return done;
    bucket = await bucketOf(deps, first.name);
  }
  throw errors.operationAborted();
}

function checkMatch(target: ObjectVersion | undefined, ifMatch: string | undefined, key: string): void {
  if (ifMatch === undefined) return;
  if (target === undefined || target.isMarker) throw errors.noSuchKey(key);
  if (!matches(ifMatch, target.etag)) throw errors.preconditionFailed("If-Match");
}

async function removeTarget(
  deps: Deps,
  bucket: Bucket,
  cause: Cause,
  deletion: Deletion,
  target: ObjectVersion | undefined,
): Promise<Deleted | undefined> {
  if (target === undefined) return { versionId: deletion.versionId, isMarker: false };
  if (isProtected(target.meta.lock, cause.timeMs, deletion.bypass === true)) throw errors.objectLocked();
  const sent = deps.sender.deliveries(
    bucket,
    {
      name: deletion.byLifecycle === true ? "LifecycleExpiration:Delete" : "ObjectRemoved:Delete",
      key: target.key,
      versionId: writtenVersion(target.versionId),
      seq: deps.objects.nextSeq(),
    },
    cause,
  );
  const dropped = await deps.objects.remove(bucket, target, deps.sender.outbox.within(sent));
  if (dropped === undefined) return undefined;
  if (sent.length > 0) deps.sender.outbox.wake(sent);
  deps.contents.suspect(dropped);
  return {
    versionId: deletion.versionId === undefined ? undefined : target.versionId,
    isMarker: target.isMarker,
  };
}

/** MD5 of nothing: what the event of a marker shows. */
const EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e";

async function putMarker(
  deps: Deps,
  bucket: Bucket,
  cause: Cause,
  deletion: Deletion,
  target: ObjectVersion | undefined,
): Promise<Deleted | undefined> {
  const seq = deps.objects.nextSeq();
  const versionId = bucket.versioning === "Enabled" ? newVersionId(deps.random.hex(32), seq) : "null";
  const isByLifecycle = deletion.byLifecycle === true;
  const sent = deps.sender.deliveries(
    bucket,
    {
      name: isByLifecycle ? "LifecycleExpiration:DeleteMarkerCreated" : "ObjectRemoved:DeleteMarkerCreated",
      key: deletion.key,
      etag: EMPTY_MD5,
      versionId: writtenVersion(versionId),
      seq,
    },
    cause,
  );
  const isConditional = deletion.ifMatch !== undefined || isByLifecycle;
  const dropped = await deps.objects.write(
    bucket,
    {
      key: deletion.key,
      versionId,
      seq,
      isMarker: true,
      modifiedAt: wholeSecond(cause.timeMs),
      bytes: 0,
      etag: "",
      meta: {},
    },
    { latestSeq: isConditional ? (target?.seq ?? 0) : undefined },
    deps.sender.outbox.within(sent),
  );
  if (dropped === undefined) return undefined;
  if (sent.length > 0) deps.sender.outbox.wake(sent);
  deps.contents.suspect(dropped);
  return { versionId, isMarker: true };
}
