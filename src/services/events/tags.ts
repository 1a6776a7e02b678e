/** Tags of buses and rules. */
import * as errors from "./errors.ts";
import { EVENTS_LIMITS } from "./model.ts";
import type { Tags } from "./store.ts";

export type TagList = readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[];

/** Errors: ValidationException, LimitExceededException. */
export function tagsFrom(list: TagList | undefined, before: Tags = {}): Tags {
  const tags = Object.fromEntries((list ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
  const reserved = Object.keys(tags).find((key) => key.toLowerCase().startsWith("aws:"));
  if (reserved !== undefined) {
    throw errors.validation(
      "Aws reserved tag keys are not allowed: aws: prefixed tag key names are not allowed.",
    );
  }
  if (Object.keys({ ...before, ...tags }).length > EVENTS_LIMITS.tagsPerResource)
    throw errors.limitExceeded();
  return tags;
}

export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
