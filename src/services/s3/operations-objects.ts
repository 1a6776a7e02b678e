import { HTTP_STATUS } from "../../aws/streamed-body.ts";
import type { RequestContext } from "../../aws/service.ts";
import { Readable } from "node:stream";
import { closedBy } from "./archive.ts";
import { type Body, receive, type Received } from "./bodies.ts";
import {
  checkRead,
  checkWrite,
  checkWriteHeaders,
  hasWriteCondition,
  type WriteConditions,
} from "./conditions.ts";
import { cut, type Contents } from "./contents.ts";
import {
  ciphered,
  type CustomerKey,
  encryptionMembers,
  keyCheckOf,
  keyForReading,
  keyHeaders,
  type KeyInput,
} from "./customer-key.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf, objectAt } from "./lookup.ts";
import {
  type Bucket,
  newVersionId,
  type ObjectMeta,
  type ObjectVersion,
  type Part,
  quoted,
  wholeSecond,
  writtenVersion,
} from "./model.ts";
import { checkKey } from "./names.ts";
import type { EventName } from "./notifications.ts";
import { claimsOf, encryptionOf, metaOf } from "./object-input.ts";
import { checksumMembers, describe, expirationMember } from "./object-output.ts";
import type { NewVersion } from "./object-store.ts";
import { type ByteRange, parseRange } from "./ranges.ts";
import { causeOf } from "./sender.ts";
import { lockForNew, type LockInput } from "./object-lock.ts";

export function objectOperations(deps: Deps): S3Operations {
  return {
    async PutObject(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const key = input.Key ?? "";
      checkKey(key);
      const customerKey = encryptionOf(bucket, input);
      checkWriteHeaders(input);
      const meta = {
        ...metaOf(bucket, key, input, context),
        ...(customerKey === undefined ? {} : { customerKey: keyCheckOf(customerKey, context.random) }),
        ...lockForNew(bucket, input as LockInput, context.clock.now()),
      };
      if (input.WriteOffsetBytes !== undefined) throw errors.notServed("Appending to objects");
      const claims = { ...claimsOf(input, context), key: customerKey };
      const received = await receive((input.Body ?? "") as Body, claims, deps);
      const version = await putReceived(deps, context, bucket, key, {
        received,
        meta,
        event: "ObjectCreated:Put",
        conditions: input,
      });
      return writtenOutput(bucket, version, customerKey);
    },

    async GetObject(input, context) {
      const { bucket, version, key } = await readable(deps, context, input, "GET");
      const { range, partsCount } = await wanted(deps, version, input);
      const archive = closedBy(version.meta, context.clock.now());
      if (archive !== undefined) throw errors.invalidObjectState(archive);
      const body = await openBody(deps, version, range, key);
      const described = describe(bucket, version, key, context.clock.now());
      const output = rangedOutput(described, version, range, partsCount, input.ChecksumMode);
      return { ...output, ...overrides(input, context), Body: body } as never;
    },

    async HeadObject(input, context) {
      const { bucket, version, key } = await readable(deps, context, input, "HEAD");
      const { range, partsCount } = await wanted(deps, version, input);
      const described = describe(bucket, version, key, context.clock.now());
      const output = rangedOutput(described, version, range, partsCount, input.ChecksumMode);
      return { ...output, ...overrides(input, context) } as never;
    },
  };
}

export interface Writing {
  readonly received: Received;
  readonly meta: ObjectMeta;
  readonly event: EventName;
  readonly conditions: WriteConditions;
}

/** Makes what was received an object. Errors: PreconditionFailed, NoSuchKey, NoSuchBucket. */
export async function putReceived(
  deps: Deps,
  context: RequestContext,
  bucket: Bucket,
  key: string,
  { received, meta, event, conditions }: Writing,
): Promise<NewVersion> {
  const { blob, algorithm, checksum, bytes, etag, body } = received;
  const content = blob === undefined ? undefined : context.random.hex(32);
  const parts =
    blob === undefined
      ? []
      : [{ number: 1, blob, bytes, etag, algorithm, checksum, modifiedAt: context.clock.now() }];
  try {
    return await writeVersion(deps, context, bucket, key, conditions, event, {
      bytes,
      etag,
      meta: { ...meta, checksum: { algorithm, type: "FULL_OBJECT", value: checksum } },
      ...(body === undefined ? {} : { body }),
      ...(content === undefined ? {} : { content, parts }),
    });
  } finally {
    if (blob !== undefined) {
      // Whatever became of it: if no row names it, it goes.
      deps.contents.suspect([blob]);
      deps.contents.release([blob]);
    }
  }
}

