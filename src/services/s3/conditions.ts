import * as errors from "./errors.ts";
import type { ObjectVersion } from "./model.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html */

export interface ReadConditions {
  readonly IfMatch?: string | undefined;
  readonly IfNoneMatch?: string | undefined;
  readonly IfModifiedSince?: Date | undefined;
  readonly IfUnmodifiedSince?: Date | undefined;
}

export interface CopyConditions {
  readonly CopySourceIfMatch?: string | undefined;
  readonly CopySourceIfNoneMatch?: string | undefined;
  readonly CopySourceIfModifiedSince?: Date | undefined;
  readonly CopySourceIfUnmodifiedSince?: Date | undefined;
}

export type Verdict = { readonly failed: string; readonly isUnmodified: boolean } | undefined;

type Target = Pick<ObjectVersion, "etag" | "modifiedAt">;

/** A header may name several, with or without quotes; `*` is any. */
export function matches(header: string, etag: string): boolean {
  return header.split(",").some((item) => {
    const text = item.trim().replace(/^W\//u, "").replaceAll('"', "");
    return text === "*" || text === etag;
  });
}

/** HTTP dates have whole seconds. */
function seconds(millis: number): number {
  return Math.floor(millis / 1000);
}

/**
 * If-Match outweighs If-Unmodified-Since, If-None-Match outweighs If-Modified-Since (RFC 9110). A date
 * in the future is no condition for If-Modified-Since.
 */
export function judgeRead(target: Target, conditions: ReadConditions, now: number): Verdict {
  const { IfMatch, IfNoneMatch, IfModifiedSince, IfUnmodifiedSince } = conditions;
  const modified = seconds(target.modifiedAt);
  if (IfMatch !== undefined) {
    if (!matches(IfMatch, target.etag)) return { failed: "If-Match", isUnmodified: false };
  } else if (IfUnmodifiedSince !== undefined && modified > seconds(IfUnmodifiedSince.getTime())) {
    return { failed: "If-Unmodified-Since", isUnmodified: false };
  }
  if (IfNoneMatch !== undefined) {
    if (matches(IfNoneMatch, target.etag)) return { failed: "If-None-Match", isUnmodified: true };
  } else if (IfModifiedSince !== undefined) {
    const since = seconds(IfModifiedSince.getTime());
    if (modified <= since && since <= seconds(now))
      return { failed: "If-Modified-Since", isUnmodified: true };
  }
  return undefined;
}

/** Errors: PreconditionFailed (412), NotModified (304). */
export function checkRead(target: Target, conditions: ReadConditions, now: number): void {
  const verdict = judgeRead(target, conditions, now);
  if (verdict === undefined) return;
  throw verdict.isUnmodified ? errors.notModified() : errors.preconditionFailed(verdict.failed);
}

/** The source of a copy: every failed condition is a 412. Errors: PreconditionFailed. */
export function checkCopySource(target: Target, conditions: CopyConditions, now: number): void {
  const verdict = judgeRead(
    target,
    {
      IfMatch: conditions.CopySourceIfMatch,
      IfNoneMatch: conditions.CopySourceIfNoneMatch,
      IfModifiedSince: conditions.CopySourceIfModifiedSince,
      IfUnmodifiedSince: conditions.CopySourceIfUnmodifiedSince,
    },
    now,
  );
  if (verdict !== undefined) throw errors.preconditionFailed(`x-amz-copy-source-${verdict.failed}`);
}

export interface WriteConditions {
  readonly IfMatch?: string | undefined;
  readonly IfNoneMatch?: string | undefined;
}

/** Errors: NotImplemented for values S3 does not take. */
export function checkWriteHeaders({ IfMatch, IfNoneMatch }: WriteConditions): void {
  if (IfMatch !== undefined && IfNoneMatch !== undefined) {
    throw errors.headerNotImplemented(
      "If-Match,If-None-Match",
      "Multiple conditional request headers present in the request",
    );
  }
  if (IfNoneMatch !== undefined && IfNoneMatch !== "*") {
    throw errors.headerNotImplemented(
      "If-None-Match",
      "We don't accept the provided value of If-None-Match header for this API",
    );
  }
  if (IfMatch === "*") {
    throw errors.headerNotImplemented(
      "If-Match",
      "We don't accept the provided value of If-Match header for this API",
    );
  }
}

/**
 * May the key be written, given its latest version?
 * Errors: NoSuchKey (If-Match on nothing), PreconditionFailed.
 */
export function checkWrite(
  key: string,
  latest: ObjectVersion | undefined,
  conditions: WriteConditions,
): void {
  const current = latest === undefined || latest.isMarker ? undefined : latest;
  if (conditions.IfNoneMatch !== undefined && current !== undefined) {
    throw errors.preconditionFailed("If-None-Match");
  }
  if (conditions.IfMatch === undefined) return;
  if (current === undefined) throw errors.noSuchKey(key);
  if (!matches(conditions.IfMatch, current.etag)) throw errors.preconditionFailed("If-Match");
}

export function hasWriteCondition(conditions: WriteConditions): boolean {
  return conditions.IfMatch !== undefined || conditions.IfNoneMatch !== undefined;
}
