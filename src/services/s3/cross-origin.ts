import type { CrossOriginAnswer, CrossOriginRequest } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { BucketStore } from "./bucket-store.ts";
import { isPublic } from "./bucket-policy.ts";
import { corsHeaders, type CorsRule, matchingRule } from "./cors.ts";

const REFUSED =
  "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request " +
  "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the " +
  "resource's CORS spec.";

/** What a bucket's CORS rules say of a page's request; undefined where there are no rules. */
export function crossOriginOf(
  buckets: BucketStore,
): (request: CrossOriginRequest) => Promise<CrossOriginAnswer | undefined> {
  return async ({ hostBucket, path, origin, method, headers, isPreflight }) => {
    const segments = path.split("/").slice(1);
    const name = hostBucket ?? segments.shift();
    const bucket = name === undefined || name === "" ? undefined : await buckets.get(name);
    const text = bucket?.settings["cors"];
    if (bucket === undefined || text === undefined) return undefined;
    const asked = { origin, method, ...(headers === undefined ? {} : { headers }) };
    const rule = matchingRule(JSON.parse(text) as readonly CorsRule[], asked);
    const policy = bucket.settings["policy"];
    const isForAll = policy !== undefined && isPublic(policy);
    if (rule !== undefined) return { headers: corsHeaders(rule, asked), isPublic: isForAll };
    if (!isPreflight) return { headers: undefined, isPublic: isForAll };
    const isObject = segments.some((segment) => segment !== "");
    return {
      headers: undefined,
      isPublic: isForAll,
      refusal: new ServiceError("AccessForbidden", 403, REFUSED, {
        members: { Method: method, ResourceType: isObject ? "OBJECT" : "BUCKET" },
        hint: `aws s3api put-bucket-cors --bucket ${bucket.name} allows origins, methods and headers`,
      }),
    };
  };
}