export type Fresh = Omit<NewVersion, "key" | "versionId" | "seq" | "isMarker" | "modifiedAt">;

const ATTEMPTS_MAX = 20;

/**
 * 1. Look at the bucket (and the key, where a condition asks for it) and decide.
 * 2. Write the version and its events in one unit, which holds only if nothing has changed since.
 * 3. If something has, begin again; `again` may refuse that.
 */
export async function writeVersion(
  deps: Deps,
  context: RequestContext,
  first: Bucket,
  key: string,
  conditions: WriteConditions,
  event: EventName,
  fresh: Fresh,
  again: () => Promise<void> = () => Promise.resolve(),
): Promise<NewVersion> {
  let bucket = first;
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    let latestSeq: number | undefined;
    if (hasWriteCondition(conditions)) {
      const latest = await deps.objects.latest(bucket.name, key);
      checkWrite(key, latest, conditions);
      latestSeq = latest?.seq ?? 0;
    }
    const seq = deps.objects.nextSeq();
    const version: NewVersion = {
      ...fresh,
      key,
      versionId: bucket.versioning === "Enabled" ? newVersionId(context.random.hex(32), seq) : "null",
      seq,
      isMarker: false,
      modifiedAt: wholeSecond(context.clock.now()),
    };
    const change = { name: event, key, bytes: fresh.bytes, etag: fresh.etag, seq: version.seq };
    const sent = deps.sender.deliveries(
      bucket,
      { ...change, versionId: writtenVersion(version.versionId) },
      causeOf(context),
    );
    const dropped = await deps.objects.write(bucket, version, { latestSeq }, deps.sender.outbox.within(sent));
    if (dropped !== undefined) {
      if (sent.length > 0) deps.sender.outbox.wake(sent);
      deps.contents.suspect(dropped);
      return version;
    }
    bucket = await bucketOf(deps, first.name);
    await again();
  }
  throw errors.operationAborted();
}

/** What PutObject and its kin answer. */
export function writtenOutput(
  bucket: Bucket,
  version: NewVersion,
  key: CustomerKey | undefined,
): Record<string, unknown> {
  const VersionId = writtenVersion(version.versionId);
  return {
    ETag: quoted(version.etag),
    ...checksumMembers(version.meta),
    ...encryptionMembers(key),
    ...expirationMember(bucket, version),
    ...(VersionId === undefined ? {} : { VersionId }),
  };
}

interface ReadInput extends KeyInput {
  readonly Bucket?: string | undefined;
  readonly Key?: string | undefined;
  readonly VersionId?: string | undefined;
  readonly ExpectedBucketOwner?: string | undefined;
  readonly Range?: string | undefined;
  readonly PartNumber?: number | undefined;
  readonly IfMatch?: string | undefined;
  readonly IfNoneMatch?: string | undefined;
  readonly IfModifiedSince?: Date | undefined;
  readonly IfUnmodifiedSince?: Date | undefined;
}

async function readable(
  deps: Deps,
  context: RequestContext,
  input: ReadInput,
  method: string,
): Promise<{
  readonly bucket: Bucket;
  readonly version: ObjectVersion;
  readonly key: CustomerKey | undefined;
}> {
  const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
  const version = await objectAt(deps, bucket, input.Key ?? "", input.VersionId, method);
  const key = keyForReading(version.meta.customerKey, keyHeaders(input));
  checkRead(version, input, context.clock.now());
  return { bucket, version, key };
}

/** The bytes that Range or PartNumber ask for. Errors: InvalidRange, InvalidPartNumber, InvalidRequest. */
async function wanted(
  deps: Deps,
  version: ObjectVersion,
  input: ReadInput,
): Promise<{ readonly range: ByteRange | undefined; readonly partsCount: number | undefined }> {
  const { PartNumber, Range } = input;
  if (PartNumber === undefined) {
    return { range: parseRange(Range, version.bytes), partsCount: undefined };
  }
  if (Range !== undefined) {
    throw errors.invalidRequest("Cannot specify both Range header and partNumber query parameter");
  }
  const count = version.meta.parts ?? 1;
  if (PartNumber < 1 || PartNumber > 10_000) {
    throw errors.invalidArgument(
      "Part number must be an integer between 1 and 10000, inclusive",
      "partNumber",
      PartNumber,
    );
  }
  if (PartNumber > count) throw errors.invalidPartNumber(PartNumber, count);
  if (version.meta.parts === undefined || version.content === undefined) {
    return {
      range: version.bytes === 0 ? undefined : { start: 0, end: version.bytes - 1 },
      partsCount: undefined,
    };
  }
  const parts = await deps.objects.parts(version.content);
  const before = parts.slice(0, PartNumber - 1).reduce((sum, part) => sum + part.bytes, 0);
  const bytes = parts[PartNumber - 1]?.bytes ?? 0;
  return { range: { start: before, end: before + bytes - 1 }, partsCount: count };
}

