import { objectOwner } from "./acl-grants.ts";
import { restoreStatus } from "./archive.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { after, bytesOf, list, type Listed, type Position, startBehind, urlEncoded } from "./listing.ts";
import { bucketOf } from "./lookup.ts";
import {
  type Bucket,
  isVersionId,
  type ObjectVersion,
  ownerId,
  quoted,
  S3_LIMITS,
  seqOfVersionId,
} from "./model.ts";

export function listOperations(deps: Deps): S3Operations {
  async function objectPage(
    bucket: Bucket,
    query: { readonly prefix: string; readonly delimiter: string | undefined; readonly max: number },
    marker: string,
  ): Promise<Listed<ObjectVersion>> {
    const from = startBehind(marker, query.prefix, query.delimiter);
    return list({ ...query, from }, (position, to, limit) =>
      deps.objects.page(bucket.name, behindRow(position), to, limit),
    );
  }

  return {
    async ListObjects(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const text = encoder(input.EncodingType);
      const max = pageSize(input.MaxKeys, "max-keys");
      const shown = shownOf(deps, input.OptionalObjectAttributes, bucket);
      const { Prefix: prefix = "", Marker: marker = "" } = input;
      const delimiter = input.Delimiter === "" ? undefined : input.Delimiter;
      const page = await objectPage(bucket, { prefix, delimiter, max }, marker);
      const last = typeof page.last === "string" ? page.last : page.last?.key;
      return {
        Name: bucket.name,
        Prefix: text(prefix),
        Marker: text(marker),
        MaxKeys: max,
        IsTruncated: page.isTruncated,
        ...(delimiter === undefined ? {} : { Delimiter: text(delimiter) }),
        ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
        ...(page.isTruncated && delimiter !== undefined && last !== undefined
          ? { NextMarker: text(last) }
          : {}),
        ...contents(page, text, shown),
      } as never;
    },

    async ListObjectsV2(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const text = encoder(input.EncodingType);
      const max = pageSize(input.MaxKeys, "max-keys");
      const owners = input.FetchOwner === true ? bucket : undefined;
      const shown = shownOf(deps, input.OptionalObjectAttributes, owners);
      const { Prefix: prefix = "", StartAfter, ContinuationToken } = input;
      const delimiter = input.Delimiter === "" ? undefined : input.Delimiter;
      const marker = ContinuationToken === undefined ? (StartAfter ?? "") : readToken(ContinuationToken);
      const page = await objectPage(bucket, { prefix, delimiter, max }, marker);
      const last = typeof page.last === "string" ? page.last : page.last?.key;
      return {
        Name: bucket.name,
        Prefix: text(prefix),
        ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
        ...(page.isTruncated && last !== undefined ? { NextContinuationToken: token(last) } : {}),
        ...(StartAfter === undefined || ContinuationToken !== undefined
          ? {}
          : { StartAfter: text(StartAfter) }),
        KeyCount: page.items.length + page.prefixes.length,
        MaxKeys: max,
        IsTruncated: page.isTruncated,
        ...(delimiter === undefined ? {} : { Delimiter: text(delimiter) }),
        ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
        ...contents(page, text, shown),
      } as never;
    },

    async ListObjectVersions(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const text = encoder(input.EncodingType);
      const max = pageSize(input.MaxKeys, "max-keys");
      const shown = shownOf(deps, input.OptionalObjectAttributes, bucket);
      const { Prefix: prefix = "", KeyMarker = "", VersionIdMarker } = input;
      const delimiter = input.Delimiter === "" ? undefined : input.Delimiter;
      const from = await versionStart(deps, bucket, { prefix, delimiter, KeyMarker, VersionIdMarker });
      const page = await list({ prefix, delimiter, max, from }, (position, to, limit) =>
        deps.objects.versionPage(bucket.name, position.key, position.seq, to, limit),
      );
      const markers = page.items.filter((version) => version.isMarker);
      const objects = page.items.filter((version) => !version.isMarker);
      const { last } = page;
      return {
        Name: bucket.name,
        Prefix: text(prefix),
        KeyMarker: text(KeyMarker),
        VersionIdMarker: VersionIdMarker ?? "",
        ...(page.isTruncated && typeof last === "string" ? { NextKeyMarker: text(last) } : {}),
        ...(page.isTruncated && typeof last === "object"
          ? { NextKeyMarker: text(last.key), NextVersionIdMarker: last.versionId }
          : {}),
        MaxKeys: max,
        ...(delimiter === undefined ? {} : { Delimiter: text(delimiter) }),
        IsTruncated: page.isTruncated,
        ...(input.EncodingType === undefined ? {} : { EncodingType: input.EncodingType }),
        ...(objects.length === 0
          ? {}
          : {
              Versions: objects.map((version) => ({
                ...shownRow(version, text, shown),
                ...versionRow(version),
              })),
            }),
        ...(markers.length === 0
          ? {}
          : {
              DeleteMarkers: markers.map((version) => ({
                Key: text(version.key),
                LastModified: new Date(version.modifiedAt),
                ...versionRow(version),
                ...ownerMember(bucket, version),
              })),
            }),
        ...prefixMembers(page.prefixes, text),
      } as never;
    },
  };
}

