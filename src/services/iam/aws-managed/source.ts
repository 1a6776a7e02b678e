/** How the tables of AWS's managed policies are written down. */
export interface Source {
  readonly path: string;
  readonly name: string;
  /** Of the default version. */
  readonly version: number;
  readonly statements: readonly object[];
}

export interface StatementParts {
  readonly sid?: string;
  readonly condition?: object;
}

export const allow = (
  action: string | readonly string[],
  resource: string | readonly string[] = "*",
  { sid, condition }: StatementParts = {},
): object => ({
  ...(sid === undefined ? {} : { Sid: sid }),
  Effect: "Allow",
  Action: action,
  Resource: resource,
  ...(condition === undefined ? {} : { Condition: condition }),
});

/** A policy that anybody may attach. */
export const policy = (name: string, version: number, ...statements: readonly object[]): Source => ({
  path: "/",
  name,
  version,
  statements,
});

/** A policy meant for a service's role. */
export const serviceRole = (name: string, version: number, ...statements: readonly object[]): Source => ({
  path: "/service-role/",
  name,
  version,
  statements,
});

/** A condition on the service that a role is made for. */
export const linkedTo = (operator: "StringEquals" | "StringLike", service: string): object => ({
  [operator]: { "iam:AWSServiceName": service },
});
