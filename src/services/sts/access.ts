/**
 * What each operation asks of IAM. A role's trust policy is the policy of the resource.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html
 */
import type { AccessRule, ServiceAccess } from "../../aws/service.ts";

type Input = Readonly<Record<string, unknown>>;

function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

const ASSUME_ROLE: AccessRule = {
  // Tags and the source identity of a session are permissions of their own.
  actions: (input) => [
    "sts:AssumeRole",
    ...(Array.isArray(input["Tags"]) && input["Tags"].length > 0 ? ["sts:TagSession"] : []),
    ...(text(input, "SourceIdentity") === undefined ? [] : ["sts:SetSourceIdentity"]),
  ],
  resources: (input) => [text(input, "RoleArn") ?? "*"],
  conditions: (input) => ({
    "sts:ExternalId": text(input, "ExternalId"),
    "sts:RoleSessionName": text(input, "RoleSessionName"),
    "sts:SourceIdentity": text(input, "SourceIdentity"),
    "sts:TransitiveTagKeys": input["TransitiveTagKeys"] as readonly string[] | undefined,
  }),
};

/** Nobody can be refused these: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html */
const ALWAYS: AccessRule = { actions: () => [], resources: () => [] };

export interface Roles {
  trustPolicyOf(roleArn: string): Promise<string | undefined>;
  tagsOf(roleArn: string): Promise<Readonly<Record<string, string>>>;
}

export function stsAccess(roles: Roles): ServiceAccess {
  return {
    prefix: "sts",
    rules: { AssumeRole: ASSUME_ROLE, GetCallerIdentity: ALWAYS, GetSessionToken: ALWAYS },
    resourcePolicy: (arn) => roles.trustPolicyOf(arn),
    resourceTags: (arn) => roles.tagsOf(arn),
  };
}
