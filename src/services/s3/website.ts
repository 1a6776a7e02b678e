/**
 * A bucket as a website: what its configuration may be, and where it sends a request.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html
 */
import type { ServiceError } from "../../kernel/errors.ts";
import * as errors from "./errors.ts";
import type { Bucket } from "./model.ts";

export interface Redirect {
  readonly HostName?: string | undefined;
  readonly HttpRedirectCode?: string | undefined;
  readonly Protocol?: string | undefined;
  readonly ReplaceKeyPrefixWith?: string | undefined;
  readonly ReplaceKeyWith?: string | undefined;
}

export interface RoutingRule {
  readonly Condition?:
    | {
        readonly HttpErrorCodeReturnedEquals?: string | undefined;
        readonly KeyPrefixEquals?: string | undefined;
      }
    | undefined;
  readonly Redirect?: Redirect | undefined;
}

export interface Website {
  readonly IndexDocument?: { readonly Suffix?: string | undefined } | undefined;
  readonly ErrorDocument?: { readonly Key?: string | undefined } | undefined;
  readonly RedirectAllRequestsTo?:
    | { readonly HostName?: string | undefined; readonly Protocol?: string | undefined }
    | undefined;
  readonly RoutingRules?: readonly RoutingRule[] | undefined;
}

const RULES_MAX = 50;

/** Errors: MalformedXML, InvalidArgument, InvalidRequest. */
export function checkWebsite(website: Website | undefined): void {
  if (website === undefined) throw errors.malformedXml();
  const all = website.RedirectAllRequestsTo;
  if (all !== undefined) {
    if (Object.keys(website).length > 1) {
      throw errors.invalidArgument(
        "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
        "RedirectAllRequestsTo",
        "not null",
      );
    }
    if (all.HostName === undefined) throw errors.malformedXml();
    checkProtocol(all.Protocol);
    return;
  }
  if (website.IndexDocument === undefined) {
    throw errors.invalidArgument(
      "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
      "IndexDocument",
      "null",
    );
  }
  const suffix = website.IndexDocument.Suffix ?? "";
  if (suffix === "" || suffix.includes("/")) {
    throw errors.invalidArgument(
      "The IndexDocument Suffix is not well formed",
      "IndexDocument",
      suffix === "" ? undefined : suffix,
    );
  }
  if (website.ErrorDocument !== undefined && (website.ErrorDocument.Key ?? "") === "") {
    throw errors.malformedXml();
  }
  const rules = website.RoutingRules;
  if (rules === undefined) return;
  if (rules.length === 0) throw errors.malformedXml();
  if (rules.length > RULES_MAX) {
    throw errors.invalidRequest(
      `${String(rules.length)} routing rules provided, the number of routing rules in a website configuration is limited to ${String(RULES_MAX)}.`,
    );
  }
  for (const rule of rules) checkRule(rule);
}

function checkRule({ Condition, Redirect }: RoutingRule): void {
  if (Redirect === undefined) throw errors.malformedXml();
  if (Redirect.ReplaceKeyPrefixWith !== undefined && Redirect.ReplaceKeyWith !== undefined) {
    throw errors.invalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
  }
  if (Condition !== undefined && Object.keys(Condition).length === 0) {
    throw errors.invalidRequest(
      "Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.",
    );
  }
  const failure = Condition?.HttpErrorCodeReturnedEquals;
  if (failure !== undefined && !/^[45]\d\d$/u.test(failure)) {
    throw errors.invalidRequest(
      `The provided HTTP error code (${failure}) is not valid. Valid codes are 4XX or 5XX.`,
    );
  }
  checkProtocol(Redirect.Protocol);
  const code = Redirect.HttpRedirectCode;
  if (code !== undefined && !/^3(?!00)\d\d$/u.test(code)) {
    throw errors.invalidRequest(
      `The provided HTTP redirect code (${code}) is not valid. Valid codes are 3XX except 300.`,
    );
  }
}

function checkProtocol(protocol: string | undefined): void {
  if (protocol === undefined || protocol === "http" || protocol === "https") return;
  throw errors.invalidRequest(
    "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.",
  );
}

export const WEBSITE = "website";

