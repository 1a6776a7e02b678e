import type { RequestContext } from "../../aws/service.ts";
import { HTTP_STATUS } from "../../aws/streamed-body.ts";
import type { Delivery } from "../../ports/outbox.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf, versionAt } from "./lookup.ts";
import {
  type Bucket,
  type ObjectMeta,
  type ObjectVersion,
  shownVersion,
  type Tag,
  writtenVersion,
} from "./model.ts";
import type { EventName } from "./notifications.ts";
import { causeOf } from "./sender.ts";
import { checkBucketTags, checkObjectTags, readTagSet, sortedTags } from "./tags.ts";

export function taggingOperations(deps: Deps): S3Operations {
  return {
    async GetObjectTagging(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const version = await taggable(deps, bucket, input.Key ?? "", input.VersionId, "GET");
      return { TagSet: sortedTags(version.meta.tags ?? []), ...versionMember(bucket, version) };
    },

    async PutObjectTagging(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const tags = readTagSet(input.Tagging?.TagSet);
      checkObjectTags(tags);
      const version = await changeMeta(deps, context, bucket, {
        find: () => taggable(deps, bucket, input.Key ?? "", input.VersionId, "PUT"),
        change: (meta) => withTags(meta, tags),
        event: "ObjectTagging:Put",
      });
      return versionMember(bucket, version);
    },

    async DeleteObjectTagging(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const version = await changeMeta(deps, context, bucket, {
        find: () => taggable(deps, bucket, input.Key ?? "", input.VersionId, "DELETE"),
        change: (meta) => withTags(meta, []),
        event: "ObjectTagging:Delete",
      });
      return versionMember(bucket, version);
    },

    async GetBucketTagging(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const text = bucket.settings["tagging"];
      if (text === undefined) {
        throw errors.noSuchConfiguration("NoSuchTagSet", "The TagSet does not exist", bucket.name);
      }
      return { TagSet: JSON.parse(text) as Tag[] };
    },

    async PutBucketTagging(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      const tags = readTagSet(input.Tagging?.TagSet);
      checkBucketTags(tags);
      await deps.buckets.set(bucket.name, "tagging", tags.length === 0 ? undefined : JSON.stringify(tags));
      return { [HTTP_STATUS]: 204 };
    },

    async DeleteBucketTagging(input, _context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner);
      await deps.buckets.set(bucket.name, "tagging", undefined);
      return {};
    },
  };
}

/** Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed for delete markers. */
export async function taggable(
  deps: Deps,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
  method: string,
): Promise<ObjectVersion> {
  const version = await versionAt(deps, bucket, key, versionId);
  if (version.isMarker) {
    throw errors.aboutMarker(errors.methodNotAllowed(method, "DeleteMarker"), version);
  }
  return version;
}

function withTags({ tags: _tags, ...meta }: ObjectMeta, tags: readonly Tag[]): ObjectMeta {
  return tags.length === 0 ? meta : { ...meta, tags };
}

function versionMember(bucket: Bucket, version: ObjectVersion): { VersionId?: string } {
  const VersionId = shownVersion(bucket, version);
  return VersionId === undefined ? {} : { VersionId };
}

const ATTEMPTS_MAX = 20;

export interface MetaChange {
  readonly find: () => Promise<ObjectVersion>;
  readonly change: (meta: ObjectMeta) => ObjectMeta;
  /** What is told of it under the object's name alone. */
  readonly event?: EventName | undefined;
  /** What is told otherwise, of the version as it will be and as it was. */
  readonly tell?: (after: ObjectVersion, before: ObjectVersion) => readonly Delivery[];
}

/** Changes what goes with a version, and tells it (resolves with the version as it was); begins again when somebody else was faster. */
export async function changeMeta(
  deps: Deps,
  context: RequestContext,
  bucket: Bucket,
  { find, change, event, tell }: MetaChange,
): Promise<ObjectVersion> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const version = await find();
    const { key, etag, versionId, seq } = version;
    const meta = change(version.meta);
    const happened = { key, etag, versionId: writtenVersion(versionId), seq };
    const sent =
      event === undefined
        ? (tell?.({ ...version, meta }, version) ?? [])
        : deps.sender.deliveries(bucket, { ...happened, name: event }, causeOf(context));
    if (await deps.objects.setMeta(version, meta, deps.sender.outbox.within(sent))) {
      if (sent.length > 0) deps.sender.outbox.wake(sent);
      return version;
    }
  }
  throw errors.operationAborted();
}
