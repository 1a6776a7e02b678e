/** Everything is kept per account and region; a Scope says which. */
export interface Scope {
  readonly accountId: string;
  readonly region: string;
}

export function sameScope(a: Scope, b: Scope): boolean {
  return a.accountId === b.accountId && a.region === b.region;
}

/** `aws`, `aws-cn` or `aws-us-gov`, as ARNs of that region spell it. */
export function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  if (region.startsWith("us-gov-")) return "aws-us-gov";
  return "aws";
}