/** Rows of the latest versions have no seq to go on from: the next key is meant. */
function behindRow(position: Position): Uint8Array {
  return position.seq === undefined ? position.key : after(position.key);
}

interface VersionMarkers {
  readonly prefix: string;
  readonly delimiter: string | undefined;
  readonly KeyMarker: string;
  readonly VersionIdMarker: string | undefined;
}

async function versionStart(
  deps: Deps,
  bucket: Bucket,
  { prefix, delimiter, KeyMarker, VersionIdMarker }: VersionMarkers,
): Promise<Position | undefined> {
  if (VersionIdMarker === undefined || VersionIdMarker === "") {
    if (VersionIdMarker === "" && KeyMarker !== "") {
      throw errors.invalidArgument("A version-id marker cannot be empty.", "version-id-marker", "");
    }
    return startBehind(KeyMarker, prefix, delimiter);
  }
  if (KeyMarker === "") {
    throw errors.invalidArgument(
      "A version-id marker cannot be specified without a key marker.",
      "version-id-marker",
      VersionIdMarker,
    );
  }
  if (!isVersionId(VersionIdMarker)) {
    throw errors.invalidArgument("Invalid version id specified", "version-id-marker", VersionIdMarker);
  }
  if (VersionIdMarker !== "null") return { key: bytesOf(KeyMarker), seq: seqOfVersionId(VersionIdMarker) };
  const named = await deps.objects.version(bucket.name, KeyMarker, "null");
  if (named === undefined) return startBehind(KeyMarker, prefix, delimiter);
  return { key: bytesOf(KeyMarker), seq: named.seq };
}

/** Errors: InvalidArgument. */
export function encoder(encodingType: string | undefined): (text: string) => string {
  if (encodingType === undefined) return (text) => text;
  if (encodingType === "url") return urlEncoded;
  throw errors.invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", encodingType);
}

/** Errors: InvalidArgument. */
export function pageSize(asked: number | undefined, name: string): number {
  if (asked === undefined) return S3_LIMITS.pageKeys;
  if (asked < 0) {
    throw errors.invalidArgument("Argument maxKeys must be an integer between 0 and 2147483647", name, asked);
  }
  return Math.min(asked, S3_LIMITS.pageKeys);
}

const TOKEN_HEAD = "1";

/** Continuation tokens say nothing to clients; they name the last entry of the page. */
function token(last: string): string {
  return TOKEN_HEAD + Buffer.from(last).toString("base64");
}

/** Errors: InvalidArgument. */
function readToken(text: string): string {
  const key = Buffer.from(text.slice(1), "base64").toString("utf8");
  if (token(key) !== text) {
    throw errors.invalidArgument("The continuation token provided is incorrect", "continuation-token");
  }
  return key;
}

/** Beside what every row of a list shows. */
interface Shown {
  /** The bucket, where owners are shown. */
  readonly owners?: Bucket;
  /** When restored copies are shown: now. */
  readonly restoresMs?: number;
}

/** @param asked OptionalObjectAttributes; AWS knows one. Errors: InvalidArgument. */
function shownOf(deps: Deps, asked: readonly string[] | undefined, owners: Bucket | undefined): Shown {
  if (asked?.some((name) => name !== "RestoreStatus") === true) {
    throw errors.invalidArgument("Invalid attribute name specified", "x-amz-optional-object-attributes");
  }
  return {
    ...(owners === undefined ? {} : { owners }),
    ...(asked === undefined ? {} : { restoresMs: deps.clock.now() }),
  };
}

function shownRow(
  version: ObjectVersion,
  text: (key: string) => string,
  { owners, restoresMs }: Shown,
): Record<string, unknown> {
  const { checksum, storageClass = "STANDARD" } = version.meta;
  return {
    Key: text(version.key),
    LastModified: new Date(version.modifiedAt),
    ETag: quoted(version.etag),
    ...(checksum === undefined
      ? {}
      : { ChecksumAlgorithm: [checksum.algorithm], ChecksumType: checksum.type }),
    Size: version.bytes,
    StorageClass: storageClass,
    ...(owners === undefined ? {} : ownerMember(owners, version)),
    ...(restoresMs === undefined ? {} : restoreStatus(version.meta, restoresMs)),
  };
}

function versionRow(version: ObjectVersion): Record<string, unknown> {
  return { VersionId: version.versionId, IsLatest: version.isLatest };
}

function contents(
  page: Listed<ObjectVersion>,
  text: (key: string) => string,
  shown: Shown,
): Record<string, unknown> {
  return {
    ...(page.items.length === 0
      ? {}
      : { Contents: page.items.map((version) => shownRow(version, text, shown)) }),
    ...prefixMembers(page.prefixes, text),
  };
}

function ownerMember(bucket: Bucket, version: ObjectVersion): { readonly Owner: { readonly ID: string } } {
  return { Owner: { ID: ownerId(objectOwner(bucket, version)) } };
}

export function prefixMembers(
  prefixes: readonly string[],
  text: (key: string) => string,
): Record<string, unknown> {
  if (prefixes.length === 0) return {};
  return { CommonPrefixes: prefixes.map((prefix) => ({ Prefix: text(prefix) })) };
}