/** Errors: NoSuchWebsiteConfiguration. */
export function websiteOf(bucket: Bucket): Website {
  const text = bucket.settings[WEBSITE];
  if (text !== undefined) return JSON.parse(text) as Website;
  throw errors.noSuchConfiguration(
    "NoSuchWebsiteConfiguration",
    "The specified bucket does not have a website configuration",
    bucket.name,
  );
}

/** Where a request came from, for redirects that do not say all of it. */
export interface Asked {
  /** As the path has it: without the slash before it, and without an index document. */
  readonly key: string;
  /** With its port. */
  readonly host: string;
  readonly protocol: string;
}

export interface Target {
  readonly status: number;
  readonly location: string;
}

/** Where every request goes, where that is so. */
export function redirectOfAll(website: Website, { key, protocol }: Asked): Target | undefined {
  const all = website.RedirectAllRequestsTo;
  if (all?.HostName === undefined) return undefined;
  return { status: 301, location: `${all.Protocol ?? protocol}://${all.HostName}/${encodedKey(key)}` };
}

/**
 * Where the first rule that fits sends a request.
 * @param failure HTTP status of what the request came to; undefined before it came to anything
 */
export function redirectOfRules(
  website: Website,
  asked: Asked,
  failure: number | undefined,
): Target | undefined {
  const rule = website.RoutingRules?.find(({ Condition }) => {
    const code = Condition?.HttpErrorCodeReturnedEquals;
    return code === (failure === undefined ? undefined : String(failure)) && isUnder(Condition, asked.key);
  });
  const to = rule?.Redirect;
  if (to === undefined) return undefined;
  const prefix = rule?.Condition?.KeyPrefixEquals ?? "";
  const key =
    to.ReplaceKeyWith ??
    (to.ReplaceKeyPrefixWith === undefined
      ? asked.key
      : `${to.ReplaceKeyPrefixWith}${asked.key.slice(prefix.length)}`);
  return {
    status: Number(to.HttpRedirectCode ?? 301),
    location: `${to.Protocol ?? asked.protocol}://${to.HostName ?? asked.host}/${encodedKey(key)}`,
  };
}

function isUnder(condition: RoutingRule["Condition"], key: string): boolean {
  return key.startsWith(condition?.KeyPrefixEquals ?? "");
}

function encodedKey(key: string): string {
  return key.split("/").map(encodeURIComponent).join("/");
}

/** The key of a directory is that of its index document. */
export function documentKey(website: Website, key: string): string {
  return key === "" || key.endsWith("/") ? `${key}${website.IndexDocument?.Suffix ?? ""}` : key;
}

const REASONS: Readonly<Record<number, string>> = {
  302: "Found",
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  412: "Precondition Failed",
  416: "Requested Range Not Satisfiable",
  500: "Internal Server Error",
  501: "Not Implemented",
};

type Items = readonly (readonly [name: string, value: unknown])[];

/** The page that tells a reader what went wrong. */
export function errorPage(error: ServiceError, requestId: string, custom?: ServiceError): string {
  const items = [...itemsOf(error), ["RequestId", requestId], ["HostId", requestId]] as const;
  const attempt =
    custom === undefined
      ? []
      : [
          "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>",
          ...listOf(itemsOf(custom)),
        ];
  return page(error.status, [...listOf(items), ...attempt]);
}

/** The page beside a directory's redirect. */
export function foundPage(requestId: string): string {
  const items: Items = [
    ["Code", "Found"],
    ["Message", "Resource Found"],
    ["RequestId", requestId],
    ["HostId", requestId],
  ];
  return page(302, listOf(items));
}

function page(status: number, content: readonly string[]): string {
  const title = `${String(status)} ${REASONS[status] ?? "Error"}`;
  const lines = [
    "<html>",
    `<head><title>${title}</title></head>`,
    "<body>",
    `<h1>${title}</h1>`,
    ...content,
    "<hr/>",
    "</body>",
    "</html>",
  ];
  return `${lines.join("\n")}\n`;
}

function itemsOf(error: ServiceError): Items {
  return [["Code", error.code], ["Message", error.message], ...Object.entries(error.members)];
}

function listOf(items: Items): string[] {
  const lines = items
    .filter(([, value]) => value != null)
    .map(([name, value]) => `<li>${name}: ${escaped(String(value))}</li>`);
  return ["<ul>", ...lines, "</ul>"];
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/gu, (character) => `&#${String(character.charCodeAt(0))};`);
}
