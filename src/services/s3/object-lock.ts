import * as errors from "./errors.ts";
import type { Bucket, ObjectLock } from "./model.ts";

export interface LockInput {
  readonly ObjectLockMode?: string | undefined;
  readonly ObjectLockRetainUntilDate?: Date | undefined;
  readonly ObjectLockLegalHoldStatus?: string | undefined;
}

/** Locks are not there yet: what asks for one is refused by name. Errors: InvalidRequest, NotImplemented. */
export function lockForNew(bucket: Bucket, input: LockInput, _now: number): { readonly lock?: ObjectLock } {
  const asks =
    input.ObjectLockMode !== undefined ||
    input.ObjectLockRetainUntilDate !== undefined ||
    input.ObjectLockLegalHoldStatus !== undefined;
  if (!asks) return {};
  if (bucket.settings["objectLock"] === undefined) {
    throw errors.invalidRequest("Bucket is missing Object Lock Configuration");
  }
  throw errors.notServed("Object Lock");
}
