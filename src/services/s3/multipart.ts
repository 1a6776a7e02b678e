import { createHash } from "node:crypto";
import type { Claims } from "./bodies.ts";
import {
  canBeFullObject,
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  type ChecksumType,
  combined,
  composite,
  DEFAULT_ALGORITHM,
  defaultType,
  isAlgorithm,
} from "./checksums.ts";
import { checkWrite, hasWriteCondition, type WriteConditions } from "./conditions.ts";
import type { Deps } from "./deps.ts";
import * as errors from "./errors.ts";
import { type Bucket, type Part, S3_LIMITS, type StoredChecksum, type Upload } from "./model.ts";

/** What a multipart upload is checked by. Errors: InvalidRequest. */
export function chooseUploadChecksum(
  algorithm: string | undefined,
  type: string | undefined,
): { readonly algorithm?: ChecksumAlgorithm; readonly checksumType?: ChecksumType } {
  if (algorithm === undefined) {
    if (type === undefined) return {};
    throw errors.invalidRequest(
      "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
    );
  }
  if (!isAlgorithm(algorithm)) {
    throw errors.invalidRequest(
      `Checksum algorithm provided is unsupported. Please try again with any of the valid types: [${CHECKSUM_ALGORITHMS.join(", ")}]`,
    );
  }
  if (type === undefined) return { algorithm, checksumType: defaultType(algorithm) };
  if (type !== "FULL_OBJECT" && type !== "COMPOSITE") {
    throw errors.invalidRequest("Value for x-amz-checksum-type header is invalid.");
  }
  const isPossible = type === "FULL_OBJECT" ? canBeFullObject(algorithm) : algorithm !== "CRC64NVME";
  if (!isPossible) {
    throw errors.invalidRequest(
      `The ${type} checksum type cannot be used with the ${algorithm.toLowerCase()} checksum algorithm.`,
    );
  }
  return { algorithm, checksumType: type };
}

/**
 * A part is checked by what its request says, and kept with the checksum its upload needs.
 * Errors: InvalidRequest when the upload was begun with another algorithm.
 */
export function choosePartAlgorithm(upload: Upload, claims: Claims, isStated: boolean): Claims {
  const { algorithm: needed, checksumType } = upload.meta;
  const part = { ...claims, inlineMax: -1 };
  if (needed === undefined) {
    return claims.algorithm === DEFAULT_ALGORITHM ? part : { ...part, also: DEFAULT_ALGORITHM };
  }
  const isWrong = isStated ? claims.algorithm !== needed : checksumType === "COMPOSITE";
  if (isWrong) {
    const actual = isStated ? claims.algorithm.toLowerCase() : "null";
    throw errors.invalidRequest(
      `Checksum Type mismatch occurred, expected checksum Type: ${needed.toLowerCase()}, actual checksum Type: ${actual}`,
    );
  }
  return { ...part, algorithm: needed };
}

export interface WantedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksums: readonly { readonly algorithm: ChecksumAlgorithm; readonly value: string }[];
}

type SentPart = { readonly PartNumber?: number | undefined; readonly ETag?: string | undefined } & {
  readonly [K in `Checksum${ChecksumAlgorithm}`]?: string | undefined;
};

/** The list that a client completes its upload with. Errors: MalformedXML, InvalidPartOrder. */
export function readParts(sent: readonly SentPart[] | undefined, uploadId: string): readonly WantedPart[] {
  if (sent === undefined || sent.length === 0) throw errors.malformedXml();
  const parts = sent.map((part) => {
    if (part.PartNumber === undefined || part.ETag === undefined) throw errors.malformedXml();
    return {
      number: part.PartNumber,
      etag: part.ETag.replaceAll('"', ""),
      checksums: CHECKSUM_ALGORITHMS.flatMap((algorithm) => {
        const value = part[`Checksum${algorithm}`];
        return value === undefined ? [] : [{ algorithm, value }];
      }),
    };
  });
  const isOrdered = parts.every(
    (part, index) => index === 0 || part.number > (parts[index - 1]?.number ?? 0),
  );
  if (!isOrdered) throw errors.invalidPartOrder(uploadId);
  return parts;
}

export interface CompleteClaims {
  readonly type: string | undefined;
  readonly stated: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
  readonly bytes: number | undefined;
}

