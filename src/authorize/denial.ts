/**
 * What a refused caller is told, and the smallest statement that would have let it through.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
 */
import type { Decision, PolicyType } from "./evaluate.ts";
import { grantCommand } from "./grant-command.ts";
import type { Request } from "./policy.ts";

export type Denial = Extract<Decision, { allowed: false }>;

const WITH_DENY: Readonly<Record<PolicyType, string>> = {
  "identity-based": "an identity-based policy",
  "resource-based": "a resource-based policy",
  "permissions boundary": "a permissions boundary",
  session: "a session policy",
  trust: "the role trust policy",
};

const NONE_ALLOWS: Readonly<Record<PolicyType, string>> = {
  "identity-based": "no identity-based policy",
  "resource-based": "no resource-based policy",
  "permissions boundary": "no permissions boundary",
  session: "no session policy",
  trust: "no role trust policy",
};

/**
 * The last part of AWS's sentence: `because no identity-based policy allows the X action`. A policy that
 * denies and has an ARN is named, to callers of its own account.
 */
export function reasonOf(denial: Denial, action: string, isForeign = false): string {
  if (denial.kind === "explicit") {
    const { policy } = denial.statement;
    const named = policy.startsWith("arn:") && !isForeign ? `: ${policy}` : "";
    return `with an explicit deny in ${WITH_DENY[denial.policyType]}${named}`;
  }
  return `because ${NONE_ALLOWS[denial.policyType]} allows the ${action} action`;
}

/** What to do about it: the command where one does it all, else the statement to add as JSON. */
export function remedyOf(request: Request, denial: Denial): string {
  if (denial.kind === "explicit") {
    const { policy, sid, index } = denial.statement;
    const which = sid === undefined ? `statement ${String(index + 1)}` : `statement "${sid}"`;
    return `${which} of the ${placeOf(denial.policyType)} ${policy} denies ${request.action}`;
  }
  const { principal, action, resource } = request;
  const isInvocation = denial.policyType === "resource-based" && action === "lambda:InvokeFunction";
  if (isInvocation && principal.kind === "service") {
    return grantCommand(principal.arn, request.keys.get("aws:sourcearn")?.[0], resource);
  }
  return `add to the ${placeOf(denial.policyType)}: ${JSON.stringify(missingStatement(request, denial))}`;
}

function placeOf(type: PolicyType): string {
  if (type === "trust") return "role's trust policy";
  if (type === "permissions boundary") return type;
  if (type === "resource-based") return "resource's policy";
  return type === "session" ? "session policy" : "identity policy";
}

/** The smallest statement that allows the request, for the kind of policy that lacks it. */
export function missingStatement(request: Request, denial: Denial): Readonly<Record<string, unknown>> {
  const { action, resource, principal } = request;
  const what = { Effect: "Allow", Action: action };
  if (denial.policyType !== "resource-based" && denial.policyType !== "trust")
    return { ...what, Resource: resource };
  const who =
    principal.kind === "anonymous"
      ? "*"
      : principal.kind === "service"
        ? { Service: principal.arn }
        : { AWS: principal.roleArn ?? principal.arn };
  const [source] = principal.kind === "service" ? (request.keys.get("aws:sourcearn") ?? []) : [];
  return {
    Effect: "Allow",
    Principal: who,
    Action: action,
    ...(denial.policyType === "trust" ? {} : { Resource: resource }),
    ...(source === undefined ? {} : { Condition: { ArnLike: { "aws:SourceArn": source } } }),
  };
}
