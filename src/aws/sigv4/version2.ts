import { createHmac } from "node:crypto";

import { ServiceError } from "../../kernel/errors.ts";
import type { Headers } from "../protocol/types.ts";
import { equalSecret } from "./canonical.ts";
import type { KnownKey } from "./keys.ts";
import { refuse } from "./refusals.ts";

/**
 * S3's older signature (version 2), as AWS CLI v1 still presigns with it:
 * https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html
 */
export interface Signature2 {
  readonly accessKeyId: string;
  /** Base64. */
  readonly signature: string;
  /** Epoch seconds of a presigned request; undefined for the header's form. */
  readonly expires: number | undefined;
  readonly sessionToken: string | undefined;
}

export type Reading2 =
  | { readonly kind: "signed-v2"; readonly signature: Signature2 }
  | {
      readonly kind: "malformed";
      readonly message: string;
      readonly s3?: { readonly code: string; readonly status: number; readonly message: string };
    };

const NEEDED = ["AWSAccessKeyId", "Signature", "Expires"] as const;
const INCOMPLETE_MESSAGE =
  "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters";
const INCOMPLETE: Reading2 = {
  kind: "malformed",
  message: INCOMPLETE_MESSAGE,
  s3: { code: "AccessDenied", status: 403, message: INCOMPLETE_MESSAGE },
};

/** Undefined when the request does not speak of this version. */
export function readVersion2(headers: Headers, query: string): Reading2 | undefined {
  const match = /^AWS ([^:]+):(.+)$/u.exec(headers.authorization ?? "");
  if (match !== null) {
    const [, accessKeyId = "", signature = ""] = match;
    const sessionToken = headers["x-amz-security-token"];
    return { kind: "signed-v2", signature: { accessKeyId, signature, expires: undefined, sessionToken } };
  }
  if (!query.includes("AWSAccessKeyId=") && !/(?:^|&)Signature=/u.test(query)) return undefined;
  const pairs = new URLSearchParams(query);
  if (NEEDED.some((name) => !pairs.has(name))) return INCOMPLETE;
  const expires = Number(pairs.get("Expires"));
  if (!Number.isFinite(expires)) return INCOMPLETE;
  return {
    kind: "signed-v2",
    signature: {
      accessKeyId: pairs.get("AWSAccessKeyId") ?? "",
      signature: pairs.get("Signature") ?? "",
      expires,
      sessionToken: pairs.get("x-amz-security-token") ?? undefined,
    },
  };
}

export interface Parts2 {
  readonly method: string;
  /** As sent. */
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  /** The bucket that the Host names. */
  readonly bucket: string | undefined;
}

/** Query keys that are part of the resource. */
const SUBRESOURCES = new Set([
  ...["accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption", "inventory"],
  ...["legal-hold", "lifecycle", "location", "logging", "metrics", "notification", "object-lock"],
  ...["ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication"],
  ...["requestPayment", "restore", "retention", "select", "select-type", "storageClass", "tagging"],
  ...["torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website"],
  ...["response-cache-control", "response-content-disposition", "response-content-encoding"],
  ...["response-content-language", "response-content-type", "response-expires"],
]);

export function stringToSign2(parts: Parts2, expires: number | undefined): string {
  const { method, path, query, headers, bucket } = parts;
  const names = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
  const amz = names.sort().map((name) => `${name}:${(headers[name] ?? "").trim()}\n`);
  const date = expires === undefined ? (headers["x-amz-date"] === undefined ? headers["date"] : "") : expires;
  const resources = [...new URLSearchParams(query)]
    .filter(([key]) => SUBRESOURCES.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => (value === "" ? key : `${key}=${value}`));
  const resource = (bucket === undefined ? path : `/${bucket}${path}`) || "/";
  return (
    `${method}\n${headers["content-md5"] ?? ""}\n${headers["content-type"] ?? ""}\n${String(date ?? "")}\n` +
    `${amz.join("")}${resource}${resources.length === 0 ? "" : `?${resources.join("&")}`}`
  );
}

/** Throws S3's refusal of a request that has expired. */
export function checkExpiry2({ expires }: Signature2, nowMs: number): void {
  if (expires === undefined || nowMs <= expires * 1000) return;
  throw new ServiceError("AccessDenied", 403, "Request has expired", {
    members: { Expires: isoSeconds(expires * 1000), ServerTime: isoSeconds(nowMs) },
    hint: "presign the request again",
  });
}

export function isoSeconds(millis: number): string {
  return new Date(millis).toISOString().replace(/\.\d{3}Z$/u, "Z");
}

/** Throws S3's refusal unless the key signed this request, and it has not expired. */
export function verifyVersion2(signature: Signature2, key: KnownKey, parts: Parts2, nowMs: number): void {
  if (key.sessionToken !== undefined && key.sessionToken !== signature.sessionToken) {
    throw refuse(
      "wrong-token",
      "restXml",
      undefined,
      "send the session token that came with this access key",
    );
  }
  if (key.expired === true)
    throw refuse("expired-token", "restXml", undefined, "ask STS for new credentials");
  checkExpiry2(signature, nowMs);
  const text = stringToSign2(parts, signature.expires);
  const expected = createHmac("sha1", key.secretAccessKey).update(text).digest("base64");
  if (equalSecret(expected, signature.signature)) return;
  throw mismatch(signature.accessKeyId, signature.signature, text);
}

/** SignatureDoesNotMatch with all that S3 tells for finding out why. */
export function mismatch(
  accessKeyId: string,
  signature: string,
  text: string,
  canonical?: string,
): ServiceError {
  const bytes = (of: string): string => (Buffer.from(of).toString("hex").match(/../gu) ?? []).join(" ");
  return new ServiceError(
    "SignatureDoesNotMatch",
    403,
    "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    {
      members: {
        AWSAccessKeyId: accessKeyId,
        StringToSign: text,
        SignatureProvided: signature,
        StringToSignBytes: bytes(text),
        ...(canonical === undefined
          ? {}
          : { CanonicalRequest: canonical, CanonicalRequestBytes: bytes(canonical) }),
      },
      hint: "check the secret access key, and that nothing of the request was changed after it was signed",
    },
  );
}