export interface CompletedObject {
  readonly etag: string;
  readonly bytes: number;
  readonly checksum: StoredChecksum;
  readonly chosen: readonly Part[];
}

/**
 * 1. Each part that is named is there, as it is named.
 * 2. All but the last are large enough.
 * 3. The whole is what the caller says it is.
 * Errors: InvalidPart, BadDigest, InvalidRequest, EntityTooSmall.
 */
export function completed(
  upload: Upload,
  wanted: readonly WantedPart[],
  parts: readonly Part[],
  claims: CompleteClaims,
): CompletedObject {
  const { algorithm, checksumType: type = "FULL_OBJECT" } = upload.meta;
  if (claims.type !== undefined && claims.type !== type) {
    throw errors.invalidRequest(
      `The upload was created using the ${algorithm === undefined ? "null" : type} checksum mode. The complete request must use the same checksum mode.`,
    );
  }
  const byNumber = new Map(parts.map((part) => [part.number, part]));
  const chosen = wanted.map((part) => choosePart(upload, part, byNumber.get(part.number), type));
  for (const part of chosen.slice(0, -1)) {
    if (part.bytes < S3_LIMITS.partBytesMin) {
      throw errors.entityTooSmall(part.bytes, part.number, part.etag, S3_LIMITS.partBytesMin);
    }
  }
  const bytes = chosen.reduce((sum, part) => sum + part.bytes, 0);
  if (claims.bytes !== undefined && claims.bytes !== bytes) {
    throw errors.invalidRequest(
      `The provided 'x-amz-mp-object-size' header value ${String(claims.bytes)} does not match what was computed: ${String(bytes)}`,
    );
  }
  const used = algorithm ?? DEFAULT_ALGORITHM;
  const values = chosen.map((part) => ({ value: part.checksum, bytes: part.bytes }));
  const value = type === "COMPOSITE" ? composite(used, values) : combined(used, values);
  const { stated } = claims;
  const isComparable = stated?.algorithm === used;
  if (
    stated !== undefined &&
    isComparable &&
    stated.value !== value &&
    stated.value !== value.split("-")[0]
  ) {
    throw errors.badDigest(`The ${used.toLowerCase()} you specified did not match the calculated checksum.`);
  }
  const md5 = createHash("md5");
  for (const part of chosen) md5.update(Buffer.from(part.etag, "hex"));
  return {
    etag: `${md5.digest("hex")}-${String(chosen.length)}`,
    bytes,
    checksum: { algorithm: used, type, value },
    chosen,
  };
}

function choosePart(upload: Upload, wanted: WantedPart, part: Part | undefined, type: ChecksumType): Part {
  if (part === undefined || part.etag !== wanted.etag) {
    throw errors.invalidPart(wanted.number, wanted.etag, upload.uploadId);
  }
  const { algorithm } = upload.meta;
  if (algorithm === undefined) return part;
  const wrong = wanted.checksums.find(
    (checksum) => checksum.algorithm !== algorithm || checksum.value !== part.checksum,
  );
  if (wrong !== undefined) {
    if (type === "FULL_OBJECT") throw errors.invalidPart(wanted.number, wanted.etag, upload.uploadId);
    throw errors.badDigest(
      `The ${wrong.algorithm.toLowerCase()} you specified for part ${String(wanted.number)} did not match what we received.`,
    );
  }
  if (type === "COMPOSITE" && wanted.checksums.length === 0) {
    throw errors.invalidRequest(
      `The upload was created using a ${algorithm.toLowerCase()} checksum. The complete request must include the checksum for each part. It was missing for part ${String(wanted.number)} in the request.`,
    );
  }
  return part;
}

/**
 * A condition that holds now may have been broken and mended while the parts were being sent.
 * Errors: PreconditionFailed, NoSuchKey, ConditionalRequestConflict.
 */
export async function checkConflict(
  deps: Pick<Deps, "objects">,
  bucket: Bucket,
  upload: Upload,
  conditions: WriteConditions,
): Promise<void> {
  if (!hasWriteCondition(conditions)) return;
  checkWrite(upload.key, await deps.objects.latest(bucket.name, upload.key), conditions);
  if (upload.disturbed) {
    throw errors.conditionConflict(
      conditions.IfMatch === undefined ? "If-None-Match" : "If-Match",
      upload.key,
    );
  }
}
