import { ServiceError } from "../../kernel/errors.ts";
import * as errors from "./errors.ts";

/** What a form's policy allows: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html */

export interface SizeRange {
  readonly min: number;
  readonly max: number;
}

interface Policy {
  readonly expiration?: unknown;
  readonly conditions?: unknown;
}

function invalid(why: string): ServiceError {
  return errors.accessDenied(`Invalid according to Policy: ${why}`);
}

function invalidDocument(why: string): ServiceError {
  return new ServiceError("InvalidPolicyDocument", 400, `Invalid Policy: ${why}`);
}

/** Fields that need no condition. */
const FREE = new Set([
  ...["policy", "file", "awsaccesskeyid", "signature", "x-amz-signature", "bucket"],
  ...["x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-security-token"],
]);

/**
 * Holds the form against its policy. Fields have lower-case names; `bucket` is added by the caller.
 * Returns the range of sizes, where the policy has one.
 * Errors: AccessDenied, InvalidPolicyDocument.
 */
export function checkPostPolicy(
  encoded: string,
  fields: ReadonlyMap<string, string>,
  nowMs: number,
): SizeRange | undefined {
  const policy = parse(encoded);
  const expires = typeof policy.expiration === "string" ? Date.parse(policy.expiration) : Number.NaN;
  if (Number.isNaN(expires)) throw invalidDocument("Invalid 'expiration' value.");
  if (nowMs > expires) throw invalid("Policy expired.");
  if (!Array.isArray(policy.conditions)) throw invalidDocument("Policy missing conditions.");
  const covered = new Set<string>();
  let range: SizeRange | undefined;
  for (const condition of policy.conditions as readonly unknown[]) {
    const [operator, name, value] = normal(condition);
    if (operator === "content-length-range") {
      const [min, max] = [Number(name), Number(value)];
      if (!Number.isInteger(min) || !Number.isInteger(max)) throw failed(operator, name, value);
      range = { min, max };
      continue;
    }
    const field = name.startsWith("$") ? name.slice(1).toLowerCase() : undefined;
    const given = field === undefined ? undefined : fields.get(field);
    const holds =
      given !== undefined && (operator === "starts-with" ? given.startsWith(value) : given === value);
    if (field === undefined || !holds) throw failed(operator, name, value);
    covered.add(field);
  }
  const extra = [...fields.keys()].filter(
    (name) => !covered.has(name) && !FREE.has(name) && !name.startsWith("x-ignore-"),
  );
  if (extra.length > 0) throw invalid(`Extra input fields: ${extra.join(", ")}`);
  return range;
}

function failed(...condition: readonly string[]): ServiceError {
  const shown = condition.map((item) => JSON.stringify(item)).join(", ");
  return invalid(`Policy Condition failed: [${shown}]`);
}

function parse(encoded: string): Policy {
  try {
    const policy = JSON.parse(Buffer.from(encoded, "base64").toString("utf8")) as unknown;
    if (typeof policy === "object" && policy !== null) return policy;
  } catch {
    // Told below.
  }
  throw invalidDocument("Invalid JSON.");
}

/** `{"acl": "private"}` is short for `["eq", "$acl", "private"]`. */
function normal(condition: unknown): readonly [operator: string, name: string, value: string] {
  if (Array.isArray(condition)) {
    const [operator, name, value] = condition as readonly unknown[];
    const known = String(operator).toLowerCase();
    if (!["eq", "starts-with", "content-length-range"].includes(known) || condition.length !== 3) {
      throw invalidDocument("Invalid Condition: Unknown operator or wrong number of arguments.");
    }
    return [known, String(name), String(value)];
  }
  const entries = Object.entries((condition ?? {}) as Record<string, unknown>);
  const [only] = entries;
  if (only === undefined || entries.length !== 1) {
    throw invalidDocument(
      "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.",
    );
  }
  return ["eq", `$${only[0]}`, String(only[1])];
}
