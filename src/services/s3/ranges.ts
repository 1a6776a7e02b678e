import * as errors from "./errors.ts";

export interface ByteRange {
  /** Both included. */
  readonly start: number;
  readonly end: number;
}

/**
 * What a Range header asks of an object. Undefined: the whole, which is also what S3 sends for several
 * ranges and for what it cannot read.
 * Errors: InvalidRange (416).
 */
export function parseRange(header: string | undefined, bytes: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d*)-(\d*)$/u.exec(header.trim());
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const count = Number(last);
    if (count === 0 || bytes === 0) throw errors.invalidRange(header, bytes);
    return { start: Math.max(0, bytes - count), end: bytes - 1 };
  }
  const start = Number(first);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= bytes) throw errors.invalidRange(header, bytes);
  return { start, end: last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1) };
}

/**
 * The range of UploadPartCopy, which must be exact.
 * Errors: InvalidArgument, InvalidRequest.
 */
export function parseCopyRange(header: string | undefined, bytes: number): ByteRange | undefined {
  if (header === undefined) return undefined;
  const match = /^bytes=(\d+)-(\d+)$/u.exec(header);
  const start = Number(match?.[1]);
  const end = Number(match?.[2]);
  if (match === null || end < start) {
    throw errors.invalidArgument(
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy",
      "x-amz-copy-source-range",
      header,
    );
  }
  if (start >= bytes) {
    throw errors.invalidRequest("The specified copy range is invalid for the source object size");
  }
  if (end >= bytes) {
    throw errors.invalidArgument(
      `Range specified is not valid for source object of size: ${String(bytes)}`,
      "x-amz-copy-source-range",
      header,
    );
  }
  return { start, end };
}
