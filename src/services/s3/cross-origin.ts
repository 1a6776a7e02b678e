import type { CrossOriginAnswer, CrossOriginRequest } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { hasLists, isReadByAll } from "./acl-grants.ts";
import type { BucketStore } from "./bucket-store.ts";
import { isPublic } from "./bucket-policy.ts";
import { CORS_METHODS, corsHeaders, type CorsRule, matchingRule } from "./cors.ts";
import type { Bucket, Grant } from "./model.ts";
import type { ObjectStore } from "./object-store.ts";

const REFUSED =
  "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request " +
  "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the " +
  "resource's CORS spec.";
const NO_RULES = "CORSResponse: CORS is not enabled for this bucket.";

/**
 * What a bucket says of a page's request, and of every OPTIONS request.
 *
 *   1. what is no preflight is told what it lacks
 *   2. a bucket without rules refuses preflights; other requests are none of its business
 *   3. else the first rule that matches decides
 */
export function crossOriginOf(
  buckets: Pick<BucketStore, "get">,
  objects: Pick<ObjectStore, "latest">,
): (request: CrossOriginRequest) => Promise<CrossOriginAnswer | undefined> {
  /** Without a signature: by the bucket's policy, or by a list that lets everybody read. */
  async function mayBeAskedByAll(bucket: Bucket, key: string, method: string): Promise<boolean> {
    const policy = bucket.settings["policy"];
    if (policy !== undefined && isPublic(policy)) return true;
    if ((method !== "GET" && method !== "HEAD") || !hasLists(bucket)) return false;
    const own = bucket.settings["acl"];
    if (key === "") return isReadByAll(bucket, own === undefined ? undefined : (JSON.parse(own) as Grant[]));
    const version = await objects.latest(bucket.name, plain(key));
    return isReadByAll(bucket, version?.meta.grants);
  }

  return async ({ hostBucket, path, origin, method, headers, isPreflight }) => {
    const segments = path.split("/").slice(1);
    const name = hostBucket ?? segments.shift();
    const bucket = name === undefined || name === "" ? undefined : await buckets.get(name);
    if (bucket === undefined) return undefined;
    const incomplete = incompletePreflight(origin, method);
    if (incomplete !== undefined || origin === undefined || method === undefined) {
      return isPreflight
        ? { headers: undefined, isPublic: false, refusal: badRequest(incomplete ?? "") }
        : undefined;
    }
    const hint = `aws s3api put-bucket-cors --bucket ${bucket.name} allows origins, methods and headers`;
    const forbidden = (message: string, ResourceType: string): ServiceError =>
      new ServiceError("AccessForbidden", 403, message, { members: { Method: method, ResourceType }, hint });
    const text = bucket.settings["cors"];
    if (text === undefined) {
      if (!isPreflight) return undefined;
      const refusal = forbidden(NO_RULES, "BUCKET");
      return { headers: undefined, isPublic: false, refusal, isWithoutRules: true };
    }
    const asked = { origin, method, ...(headers === undefined ? {} : { headers }) };
    const rule = matchingRule(JSON.parse(text) as readonly CorsRule[], asked);
    const key = segments.join("/");
    const isForAll = await mayBeAskedByAll(bucket, key, method);
    if (rule !== undefined) return { headers: corsHeaders(rule, asked), isPublic: isForAll };
    if (!isPreflight) return { headers: undefined, isPublic: isForAll };
    const refusal = forbidden(REFUSED, key === "" ? "BUCKET" : "OBJECT");
    return { headers: undefined, isPublic: isForAll, refusal };
  };
}

function plain(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

/** Undefined for a preflight that says what it is about. */
function incompletePreflight(origin: string | undefined, method: string | undefined): string | undefined {
  if (origin === undefined) return "Insufficient information. Origin request header needed.";
  if (method !== undefined && CORS_METHODS.has(method)) return undefined;
  return `Invalid Access-Control-Request-Method: ${method ?? "null"}`;
}

function badRequest(message: string): ServiceError {
  return new ServiceError("BadRequest", 400, message);
}
