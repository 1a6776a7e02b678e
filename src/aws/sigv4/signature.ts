import type { Headers } from "../protocol/types.ts";
import { ALGORITHM } from "./canonical.ts";
import { type Reading2, readVersion2 } from "./version2.ts";

/** What a client states in the same words with all its requests of a day to one service. */
interface Claim {
  readonly accessKeyId: string;
  /** `20250131` */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: string;
}

/** A signature as the request states it; nothing of it is believed yet. */
export interface Signature extends Claim {
  readonly signature: string;
  /** `20250131T235959Z`; empty when the request gives none. */
  readonly amzDate: string;
  readonly sessionToken: string | undefined;
  /** In the query instead of the header. */
  readonly presigned: boolean;
  /** Seconds a presigned request is good for. */
  readonly expires: number | undefined;
}

export type SignatureReading =
  | { readonly kind: "signed"; readonly signature: Signature }
  | { readonly kind: "unsigned" }
  /** AWS's sentence about what is wrong with it; S3 has codes of its own for it. */
  | Reading2;

const UNSIGNED: SignatureReading = { kind: "unsigned" };

/** Reads the Authorization header or the `X-Amz-*` query of a request. */
export function readSignature(headers: Headers, query: string): SignatureReading {
  const { authorization } = headers;
  if (authorization !== undefined) {
    return readVersion2(headers, "") ?? readHeader(authorization, headers);
  }
  if (/(?:^|&)X-Amz-(?:Signature|Credential|Algorithm)=/u.test(query)) {
    return readQuery(new URLSearchParams(query));
  }
  return readVersion2(headers, query) ?? UNSIGNED;
}

/** The value of `name=` in a header of comma-separated parameters. */
function parameter(header: string, name: string): string | undefined {
  const start = header.indexOf(`${name}=`);
  if (start < 0) return undefined;
  const from = start + name.length + 1;
  const comma = header.indexOf(",", from);
  return header.slice(from, comma < 0 ? undefined : comma).trim();
}

/** Claims by the text of the header up to the signature. */
const claims = new Map<string, Claim>();
const CLAIMS_MAX = 1000;
const CLAIM_CHARACTERS_MAX = 1024;
const LAST_FIELD = "Signature=";
const HEX_SIGNATURE = /^[0-9a-f]{64}$/u;

/** Most requests state what one before them did; then only their signature and their time are new. */
function readHeader(header: string, headers: Headers): SignatureReading {
  const amzDate = headers["x-amz-date"];
  const at = header.lastIndexOf(LAST_FIELD) + LAST_FIELD.length;
  const stated = header.slice(0, at);
  const claim = claims.get(stated);
  const signature = header.slice(at);
  if (claim !== undefined && amzDate !== undefined && HEX_SIGNATURE.test(signature)) {
    return {
      kind: "signed",
      signature: {
        accessKeyId: claim.accessKeyId,
        date: claim.date,
        region: claim.region,
        service: claim.service,
        signedHeaders: claim.signedHeaders,
        signature,
        amzDate,
        sessionToken: headers["x-amz-security-token"],
        presigned: false,
        expires: undefined,
      },
    };
  }
  const reading = parseHeader(header, headers);
  // A header with its fields in another order, or one of them twice, is read anew each time.
  const isUsual = reading.kind === "signed" && reading.signature.signature === signature;
  if (isUsual && stated.length <= CLAIM_CHARACTERS_MAX) {
    if (claims.size >= CLAIMS_MAX) claims.clear();
    const { accessKeyId, date, region, service, signedHeaders } = reading.signature;
    claims.set(stated, { accessKeyId, date, region, service, signedHeaders });
  }
  return reading;
}

function parseHeader(header: string, headers: Headers): SignatureReading {
  // Other schemes (Basic, Bearer) prove nothing here.
  if (!header.startsWith("AWS4-")) return UNSIGNED;
  if (!header.startsWith(`${ALGORITHM} `)) {
    return { kind: "malformed", message: `Unsupported AWS 'algorithm': '${header.split(" ")[0]}'.` };
  }
  const credential = parameter(header, "Credential");
  const signedHeaders = parameter(header, "SignedHeaders");
  const signature = parameter(header, "Signature");
  const date = headers["x-amz-date"] ?? headers["date"];
  let missing = "";
  if (credential === undefined) missing += "Authorization header requires 'Credential' parameter. ";
  if (signature === undefined) missing += "Authorization header requires 'Signature' parameter. ";
  if (signedHeaders === undefined) missing += "Authorization header requires 'SignedHeaders' parameter. ";
  if (date === undefined) {
    missing += "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
  }
  if (missing !== "") return { kind: "malformed", message: `${missing}Authorization=${ALGORITHM}` };
  return assemble(credential ?? "", {
    signedHeaders: signedHeaders ?? "",
    signature: signature ?? "",
    amzDate: headers["x-amz-date"] ?? headerDate(date ?? ""),
    sessionToken: headers["x-amz-security-token"],
    presigned: false,
    expires: undefined,
  });
}

function headerDate(text: string): string {
  const millis = Date.parse(text);
  return Number.isNaN(millis) ? text : new Date(millis).toISOString().replaceAll(/[-:]|\.\d{3}/gu, "");
}

function readQuery(query: URLSearchParams): SignatureReading {
  const need = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
  ];
  const missing = need.filter((name) => !query.has(name));
  if (missing.length > 0) {
    const text = missing.map((name) => `AWS query-string parameters must include '${name}'.`).join(" ");
    return { kind: "malformed", message: text, s3: { ...QUERY_ERROR, message: INCOMPLETE_QUERY } };
  }
  if (query.get("X-Amz-Algorithm") !== ALGORITHM) {
    return { kind: "malformed", message: `Unsupported AWS 'algorithm': '${query.get("X-Amz-Algorithm")}'.` };
  }
  const expires = query.get("X-Amz-Expires");
  return assemble(query.get("X-Amz-Credential") ?? "", {
    signedHeaders: query.get("X-Amz-SignedHeaders") ?? "",
    signature: query.get("X-Amz-Signature") ?? "",
    amzDate: query.get("X-Amz-Date") ?? "",
    sessionToken: query.get("X-Amz-Security-Token") ?? undefined,
    presigned: true,
    expires: expires === null ? undefined : Number(expires),
  });
}

const QUERY_ERROR = { code: "AuthorizationQueryParametersError", status: 400 } as const;
const INCOMPLETE_QUERY =
  "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, " +
  "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";
const MALFORMED_CREDENTIAL =
  "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting " +
  '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".';

type Rest = Omit<Signature, "accessKeyId" | "date" | "region" | "service">;

function assemble(credential: string, rest: Rest): SignatureReading {
  const parts = credential.split("/");
  const s3 = rest.presigned ? { s3: { ...QUERY_ERROR, message: MALFORMED_CREDENTIAL } } : {};
  const [terminator, service, region, date] = [parts.at(-1), parts.at(-2), parts.at(-3), parts.at(-4)];
  const accessKeyId = parts.slice(0, -4).join("/");
  if (parts.length < 5 || terminator !== "aws4_request" || accessKeyId === "") {
    const message =
      `Credential must have exactly 5 slash-delimited elements, e.g. ` +
      `keyid/date/region/service/term, got '${credential}'`;
    return { kind: "malformed", message, ...s3 };
  }
  const signature: Signature = {
    accessKeyId,
    date: date ?? "",
    region: region ?? "",
    service: service ?? "",
    ...rest,
  };
  return { kind: "signed", signature };
}
