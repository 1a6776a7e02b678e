import { parseForm } from "../../aws/protocol/query.ts";
import type { RequestContext } from "../../aws/service.ts";
import { type AclInput, checkBucketAcl, checkPublicAcl, grantsOf, ownerOfNew } from "./acl.ts";
import { algorithmOfHeader, type Claims } from "./bodies.ts";
import { type ChecksumAlgorithm, CHECKSUM_ALGORITHMS, DEFAULT_ALGORITHM, isWellFormed } from "./checksums.ts";
import { readMetadata } from "./encoded-words.ts";
import { type CustomerKey, keyHeaders, type KeyInput, readKey } from "./customer-key.ts";
import * as errors from "./errors.ts";
import { type Bucket, bucketArn, type ObjectMeta, S3_LIMITS, type Tag } from "./model.ts";
import { checkObjectTags } from "./tags.ts";

/** Members that PutObject, CopyObject and CreateMultipartUpload share. */
export interface ObjectInput extends AclInput {
  readonly CacheControl?: string | undefined;
  readonly ContentDisposition?: string | undefined;
  readonly ContentEncoding?: string | undefined;
  readonly ContentLanguage?: string | undefined;
  readonly ContentType?: string | undefined;
  readonly Expires?: Date | undefined;
  readonly Metadata?: Readonly<Record<string, string>> | undefined;
  readonly StorageClass?: string | undefined;
  readonly Tagging?: string | undefined;
  readonly WebsiteRedirectLocation?: string | undefined;
}

/** `aws-chunked` is how the body travelled, not what it is. */
function contentEncoding(text: string | undefined): string | undefined {
  const kept = (text ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && part !== "aws-chunked")
    .join(",");
  return kept === "" ? undefined : kept;
}

/** The headers that are kept as they came. Errors: MetadataTooLarge, InvalidArgument. */
export function systemMeta(input: ObjectInput, context: Pick<RequestContext, "headers">): ObjectMeta {
  const user = userMetadata(input.Metadata ?? {});
  const expires = context.headers["expires"] ?? input.Expires?.toUTCString();
  const encoding = contentEncoding(input.ContentEncoding);
  const redirect = input.WebsiteRedirectLocation;
  if (redirect !== undefined && !/^(?:\/|https?:\/\/)/u.test(redirect)) {
    throw errors.invalidArgument(
      "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.",
      "x-amz-website-redirect-location",
      redirect,
    );
  }
  return {
    ...(input.ContentType === undefined || input.ContentType === ""
      ? {}
      : { contentType: input.ContentType }),
    ...(input.CacheControl === undefined ? {} : { cacheControl: input.CacheControl }),
    ...(input.ContentDisposition === undefined ? {} : { contentDisposition: input.ContentDisposition }),
    ...(encoding === undefined ? {} : { contentEncoding: encoding }),
    ...(input.ContentLanguage === undefined ? {} : { contentLanguage: input.ContentLanguage }),
    ...(expires === undefined ? {} : { expires }),
    ...(redirect === undefined ? {} : { websiteRedirect: redirect }),
    ...(Object.keys(user).length === 0 ? {} : { user }),
  };
}

function userMetadata(sent: Readonly<Record<string, string>>): Record<string, string> {
  let bytes = 0;
  const user: Record<string, string> = {};
  for (const [name, value] of Object.entries(sent)) {
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value);
    user[name.toLowerCase()] = readMetadata(value);
  }
  if (bytes > S3_LIMITS.userMetadataBytes) {
    throw errors.metadataTooLarge(bytes, S3_LIMITS.userMetadataBytes);
  }
  return user;
}

const STORAGE_CLASSES = new Set([
  "STANDARD",
  "REDUCED_REDUNDANCY",
  "STANDARD_IA",
  "ONEZONE_IA",
  "INTELLIGENT_TIERING",
  "GLACIER",
  "DEEP_ARCHIVE",
  "GLACIER_IR",
]);

/** Errors: InvalidStorageClass. */
export function storageClassOf(name: string | undefined): { storageClass?: string } {
  if (name === undefined || name === "STANDARD") return {};
  if (!STORAGE_CLASSES.has(name)) throw errors.invalidStorageClass();
  return { storageClass: name };
}

/** `key=value&key2=value2`, percent-encoded. Errors: InvalidTag, InvalidArgument, BadRequest. */
export function parseTagging(text: string | undefined): { tags?: readonly Tag[] } {
  if (text === undefined || text === "") return {};
  const pairs = parseForm(text);
  const tags = pairs.map(([Key, Value]) => ({ Key, Value }));
  if (new Set(tags.map((tag) => tag.Key)).size !== tags.length) {
    throw errors.invalidArgument(
      "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
      "x-amz-tagging",
      text,
    );
  }
  checkObjectTags(tags);
  return tags.length === 0 ? {} : { tags };
}

/** Everything that goes with an object about to be written, but its checksum. */
export function metaOf(
  bucket: Bucket,
  key: string,
  input: ObjectInput,
  context: Pick<RequestContext, "headers" | "accountId" | "caller" | "operation">,
): ObjectMeta {
  return {
    ...ownedBy(bucket, key, input, context),
    ...systemMeta(input, context),
    ...storageClassOf(input.StorageClass),
    ...parseTagging(input.Tagging),
  };
}

