import type { Bucket, ObjectVersion } from "./model.ts";
import { isProtected } from "./object-lock.ts";
import type { MinimumSize, Transition } from "./transitions.ts";

/** Expiration by rules: https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html */

export interface LifecycleRule {
  readonly ID: string;
  readonly Status: "Enabled" | "Disabled";
  readonly prefix: string;
  readonly tags: readonly { readonly Key: string; readonly Value: string }[];
  readonly largerThan?: number;
  readonly smallerThan?: number;
  readonly expireDays?: number;
  readonly expireAtMs?: number;
  readonly expireMarkers?: boolean;
  readonly noncurrentDays?: number;
  readonly keepNoncurrent?: number;
  readonly abortUploadDays?: number;
  readonly transitions?: readonly Transition[];
  readonly noncurrentTransitions?: readonly Transition[];
}

const DAY_MS = 24 * 3600 * 1000;

/** The rules as the runner reads them; `shown` is what GetBucketLifecycleConfiguration answers. */
export interface Lifecycle {
  readonly rules: readonly LifecycleRule[];
  /** Below which size nothing is moved to another class; AWS's default where it is absent. */
  readonly minimumSize?: MinimumSize;
  readonly shown: unknown;
}

export const MINIMUM_SIZE: MinimumSize = "all_storage_classes_128K";

export function minimumSizeOf(bucket: Bucket): MinimumSize {
  const text = bucket.settings["lifecycle"];
  return (text === undefined ? undefined : (JSON.parse(text) as Lifecycle).minimumSize) ?? MINIMUM_SIZE;
}

export function lifecycleRules(bucket: Bucket): readonly LifecycleRule[] {
  const text = bucket.settings["lifecycle"];
  if (text === undefined) return [];
  return (JSON.parse(text) as Lifecycle).rules.filter((rule) => rule.Status === "Enabled");
}

type Judged = Pick<ObjectVersion, "key" | "bytes" | "modifiedAt" | "meta">;

export function applies(rule: LifecycleRule, version: Judged): boolean {
  const tags = new Map((version.meta.tags ?? []).map((tag) => [tag.Key, tag.Value]));
  return (
    version.key.startsWith(rule.prefix) &&
    rule.tags.every((tag) => tags.get(tag.Key) === tag.Value) &&
    (rule.largerThan === undefined || version.bytes > rule.largerThan) &&
    (rule.smallerThan === undefined || version.bytes < rule.smallerThan)
  );
}

/** S3 rounds to the midnight (UTC) that follows. */
export function dueAt(fromMs: number, days: number): number {
  return Math.ceil((fromMs + days * DAY_MS) / DAY_MS) * DAY_MS;
}

/** When a rule expires the current version; undefined when it does not. */
export function expiresAt(rule: LifecycleRule, version: Judged): number | undefined {
  if (!applies(rule, version)) return undefined;
  if (rule.expireAtMs !== undefined) return rule.expireAtMs;
  return rule.expireDays === undefined ? undefined : dueAt(version.modifiedAt, rule.expireDays);
}

/** `expiry-date="…", rule-id="…"` of the rule that comes first. */
export function expirationHeader(rules: readonly LifecycleRule[], version: Judged): string | undefined {
  let soonest: { readonly at: number; readonly id: string } | undefined;
  for (const rule of rules) {
    const at = expiresAt(rule, version);
    if (at !== undefined && (soonest === undefined || at < soonest.at)) soonest = { at, id: rule.ID };
  }
  if (soonest === undefined) return undefined;
  const date = new Date(soonest.at).toUTCString();
  return `expiry-date="${date}", rule-id="${encodeURIComponent(soonest.id)}"`;
}

/**
 * Which of a key's versions go now. `versions` are all of one key, newest first.
 * A current version in a versioned bucket is not removed: a marker is put over it.
 */
export function dueVersions(
  rules: readonly LifecycleRule[],
  versions: readonly ObjectVersion[],
  now: number,
): { readonly current: boolean; readonly remove: readonly ObjectVersion[] } {
  const [latest, ...older] = versions;
  if (latest === undefined) return { current: false, remove: [] };
  const current =
    !latest.isMarker &&
    rules.some((rule) => {
      const at = expiresAt(rule, latest);
      return at !== undefined && at <= now;
    });
  const remove = new Set<ObjectVersion>();
  for (const rule of rules) {
    for (const [index, version] of older.entries()) {
      if (rule.noncurrentDays === undefined || !applies(rule, version)) continue;
      // It became noncurrent when the one after it was made.
      const since = versions[index]?.modifiedAt ?? version.modifiedAt;
      const isKept = index < (rule.keepNoncurrent ?? 0) || isProtected(version.meta.lock, now, false);
      if (!isKept && dueAt(since, rule.noncurrentDays) <= now) remove.add(version);
    }
    const isLonely = latest.isMarker && older.every((version) => remove.has(version));
    const byDate =
      rule.expireMarkers === true ||
      (rule.expireDays !== undefined && dueAt(latest.modifiedAt, rule.expireDays) <= now);
    if (isLonely && byDate && latest.key.startsWith(rule.prefix)) remove.add(latest);
  }
  return { current, remove: [...remove] };
}

/** Is a multipart upload old enough to be aborted? */
export function uploadIsDue(
  rules: readonly LifecycleRule[],
  upload: { readonly key: string; readonly createdAt: number },
  now: number,
): boolean {
  return rules.some(
    (rule) =>
      rule.abortUploadDays !== undefined &&
      upload.key.startsWith(rule.prefix) &&
      dueAt(upload.createdAt, rule.abortUploadDays) <= now,
  );
}
