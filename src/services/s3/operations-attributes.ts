import { keyForReading, keyHeaders } from "./customer-key.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf, objectAt } from "./lookup.ts";
import { type Part, shownVersion } from "./model.ts";
import { checksumMembers } from "./object-output.ts";
import { pageSize } from "./operations-list.ts";

const KNOWN = new Set(["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]);

export function attributeOperations(deps: Deps): S3Operations {
  return {
    async GetObjectAttributes(input, context) {
      const bucket = await bucketOf(deps, input.Bucket, input.ExpectedBucketOwner, context);
      const version = await objectAt(deps, bucket, input.Key ?? "", input.VersionId, "GET");
      keyForReading(version.meta.customerKey, keyHeaders(input));
      // One header may name several.
      const wanted = new Set(
        (context.headers["x-amz-object-attributes"]?.split(",") ?? input.ObjectAttributes ?? []).map((name) =>
          name.trim(),
        ),
      );
      if (wanted.size === 0) {
        throw errors.invalidRequest(
          "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        );
      }
      if ([...wanted].some((name) => !KNOWN.has(name))) {
        throw errors.invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes");
      }
      const { meta } = version;
      const VersionId = shownVersion(bucket, version);
      return {
        LastModified: new Date(version.modifiedAt),
        ...(VersionId === undefined ? {} : { VersionId }),
        ...(wanted.has("ETag") ? { ETag: version.etag } : {}),
        ...(wanted.has("Checksum") && meta.checksum !== undefined ? { Checksum: checksumMembers(meta) } : {}),
        ...(wanted.has("ObjectParts") && meta.parts !== undefined && version.content !== undefined
          ? {
              ObjectParts: partsOf(await deps.objects.parts(version.content), {
                isListed: meta.checksum?.type === "COMPOSITE",
                marker: Number(input.PartNumberMarker ?? 0),
                max: pageSize(input.MaxParts, "max-parts"),
              }),
            }
          : {}),
        ...(wanted.has("StorageClass") ? { StorageClass: meta.storageClass ?? "STANDARD" } : {}),
        ...(wanted.has("ObjectSize") ? { ObjectSize: version.bytes } : {}),
      } as never;
    },
  };
}

interface PartsPage {
  readonly isListed: boolean;
  readonly marker: number;
  readonly max: number;
}

/** Each part is shown only where the object's checksum is made of theirs. */
function partsOf(parts: readonly Part[], { isListed, marker, max }: PartsPage): Record<string, unknown> {
  if (!isListed) return { TotalPartsCount: parts.length };
  const rest = parts.filter((part) => part.number > marker);
  const page = rest.slice(0, max);
  return {
    TotalPartsCount: parts.length,
    PartNumberMarker: String(marker),
    NextPartNumberMarker: String(page.at(-1)?.number ?? 0),
    MaxParts: max,
    IsTruncated: rest.length > page.length,
    Parts: page.map((part) => ({
      PartNumber: part.number,
      Size: part.bytes,
      [`Checksum${part.algorithm}`]: part.checksum,
    })),
  };
}
