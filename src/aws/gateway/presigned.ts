import type { Headers } from "../protocol/types.ts";

/** What signs; everything else that a presigned URL carries stands for a header. */
const OWN = new Set([
  "X-Amz-Algorithm",
  "X-Amz-Credential",
  "X-Amz-Date",
  "X-Amz-Expires",
  "X-Amz-SignedHeaders",
  "X-Amz-Signature",
  "X-Amz-Security-Token",
  "X-Amz-Content-Sha256",
]);

/**
 * A presigned request of S3 may carry its headers in the query (`x-amz-meta-…`, `x-amz-acl`): they are
 * headers from here on. What the caller sent as a header goes first.
 */
export function withQueryHeaders(headers: Headers, query: string): Headers {
  const isPresigned =
    query.includes("X-Amz-Signature=") || (query.includes("AWSAccessKeyId=") && query.includes("Signature="));
  if (!isPresigned) return headers;
  const lifted: Record<string, string> = {};
  for (const [key, value] of new URLSearchParams(query)) {
    const name = key.toLowerCase();
    const isHeader = name.startsWith("x-amz-") || name === "content-md5" || name === "content-type";
    if (isHeader && !OWN.has(key) && headers[name] === undefined) {
      lifted[name] = Buffer.from(value, "utf8").toString("latin1");
    }
  }
  return Object.keys(lifted).length === 0 ? headers : { ...headers, ...lifted };
}
