import type { RequestContext } from "../../aws/service.ts";
import { HTTP_STATUS } from "../../aws/streamed-body.ts";
import type { Delivery } from "../../ports/outbox.ts";
import { archiveOf, isRestored, restoreUntil } from "./archive.ts";
import type { Deps, S3Operations } from "./deps.ts";
import { bucketOf } from "./lookup.ts";
import { type Bucket, type ObjectVersion, principalId, writtenVersion } from "./model.ts";
import type { Cause, EventName } from "./notifications.ts";
import { changeMeta, taggable } from "./operations-tagging.ts";
import { causeOf, serviceCause } from "./sender.ts";

/** Buckets in which something was restored: the runner looks there for what has expired. */
export const RESTORED = "restored";

export function restoreOperations(deps: Deps): S3Operations {
  return {
    async RestoreObject(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      await deps.buckets.set(bucket.name, RESTORED, "true");
      const before = await changeMeta(deps, context, bucket, {
        find: () => taggable(deps, bucket, input.Key ?? "", input.VersionId, "POST"),
        change: (meta) => ({
          ...meta,
          restoredUntilMs: restoreUntil(input.RestoreRequest, meta, context.clock.now()),
        }),
        tell: (after, { meta }) =>
          isRestored(meta, context.clock.now()) ? [] : restoreEvents(deps, context, bucket, after),
      });
      // A copy that is there already is only kept for longer.
      return { [HTTP_STATUS]: isRestored(before.meta, context.clock.now()) ? 200 : 202 } as never;
    },
  };
}

/** Asked for, and done: both at once. */
function restoreEvents(
  deps: Deps,
  context: RequestContext,
  bucket: Bucket,
  version: ObjectVersion,
): readonly Delivery[] {
  const own: Cause = {
    ...serviceCause(deps, bucket),
    requestId: context.requestId,
    userId: `AmazonCustomer:${principalId(bucket.accountId)}`,
  };
  return [
    ...restoreDeliveries(deps, bucket, version, "ObjectRestore:Post", causeOf(context)),
    ...restoreDeliveries(deps, bucket, version, "ObjectRestore:Completed", own),
  ];
}

/** @param version as it is afterwards */
export function restoreDeliveries(
  deps: Deps,
  bucket: Bucket,
  { key, bytes, etag, versionId, meta, seq }: ObjectVersion,
  name: EventName,
  cause: Cause,
): readonly Delivery[] {
  const storageClass = archiveOf(meta);
  const untilMs = name === "ObjectRestore:Completed" ? meta.restoredUntilMs : undefined;
  const sizes = name === "ObjectRestore:Delete" ? {} : { bytes };
  const restore = { storageClass, untilMs };
  const change = { name, key, ...sizes, etag, versionId: writtenVersion(versionId), seq, restore };
  return deps.sender.deliveries(bucket, change, cause);
}
