/**
 * Objects of the archive classes are not read before a copy of them is restored for some days. Here the
 * copy is there at once; AWS takes minutes to hours.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html
 */
import * as errors from "./errors.ts";
import { dueAt } from "./lifecycle.ts";
import type { ObjectMeta } from "./model.ts";

type Meta = Pick<ObjectMeta, "storageClass" | "restoredUntilMs">;

const ARCHIVES = new Set(["GLACIER", "DEEP_ARCHIVE"]);
const TIERS = new Set(["Standard", "Bulk", "Expedited"]);

/** The archive class that an object is read from only when it was restored. */
export function archiveOf({ storageClass }: Meta): string | undefined {
  return storageClass !== undefined && ARCHIVES.has(storageClass) ? storageClass : undefined;
}

export function isRestored({ restoredUntilMs }: Meta, nowMs: number): boolean {
  return restoredUntilMs !== undefined && restoredUntilMs > nowMs;
}

/** The archive class that keeps an object from being read now. */
export function closedBy(meta: Meta, nowMs: number): string | undefined {
  return isRestored(meta, nowMs) ? undefined : archiveOf(meta);
}

/** What GetObject and HeadObject say of the restored copy. */
export function restoreMember(meta: Meta, nowMs: number): { readonly Restore?: string } {
  if (meta.restoredUntilMs === undefined || !isRestored(meta, nowMs)) return {};
  return {
    Restore: `ongoing-request="false", expiry-date="${new Date(meta.restoredUntilMs).toUTCString()}"`,
  };
}

/** The same in lists, where it is asked for. */
export function restoreStatus(meta: Meta, nowMs: number): Readonly<Record<string, unknown>> {
  if (meta.restoredUntilMs === undefined || !isRestored(meta, nowMs)) return {};
  const RestoreExpiryDate = new Date(meta.restoredUntilMs);
  return { RestoreStatus: { IsRestoreInProgress: false, RestoreExpiryDate } };
}

export interface RestoreInput {
  readonly Days?: number | undefined;
  readonly Type?: string | undefined;
  readonly Tier?: string | undefined;
  readonly GlacierJobParameters?: { readonly Tier?: string | undefined } | undefined;
  readonly OutputLocation?: unknown;
  readonly SelectParameters?: unknown;
}

/**
 * Until when a restored copy is kept: the midnight (UTC) after its days.
 * Errors: MalformedXML, InvalidArgument, InvalidObjectState (in no archive), NotImplemented (select).
 */
export function restoreUntil(request: RestoreInput | undefined, meta: Meta, nowMs: number): number {
  const { Days, Type, Tier, GlacierJobParameters, OutputLocation, SelectParameters } = request ?? {};
  if (Type !== undefined || OutputLocation !== undefined || SelectParameters !== undefined) {
    throw errors.notServed("Restoring by a SELECT request");
  }
  const tier = GlacierJobParameters?.Tier ?? Tier ?? "Standard";
  if (Days === undefined || !TIERS.has(tier)) throw errors.malformedXml();
  if (Days < 1) throw errors.invalidArgument("restoration days should be at least 1", "Days", Days);
  const archive = archiveOf(meta);
  if (archive === undefined) throw errors.notInArchive(meta.storageClass ?? "STANDARD");
  if (archive === "DEEP_ARCHIVE" && tier === "Expedited") {
    throw errors.invalidArgument("Retrieval option is not supported by this storage class", "Tier", tier);
  }
  return dueAt(nowMs, Days);
}
