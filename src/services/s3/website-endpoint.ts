import type { RequestContext, WebsiteAdmission, WebsiteAnswer, WebsiteRequest } from "../../aws/service.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Deps, S3Operations } from "./deps.ts";
import * as errors from "./errors.ts";
import { bucketOf } from "./lookup.ts";
import {
  documentKey,
  errorPage,
  foundPage,
  redirectOfAll,
  redirectOfRules,
  type Target,
  type Website,
  websiteOf,
} from "./website.ts";

type Reading = Pick<S3Operations, "GetObject" | "HeadObject">;

/**
 * Answers a reader of a bucket's website, who never is anybody:
 *
 * 1. The bucket and its configuration are there, and the request is a GET or a HEAD.
 * 2. All of it may be somewhere else, or what the rules name by a prefix.
 * 3. The object is read as everybody may read it; it may send the reader on.
 * 4. A directory without its slash gets the slash.
 * 5. A failure is sent on by the rules, or gets the error document, or a page of its own.
 */
export function createWebsite(
  deps: Pick<Deps, "buckets">,
  reading: Reading,
): (request: WebsiteRequest, admit: WebsiteAdmission) => Promise<WebsiteAnswer> {
  return async (request, admit) => {
    const { requestId } = request;
    const read = reader(reading, request, admit);
    try {
      const bucket = await bucketOf(deps, request.bucket);
      const website = websiteOf(bucket);
      if (request.method !== "GET" && request.method !== "HEAD") {
        throw errors.methodNotAllowed(request.method, "OBJECT");
      }
      const asked = { key: keyOf(request.path), host: request.host, protocol: "http" };
      const elsewhere = redirectOfAll(website, asked) ?? redirectOfRules(website, asked, undefined);
      if (elsewhere !== undefined) return sentOn(elsewhere);
      const key = documentKey(website, asked.key);
      try {
        return await read(key, true);
      } catch (cause) {
        const error = refusalOf(cause);
        if (error.status === 304) return { status: 304, headers: {}, body: "" };
        if (key === asked.key && error.status < 500 && (await hasIndex(website, key, read))) {
          const location = `/${key.split("/").map(encodeURIComponent).join("/")}/`;
          return { ...sentOn({ status: 302, location }), body: foundPage(requestId) };
        }
        const target = redirectOfRules(website, asked, error.status);
        if (target !== undefined) return sentOn(target);
        return await failed(website, error, request, read);
      }
    } catch (cause) {
      return pageOf(refusalOf(cause), requestId);
    }
  };
}

type Read = (key: string, isConditional: boolean) => Promise<WebsiteAnswer>;

/** Reads an object as everybody may. Errors: those of GetObject and of its authorization. */
function reader(reading: Reading, request: WebsiteRequest, admit: WebsiteAdmission): Read {
  const operation = request.method === "HEAD" ? "HeadObject" : "GetObject";
  const { headers } = request;
  const date = (text: string | undefined): Date | undefined => {
    const at = new Date(text ?? Number.NaN);
    return Number.isNaN(at.getTime()) ? undefined : at;
  };
  return async (key, isConditional) => {
    const conditions = {
      Range: headers["range"],
      IfMatch: headers["if-match"],
      IfNoneMatch: headers["if-none-match"],
      IfModifiedSince: date(headers["if-modified-since"]),
      IfUnmodifiedSince: date(headers["if-unmodified-since"]),
    };
    const input = { Bucket: request.bucket, Key: key, ...(isConditional ? conditions : {}) };
    const context = await admit(operation, input);
    const output = (await handlerOf(reading, operation)(input, context)) as Record<string, unknown>;
    const to = output["WebsiteRedirectLocation"];
    if (isConditional && typeof to === "string") {
      discard(output["Body"]);
      return sentOn({ status: 301, location: to });
    }
    return { status: 200, headers: {}, body: "", object: { operation, output } };
  };
}

function handlerOf(
  reading: Reading,
  operation: "GetObject" | "HeadObject",
): (input: object, context: RequestContext) => unknown {
  return reading[operation] as (input: object, context: RequestContext) => unknown;
}

/** An open file that nobody is going to read. */
function discard(body: unknown): void {
  (body as { destroy?: () => void } | undefined)?.destroy?.();
}

async function hasIndex(website: Website, key: string, read: Read): Promise<boolean> {
  try {
    const answer = await read(documentKey(website, `${key}/`), false);
    discard(answer.object?.output["Body"]);
    return true;
  } catch (cause) {
    refusalOf(cause);
    return false;
  }
}

async function failed(
  website: Website,
  error: ServiceError,
  { requestId }: WebsiteRequest,
  read: Read,
): Promise<WebsiteAnswer> {
  const document = website.ErrorDocument?.Key;
  if (document === undefined || error.status >= 500) return pageOf(error, requestId);
  try {
    return { ...(await read(document, false)), status: error.status, headers: toldIn(error) };
  } catch (cause) {
    return pageOf(error, requestId, refusalOf(cause));
  }
}

function pageOf(error: ServiceError, requestId: string, custom?: ServiceError): WebsiteAnswer {
  const headers = { ...toldIn(error), "Content-Type": "text/html; charset=utf-8" };
  return { status: error.status, headers, body: errorPage(error, requestId, custom) };
}

/** The error once more, for programs. */
function toldIn(error: ServiceError): Record<string, string> {
  const details = Object.entries(error.members).map(([name, value]) => [
    `x-amz-error-detail-${name}`,
    encodeURIComponent(String(value)),
  ]);
  return {
    "x-amz-error-code": error.code,
    "x-amz-error-message": error.message.replaceAll(/[^\x20-\x7e]/gu, "?"),
    ...(Object.fromEntries(details) as Record<string, string>),
  };
}

function sentOn({ status, location }: Target): WebsiteAnswer {
  return {
    status,
    headers: { Location: location, "Content-Type": "text/html; charset=utf-8" },
    body: "",
  };
}

/** A bug stays one. */
function refusalOf(cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause;
  throw cause;
}

function keyOf(path: string): string {
  try {
    return decodeURIComponent(path.slice(1));
  } catch {
    return path.slice(1);
  }
}
