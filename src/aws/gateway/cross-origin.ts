import type { Headers } from "../protocol/types.ts";
import type { CrossOriginAnswer, CrossOriginRequest, Service } from "../service.ts";

/** Every REST API of AWS but S3's starts with a date or a version; the server's own with `_`. */
const NOT_A_BUCKET = /^\/(?:_|\d{4}-\d\d-\d\d\/|v\d+\/|$)/u;

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly hostBucket: string | undefined;
}

/** What a page's request may ask of a bucket; undefined for everything that is no such request. */
export function crossOriginRequest(asked: Asked): CrossOriginRequest | undefined {
  const { method, path, headers, hostBucket } = asked;
  const { origin } = headers;
  if ((origin === undefined && method !== "OPTIONS") || headers["x-amz-target"] !== undefined)
    return undefined;
  if (hostBucket === undefined && NOT_A_BUCKET.test(path)) return undefined;
  if (method !== "OPTIONS") return { hostBucket, path, origin, method, isPreflight: false };
  const wanted = headers["access-control-request-method"];
  const named = headers["access-control-request-headers"];
  const names = named
    ?.split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return {
    hostBucket,
    path,
    origin,
    method: wanted,
    isPreflight: true,
    ...(names === undefined ? {} : { headers: names }),
  };
}

export async function askServices(
  services: Iterable<Service>,
  request: CrossOriginRequest,
): Promise<CrossOriginAnswer | undefined> {
  for (const service of services) {
    const answer = await service.crossOrigin?.(request);
    if (answer !== undefined) return answer;
  }
  return undefined;
}
