import * as errors from "./errors.ts";
import type { Bucket, ObjectLock } from "./model.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html */

export type LockMode = "GOVERNANCE" | "COMPLIANCE";

/** What every new version of a bucket gets. */
export interface DefaultRetention {
  readonly Mode: LockMode;
  readonly Days?: number;
  readonly Years?: number;
}

export interface LockConfiguration {
  readonly ObjectLockEnabled: "Enabled";
  readonly Rule?: { readonly DefaultRetention: DefaultRetention };
}

export function lockConfiguration(bucket: Bucket): LockConfiguration | undefined {
  const text = bucket.settings["objectLock"];
  return text === undefined ? undefined : (JSON.parse(text) as LockConfiguration);
}

export interface LockConfigurationInput {
  readonly ObjectLockEnabled?: string | undefined;
  readonly Rule?:
    | {
        readonly DefaultRetention?:
          | {
              readonly Mode?: string | undefined;
              readonly Days?: number | undefined;
              readonly Years?: number | undefined;
            }
          | undefined;
      }
    | undefined;
}

/** Errors: MalformedXML, InvalidArgument. */
export function readLockConfiguration(input: LockConfigurationInput | undefined): LockConfiguration {
  if (input?.ObjectLockEnabled !== "Enabled") throw errors.malformedXml();
  if (input.Rule === undefined) return { ObjectLockEnabled: "Enabled" };
  const { Mode, Days, Years } = input.Rule.DefaultRetention ?? {};
  if (!isMode(Mode) || (Days === undefined) === (Years === undefined)) throw errors.malformedXml();
  if ((Days ?? Years ?? 0) <= 0) {
    throw errors.invalidArgument(
      "Default retention period must be a positive integer value.",
      Days === undefined ? "Years" : "Days",
      Days ?? Years,
    );
  }
  const period = Days === undefined ? { Years: Years ?? 0 } : { Days };
  return { ObjectLockEnabled: "Enabled", Rule: { DefaultRetention: { Mode, ...period } } };
}

function isMode(text: string | undefined): text is LockMode {
  return text === "GOVERNANCE" || text === "COMPLIANCE";
}

export interface LockInput {
  readonly ObjectLockMode?: string | undefined;
  readonly ObjectLockRetainUntilDate?: Date | undefined;
  readonly ObjectLockLegalHoldStatus?: string | undefined;
}

const DATE = "x-amz-object-lock-retain-until-date";
const MODE = "x-amz-object-lock-mode";

/** The lock of a version about to be written. Errors: InvalidRequest, InvalidArgument. */
export function lockForNew(bucket: Bucket, input: LockInput, now: number): { readonly lock?: ObjectLock } {
  const {
    ObjectLockMode: mode,
    ObjectLockRetainUntilDate: until,
    ObjectLockLegalHoldStatus: legalHold,
  } = input;
  const configuration = lockConfiguration(bucket);
  const asks = mode !== undefined || until !== undefined || legalHold !== undefined;
  if (configuration === undefined) {
    if (asks) throw errors.invalidRequest("Bucket is missing Object Lock Configuration");
    return {};
  }
  if ((mode === undefined) !== (until === undefined)) {
    throw errors.invalidArgument(
      "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied",
      mode === undefined ? MODE : DATE,
    );
  }
  if (mode !== undefined && !isMode(mode)) {
    throw errors.invalidArgument("Unknown wormMode directive.", MODE, mode);
  }
  if (until !== undefined && until.getTime() <= now) {
    throw errors.invalidArgument("The retain until date must be in the future!", DATE, until.toUTCString());
  }
  if (legalHold !== undefined && legalHold !== "ON" && legalHold !== "OFF") {
    throw errors.invalidArgument(
      "Legal Hold must be either of 'ON' or 'OFF'",
      "x-amz-object-lock-legal-hold",
      legalHold,
    );
  }
  const retention =
    isMode(mode) && until !== undefined
      ? { mode, retainUntilMs: until.getTime() }
      : defaultRetention(configuration, now);
  const lock: ObjectLock = { ...retention, ...(legalHold === undefined ? {} : { legalHold }) };
  return Object.keys(lock).length === 0 ? {} : { lock };
}

const DAY_MS = 24 * 3600 * 1000;

function defaultRetention({ Rule }: LockConfiguration, now: number): ObjectLock {
  if (Rule === undefined) return {};
  const { Mode, Days, Years = 0 } = Rule.DefaultRetention;
  return { mode: Mode, retainUntilMs: now + (Days ?? Years * 365) * DAY_MS };
}

/** May this version not be deleted now? `bypass` is good against GOVERNANCE alone. */
export function isProtected(lock: ObjectLock | undefined, now: number, bypass: boolean): boolean {
  if (lock === undefined) return false;
  if (lock.legalHold === "ON") return true;
  if (lock.mode === undefined || (lock.retainUntilMs ?? 0) <= now) return false;
  return lock.mode === "COMPLIANCE" || !bypass;
}

export interface RetentionInput {
  readonly Mode?: string | undefined;
  readonly RetainUntilDate?: Date | undefined;
}

/**
 * The lock with another retention; none at all for an empty one. A retention that still holds can be
 * made longer by anybody, and otherwise changed only where deleting were allowed.
 * Errors: MalformedXML, InvalidArgument, AccessDenied.
 */
export function withRetention(
  lock: ObjectLock | undefined,
  input: RetentionInput | undefined,
  now: number,
  bypass: boolean,
): ObjectLock {
  if (input === undefined) throw errors.malformedXml();
  const { Mode, RetainUntilDate } = input;
  const { mode, retainUntilMs, ...rest } = lock ?? {};
  const isLocked = isProtected(
    mode === undefined ? undefined : { mode, retainUntilMs: retainUntilMs ?? 0 },
    now,
    bypass,
  );
  if (Mode === undefined && RetainUntilDate === undefined) {
    if (isLocked) throw errors.objectLocked();
    return rest;
  }
  if (!isMode(Mode) || RetainUntilDate === undefined) throw errors.malformedXml();
  const until = RetainUntilDate.getTime();
  if (until <= now) {
    throw errors.invalidArgument(
      "The retain until date must be in the future!",
      "RetainUntilDate",
      RetainUntilDate.toUTCString(),
    );
  }
  const isWeaker = until < (retainUntilMs ?? 0) || (mode === "COMPLIANCE" && Mode !== "COMPLIANCE");
  if (isLocked && isWeaker) throw errors.objectLocked();
  if (isLocked && mode !== Mode) throw errors.objectLocked();
  return { ...rest, mode: Mode, retainUntilMs: until };
}
