/** A bucket's logging: what it may be, and what its log objects are called. */
import { granteeOf, type GranteeInput } from "./acl.ts";
import * as errors from "./errors.ts";
import type { Bucket } from "./model.ts";

export interface Logging {
  readonly TargetBucket?: string | undefined;
  readonly TargetPrefix?: string | undefined;
  readonly TargetGrants?:
    | readonly {
        readonly Grantee?: GranteeInput | undefined;
        readonly Permission?: string | undefined;
      }[]
    | undefined;
  readonly TargetObjectKeyFormat?:
    | {
        readonly SimplePrefix?: object | undefined;
        readonly PartitionedPrefix?: { readonly PartitionDateSource?: string | undefined } | undefined;
      }
    | undefined;
}

export const LOGGING = "logging";

const PERMISSIONS: ReadonlySet<string> = new Set(["FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP"]);

/** Errors: MalformedXML, InvalidArgument (nobody's id), NotImplemented (grants to e-mail addresses). */
export function checkLogging(logging: Logging): void {
  const { TargetBucket, TargetPrefix, TargetGrants, TargetObjectKeyFormat: format } = logging;
  if (TargetBucket === undefined || TargetPrefix === undefined) throw errors.malformedXml();
  for (const { Grantee, Permission } of TargetGrants ?? []) {
    if (Grantee === undefined || !PERMISSIONS.has(Permission ?? "")) throw errors.malformedXml();
    if (granteeOf(Grantee) === undefined) throw errors.malformedXml();
  }
  if (format === undefined) return;
  const isSimple = format.SimplePrefix !== undefined;
  const source = format.PartitionedPrefix;
  if (isSimple === (source !== undefined)) throw errors.malformedXml();
  const named = source?.PartitionDateSource;
  if (named !== undefined && named !== "EventTime" && named !== "DeliveryTime") throw errors.malformedXml();
}

/** Errors: InvalidTargetBucketForLogging, CrossLocationLoggingProhibitted (AWS's spelling). */
export function checkTarget(bucket: Bucket, target: Bucket | undefined, name: string): void {
  if (target === undefined) {
    throw errors.invalidLogTarget("The target bucket for logging does not exist", name);
  }
  if (target.accountId !== bucket.accountId) {
    throw errors.invalidLogTarget(
      "The owner for the bucket to be logged and the target bucket must be the same.",
      name,
    );
  }
  if (target.region !== bucket.region) throw errors.crossLocationLogging(target.region);
}

/** Undefined where nothing is logged. */
export function loggingOf(bucket: Bucket): Logging | undefined {
  const text = bucket.settings[LOGGING];
  return text === undefined ? undefined : (JSON.parse(text) as Logging);
}

/**
 * Name of a log object.
 * @param firstMs when its first request came
 * @param unique 16 characters
 */
export function logKey(
  bucket: Bucket,
  logging: Logging,
  times: { readonly firstMs: number; readonly nowMs: number },
  unique: string,
): string {
  const { TargetPrefix = "", TargetObjectKeyFormat: format } = logging;
  const partitioned = format?.PartitionedPrefix;
  const byEvent = partitioned?.PartitionDateSource === "EventTime";
  const at = new Date(byEvent ? times.firstMs : times.nowMs).toISOString();
  const day = at.slice(0, 10);
  // By the time of events, a name tells the day alone.
  const time = byEvent ? "00-00-00" : at.slice(11, 19).replaceAll(":", "-");
  const name = `${day}-${time}-${unique}`;
  if (partitioned === undefined) return `${TargetPrefix}${name}`;
  const place = `${bucket.accountId}/${bucket.region}/${bucket.name}`;
  return `${TargetPrefix}${place}/${day.replaceAll("-", "/")}/${name}`;
}
