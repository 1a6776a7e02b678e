import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { RequestContext } from "../../aws/service.ts";
import { closedBy } from "./archive.ts";
import { receive } from "./bodies.ts";
import { type ChecksumAlgorithm, DEFAULT_ALGORITHM, isAlgorithm, startChecksum } from "./checksums.ts";
import { checkCopySource, checkWriteHeaders } from "./conditions.ts";
import {
  type CustomerKey,
  encryptionMembers,
  keyCheckOf,
  keyForReading,
  sourceKeyHeaders,
} from "./customer-key.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf, versionAt } from "./lookup.ts";
import {
  type Bucket,
  type ObjectMeta,
  type ObjectVersion,
  quoted,
  S3_LIMITS,
  writtenVersion,
} from "./model.ts";
import { checkKey, parseCopySource } from "./names.ts";
import {
  encryptionOf,
  type ObjectInput,
  ownedBy,
  parseTagging,
  storageClassOf,
  systemMeta,
} from "./object-input.ts";
import { lockForNew, type LockInput } from "./object-lock.ts";
import { checksumMembers, expirationMember } from "./object-output.ts";
import { type Fresh, openBody, writeVersion } from "./operations-objects.ts";

export function copyOperations(deps: Deps): S3Operations {
  return {
    async CopyObject(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const key = input.Key ?? "";
      checkKey(key);
      const customerKey = encryptionOf(bucket, input);
      checkWriteHeaders(input);
      const source = await copySourceOf(deps, context, input.CopySource, input.ExpectedSourceBucketOwner);
      const sourceKey = keyForReading(source.version.meta.customerKey, sourceKeyHeaders(input));
      checkCopySource(source.version, input, context.clock.now());
      const inPlace = source.version.bucket === bucket.name && source.version.key === key;
      if (inPlace && source.isLatest && !changesSomething(bucket, input)) {
        throw errors.invalidRequest(
          "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
        );
      }
      const meta = {
        ...copiedMeta(source.version, input, context),
        ...ownedBy(bucket, key, input, context),
        ...lockForNew(bucket, input as LockInput, context.clock.now()),
        ...(customerKey === undefined ? {} : { customerKey: keyCheckOf(customerKey, context.random) }),
      };
      const algorithm = copyAlgorithm(source.version, input.ChecksumAlgorithm);
      const copied =
        sourceKey === undefined && customerKey === undefined
          ? await shareContent(deps, context, source.version, algorithm)
          : await writeAnew(deps, context, source.version, algorithm, { sourceKey, customerKey });
      try {
        const version = await writeVersion(deps, context, bucket, key, input, "ObjectCreated:Copy", {
          ...copied.fresh,
          meta: { ...meta, ...copied.fresh.meta },
        });
        const VersionId = writtenVersion(version.versionId);
        const sourceVersion = writtenVersion(source.version.versionId);
        return {
          CopyObjectResult: {
            ETag: quoted(version.etag),
            LastModified: new Date(version.modifiedAt),
            ...checksumMembers(version.meta),
          },
          ...encryptionMembers(customerKey),
          ...expirationMember(bucket, version),
          ...(sourceVersion === undefined ? {} : { CopySourceVersionId: sourceVersion }),
          ...(VersionId === undefined ? {} : { VersionId }),
        };
      } finally {
        deps.contents.suspect(copied.made);
        deps.contents.release(copied.held);
      }
    },
  };
}

/** Errors: those of the source's bucket, key and version, InvalidRequest for a marker named by its id. */
export async function copySourceOf(
  deps: Deps,
  context: RequestContext,
  text: string | undefined,
  expectedOwner: string | undefined,
): Promise<{ readonly version: ObjectVersion; readonly isLatest: boolean }> {
  const { bucket: name, key, versionId } = parseCopySource(text ?? "");
  const bucket = await bucketOf(deps, name, expectedOwner, context);
  const version = await versionAt(deps, bucket, key, versionId);
  if (version.isMarker) {
    if (versionId === undefined) throw errors.noSuchKey(key);
    throw errors.invalidRequest(
      "The source of a copy request may not specifically refer to a delete marker by version id.",
    );
  }
  if (closedBy(version.meta, deps.clock.now()) !== undefined) throw errors.invalidSourceState();
  if (version.bytes > S3_LIMITS.putBytes) {
    throw errors.invalidRequest(
      `The specified copy source is larger than the maximum allowable size for a copy source: ${String(S3_LIMITS.putBytes)}`,
    );
  }
  return { version, isLatest: versionId === undefined || version.isLatest };
}

interface CopyInput extends ObjectInput {
  readonly MetadataDirective?: string | undefined;
  readonly TaggingDirective?: string | undefined;
  readonly ServerSideEncryption?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
  readonly CopySourceSSECustomerAlgorithm?: string | undefined;
}

function changesSomething(bucket: Bucket, input: CopyInput): boolean {
  return (
    input.MetadataDirective === "REPLACE" ||
    input.StorageClass !== undefined ||
    input.WebsiteRedirectLocation !== undefined ||
    input.ServerSideEncryption !== undefined ||
    input.SSECustomerAlgorithm !== undefined ||
    input.CopySourceSSECustomerAlgorithm !== undefined ||
    bucket.settings["encryption"] !== undefined
  );
}

