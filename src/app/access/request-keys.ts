/**
 * The condition keys of a request: who, when, from where, what it brings.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
 */
import type { Keys } from "../../authorize/pattern.ts";
import type { Principal } from "../../authorize/principal.ts";
import type { Caller, RequestContext } from "../../aws/service.ts";
import { accountOf, type Input, type Need } from "./needs.ts";

const PRINCIPAL_TYPE = {
  root: "Account",
  user: "User",
  role: "AssumedRole",
  anonymous: "Anonymous",
  service: "Service",
} as const;

/** Longer than any tag, name or address; what was sent has not been validated yet. */
const VALUE_LENGTH_MAX = 2048;

export interface KeySource {
  readonly context: RequestContext;
  readonly principal: Principal;
  readonly principalTags: Readonly<Record<string, string>>;
  readonly input: Input;
}

/**
 * @param resourceTags where a policy asks for them
 * @param tagKeys under which keys it may: `aws:ResourceTag`
 */
export function requestKeys(
  source: KeySource,
  need: Need,
  resourceTags: Readonly<Record<string, string>> = {},
  tagKeys?: readonly string[],
): Keys {
  const keys = new Map<string, readonly string[]>();
  const put = (name: string, value: string | readonly string[] | undefined): void => {
    if (value === undefined) return;
    const values = typeof value === "string" ? [value] : value;
    keys.set(
      name.toLowerCase(),
      values.map((one) => one.slice(0, VALUE_LENGTH_MAX)),
    );
  };
  const { context, principal } = source;
  putPrincipal(put, context.caller, principal, source.principalTags);
  const now = new Date(context.clock.now());
  put("aws:CurrentTime", now.toISOString());
  put("aws:EpochTime", String(Math.floor(now.getTime() / 1000)));
  put("aws:RequestedRegion", context.region);
  put("aws:ResourceAccount", accountOf(need.resource) ?? context.accountId);
  put("aws:SourceIp", context.sourceIp);
  put("aws:UserAgent", context.headers["user-agent"]);
  put("aws:Referer", context.headers["referer"]);
  put("aws:SecureTransport", String(isUnheard(context)));
  const isService = principal.kind === "service";
  put("aws:ViaAWSService", "false");
  put("aws:PrincipalIsAWSService", String(isService));
  if (isService) put("aws:PrincipalServiceName", principal.arn);
  put("aws:SourceArn", context.caller.source?.arn);
  put("aws:SourceAccount", context.caller.source?.accountId);
  putRequestTags(put, source.input);
  const prefix = need.action.slice(0, need.action.indexOf(":"));
  for (const name of tagKeys ?? ["aws:ResourceTag", `${prefix}:ResourceTag`]) {
    for (const [key, value] of Object.entries(resourceTags)) put(`${name}/${key}`, value);
  }
  for (const [name, value] of Object.entries(need.conditions)) put(name, value);
  return keys;
}

type Put = (name: string, value: string | readonly string[] | undefined) => void;

function putPrincipal(
  put: Put,
  caller: Caller,
  principal: Principal,
  tags: Readonly<Record<string, string>>,
): void {
  put("aws:PrincipalType", PRINCIPAL_TYPE[principal.kind]);
  if (principal.kind === "service" || principal.kind === "anonymous") {
    put("aws:userid", principal.kind === "anonymous" ? "anonymous" : undefined);
    return;
  }
  put("aws:PrincipalArn", principal.roleArn ?? principal.arn);
  put("aws:PrincipalAccount", principal.accountId);
  put("aws:userid", principal.userId);
  if (principal.kind === "user") put("aws:username", principal.arn.slice(principal.arn.lastIndexOf("/") + 1));
  for (const [key, value] of Object.entries({ ...tags, ...caller.session?.tags }))
    put(`aws:PrincipalTag/${key}`, value);
  put("aws:SourceIdentity", caller.session?.sourceIdentity);
  // Long-term keys carry no such key at all; here no session was made with a device.
  if (caller.session !== undefined) put("aws:MultiFactorAuthPresent", "false");
}

/** Tags in a request, in the ways the services spell them. */
function putRequestTags(put: Put, input: Input): void {
  const given = input["Tags"] ?? input["tags"];
  const pairs: [string, string][] = Array.isArray(given)
    ? given.flatMap((tag: Input) => {
        const key = tag["Key"] ?? tag["key"];
        return typeof key === "string" ? [[key, String(tag["Value"] ?? tag["value"] ?? "")]] : [];
      })
    : typeof given === "object" && given !== null
      ? Object.entries(given).map(([key, value]) => [key, String(value)])
      : [];
  for (const [key, value] of pairs) put(`aws:RequestTag/${key}`, value);
  const removed = input["TagKeys"] ?? input["tagKeys"];
  const names = Array.isArray(removed) ? removed.map(String) : pairs.map(([key]) => key);
  if (names.length > 0) put("aws:TagKeys", names);
}

/** Nobody can listen on loopback, to a sandbox or within the process; beyond them the endpoint speaks plain HTTP. */
function isUnheard({ sourceIp, fromSandbox }: RequestContext): boolean {
  return fromSandbox || sourceIp === undefined || sourceIp.startsWith("127.") || sourceIp === "::1";
}
