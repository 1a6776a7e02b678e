/** What STS accepts: pure checks in AWS's words. https://docs.aws.amazon.com/STS/latest/APIReference/ */
import * as errors from "./errors.ts";

const ROLE_ARN =
  /^arn:(aws|aws-cn|aws-us-gov):iam::(\d{12}):role\/((?:[\u0021-\u007e]*\/)?)([\w+=,.@-]{1,64})$/;
const SESSION_NAME = /^[\w+=,.@-]*$/;
const POLICY_LENGTH_MAX = 2048;
const SESSION_TAGS_MAX = 50;

export const ROLE_SESSION_SECONDS = { min: 900, max: 43_200, default: 3600, chainedMax: 3600 } as const;
export const USER_SESSION_SECONDS = { min: 900, max: 129_600, default: 43_200, rootMax: 3600 } as const;

export interface RoleArn {
  readonly arn: string;
  readonly partition: string;
  readonly accountId: string;
  readonly path: string;
  readonly roleName: string;
}

/** Errors: ValidationError `<arn> is invalid`. */
export function parseRoleArn(arn: string): RoleArn {
  if (arn.length < 20) {
    throw errors.constraint(arn, "roleArn", "Member must have length greater than or equal to 20");
  }
  const match = ROLE_ARN.exec(arn);
  if (match === null) throw errors.validationError(`${arn} is invalid`);
  const [, partition = "aws", accountId = "", path = "", roleName = ""] = match;
  return { arn, partition, accountId, path: `/${path}`, roleName };
}

/** Errors: ValidationError with the pattern or the length that does not hold. */
export function checkSessionName(name: string): void {
  if (!SESSION_NAME.test(name)) {
    const rule = "Member must satisfy regular expression pattern: [\\w+=,.@-]*";
    throw errors.constraint(name, "roleSessionName", rule);
  }
  if (name.length < 2) {
    throw errors.constraint(name, "roleSessionName", "Member must have length greater than or equal to 2");
  }
  if (name.length > 64) {
    throw errors.constraint(name, "roleSessionName", "Member must have length less than or equal to 64");
  }
}

/**
 * The parts of any ARN Lambda takes as an execution role, also of one that AssumeRole would refuse:
 * its pattern is wider. What cannot be told is the account's own.
 */
export function looseRoleArn(arn: string, accountId: string): RoleArn {
  const [, partition = "aws", , , account = "", ...rest] = arn.split(":");
  const resource = rest.join(":").replace(/^role\/?/, "");
  const roleName = resource.slice(resource.lastIndexOf("/") + 1);
  const path = `/${resource.slice(0, resource.length - roleName.length)}`;
  return { arn, partition, accountId: /^\d{12}$/.test(account) ? account : accountId, path, roleName };
}

/** The seconds asked for, or the default; errors: ValidationError. */
export function durationSeconds(
  asked: number | undefined,
  limits: { readonly min: number; readonly max: number; readonly default: number },
): number {
  const seconds = asked ?? limits.default;
  if (seconds < limits.min) {
    const rule = `Member must have value greater than or equal to ${limits.min}`;
    throw errors.constraint(String(seconds), "durationSeconds", rule);
  }
  if (seconds > limits.max) {
    const rule = `Member must have value less than or equal to ${limits.max}`;
    throw errors.constraint(String(seconds), "durationSeconds", rule);
  }
  return seconds;
}

/** Errors: ValidationError when a role session would outlive the role's or the chain's limit. */
export function checkRoleDuration(seconds: number, maxSessionSeconds: number, chained: boolean): void {
  if (chained && seconds > ROLE_SESSION_SECONDS.chainedMax) {
    throw errors.validationError(
      "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
    );
  }
  if (seconds > maxSessionSeconds) {
    throw errors.validationError(
      "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
    );
  }
}

export interface SessionTags {
  readonly tags: Readonly<Record<string, string>>;
  readonly transitiveKeys: readonly string[];
}

export const NO_TAGS: SessionTags = { tags: {}, transitiveKeys: [] };

/**
 * The tags of a new session: those asked for, and what the calling session hands on. Keys are
 * compared without regard to case, as AWS does.
 * Errors: InvalidParameterValue. https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
 */
export function sessionTags(
  asked: readonly { Key?: string | undefined; Value?: string | undefined }[],
  transitive: readonly string[],
  calling: SessionTags,
): SessionTags {
  const keys = new Set(asked.map((tag) => (tag.Key ?? "").toLowerCase()));
  if (keys.size < asked.length) {
    throw errors.invalidParameterValue(
      "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
  }
  if ([...keys].some((key) => key.startsWith("aws:"))) {
    throw errors.invalidParameterValue("Tag keys beginning with aws: are reserved for system use.");
  }
  if (calling.transitiveKeys.some((key) => keys.has(key.toLowerCase()))) {
    throw errors.invalidParameterValue(
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
    );
  }
  if (transitive.some((key) => !keys.has(key.toLowerCase()))) {
    throw errors.invalidParameterValue(
      "The specified transitive tag key must be included in the requested tags.",
    );
  }
  const inherited = calling.transitiveKeys.map((key) => [key, calling.tags[key] ?? ""] as const);
  const all = [...inherited, ...asked.map((tag) => [tag.Key ?? "", tag.Value ?? ""] as const)];
  if (all.length > SESSION_TAGS_MAX) {
    throw errors.constraint(
      `${all.length} tags`,
      "tags",
      `Member must have length less than or equal to ${SESSION_TAGS_MAX}`,
    );
  }
  return {
    tags: Object.fromEntries(all),
    transitiveKeys: [...calling.transitiveKeys, ...transitive],
  };
}

/** Errors: MalformedPolicyDocument, ValidationError. Returns the policy without needless space. */
export function sessionPolicy(document: string): string {
  if (document.length > POLICY_LENGTH_MAX) {
    const rule = `Member must have length less than or equal to ${POLICY_LENGTH_MAX}`;
    throw errors.constraint(document, "policy", rule);
  }
  try {
    const parsed: unknown = JSON.parse(document);
    if (typeof parsed === "object" && parsed !== null && "Statement" in parsed) return JSON.stringify(parsed);
  } catch {
    throw errors.malformedPolicyDocument("This policy contains invalid Json");
  }
  throw errors.malformedPolicyDocument("Syntax errors in policy.");
}

/** How much of the room for policies and tags is used, in percent, as AssumeRole reports it. */
export function packedPolicySize(policy: string, policyArns: readonly string[], tags: SessionTags): number {
  const tagBytes = Object.entries(tags.tags).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    0,
  );
  const bytes = policy.length + policyArns.join("").length + tagBytes;
  const percent = Math.ceil((bytes * 100) / (POLICY_LENGTH_MAX * 2));
  if (percent > 100) throw errors.packedPolicyTooLarge(percent);
  return percent;
}
