import { restoreMember } from "./archive.ts";
import { type CustomerKey, encryptionMembers } from "./customer-key.ts";
import { lifecycleRules, expirationHeader } from "./lifecycle.ts";
import { writeMetadata } from "./encoded-words.ts";
import { type Bucket, type ObjectMeta, type ObjectVersion, quoted, shownVersion } from "./model.ts";

/** The checksum's members, e.g. `{ ChecksumCRC32, ChecksumType }`. */
export function checksumMembers(meta: Pick<ObjectMeta, "checksum">): Record<string, string> {
  const { checksum } = meta;
  if (checksum === undefined) return {};
  return { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type };
}

/** When a rule of the bucket's lifecycle will expire it, as S3 writes it into a header. */
export function expirationMember(
  bucket: Bucket,
  version: Pick<ObjectVersion, "key" | "bytes" | "modifiedAt" | "meta">,
): { Expiration?: string } {
  const Expiration = expirationHeader(lifecycleRules(bucket), version);
  return Expiration === undefined ? {} : { Expiration };
}

/** What GetObject and HeadObject say of a version. */
export function describe(
  bucket: Bucket,
  version: ObjectVersion,
  key: CustomerKey | undefined,
  nowMs: number,
): Record<string, unknown> {
  const { meta } = version;
  const VersionId = shownVersion(bucket, version);
  const user = Object.entries(meta.user ?? {}).map(([name, value]) => [name, writeMetadata(value)]);
  return {
    AcceptRanges: "bytes",
    LastModified: new Date(version.modifiedAt),
    ContentLength: version.bytes,
    ETag: quoted(version.etag),
    ...(VersionId === undefined ? {} : { VersionId }),
    ...encryptionMembers(key),
    ...expirationMember(bucket, version),
    ...headerMembers(meta),
    ContentType: meta.contentType ?? "binary/octet-stream",
    ...(user.length === 0 ? {} : { Metadata: Object.fromEntries(user) as Record<string, string> }),
    ...(meta.storageClass === undefined ? {} : { StorageClass: meta.storageClass }),
    ...(meta.tags === undefined || meta.tags.length === 0 ? {} : { TagCount: meta.tags.length }),
    ...restoreMember(meta, nowMs),
    ...lockMembers(meta),
  };
}

function headerMembers(meta: ObjectMeta): Record<string, unknown> {
  const members: readonly (readonly [name: string, value: unknown])[] = [
    ["CacheControl", meta.cacheControl],
    ["ContentDisposition", meta.contentDisposition],
    ["ContentEncoding", meta.contentEncoding],
    ["ContentLanguage", meta.contentLanguage],
    ["Expires", meta.expires],
    ["WebsiteRedirectLocation", meta.websiteRedirect],
  ];
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

function lockMembers({ lock }: ObjectMeta): Record<string, unknown> {
  if (lock === undefined) return {};
  return {
    ...(lock.mode === undefined ? {} : { ObjectLockMode: lock.mode }),
    ...(lock.retainUntilMs === undefined ? {} : { ObjectLockRetainUntilDate: new Date(lock.retainUntilMs) }),
    ...(lock.legalHold === undefined ? {} : { ObjectLockLegalHoldStatus: lock.legalHold }),
  };
}
