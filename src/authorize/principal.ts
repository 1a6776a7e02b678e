/**
 * Who asks, and whether a Principal element means them.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
 */
import { canonicalId } from "../kernel/canonical-id.ts";

export interface Principal {
  readonly kind: "root" | "user" | "role" | "anonymous" | "service";
  /** Of a role: its session, `arn:aws:sts::…:assumed-role/NAME/SESSION`. Of a service: `s3.amazonaws.com`. */
  readonly arn: string;
  /** Empty for those who belong to no account. */
  readonly accountId: string;
  /** `AIDA…`, `AROA…:session`. */
  readonly userId: string;
  /** Of a role's session. */
  readonly roleArn?: string;
}

/**
 * How directly a policy names somebody. Within an account it decides what else must agree:
 * `account` delegates to the identity policies, `role` and `everyone` stay within boundary and
 * session policy, `exact` (a user or one session) needs nothing else.
 */
export type Grade = "account" | "everyone" | "role" | "exact";

export interface PrincipalRule {
  readonly everyone: boolean;
  readonly aws: readonly string[];
  readonly services: readonly string[];
  readonly federated: readonly string[];
  /** S3's other name of an account. */
  readonly canonicalUsers: readonly string[];
}

const ROOT = /^(?:arn:[^:]+:iam::)?(\d{12})(?::root)?$/;

export function compilePrincipal(value: unknown): PrincipalRule {
  if (value === "*") return { everyone: true, aws: [], services: [], federated: [], canonicalUsers: [] };
  const fields = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const list = (key: string): string[] => {
    const given = fields[key];
    const all: readonly unknown[] = Array.isArray(given) ? given : given === undefined ? [] : [given];
    return all.filter((item) => typeof item === "string");
  };
  const aws = list("AWS");
  return {
    everyone: aws.includes("*"),
    aws,
    services: list("Service").map(plainService),
    federated: list("Federated"),
    canonicalUsers: list("CanonicalUser"),
  };
}

/** `logs.eu-west-1.amazonaws.com` and `logs.amazonaws.com` are one service. */
function plainService(name: string): string {
  return name
    .toLowerCase()
    .replace(/^([a-z0-9-]+)\.[a-z]{2}(?:-[a-z]+)+-\d\.amazonaws\.com(\.cn)?$/, "$1.amazonaws.com");
}

/** Undefined when the rule means others. */
export function gradeOf(rule: PrincipalRule, who: Principal): Grade | undefined {
  if (who.kind === "service") {
    if (rule.services.includes(plainService(who.arn)) || rule.services.includes("*")) return "exact";
    return rule.everyone ? "everyone" : undefined;
  }
  let grade: Grade | undefined;
  for (const entry of rule.aws) {
    if (isExactly(entry, who)) return "exact";
    if (isRoleOf(entry, who)) grade = "role";
    else if (grade === undefined && isAccountOf(entry, who)) grade = "account";
  }
  if (grade === undefined && isCanonicalUser(rule, who)) grade = "account";
  if (rule.everyone && grade !== "role") return "everyone";
  return grade;
}

/** For NotPrincipal: an account means its root alone, not everybody in it. */
export function isNamed(rule: PrincipalRule, who: Principal): boolean {
  const grade = gradeOf(rule, who);
  return grade !== undefined && (grade !== "account" || who.kind === "root");
}

function isExactly(entry: string, who: Principal): boolean {
  if (who.kind === "root" || who.kind === "anonymous") return false;
  return entry === who.arn || (who.userId !== "" && entry === who.userId);
}

function isRoleOf(entry: string, who: Principal): boolean {
  if (who.kind !== "role") return false;
  return entry === who.roleArn || (who.userId !== "" && entry === who.userId.split(":")[0]);
}

function isCanonicalUser({ canonicalUsers }: PrincipalRule, who: Principal): boolean {
  return (
    canonicalUsers.length > 0 && who.accountId !== "" && canonicalUsers.includes(canonicalId(who.accountId))
  );
}

function isAccountOf(entry: string, who: Principal): boolean {
  return who.accountId !== "" && ROOT.exec(entry)?.[1] === who.accountId;
}
