import * as errors from "./errors.ts";
import { S3_LIMITS } from "./model.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
const NAME = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/u;
const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/u;
const PREFIXES = ["xn--", "sthree-", "amzn-s3-demo-"];
const SUFFIXES = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];

export function isBucketName(name: string): boolean {
  return (
    NAME.test(name) &&
    !name.includes("..") &&
    !IPV4.test(name) &&
    !PREFIXES.some((prefix) => name.startsWith(prefix)) &&
    !SUFFIXES.some((suffix) => name.endsWith(suffix))
  );
}

/** Errors: KeyTooLongError. */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes > S3_LIMITS.keyBytes) throw errors.keyTooLong(bytes, S3_LIMITS.keyBytes);
}

export interface CopySource {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

/**
 * `bucket/key?versionId=…`, percent-encoded, with or without a slash in front, or an object's ARN.
 * Errors: InvalidArgument.
 */
export function parseCopySource(text: string): CopySource {
  const mark = text.indexOf("?versionId=");
  const versionId = mark < 0 ? undefined : decode(text.slice(mark + "?versionId=".length));
  const path = decode(mark < 0 ? text : text.slice(0, mark)).replace(/^\//u, "");
  const slash = path.indexOf("/");
  if (slash < 1 || slash === path.length - 1) {
    throw errors.invalidArgument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source");
  }
  return { bucket: path.slice(0, slash), key: path.slice(slash + 1), versionId };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
