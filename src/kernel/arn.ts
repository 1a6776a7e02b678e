/** `arn:partition:service:region:account:resource`, taken apart. */
import type { Scope } from "./scope.ts";

export interface ArnParts {
  readonly service: string;
  /** Empty where the service's ARNs have none (IAM, S3). */
  readonly region: string;
  readonly accountId: string;
  /** With whatever colons it has. */
  readonly resource: string;
}

/** Parts that are missing are empty; so are all of what is no ARN. */
export function arnParts(arn: string): ArnParts {
  const [prefix, , service = "", region = "", accountId = "", ...rest] = arn.split(":");
  if (prefix !== "arn") return { service: "", region: "", accountId: "", resource: "" };
  return { service, region, accountId, resource: rest.join(":") };
}

/** Account and region of a resource; those of the sender where the ARN has none (buckets). */
export function scopeOfArn(arn: string, fallback: Scope): Scope {
  const { region, accountId } = arnParts(arn);
  return { accountId: accountId || fallback.accountId, region: region || fallback.region };
}

export interface FunctionOfArn {
  readonly scope: Scope;
  readonly functionName: string;
  readonly qualifier: string | undefined;
}

/** `arn:aws:lambda:region:account:function:name[:qualifier]`; undefined for every other ARN. */
export function functionOfArn(arn: string): FunctionOfArn | undefined {
  const { service, region, accountId, resource } = arnParts(arn);
  const [kind, functionName, qualifier] = resource.split(":");
  if (service !== "lambda" || kind !== "function" || functionName === undefined) return undefined;
  return { scope: { accountId, region }, functionName, qualifier };
}