/** Owner and grants of an object about to be written. Errors: AccessControlListNotSupported, AccessDenied. */
export function ownedBy(
  bucket: Bucket,
  key: string,
  input: AclInput,
  context: Pick<RequestContext, "accountId" | "caller" | "operation">,
): Pick<ObjectMeta, "owner" | "grants"> {
  checkBucketAcl(bucket, input);
  const owner = ownerOfNew(bucket, input, context);
  const grants = grantsOf(input, owner, bucket.accountId);
  checkPublicAcl(bucket, grants, `${bucketArn(bucket.name)}/${key}`, context);
  return {
    ...(owner === bucket.accountId ? {} : { owner }),
    ...(grants === undefined ? {} : { grants }),
  };
}

export interface EncryptionInput extends KeyInput {
  readonly ServerSideEncryption?: string | undefined;
  readonly SSEKMSKeyId?: string | undefined;
  readonly BucketKeyEnabled?: boolean | undefined;
}

/**
 * The customer's key, where the request brings one. All else is shown as encrypted with SSE-S3, as on AWS.
 * Errors: InvalidEncryptionAlgorithmError, InvalidArgument, AccessDenied (the bucket takes no customers'
 * keys), NotImplemented (KMS keys).
 */
export function encryptionOf(bucket: Bucket, input: EncryptionInput): CustomerKey | undefined {
  const headers = keyHeaders(input);
  const asked = input.ServerSideEncryption;
  const isKeyed = headers.algorithm !== undefined || headers.key !== undefined;
  if (isKeyed && asked !== undefined) {
    throw errors.invalidArgument(
      "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
      "x-amz-server-side-encryption",
      asked,
    );
  }
  checkServerSide(input);
  const key = readKey(headers);
  if (key !== undefined && bucket.settings["blockedEncryption"] === "SSE-C") {
    throw errors.accessDenied();
  }
  return key;
}

function checkServerSide(input: EncryptionInput): void {
  const asked = input.ServerSideEncryption;
  if (asked === undefined || asked === "AES256") {
    if (asked === "AES256" && input.SSEKMSKeyId !== undefined) {
      throw errors.invalidArgument(
        "Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms",
        "x-amz-server-side-encryption",
        asked,
      );
    }
    return;
  }
  if (asked === "aws:kms" || asked === "aws:kms:dsse") {
    throw errors.notServed("Server-side encryption with AWS KMS keys (SSE-KMS)");
  }
  throw errors.invalidEncryption(asked);
}

export interface ChecksumInput {
  readonly ContentMD5?: string | undefined;
  readonly ChecksumCRC32?: string | undefined;
  readonly ChecksumCRC32C?: string | undefined;
  readonly ChecksumCRC64NVME?: string | undefined;
  readonly ChecksumSHA1?: string | undefined;
  readonly ChecksumSHA256?: string | undefined;
}

/** The one checksum that an input carries. Errors: InvalidRequest. */
export function statedChecksum(
  input: ChecksumInput,
): { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined {
  const stated = CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
    const value = input[`Checksum${algorithm}`];
    return value === undefined ? [] : [{ algorithm, value }];
  });
  if (stated.length > 1) {
    throw errors.invalidRequest(
      "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
    );
  }
  const [only] = stated;
  if (only !== undefined && !isWellFormed(only.algorithm, only.value)) {
    throw errors.invalidRequest(
      `Value for x-amz-checksum-${only.algorithm.toLowerCase()} header is invalid.`,
    );
  }
  return only;
}

const SHA256_HEX = /^[0-9a-f]{64}$/u;
const UNSERVED = /^x-amz-checksum-(?:sha512|md5|xxhash64|xxhash3|xxhash128)$/u;

/**
 * What a request says of its body. `fallback` is the algorithm when it names none.
 * Errors: InvalidDigest, InvalidRequest, MissingContentLength, NotImplemented (new algorithms).
 */
export function claimsOf(
  input: ChecksumInput,
  context: RequestContext,
  fallback: ChecksumAlgorithm = DEFAULT_ALGORITHM,
): Claims {
  const { headers } = context;
  const unserved = Object.keys(headers).find((name) => UNSERVED.test(name));
  if (unserved !== undefined) throw errors.notServed(`The checksum of ${unserved}`);
  const md5 = input.ContentMD5;
  if (md5 !== undefined && Buffer.from(md5, "base64").length !== 16) throw errors.invalidDigest(md5);
  const stated = statedChecksum(input);
  const trailer = headers["x-amz-trailer"]?.trim().toLowerCase();
  const trailing = trailer === undefined ? undefined : algorithmOfHeader(trailer);
  if (trailer !== undefined && trailing === undefined) {
    throw errors.invalidRequest("The value specified in the x-amz-trailer header is not supported");
  }
  const hash = headers["x-amz-content-sha256"];
  const isChunked = hash?.startsWith("STREAMING-") === true;
  const length = headers[isChunked ? "x-amz-decoded-content-length" : "content-length"];
  if (isChunked && length === undefined) throw errors.missingContentLength();
  return {
    md5,
    algorithm: stated?.algorithm ?? trailing ?? fallback,
    checksum: stated?.value,
    trailer: stated === undefined ? trailer : undefined,
    sha256: hash !== undefined && SHA256_HEX.test(hash) ? hash : undefined,
    bytes: length === undefined ? undefined : Number(length),
    inlineMax: S3_LIMITS.inlineBytes,
  };
}
