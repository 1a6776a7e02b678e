import { ServiceError } from "../../kernel/errors.ts";
import type { ProtocolId } from "../model/table.ts";
import { hasOwnSignatures } from "../protocol/habits.ts";
import type { Headers } from "../protocol/types.ts";
import {
  amzDate,
  canonicalRequest,
  equalSecret,
  hmacHex,
  parseAmzDate,
  sha256Hex,
  signingKey,
  stringToSign,
} from "./canonical.ts";
import type { KnownKey } from "./keys.ts";
import { refuse } from "./refusals.ts";
import type { Signature } from "./signature.ts";
import { isoSeconds, mismatch } from "./version2.ts";

const SKEW_MS = 15 * 60 * 1000;
const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";
const HEX_HASH = /^[0-9a-f]{64}$/u;

export interface VerifiedParts {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  /** Undefined while the body still streams: then its hash is taken as stated. */
  readonly body: Uint8Array | undefined;
  readonly protocol: ProtocolId;
}

/**
 * Throws the protocol's error unless the known key signed exactly this request, recently. Order as
 * AWS's: token, then time, then signature, then body.
 */
export function verifySignature(
  signature: Signature,
  key: KnownKey,
  parts: VerifiedParts,
  nowMs: number,
): void {
  const { protocol } = parts;
  if (key.sessionToken !== undefined && !equalSecret(key.sessionToken, signature.sessionToken ?? "")) {
    throw refuse("wrong-token", protocol, undefined, "send the session token that came with this access key");
  }
  if (key.expired === true) {
    throw refuse("expired-token", protocol, undefined, "ask STS for new credentials");
  }
  const isOwn = hasOwnSignatures(signature.service);
  if (signature.presigned && isOwn) {
    checkPresignedTime(signature, nowMs);
    checkAllSigned(signature, parts.headers);
  }
  checkTime(signature, nowMs, protocol);
  const stated = parts.headers["x-amz-content-sha256"];
  const payloadHash =
    stated ?? (signature.presigned && isOwn ? UNSIGNED_PAYLOAD : sha256Hex(parts.body ?? ""));
  const scope = `${signature.date}/${signature.region}/${signature.service}/aws4_request`;
  const canonical = canonicalRequest({
    method: parts.method,
    path: parts.path,
    query: parts.query,
    headers: parts.headers,
    signedHeaders: signature.signedHeaders,
    payloadHash,
    isPathAsSent: isOwn,
    skipQuery: signature.presigned ? "X-Amz-Signature" : undefined,
  });
  const secret = signingKey(
    signature.accessKeyId,
    key.secretAccessKey,
    signature.date,
    signature.region,
    signature.service,
  );
  const expected = hmacHex(secret, stringToSign(signature.amzDate, scope, canonical));
  // A signature that does not cover the host could be replayed against another service.
  const coversHost = `;${signature.signedHeaders};`.includes(";host;");
  if (isOwn && (!coversHost || !equalSecret(expected, signature.signature))) {
    const text = stringToSign(signature.amzDate, scope, canonical);
    throw mismatch(signature.accessKeyId, signature.signature, text, canonical);
  }
  if (!coversHost || !equalSecret(expected, signature.signature)) {
    throw refuse("wrong-signature", protocol, undefined, "check the secret access key and the session token");
  }
  const isHashed = stated !== undefined && HEX_HASH.test(stated) && parts.body !== undefined;
  if (isHashed && !equalSecret(stated, sha256Hex(parts.body))) {
    throw refuse("wrong-body", protocol, undefined, "the body is not the one that was signed");
  }
}

/** Whoever was given a link may not add to what it means. */
function checkAllSigned({ signedHeaders }: Signature, headers: Headers): void {
  const signed = new Set(signedHeaders.split(";"));
  const unsigned = Object.keys(headers).filter(
    (name) => name.startsWith("x-amz-") && name !== "x-amz-content-sha256" && !signed.has(name),
  );
  if (unsigned.length === 0) return;
  throw new ServiceError(
    "AccessDenied",
    403,
    "There were headers present in the request which were not signed",
    { members: { HeadersNotSigned: unsigned.join(", ") }, hint: "presign the request with these headers" },
  );
}

const WEEK_SECONDS = 604_800;

/** What S3 says of a presigned request's time, whoever signed it. */
export function checkPresignedTime(signature: Signature, nowMs: number): void {
  const { expires, amzDate: signedAt } = signature;
  if (expires === undefined || !Number.isFinite(expires))
    throw queryError("X-Amz-Expires should be a number");
  if (expires < 0) throw queryError("X-Amz-Expires must be non-negative");
  if (expires > WEEK_SECONDS) {
    throw queryError("X-Amz-Expires must be less than a week (in seconds) that is 604800");
  }
  const from = parseAmzDate(signedAt);
  if (from === undefined) {
    throw queryError("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
  }
  const until = from + expires * 1000;
  if (nowMs <= until) return;
  throw new ServiceError("AccessDenied", 403, "Request has expired", {
    members: {
      "X-Amz-Expires": expires,
      Expires: isoSeconds(until),
      ServerTime: isoSeconds(nowMs),
    },
    hint: "presign the request again",
  });
}

function queryError(message: string): ServiceError {
  return new ServiceError("AuthorizationQueryParametersError", 400, message);
}

function checkTime(signature: Signature, nowMs: number, protocol: ProtocolId): void {
  const signedAt = parseAmzDate(signature.amzDate);
  const hint = "set the clock of the machine that signs";
  if (signedAt === undefined || !signature.amzDate.startsWith(signature.date)) {
    const detail = `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${signature.date}' != '${signature.amzDate}'`;
    throw refuse("malformed", protocol, detail, hint);
  }
  if (signature.presigned && signature.expires !== undefined) {
    const until = signedAt + signature.expires * 1000;
    if (Number.isNaN(until) || nowMs > until) {
      const detail = `Signature expired: ${signature.amzDate} is now earlier than ${amzDate(nowMs)}`;
      throw refuse("expired-link", protocol, detail, "presign the request again");
    }
    if (signedAt - nowMs <= SKEW_MS) return;
  }
  if (signedAt < nowMs - SKEW_MS) {
    const edge = amzDate(nowMs - SKEW_MS);
    const detail = `Signature expired: ${signature.amzDate} is now earlier than ${edge} (${amzDate(nowMs)} - 15 min.)`;
    throw refuse("skewed", protocol, detail, hint);
  }
  if (signedAt > nowMs + SKEW_MS) {
    const edge = amzDate(nowMs + SKEW_MS);
    const detail = `Signature not yet current: ${signature.amzDate} is still later than ${edge} (${amzDate(nowMs)} + 15 min.)`;
    throw refuse("skewed", protocol, detail, hint);
  }
}
