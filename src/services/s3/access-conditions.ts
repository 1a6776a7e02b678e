/**
 * What policies may ask of a request to S3, beyond what they may ask of every request.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
 */
import type { Tag } from "./model.ts";

/** Members that policies may look at, by the headers that bring them. */
const HEADER_KEYS = {
  ACL: "s3:x-amz-acl",
  GrantFullControl: "s3:x-amz-grant-full-control",
  GrantRead: "s3:x-amz-grant-read",
  GrantReadACP: "s3:x-amz-grant-read-acp",
  GrantWrite: "s3:x-amz-grant-write",
  GrantWriteACP: "s3:x-amz-grant-write-acp",
  StorageClass: "s3:x-amz-storage-class",
  ServerSideEncryption: "s3:x-amz-server-side-encryption",
  SSECustomerAlgorithm: "s3:x-amz-server-side-encryption-customer-algorithm",
  CopySource: "s3:x-amz-copy-source",
  MetadataDirective: "s3:x-amz-metadata-directive",
  WebsiteRedirectLocation: "s3:x-amz-website-redirect-location",
  ObjectLockMode: "s3:object-lock-mode",
  ObjectLockLegalHoldStatus: "s3:object-lock-legal-hold",
  ObjectOwnership: "s3:x-amz-object-ownership",
  IfMatch: "s3:if-match",
  IfNoneMatch: "s3:if-none-match",
} as const;

export function headerConditions(
  input: Readonly<Record<string, unknown>>,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(HEADER_KEYS).map(([member, key]) => [key, textOf(input[member])]));
}

/** Tags that a request brings for an object. */
export function tagConditions(tags: readonly Tag[]): Record<string, string | readonly string[] | undefined> {
  if (tags.length === 0) return {};
  return {
    ...Object.fromEntries(tags.map(({ Key, Value }) => [`s3:RequestObjectTag/${Key}`, Value])),
    "s3:RequestObjectTagKeys": tags.map(({ Key }) => Key),
  };
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
