/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html */

export interface CorsRule {
  readonly ID?: string;
  readonly AllowedHeaders?: readonly string[];
  readonly AllowedMethods: readonly string[];
  readonly AllowedOrigins: readonly string[];
  readonly ExposeHeaders?: readonly string[];
  readonly MaxAgeSeconds?: number;
}

/** The methods that rules can be about. */
export const CORS_METHODS: ReadonlySet<string> = new Set(["GET", "PUT", "HEAD", "POST", "DELETE"]);

export interface CorsRequest {
  readonly origin: string;
  readonly method: string;
  /** Names asked for by a preflight; undefined for the request itself. */
  readonly headers?: readonly string[];
}

/** At most one `*`, which stands for any text. */
function fits(pattern: string, text: string): boolean {
  const star = pattern.indexOf("*");
  if (star < 0) return pattern === text;
  const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
  return text.length >= head.length + tail.length && text.startsWith(head) && text.endsWith(tail);
}

/** The first rule that allows the request. */
export function matchingRule(rules: readonly CorsRule[], request: CorsRequest): CorsRule | undefined {
  return rules.find(
    (rule) =>
      rule.AllowedOrigins.some((origin) => fits(origin, request.origin)) &&
      rule.AllowedMethods.includes(request.method) &&
      (request.headers ?? []).every((name) =>
        (rule.AllowedHeaders ?? []).some((allowed) => fits(allowed.toLowerCase(), name.toLowerCase())),
      ),
  );
}

/** The headers of the answer to a request that the rule allows. */
export function corsHeaders(rule: CorsRule, request: CorsRequest): Record<string, string> {
  const isOpen = rule.AllowedOrigins.includes("*");
  const asked = request.headers ?? [];
  return {
    "Access-Control-Allow-Origin": isOpen ? "*" : request.origin,
    "Access-Control-Allow-Methods": rule.AllowedMethods.join(", "),
    ...(asked.length === 0
      ? {}
      : { "Access-Control-Allow-Headers": asked.map((name) => name.toLowerCase()).join(", ") }),
    ...(rule.ExposeHeaders === undefined || rule.ExposeHeaders.length === 0
      ? {}
      : { "Access-Control-Expose-Headers": rule.ExposeHeaders.join(", ") }),
    ...(rule.MaxAgeSeconds === undefined ? {} : { "Access-Control-Max-Age": String(rule.MaxAgeSeconds) }),
    ...(isOpen ? {} : { "Access-Control-Allow-Credentials": "true" }),
    Vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
  };
}
