import { ServiceError } from "../../kernel/errors.ts";
import { bucketArn, S3_LIMITS } from "./model.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html */

interface Statement {
  readonly Effect?: unknown;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: unknown;
  readonly NotAction?: unknown;
  readonly Resource?: unknown;
  readonly NotResource?: unknown;
  readonly Condition?: unknown;
}

function malformed(message: string): ServiceError {
  return new ServiceError("MalformedPolicy", 400, message);
}

function texts(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? (value as unknown[]) : [value];
  return list.filter((item): item is string => typeof item === "string");
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** Errors: MalformedPolicy. */
export function checkPolicy(text: string, bucket: string): void {
  const policy = text.startsWith("{") ? parse(text) : undefined;
  if (typeof policy !== "object" || policy === null) {
    throw malformed("Policies must be valid JSON and the first byte must be '{'");
  }
  if (Buffer.byteLength(text) > S3_LIMITS.policyBytes) {
    throw malformed("Normalized policy document exceeds the maximum allowed size");
  }
  const { Version, Statement: listed } = policy as { Version?: unknown; Statement?: unknown };
  if (Version !== undefined && Version !== "2012-10-17" && Version !== "2008-10-17") {
    throw malformed("The policy must contain a valid version string");
  }
  if (listed === undefined) throw malformed("Missing required field Statement");
  const statements: readonly unknown[] = Array.isArray(listed) ? (listed as unknown[]) : [listed];
  if (statements.length === 0) throw malformed("Could not parse the policy: Statement is empty!");
  for (const statement of statements) checkStatement(statement as Statement, bucket);
}

function checkStatement(statement: Statement, bucket: string): void {
  if (typeof statement !== "object" || statement === null) throw malformed("Could not parse the policy");
  if (statement.Effect === undefined) throw malformed("Missing required field Effect");
  if (statement.Effect !== "Allow" && statement.Effect !== "Deny") {
    throw malformed(`Invalid effect: ${String(statement.Effect)}`);
  }
  if (statement.Principal === undefined && statement.NotPrincipal === undefined) {
    throw malformed("Missing required field Principal");
  }
  if (statement.Action === undefined && statement.NotAction === undefined) {
    throw malformed("Missing required field Action");
  }
  if (statement.Resource === undefined && statement.NotResource === undefined) {
    throw malformed("Missing required field Resource");
  }
  for (const action of texts(statement.Action ?? statement.NotAction)) {
    if (action !== "*" && !/^s3:[A-Za-z0-9*?]+$/iu.test(action)) throw malformed("Policy has invalid action");
  }
  const arn = bucketArn(bucket);
  for (const resource of texts(statement.Resource ?? statement.NotResource)) {
    const isOwn = resource === arn || resource.startsWith(`${arn}/`) || resource === `${arn}*`;
    if (!isOwn) throw malformed("Policy has invalid resource");
  }
  checkActionsHaveResources(statement);
  for (const principal of awsPrincipals(statement.Principal ?? statement.NotPrincipal)) {
    const isKnown =
      principal === "*" ||
      /^(?:\d{12}|arn:aws[a-z-]*:(?:iam|sts)::\d{12}:.+|A[A-Z0-9]{15,})$/u.test(principal);
    if (!isKnown) {
      throw new ServiceError("MalformedPolicy", 400, "Invalid principal in policy", {
        members: { Detail: `"AWS" : "${principal}"` },
      });
    }
  }
  const { CanonicalUser } = (statement.Principal ?? statement.NotPrincipal) as { CanonicalUser?: unknown };
  for (const id of texts(CanonicalUser)) {
    if (/^[0-9a-f]{64}$/u.test(id)) continue;
    throw new ServiceError("MalformedPolicy", 400, "Invalid principal in policy", {
      members: { Detail: `"CanonicalUser" : "${id}"` },
    });
  }
}

const ON_OBJECTS =
  /^s3:(?:(?:Get|Put|Delete|Restore)Object|AbortMultipartUpload$|ListMultipartUploadParts$|Replicate|BypassGovernanceRetention$|ObjectOwnerOverride)/iu;

/** Each action (but for patterns, and what is left out) must be one on a resource that the statement names. */
function checkActionsHaveResources({ Action, Resource }: Statement): void {
  const resources = texts(Resource);
  if (resources.length === 0) return;
  const namesObjects = resources.some((resource) => resource.includes("/") || resource.endsWith("*"));
  const namesBucket = resources.some((resource) => !resource.includes("/"));
  for (const action of texts(Action)) {
    if (/[*?]/u.test(action)) continue;
    const isThere = ON_OBJECTS.test(action) ? namesObjects : namesBucket;
    if (!isThere) throw malformed("Action does not apply to any resource(s) in statement");
  }
}

function awsPrincipals(principal: unknown): readonly string[] {
  if (typeof principal === "string") return [principal];
  return texts((principal as { AWS?: unknown } | undefined)?.AWS);
}

/** Conditions on these make a statement for everybody a statement for some. */
const RESTRICTING =
  /^(?:aws:(?:SourceArn|SourceAccount|SourceVpc|SourceVpce|SourceIp|SourceOwner|PrincipalOrgID|PrincipalAccount|PrincipalArn|userid)|s3:(?:x-amz-server-side-encryption-aws-kms-key-id|DataAccessPointArn|DataAccessPointAccount))$/iu;

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html */
export function isPublic(text: string): boolean {
  const { Statement: listed } = (parse(text) ?? {}) as { Statement?: unknown };
  const statements = (Array.isArray(listed) ? listed : [listed]) as readonly (Statement | undefined)[];
  return statements.some((statement) => {
    if (statement?.Effect !== "Allow" || !awsPrincipals(statement.Principal).includes("*")) return false;
    const keys = Object.values((statement.Condition ?? {}) as Record<string, object>).flatMap((block) =>
      Object.keys(block),
    );
    return !keys.some((key) => RESTRICTING.test(key));
  });
}

/** Of a policy, what denies: all that counts for objects that are not the bucket's owner's. */
export function denialsOf(text: string): string {
  const { Statement: listed, ...policy } = (parse(text) ?? {}) as { Statement?: unknown };
  const statements = (Array.isArray(listed) ? listed : [listed]) as readonly (Statement | undefined)[];
  return JSON.stringify({ ...policy, Statement: statements.filter((one) => one?.Effect === "Deny") });
}

/** RestrictPublicBuckets: a public policy counts for the owner's account and for AWS services alone. */
export function withoutPublic(text: string, accountId: string): string {
  if (!isPublic(text)) return text;
  const { Statement: listed, ...policy } = parse(text) as { Statement: Statement | readonly Statement[] };
  const statements: readonly Statement[] = [listed].flat();
  const others: Statement & { Sid: string } = {
    Sid: "RestrictPublicBuckets",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: "*",
    Condition: {
      StringNotEquals: { "aws:PrincipalAccount": accountId },
      Bool: { "aws:PrincipalIsAWSService": "false" },
    },
  };
  return JSON.stringify({ ...policy, Statement: [...statements, others] });
}
