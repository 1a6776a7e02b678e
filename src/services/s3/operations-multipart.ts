import type { RequestContext } from "../../aws/service.ts";
import { objectOwner } from "./acl-grants.ts";
import { type Body, receive, type Received } from "./bodies.ts";
import { checkCopySource, checkWriteHeaders } from "./conditions.ts";
import { DEFAULT_ALGORITHM } from "./checksums.ts";
import {
  checkSameKey,
  encryptionMembers,
  keyCheckOf,
  keyForReading,
  keyHeaders,
  keyOfPart,
  readKey,
  sourceKeyHeaders,
} from "./customer-key.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { list, startBehind } from "./listing.ts";
import { bucketOf } from "./lookup.ts";
import {
  type Bucket,
  ownerId,
  type Part,
  quoted,
  type Upload,
  wholeSecond,
  writtenVersion,
} from "./model.ts";
import {
  checkConflict,
  choosePartAlgorithm,
  chooseUploadChecksum,
  completed,
  readParts,
} from "./multipart.ts";
import { checkKey } from "./names.ts";
import { claimsOf, encryptionOf, metaOf, statedChecksum } from "./object-input.ts";
import { lockForNew, type LockInput } from "./object-lock.ts";
import { expirationMember } from "./object-output.ts";
import { openBody, writeVersion } from "./operations-objects.ts";
import { copySourceOf } from "./operations-copy.ts";
import { encoder, pageSize, prefixMembers } from "./operations-list.ts";
import { parseCopyRange } from "./ranges.ts";

