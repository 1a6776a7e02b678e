import { ServiceError } from "../../kernel/errors.ts";
import type { ProtocolId } from "../model/table.ts";

/** Why a request is not believed. */
export type Refusal =
  | "wrong-signature"
  | "wrong-body"
  | "unknown-key"
  | "wrong-token"
  | "expired-token"
  | "skewed"
  | "expired-link"
  | "malformed"
  | "unsigned";

/** Codes differ by family: S3's protocol, the query protocol, and everything that speaks JSON. */
type Family = "xml" | "query" | "json" | "rest";

interface Wording {
  readonly code: string;
  readonly status: number;
  readonly message: string;
}

const MISMATCH =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret " +
  "Access Key and signing method. Consult the service documentation for details.";
const INVALID_TOKEN = "The security token included in the request is invalid.";
const EXPIRED_TOKEN = "The security token included in the request is expired";
const MISSING = "Missing Authentication Token";

function json(code: string, message: string): Readonly<Record<"json" | "rest", Wording>> {
  // Services of the JSON protocols answer 400 to everything a client did wrong, REST ones 403.
  return { json: { code, status: 400, message }, rest: { code, status: 403, message } };
}

const WORDINGS: Readonly<Record<Refusal, Readonly<Record<Family, Wording>>>> = {
  "wrong-signature": {
    ...json("InvalidSignatureException", MISMATCH),
    query: { code: "SignatureDoesNotMatch", status: 403, message: MISMATCH },
    xml: {
      code: "SignatureDoesNotMatch",
      status: 403,
      message:
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    },
  },
  "wrong-body": {
    ...json("InvalidSignatureException", MISMATCH),
    query: { code: "SignatureDoesNotMatch", status: 403, message: MISMATCH },
    xml: {
      code: "XAmzContentSHA256Mismatch",
      status: 400,
      message: "The provided 'x-amz-content-sha256' header does not match what was computed.",
    },
  },
  "unknown-key": {
    ...json("UnrecognizedClientException", INVALID_TOKEN),
    query: { code: "InvalidClientTokenId", status: 403, message: INVALID_TOKEN },
    xml: {
      code: "InvalidAccessKeyId",
      status: 403,
      message: "The AWS Access Key Id you provided does not exist in our records.",
    },
  },
  "wrong-token": {
    ...json("UnrecognizedClientException", INVALID_TOKEN),
    query: { code: "InvalidClientTokenId", status: 403, message: INVALID_TOKEN },
    xml: {
      code: "InvalidToken",
      status: 400,
      message: "The provided token is malformed or otherwise invalid.",
    },
  },
  "expired-token": {
    ...json("ExpiredTokenException", EXPIRED_TOKEN),
    query: { code: "ExpiredToken", status: 403, message: EXPIRED_TOKEN },
    xml: { code: "ExpiredToken", status: 400, message: "The provided token has expired." },
  },
  skewed: {
    ...json("InvalidSignatureException", ""),
    query: { code: "SignatureDoesNotMatch", status: 403, message: "" },
    xml: {
      code: "RequestTimeTooSkewed",
      status: 403,
      message: "The difference between the request time and the current time is too large.",
    },
  },
  "expired-link": {
    ...json("InvalidSignatureException", ""),
    query: { code: "SignatureDoesNotMatch", status: 403, message: "" },
    xml: { code: "AccessDenied", status: 403, message: "Request has expired" },
  },
  malformed: {
    ...json("IncompleteSignatureException", ""),
    query: { code: "IncompleteSignature", status: 403, message: "" },
    xml: { code: "AuthorizationHeaderMalformed", status: 400, message: "" },
  },
  unsigned: {
    ...json("MissingAuthenticationTokenException", MISSING),
    query: {
      code: "MissingAuthenticationToken",
      status: 403,
      message: "Request is missing Authentication Token",
    },
    xml: { code: "AccessDenied", status: 403, message: "Access Denied" },
  },
};

function familyOf(protocol: ProtocolId): Family {
  switch (protocol) {
    case "restXml":
      return "xml";
    case "awsQuery":
      return "query";
    case "restJson1":
      return "rest";
    default:
      return "json";
  }
}

/** The error for a refusal, in the code and status of the protocol's services. */
export function refuse(
  why: Refusal,
  protocol: ProtocolId,
  detail: string | undefined,
  hint: string,
): ServiceError {
  const wording = WORDINGS[why][familyOf(protocol)];
  const message =
    wording.message === "" || why === "malformed" ? (detail ?? wording.message) : wording.message;
  return new ServiceError(wording.code, wording.status, message, { hint });
}
