/**
 * One line of a server access log.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
 */
import type { AnsweredRequest, Caller } from "../../aws/service.ts";
import { type Bucket, canonicalId } from "./model.ts";

/** Which bucket a request was for, and which key: percent-encoded as it came. */
export interface Place {
  readonly bucket: string;
  readonly key: string | undefined;
}

export function placeOf({ hostBucket, path }: Pick<AnsweredRequest, "hostBucket" | "path">): Place {
  const rest = path.slice(1);
  if (hostBucket !== undefined) return { bucket: hostBucket, key: rest === "" ? undefined : rest };
  const slash = rest.indexOf("/");
  if (slash < 0) return { bucket: rest, key: undefined };
  const key = rest.slice(slash + 1);
  return { bucket: rest.slice(0, slash), key: key === "" ? undefined : key };
}

/** What a sub-resource in the query is called, where it is not its own name with underscores. */
const RESOURCES: Readonly<Record<string, string>> = {
  acl: "ACL",
  cors: "CORS",
  delete: "MULTI_OBJECT_DELETE",
  encryption: "ENCRYPTION",
  lifecycle: "LIFECYCLE",
  location: "LOCATION",
  logging: "LOGGING_STATUS",
  notification: "NOTIFICATION",
  "object-lock": "OBJECT_LOCK_CONFIGURATION",
  ownershipControls: "OWNERSHIP_CONTROLS",
  policy: "BUCKETPOLICY",
  policyStatus: "BUCKETPOLICYSTATUS",
  publicAccessBlock: "PUBLIC_ACCESS_BLOCK",
  requestPayment: "REQUEST_PAYMENT",
  restore: "OBJECT_RESTORE",
  uploads: "UPLOADS",
  versioning: "VERSIONING",
  versions: "BUCKETVERSIONS",
  website: "WEBSITE",
};

/** `REST.GET.OBJECT` and its kin. */
export function operationName(request: AnsweredRequest): string {
  const { method, query, headers, isWebsite } = request;
  const { key } = placeOf(request);
  if (isWebsite) return `WEBSITE.${method}.OBJECT`;
  const names = query.split("&").map((pair) => pair.split("=")[0] ?? "");
  const isPart = names.includes("partNumber") && names.includes("uploadId");
  const verb = method === "PUT" && headers["x-amz-copy-source"] !== undefined ? "COPY" : method;
  if (isPart && method === "PUT") return `REST.${verb}.PART`;
  if (names.includes("uploadId")) return `REST.${method}.UPLOAD`;
  if (names.includes("tagging")) return `REST.${method}.${key === undefined ? "TAGGING" : "OBJECT_TAGGING"}`;
  const named = names.map((name) => RESOURCES[name]).find((resource) => resource !== undefined);
  return `REST.${verb}.${named ?? (key === undefined ? "BUCKET" : "OBJECT")}`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** `[06/Feb/2019:00:00:38 +0000]` */
function timeOf(ms: number): string {
  const iso = new Date(ms).toISOString();
  const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? "";
  return `[${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000]`;
}

/** The account's canonical id, or the ARN of who acts for it; nothing for nobody. */
function requesterOf(caller: Caller | undefined, accountId: string): string {
  if (caller === undefined || caller.kind === "anonymous") return "-";
  return caller.kind === "root" ? canonicalId(accountId) : caller.arn;
}

function quoted(text: string | undefined): string {
  if (text === undefined || text === "") return '"-"';
  return `"${text.replaceAll(/[^\x20-\x7e]/gu, "?").replaceAll('"', "%22")}"`;
}

/** A link that still opens must not be read in a log. */
function withoutSecrets(query: string): string {
  return query.replaceAll(/(^|&)(X-Amz-Signature|X-Amz-Security-Token|Signature)=[^&]*/gu, "$1$2=-");
}

function sizeOf(headers: Readonly<Record<string, string | undefined>>): string | undefined {
  const whole = /\/(\d+)$/u.exec(headers["content-range"] ?? "")?.[1];
  return whole ?? headers["content-length"];
}

/** The record, with its line feed. */
export function accessRecord(bucket: Bucket, request: AnsweredRequest): string {
  const { method, path, query, headers, answered, ms } = request;
  const { key } = placeOf(request);
  const operation = operationName(request);
  const uri = `${method} ${path}${query === "" ? "" : `?${withoutSecrets(query)}`} HTTP/1.1`;
  const sent = method === "HEAD" ? undefined : answered["content-length"];
  const isUpload = /^REST\.PUT\.(?:OBJECT|PART)$/u.test(operation);
  const isRead = /^(?:REST|WEBSITE)\.(?:GET|HEAD)\.OBJECT$/u.test(operation);
  const stated = headers["x-amz-decoded-content-length"] ?? headers["content-length"];
  const size = request.status >= 300 ? undefined : isUpload ? stated : isRead ? sizeOf(answered) : undefined;
  const time = String(Math.max(0, Math.round(ms)));
  const fields = [
    canonicalId(bucket.accountId),
    bucket.name,
    timeOf(request.receivedMs),
    request.sourceIp,
    requesterOf(request.caller, request.accountId),
    request.requestId,
    operation,
    key ?? "-",
    quoted(uri),
    String(request.status),
    request.errorCode ?? answered["x-amz-error-code"] ?? "-",
    sent === undefined || sent === "0" ? "-" : sent,
    size ?? "-",
    time,
    time,
    quoted(headers["referer"]),
    quoted(headers["user-agent"]),
    answered["x-amz-version-id"] ?? "-",
    request.requestId,
    request.signature ?? "-",
    "-",
    request.signature === undefined ? "-" : request.isPresigned ? "QueryString" : "AuthHeader",
    headers["host"] ?? "-",
    "-",
    "-",
    "-",
    "-",
  ];
  return `${fields.join(" ")}\n`;
}