export function multipartOperations(deps: Deps): S3Operations {
  async function uploadOf(bucket: Bucket, key: string, uploadId: string): Promise<Upload> {
    const upload = await deps.uploads.get(bucket.name, key, uploadId);
    if (upload === undefined) throw errors.noSuchUpload(uploadId);
    return upload;
  }

  /** Makes what was received a part. Errors: NoSuchUpload (it was completed or aborted meanwhile). */
  async function putPart(
    context: RequestContext,
    upload: Upload,
    number: number,
    received: Received,
  ): Promise<Part> {
    const { blob, bytes, etag } = received;
    if (blob === undefined) throw new Error("a part is always a blob");
    const part: Part = {
      number,
      blob,
      bytes,
      etag,
      algorithm: upload.meta.algorithm ?? DEFAULT_ALGORITHM,
      checksum: received.other ?? received.checksum,
      modifiedAt: wholeSecond(context.clock.now()),
    };
    try {
      const dropped = await deps.uploads.putPart(upload, part);
      if (dropped === undefined) throw errors.noSuchUpload(upload.uploadId);
      deps.contents.suspect(dropped);
      return part;
    } finally {
      deps.contents.suspect([blob]);
      deps.contents.release([blob]);
    }
  }

  return {
    async CreateMultipartUpload(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const key = input.Key ?? "";
      checkKey(key);
      const customerKey = encryptionOf(bucket, input);
      const checksum = chooseUploadChecksum(input.ChecksumAlgorithm, input.ChecksumType);
      const uploadId = Buffer.from(context.random.hex(192), "hex").toString("base64url");
      const meta = {
        ...metaOf(bucket, key, input, context),
        ...lockForNew(bucket, input as LockInput, context.clock.now()),
        ...(customerKey === undefined ? {} : { customerKey: keyCheckOf(customerKey, context.random) }),
        ...checksum,
        initiator: context.caller.arn,
      };
      if (!(await deps.uploads.create(bucket, { key, uploadId, meta })))
        throw errors.noSuchBucket(bucket.name);
      return {
        Bucket: bucket.name,
        Key: key,
        UploadId: uploadId,
        ...encryptionMembers(customerKey),
        ...(checksum.algorithm === undefined ? {} : { ChecksumAlgorithm: checksum.algorithm }),
        ...(checksum.checksumType === undefined ? {} : { ChecksumType: checksum.checksumType }),
      };
    },

    async UploadPart(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const upload = await uploadOf(bucket, input.Key ?? "", input.UploadId ?? "");
      const number = partNumber(input.PartNumber);
      const key = keyOfPart(upload.meta.customerKey, keyHeaders(input));
      const claims = {
        ...choosePartAlgorithm(upload, claimsOf(input, context), isStated(input, context)),
        key,
      };
      const received = await receive((input.Body ?? "") as Body, claims, deps);
      await putPart(context, upload, number, received);
      return {
        ETag: quoted(received.etag),
        ...encryptionMembers(key),
        [`Checksum${received.algorithm}`]: received.checksum,
      };
    },

    async UploadPartCopy(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const upload = await uploadOf(bucket, input.Key ?? "", input.UploadId ?? "");
      const number = partNumber(input.PartNumber);
      const key = keyOfPart(upload.meta.customerKey, keyHeaders(input));
      const source = await copySourceOf(deps, context, input.CopySource, input.ExpectedSourceBucketOwner);
      const sourceKey = keyForReading(source.version.meta.customerKey, sourceKeyHeaders(input));
      checkCopySource(source.version, input, context.clock.now());
      const range = parseCopyRange(input.CopySourceRange, source.version.bytes);
      const received = await receive(
        await openBody(deps, source.version, range, sourceKey),
        { algorithm: upload.meta.algorithm ?? DEFAULT_ALGORITHM, inlineMax: -1, key },
        deps,
      );
      const part = await putPart(context, upload, number, received);
      const versionId = writtenVersion(source.version.versionId);
      return {
        ...(versionId === undefined ? {} : { CopySourceVersionId: versionId }),
        CopyPartResult: {
          ETag: quoted(part.etag),
          LastModified: new Date(part.modifiedAt),
          ...(upload.meta.algorithm === undefined ? {} : { [`Checksum${part.algorithm}`]: part.checksum }),
        },
        ...encryptionMembers(key),
      };
    },

    async CompleteMultipartUpload(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const key = input.Key ?? "";
      checkWriteHeaders(input);
      const upload = await uploadOf(bucket, key, input.UploadId ?? "");
      const customerKey = readKey(keyHeaders(input));
      checkSameKey(upload.meta.customerKey, customerKey);
      const wanted = readParts(input.MultipartUpload?.Parts, upload.uploadId);
      const parts = await deps.objects.parts(upload.uploadId);
      const { etag, bytes, checksum, chosen } = completed(upload, wanted, parts, {
        type: input.ChecksumType,
        stated: statedChecksum(input),
        bytes: input.MpuObjectSize,
      });
      await checkConflict(deps, bucket, upload, input);
      const { algorithm: _algorithm, checksumType: _type, initiator: _initiator, ...meta } = upload.meta;
      const version = await writeVersion(
        deps,
        context,
        bucket,
        key,
        input,
        "ObjectCreated:CompleteMultipartUpload",
        {
          bytes,
          etag,
          meta: { ...meta, checksum, parts: chosen.length },
          content: context.random.hex(32),
          upload: { uploadId: upload.uploadId, parts: chosen },
        },
        // The parts may have changed as well: the client decides on those it has seen.
        async () => void (await uploadOf(bucket, key, upload.uploadId)),
      );
      const VersionId = writtenVersion(version.versionId);
      return {
        Location: `${context.endpoint}/${bucket.name}/${encodeURIComponent(key)}`,
        Bucket: bucket.name,
        Key: key,
        ETag: quoted(etag),
        [`Checksum${checksum.algorithm}`]: checksum.value,
        ChecksumType: checksum.type,
        ...(upload.meta.customerKey === undefined ? encryptionMembers(undefined) : {}),
        ...expirationMember(bucket, version),
        ...(VersionId === undefined ? {} : { VersionId }),
      };
    },

    async AbortMultipartUpload(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const upload = await uploadOf(bucket, input.Key ?? "", input.UploadId ?? "");
      const dropped = await deps.uploads.abort(upload);
      if (dropped === undefined) throw errors.noSuchUpload(upload.uploadId);
      deps.contents.suspect(dropped);
      return {};
    },

    async ListParts(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const upload = await uploadOf(bucket, input.Key ?? "", input.UploadId ?? "");
      const marker = Number(input.PartNumberMarker ?? 0);
      const max = pageSize(input.MaxParts, "max-parts");
      const { algorithm, checksumType, storageClass = "STANDARD" } = upload.meta;
      const rest = (await deps.objects.parts(upload.uploadId)).filter((part) => part.number > marker);
      const page = rest.slice(0, max);
      return {
        Bucket: bucket.name,
        Key: upload.key,
        UploadId: upload.uploadId,
        PartNumberMarker: String(marker),
        NextPartNumberMarker: String(page.at(-1)?.number ?? 0),
        MaxParts: max,
        IsTruncated: rest.length > page.length,
        ...(page.length === 0 ? {} : { Parts: page.map((part) => partRow(part, algorithm !== undefined)) }),
        ...people(bucket, upload),
        StorageClass: storageClass,
        ...(algorithm === undefined ? {} : { ChecksumAlgorithm: algorithm }),
        ...(checksumType === undefined ? {} : { ChecksumType: checksumType }),
      } as never;
    },

    async ListMultipartUploads(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const text = encoder(input.EncodingType);
      const max = pageSize(input.MaxUploads, "max-uploads");
      const { Prefix: prefix = "", KeyMarker = "" } = input;
      const delimiter = input.Delimiter === "" ? undefined : input.Delimiter;
      // Without a key the upload's marker means nothing.
      const idMarker = KeyMarker === "" ? "" : (input.UploadIdMarker ?? "");
      let from = startBehind(KeyMarker, prefix, delimiter);
      if (idMarker !== "") {
        const marked = await deps.uploads.get(bucket.name, KeyMarker, idMarker);
        if (marked === undefined) {
          throw errors.invalidArgument("Invalid uploadId marker", "upload-id-marker", idMarker);
        }
        from = { key: new TextEncoder().encode(KeyMarker), seq: marked.seq };
      }
      const page = await list({ prefix, delimiter, max, from }, (position, to, limit) =>
        deps.uploads.page(bucket.name, position.key, position.seq, to, limit),
      );
      const last = typeof page.last === "object" ? page.last : undefined;
      return {
        Bucket: bucket.name,
        KeyMarker: text(KeyMarker),
        UploadIdMarker: idMarker,
        NextKeyMarker: text(last?.key ?? ""),
        NextUploadIdMarker: last?.uploadId ?? "",
        ...(delimiter === undefined ? {} : { Delimiter: text(delimiter) }),
        ...(prefix === "" ? {} : { Prefix: text(prefix) }),
        ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
        MaxUploads: max,
        IsTruncated: page.isTruncated,
        ...(page.items.length === 0
          ? {}
          : { Uploads: page.items.map((upload) => uploadRow(bucket, upload, text)) }),
        ...prefixMembers(page.prefixes, text),
      } as never;
    },
  };
}