/** The checksum is of the whole, so it is shown with the whole only. */
function rangedOutput(
  output: Record<string, unknown>,
  version: ObjectVersion,
  range: ByteRange | undefined,
  partsCount: number | undefined,
  checksumMode: string | undefined,
): Record<string | symbol, unknown> {
  const isWhole = range === undefined || (range.start === 0 && range.end === version.bytes - 1);
  return {
    ...output,
    ...(checksumMode === "ENABLED" && isWhole ? checksumMembers(version.meta) : {}),
    ...(partsCount === undefined ? {} : { PartsCount: partsCount }),
    ...(range === undefined
      ? {}
      : {
          ContentLength: range.end - range.start + 1,
          ContentRange: `bytes ${String(range.start)}-${String(range.end)}/${String(version.bytes)}`,
          [HTTP_STATUS]: 206,
        }),
  };
}

const OVERRIDES = [
  ["ResponseCacheControl", "CacheControl", "response-cache-control"],
  ["ResponseContentDisposition", "ContentDisposition", "response-content-disposition"],
  ["ResponseContentEncoding", "ContentEncoding", "response-content-encoding"],
  ["ResponseContentLanguage", "ContentLanguage", "response-content-language"],
  ["ResponseContentType", "ContentType", "response-content-type"],
] as const;

/** `response-*` of the query. Errors: InvalidArgument for what a header cannot hold, InvalidRequest. */
function overrides(input: object, { caller }: Pick<RequestContext, "caller">): Record<string, unknown> {
  const asked = input as Readonly<Record<string, string | Date | undefined>>;
  const isAsked =
    asked["ResponseExpires"] !== undefined || OVERRIDES.some(([from]) => asked[from] !== undefined);
  if (isAsked && caller.kind === "anonymous") {
    throw errors.invalidRequest(
      "Request specific response headers cannot be used for anonymous GET requests.",
    );
  }
  const members: Record<string, unknown> = {};
  for (const [from, to, argument] of OVERRIDES) {
    const value = asked[from];
    if (typeof value !== "string") continue;
    // oxlint-disable-next-line no-control-regex
    if (/[^\u0000-\u00ff]/u.test(value)) {
      throw errors.invalidArgument("Header value cannot be represented using ISO-8859-1.", argument, value);
    }
    members[to] = value;
  }
  if (asked["ResponseExpires"] instanceof Date) members["Expires"] = asked["ResponseExpires"].toUTCString();
  return members;
}

/**
 * The bytes of a version; its blobs are held until the last of them is sent.
 * @param key the one it was encrypted with
 */
export async function openBody(
  deps: Deps,
  version: ObjectVersion,
  range: ByteRange | undefined,
  key: CustomerKey | undefined,
): Promise<Uint8Array | AsyncIterable<Uint8Array>> {
  if (version.content === undefined) {
    const body = version.body ?? new Uint8Array();
    return range === undefined ? body : body.subarray(range.start, range.end + 1);
  }
  const parts = await deps.objects.parts(version.content);
  const blobs = [...new Set(parts.map((part) => part.blob))];
  await deps.contents.hold(blobs);
  // Between reading the rows and holding the blobs a sweep may have been faster: then the rows are gone.
  const again = await deps.objects.parts(version.content);
  if (again.length === 0) {
    deps.contents.release(blobs);
    throw errors.noSuchKey(version.key);
  }
  const { start, end } = range ?? { start: 0, end: version.bytes - 1 };
  const stream =
    key === undefined
      ? await deps.contents.read(parts, start, end)
      : deciphered(deps.contents, parts, { start, end }, key);
  // One blob is a file's own stream, which the socket drains without a detour.
  const body = stream instanceof Readable ? stream : Readable.from(stream, { objectMode: false });
  body.once("close", () => deps.contents.release(blobs));
  return body;
}

async function* deciphered(
  contents: Contents,
  parts: readonly Part[],
  { start, end }: ByteRange,
  key: CustomerKey,
): AsyncGenerator<Uint8Array> {
  for (const piece of cut(parts, start, end)) {
    const whole = [{ blob: piece.blob, bytes: piece.end + 1 }];
    yield* ciphered(await contents.read(whole, piece.start, piece.end), key, piece.blob, piece.start);
  }
}