/** Storage class, redirect, lock and ACL are never copied; the rest as the directives say. */
function copiedMeta(source: ObjectVersion, input: CopyInput, context: RequestContext): ObjectMeta {
  checkDirective(input.MetadataDirective, "metadata", "x-amz-metadata-directive");
  checkDirective(input.TaggingDirective, "tagging", "x-amz-tagging-directive");
  const {
    checksum: _checksum,
    customerKey: _customerKey,
    tags,
    grants: _grants,
    owner: _owner,
    lock: _lock,
    parts: _parts,
    storageClass: _class,
    restoredUntilMs: _restored,
    websiteRedirect: _redirect,
    ...kept
  } = source.meta;
  const redirect = input.WebsiteRedirectLocation;
  return {
    ...(input.MetadataDirective === "REPLACE"
      ? systemMeta(input, context)
      : { ...kept, ...(redirect === undefined ? {} : { websiteRedirect: redirect }) }),
    ...storageClassOf(input.StorageClass),
    ...(input.TaggingDirective === "REPLACE"
      ? parseTagging(input.Tagging)
      : tags === undefined
        ? {}
        : { tags }),
  };
}

function checkDirective(value: string | undefined, noun: string, argument: string): void {
  if (value === undefined || value === "COPY" || value === "REPLACE") return;
  throw errors.invalidArgument(`Unknown ${noun} directive.`, argument, value);
}

interface Copied {
  readonly fresh: Fresh;
  /** Blobs held until the copy is committed. */
  readonly held: readonly string[];
  /** Blobs of its own, which go if no row names them. */
  readonly made: readonly string[];
}

/** Errors: InvalidRequest. */
function copyAlgorithm({ meta }: ObjectVersion, asked: string | undefined): ChecksumAlgorithm {
  if (asked !== undefined && !isAlgorithm(asked)) {
    throw errors.invalidRequest(
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]",
    );
  }
  return asked ?? meta.checksum?.algorithm ?? DEFAULT_ALGORITHM;
}

/** Other bytes at rest: they are read with one key and written with another. */
async function writeAnew(
  deps: Deps,
  context: RequestContext,
  source: ObjectVersion,
  algorithm: ChecksumAlgorithm,
  keys: { readonly sourceKey: CustomerKey | undefined; readonly customerKey: CustomerKey | undefined },
): Promise<Copied> {
  const body = await openBody(deps, source, undefined, keys.sourceKey);
  const claims = { algorithm, inlineMax: S3_LIMITS.inlineBytes, key: keys.customerKey };
  const { blob, bytes, etag, checksum, body: small } = await receive(body, claims, deps);
  const made = blob === undefined ? [] : [blob];
  const parts = made.map((name) => ({
    number: 1,
    blob: name,
    bytes,
    etag,
    algorithm,
    checksum,
    modifiedAt: context.clock.now(),
  }));
  return {
    held: made,
    made,
    fresh: {
      bytes,
      etag,
      meta: { checksum: { algorithm, type: "FULL_OBJECT", value: checksum } },
      ...(small === undefined ? { content: context.random.hex(32), parts } : { body: small }),
    },
  };
}

/** The same bytes under another name: blobs are shared, only what cannot be known is read again. */
async function shareContent(
  deps: Deps,
  context: RequestContext,
  source: ObjectVersion,
  algorithm: ChecksumAlgorithm,
): Promise<Copied> {
  const known = source.meta.checksum;
  const isKnown = known?.algorithm === algorithm && known.type === "FULL_OBJECT";
  const parts = source.content === undefined ? [] : await deps.objects.parts(source.content);
  const held = [...new Set(parts.map((part) => part.blob))];
  await deps.contents.hold(held);
  try {
    const isSingle = source.meta.parts === undefined;
    const hashes = isKnown && isSingle ? undefined : await hashed(deps, source, algorithm);
    const value = isKnown ? known.value : (hashes?.checksum ?? "");
    return {
      held,
      made: [],
      fresh: {
        bytes: source.bytes,
        etag: isSingle ? source.etag : (hashes?.md5 ?? ""),
        meta: { checksum: { algorithm, type: "FULL_OBJECT", value } },
        ...(source.content === undefined
          ? { body: source.body ?? new Uint8Array() }
          : { content: context.random.hex(32), parts }),
      },
    };
  } catch (error) {
    deps.contents.release(held);
    throw error;
  }
}

async function hashed(
  deps: Deps,
  source: ObjectVersion,
  algorithm: ChecksumAlgorithm,
): Promise<{ readonly md5: string; readonly checksum: string }> {
  const md5 = createHash("md5");
  const running = startChecksum(algorithm);
  const body = await openBody(deps, source, undefined, undefined);
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    md5.update(chunk);
    running.update(chunk);
    await nextTurn();
  }
  return { md5: md5.digest("hex"), checksum: running.digest().toString("base64") };
}
