import { hasOwnSignatures } from "../protocol/habits.ts";
import {
  ALGORITHM,
  amzDate,
  canonicalRequest,
  hmacHex,
  sha256Hex,
  signingKey,
  stringToSign,
} from "./canonical.ts";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignInput {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  /** Lower-case names; `host` must be among them. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
  readonly region: string;
  readonly service: string;
  readonly credentials: Credentials;
  readonly nowMs: number;
}

/** The request's headers with those of its signature. */
export function signRequest(input: SignInput): Record<string, string> {
  const { credentials, region, service } = input;
  const signedAt = amzDate(input.nowMs);
  const date = signedAt.slice(0, 8);
  const payloadHash = sha256Hex(input.body);
  const headers: Record<string, string> = {
    ...input.headers,
    "x-amz-date": signedAt,
    "x-amz-content-sha256": payloadHash,
  };
  if (credentials.sessionToken !== undefined) headers["x-amz-security-token"] = credentials.sessionToken;
  const signedHeaders = Object.keys(headers).sort().join(";");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const canonical = canonicalRequest({
    method: input.method,
    path: input.path,
    query: input.query,
    headers,
    signedHeaders,
    payloadHash,
    isPathAsSent: hasOwnSignatures(service),
    skipQuery: undefined,
  });
  const key = signingKey(credentials.accessKeyId, credentials.secretAccessKey, date, region, service);
  const signature = hmacHex(key, stringToSign(signedAt, scope, canonical));
  headers["authorization"] =
    `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, ` +
    `SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}
