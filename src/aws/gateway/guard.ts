import type { Headers } from "../protocol/types.ts";

export interface GuardOptions {
  /** Host suffix under which endpoint, buckets and function URLs have names; `localhost` always has. */
  readonly publicSuffix: string | undefined;
  /** Origins beyond the endpoint's own that a browser may call from. */
  readonly allowedOrigins: readonly string[];
  /**
   * The endpoint is reached under names nobody can list (other machines, containers). Only where every
   * request needs a signature of a known key, which no page can make.
   */
  readonly anyHost?: boolean;
}

export interface Guard {
  /** Why the request is refused, or undefined. `isInvited`: the page's origin has been judged already. */
  refusal(headers: Headers, isInvited?: boolean): string | undefined;
  /** The bucket that the Host names, for S3's virtual-hosted style. */
  bucketOf(host: string): string | undefined;
  /** The bucket whose website the Host names. */
  websiteOf(host: string): string | undefined;
}

const ALWAYS = ["localhost", "localhost.localstack.cloud"];
const LITERALS = new Set(["127.0.0.1", "[::1]", ...ALWAYS]);

const BUCKET_NAME = /^(.+)\.s3(?:[.-](?!website)[a-z0-9-]+)?$/u;
/** Some regions have a dash before their name, the others a dot. */
const WEBSITE_NAME = /^(.+)\.s3-website(?:[.-][a-z0-9-]+)?$/u;
const WEBSITE_MARK = ".s3-website";

/** A host without its port, lower case. */
export function hostName(host: string): string {
  const lower = host.toLowerCase();
  if (lower.startsWith("[")) return lower.slice(0, lower.indexOf("]") + 1);
  const colon = lower.indexOf(":");
  return colon < 0 ? lower : lower.slice(0, colon);
}

function originHost(origin: string): string | undefined {
  const match = /^https?:\/\/([^/]+)$/u.exec(origin);
  return match?.[1] === undefined ? undefined : hostName(match[1]);
}

/**
 * Keeps web pages out. A page may send requests to 127.0.0.1, by its own name once DNS rebinding
 * has pointed that here, so both the Host and the Origin must be ones of ours.
 */
export function createGuard(options: GuardOptions): Guard {
  const suffixes =
    options.publicSuffix === undefined ? ALWAYS : [...ALWAYS, options.publicSuffix.toLowerCase()];
  const origins = new Set(options.allowedOrigins);
  const known = new Set<string>(LITERALS);
  for (const suffix of suffixes) known.add(suffix);

  function isOurs(name: string): boolean {
    return known.has(name) || suffixes.some((suffix) => name.endsWith(`.${suffix}`));
  }

  function websiteOf(host: string): string | undefined {
    return host.includes(WEBSITE_MARK) ? namedIn(host, WEBSITE_NAME) : undefined;
  }

  function namedIn(host: string, pattern: RegExp): string | undefined {
    const name = hostName(host);
    for (const suffix of suffixes) {
      if (!name.endsWith(`.${suffix}`)) continue;
      const match = pattern.exec(name.slice(0, -suffix.length - 1));
      if (match !== null) return match[1];
    }
    return undefined;
  }

  return {
    refusal(headers, isInvited = false) {
      const { host, origin } = headers;
      const isKnown = host !== undefined && (options.anyHost === true || isOurs(hostName(host)));
      if (!isKnown) {
        return `the Host ${printable(host ?? "(none)")} is not one of this endpoint's names`;
      }
      if (isInvited) return undefined;
      if (origin !== undefined) {
        const name = originHost(origin);
        const isSame = options.anyHost === true && name === hostName(host);
        const isAllowed = origins.has(origin) || (name !== undefined && (isSame || isOurs(name)));
        return isAllowed ? undefined : `pages of the origin ${printable(origin)} may not call this endpoint`;
      }
      // Images, forms and links of a foreign page carry no Origin on a GET, but the browser says so.
      // To a website anybody may link.
      if (headers["sec-fetch-site"] === "cross-site" && websiteOf(host) === undefined)
        return "pages of other sites may not call this endpoint";
      return undefined;
    },
    bucketOf: (host) => namedIn(host, BUCKET_NAME),
    websiteOf,
  };
}

/** Foreign text, as it may stand in one of our sentences. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, "?").slice(0, 100);
}
