import * as errors from "./errors.ts";
import { S3_LIMITS, type Tag } from "./model.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html */
const TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const KEY_LENGTH_MAX = 128;
const VALUE_LENGTH_MAX = 256;

/** Errors: InvalidTag. */
function checkTags(tags: readonly Tag[], reserved: string): void {
  const seen = new Set<string>();
  for (const { Key, Value } of tags) {
    if (seen.has(Key)) {
      throw errors.invalidTag("Cannot provide multiple Tags with the same key", { TagKey: Key });
    }
    seen.add(Key);
    if (Key.startsWith("aws:")) throw errors.invalidTag(reserved, { TagKey: Key });
    if (Key === "" || Key.length > KEY_LENGTH_MAX || !TEXT.test(Key)) {
      throw errors.invalidTag("The TagKey you have provided is invalid", { TagKey: Key });
    }
    if (Value.length > VALUE_LENGTH_MAX || !TEXT.test(Value)) {
      throw errors.invalidTag("The TagValue you have provided is invalid", { TagKey: Key, TagValue: Value });
    }
  }
}

/** Errors: InvalidTag, BadRequest. */
export function checkObjectTags(tags: readonly Tag[]): void {
  if (tags.length > S3_LIMITS.objectTags) throw errors.badTagCount(S3_LIMITS.objectTags);
  checkTags(tags, "Your TagKey cannot be prefixed with aws:");
}

/** Errors: InvalidTag, BadRequest. */
export function checkBucketTags(tags: readonly Tag[]): void {
  if (tags.length > S3_LIMITS.bucketTags) {
    throw errors.invalidTag(`Bucket tag count cannot be greater than ${String(S3_LIMITS.bucketTags)}`);
  }
  checkTags(tags, "System tags cannot be added/updated by requester");
}

/** The members of a TagSet as they came: a tag without key or value is no tag. Errors: MalformedXML. */
export function readTagSet(
  sent: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined,
): readonly Tag[] {
  return (sent ?? []).map(({ Key, Value }) => {
    if (Key === undefined || Value === undefined) throw errors.malformedXml();
    return { Key, Value };
  });
}

/** As S3 gives them back: by key. */
export function sortedTags(tags: readonly Tag[]): Tag[] {
  return [...tags].sort((a, b) => (a.Key < b.Key ? -1 : a.Key > b.Key ? 1 : 0));
}
