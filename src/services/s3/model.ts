import { ANONYMOUS_ID, canonicalId } from "../../kernel/canonical-id.ts";
import type { ChecksumAlgorithm, ChecksumType } from "./checksums.ts";

/** Never versioned, versioning, or no longer. */
export type Versioning = "Off" | "Enabled" | "Suspended";

export interface Bucket {
  readonly name: string;
  readonly accountId: string;
  readonly region: string;
  readonly createdAt: number;
  readonly versioning: Versioning;
  /** JSON texts of its configurations, by kind. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface StoredChecksum {
  readonly algorithm: ChecksumAlgorithm;
  readonly type: ChecksumType;
  /** Base64; with `-N` behind it when COMPOSITE. */
  readonly value: string;
}

export interface Tag {
  readonly Key: string;
  readonly Value: string;
}

export interface Grant {
  readonly Grantee: {
    readonly Type: "CanonicalUser" | "Group";
    readonly ID?: string;
    readonly URI?: string;
  };
  readonly Permission: string;
}

/** What goes with the bytes of an object, as JSON in its row. */
export interface ObjectMeta {
  readonly contentType?: string;
  readonly cacheControl?: string;
  readonly contentDisposition?: string;
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly expires?: string;
  readonly websiteRedirect?: string;
  /** Names in lower case. */
  readonly user?: Readonly<Record<string, string>>;
  readonly storageClass?: string;
  readonly checksum?: StoredChecksum;
  readonly tags?: readonly Tag[];
  /** Account that wrote it into another's bucket, or ANONYMOUS. Absent: the bucket's owner. */
  readonly owner?: string;
  /** Absent: the owner alone, FULL_CONTROL. */
  readonly grants?: readonly Grant[];
  /** Of one in an archive: the restored copy is there until then. */
  readonly restoredUntilMs?: number;
  /** Number of parts of a multipart object. */
  readonly parts?: number;
  readonly lock?: ObjectLock;
  /** Encrypted with a key of the customer's. */
  readonly customerKey?: KeyCheck;
}

/** Tells whether a key is the one an object was encrypted with. Both base64. */
export interface KeyCheck {
  readonly salt: string;
  readonly hmac: string;
}

export interface ObjectLock {
  readonly mode?: "GOVERNANCE" | "COMPLIANCE";
  readonly retainUntilMs?: number;
  readonly legalHold?: "ON" | "OFF";
}

export interface ObjectVersion {
  readonly bucket: string;
  readonly key: string;
  readonly seq: number;
  /** `null` for one made while versioning was not enabled. */
  readonly versionId: string;
  readonly isLatest: boolean;
  readonly isMarker: boolean;
  readonly modifiedAt: number;
  readonly bytes: number;
  /** Without quotes. */
  readonly etag: string;
  /** Owner of the rows of s3_parts; undefined when the body is in the row. */
  readonly content: string | undefined;
  readonly meta: ObjectMeta;
  readonly body: Uint8Array | undefined;
}

export interface Upload {
  readonly bucket: string;
  readonly key: string;
  readonly seq: number;
  readonly uploadId: string;
  readonly createdAt: number;
  /** The key was written or deleted since the upload began. */
  readonly disturbed: boolean;
  readonly meta: UploadMeta;
}

export interface UploadMeta extends Omit<ObjectMeta, "checksum"> {
  readonly algorithm?: ChecksumAlgorithm;
  readonly checksumType?: ChecksumType;
  /** ARN of who began it. */
  readonly initiator: string;
}

export interface Part {
  readonly number: number;
  readonly blob: string;
  readonly bytes: number;
  readonly etag: string;
  readonly algorithm: ChecksumAlgorithm;
  readonly checksum: string;
  readonly modifiedAt: number;
}

export const S3_LIMITS = {
  /** A body up to this size is kept in its row, where one group commit writes many. */
  inlineBytes: 16_384,
  putBytes: 5_368_709_120,
  partBytesMin: 5_242_880,
  partsMax: 10_000,
  objectBytesMax: 54_975_581_388_800,
  keyBytes: 1024,
  userMetadataBytes: 2048,
  objectTags: 10,
  bucketTags: 50,
  deleteKeys: 1000,
  pageKeys: 1000,
  policyBytes: 20_480,
  corsRules: 100,
  lifecycleRules: 1000,
} as const;

export { canonicalId } from "../../kernel/canonical-id.ts";

/** An owner of objects that is no account: whoever wrote them without a signature. */
export const ANONYMOUS = "anonymous";

/** Of an account, or of nobody in particular. */
export function ownerId(owner: string): string {
  return owner === ANONYMOUS ? ANONYMOUS_ID : canonicalId(owner);
}

/** The short form of the same, as it stands in events. */
export function principalId(accountId: string): string {
  return `A${BigInt(`0x${canonicalId(accountId).slice(0, 18)}`)
    .toString(36)
    .toUpperCase()
    .padStart(13, "0")
    .slice(0, 13)}`;
}

export function quoted(etag: string): string {
  return `"${etag}"`;
}

export function bucketArn(name: string): string {
  return `arn:aws:s3:::${name}`;
}

/** 32 characters, as S3's version ids are. */
export function isVersionId(text: string): boolean {
  return text === "null" || /^[A-Za-z0-9_.]{32}$/u.test(text);
}

/**
 * `random` is 32 hex characters. The version's place among its key's versions is folded in, so that a
 * listing can go on behind a version that is gone by then.
 */
export function newVersionId(random: string, seq: number): string {
  const bytes = Buffer.alloc(24);
  bytes.write(random, "hex");
  bytes.writeBigUInt64BE(BigInt(seq) ^ bytes.readBigUInt64BE(0), 16);
  return bytes.toString("base64").replaceAll("+", ".").replaceAll("/", "_");
}

export function seqOfVersionId(versionId: string): number {
  const bytes = Buffer.from(versionId.replaceAll(".", "+").replaceAll("_", "/"), "base64");
  return Number(bytes.readBigUInt64BE(16) ^ bytes.readBigUInt64BE(0));
}

/** What an answer shows of a version: nothing where the bucket was never versioned. */
export function shownVersion(bucket: Bucket, version: Pick<ObjectVersion, "versionId">): string | undefined {
  return bucket.versioning === "Off" ? undefined : version.versionId;
}

/** What the answer of a write shows: the null version has no name there. */
export function writtenVersion(versionId: string): string | undefined {
  return versionId === "null" ? undefined : versionId;
}

/** S3 tells times of objects in whole seconds. */
export function wholeSecond(millis: number): number {
  return Math.floor(millis / 1000) * 1000;
}