/** Errors: InvalidArgument. */
function partNumber(number: number | undefined): number {
  if (number === undefined || number < 1 || number > 10_000) {
    throw errors.invalidArgument(
      "Part number must be an integer between 1 and 10000, inclusive",
      "partNumber",
      number,
    );
  }
  return number;
}

/** Did the caller send a checksum, before the body or behind it? */
function isStated(input: Parameters<typeof statedChecksum>[0], context: RequestContext): boolean {
  return statedChecksum(input) !== undefined || context.headers["x-amz-trailer"] !== undefined;
}

function people(bucket: Bucket, upload: Upload): Record<string, unknown> {
  const ID = ownerId(objectOwner(bucket, upload));
  const { initiator } = upload.meta;
  const isRoot = initiator.endsWith(":root");
  const DisplayName = isRoot ? "root" : initiator.slice(initiator.lastIndexOf("/") + 1);
  return { Initiator: { ID: isRoot ? ID : initiator, DisplayName }, Owner: { ID } };
}

function partRow(part: Part, isShown: boolean): Record<string, unknown> {
  return {
    PartNumber: part.number,
    LastModified: new Date(part.modifiedAt),
    ETag: quoted(part.etag),
    Size: part.bytes,
    ...(isShown ? { [`Checksum${part.algorithm}`]: part.checksum } : {}),
  };
}

function uploadRow(bucket: Bucket, upload: Upload, text: (key: string) => string): Record<string, unknown> {
  const { algorithm, checksumType, storageClass = "STANDARD" } = upload.meta;
  return {
    Key: text(upload.key),
    UploadId: upload.uploadId,
    ...people(bucket, upload),
    StorageClass: storageClass,
    Initiated: new Date(upload.createdAt),
    ...(algorithm === undefined ? {} : { ChecksumAlgorithm: algorithm }),
    ...(checksumType === undefined ? {} : { ChecksumType: checksumType }),
  };
}
