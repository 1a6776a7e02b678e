/**
 * May this principal do this? AWS's evaluation, without organizations.
 *
 *   1. a Deny that applies, in any policy, decides
 *   2. somebody without identity policies (a service, nobody) needs the resource's policy alone
 *   3. another account's principal needs the resource's policy and its own
 *   4. in the same account either is enough; how directly the resource's policy names the principal
 *      says whether boundary and session policy still count (`Grade`)
 *   5. identity policies count as far as the boundary and the session policy allow the same
 *
 * A role's trust policy must always allow: nobody assumes a role by identity policies alone.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
 */
import { applies, namesWhom, type Policy, type PolicyStatement, type Request } from "./policy.ts";
import type { Grade } from "./principal.ts";

export type PolicyType = "identity-based" | "resource-based" | "permissions boundary" | "session" | "trust";

export interface Policies {
  readonly identity: readonly Policy[];
  readonly boundary: Policy | undefined;
  /** Empty: the session was given none. Several allow what any of them allows. */
  readonly session: readonly Policy[];
  readonly resource: readonly Policy[];
  /** The resource is a role to be assumed, its policy the trust policy. */
  readonly isTrust?: boolean;
}

/** Which statement decided. `index` counts from 0 within its policy. */
export interface StatementRef {
  readonly policy: string;
  readonly sid: string | undefined;
  readonly index: number;
}

export type Decision =
  | {
      readonly allowed: true;
      readonly policyType: PolicyType | "root";
      readonly statement: StatementRef | undefined;
    }
  | {
      readonly allowed: false;
      readonly kind: "explicit";
      readonly policyType: PolicyType;
      readonly statement: StatementRef;
    }
  | { readonly allowed: false; readonly kind: "implicit"; readonly policyType: PolicyType };

/** @param resourceAccount whose the resource is; undefined when the ARN does not say: the principal's own */
export function evaluate(
  request: Request,
  policies: Policies,
  resourceAccount: string | undefined,
): Decision {
  const { principal } = request;
  const resourceType: PolicyType = policies.isTrust === true ? "trust" : "resource-based";
  const isAbout = (statement: PolicyStatement): boolean => namesWhom(statement, principal) !== undefined;
  const deny =
    find(policies.identity, "Deny", "identity-based", request) ??
    find(policies.resource, "Deny", resourceType, request, isAbout) ??
    find(
      policies.boundary === undefined ? [] : [policies.boundary],
      "Deny",
      "permissions boundary",
      request,
    ) ??
    find(policies.session, "Deny", "session", request);
  if (deny !== undefined) {
    return { allowed: false, kind: "explicit", policyType: deny.policyType, statement: deny.statement };
  }
  const grant = strongestGrant(policies.resource, request);
  if (grant === undefined && (needsResourcePolicy(request, resourceAccount) || policies.isTrust === true)) {
    return { allowed: false, kind: "implicit", policyType: resourceType };
  }
  if (principal.kind === "root" && (grant !== undefined || isOwn(request, resourceAccount))) {
    return { allowed: true, policyType: "root", statement: grant?.statement };
  }
  if (grant !== undefined && isEnoughAlone(request, grant.grade, resourceAccount)) {
    if (grant.grade === "exact" || principal.kind === "service" || principal.kind === "anonymous") {
      return { allowed: true, policyType: resourceType, statement: grant.statement };
    }
    const missing = missingLimit(request, policies);
    if (missing !== undefined) return { allowed: false, kind: "implicit", policyType: missing };
    return { allowed: true, policyType: resourceType, statement: grant.statement };
  }
  const own = find(policies.identity, "Allow", "identity-based", request);
  if (own === undefined) return { allowed: false, kind: "implicit", policyType: "identity-based" };
  const missing = missingLimit(request, policies);
  if (missing !== undefined) return { allowed: false, kind: "implicit", policyType: missing };
  return { allowed: true, policyType: "identity-based", statement: own.statement };
}

function isOwn({ principal }: Request, resourceAccount: string | undefined): boolean {
  return resourceAccount === undefined || resourceAccount === principal.accountId;
}

function needsResourcePolicy(request: Request, resourceAccount: string | undefined): boolean {
  const { kind } = request.principal;
  return kind === "service" || kind === "anonymous" || !isOwn(request, resourceAccount);
}

/** Whether the resource's policy grants by itself, without an identity policy. */
function isEnoughAlone(request: Request, grade: Grade, resourceAccount: string | undefined): boolean {
  const { kind } = request.principal;
  if (kind === "service" || kind === "anonymous") return true;
  return isOwn(request, resourceAccount) && grade !== "account";
}

/** Of boundary and session policy, the one that does not allow the request. */
function missingLimit(request: Request, policies: Policies): PolicyType | undefined {
  const { boundary, session } = policies;
  if (boundary !== undefined && find([boundary], "Allow", "permissions boundary", request) === undefined) {
    return "permissions boundary";
  }
  if (session.length > 0 && find(session, "Allow", "session", request) === undefined) return "session";
  return undefined;
}

interface Found {
  readonly policyType: PolicyType;
  readonly statement: StatementRef;
}

function refOf(policy: Policy, statement: PolicyStatement, index: number): StatementRef {
  return { policy: policy.name, sid: statement.sid, index };
}

function find(
  policies: readonly Policy[],
  effect: "Allow" | "Deny",
  policyType: PolicyType,
  request: Request,
  isMeant: (statement: PolicyStatement) => boolean = () => true,
): Found | undefined {
  for (const policy of policies) {
    for (const [index, statement] of policy.statements.entries()) {
      if (statement.effect === effect && isMeant(statement) && applies(statement, request)) {
        return { policyType, statement: refOf(policy, statement, index) };
      }
    }
  }
  return undefined;
}

const STRENGTH: Readonly<Record<Grade, number>> = { account: 0, everyone: 1, role: 2, exact: 3 };

/** The Allow of the resource's policy that names the principal most directly. */
function strongestGrant(
  policies: readonly Policy[],
  request: Request,
): { readonly grade: Grade; readonly statement: StatementRef } | undefined {
  let best: { grade: Grade; statement: StatementRef } | undefined;
  for (const policy of policies) {
    for (const [index, statement] of policy.statements.entries()) {
      if (statement.effect !== "Allow") continue;
      const grade = namesWhom(statement, request.principal);
      if (grade === undefined || (best !== undefined && STRENGTH[best.grade] >= STRENGTH[grade])) continue;
      if (applies(statement, request)) best = { grade, statement: refOf(policy, statement, index) };
    }
  }
  return best;
}
