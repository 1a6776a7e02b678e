import { ServiceError } from "../../kernel/errors.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import { functionNotFound, invalidParameter, resourceNotFound } from "./errors.ts";

/**
 * Function names in every form Lambda takes: `my-function`, `my-function:alias`, a partial ARN
 * (`123456789012:function:my-function`, `function:my-function`), a full ARN, each with or without a
 * qualifier. https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html
 */
export interface FunctionName {
  readonly region: string | undefined;
  readonly accountId: string | undefined;
  readonly name: string;
  readonly qualifier: string | undefined;
}

const FORM =
  /^(?:arn:aws[a-zA-Z-]*:lambda:)?(?:((?:eusc-)?[a-z]{2}(?:-gov|-iso[a-z]?)?-[a-z]+-\d):)?(?:(\d{12}):)?(?:function:)?([a-zA-Z0-9-_.]+)(?::(\$LATEST(?:\.PUBLISHED)?|[a-zA-Z0-9-_]+))?$/;

/** Undefined when it is none of the forms (the gateway's validator has then already said so). */
export function parseFunctionName(text: string): FunctionName | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  return { region: match[1], accountId: match[2], name: match[3] as string, qualifier: match[4] };
}

/** A function as a request means it: whose, which, and how it was qualified. */
export interface FunctionTarget {
  readonly scope: Scope;
  readonly name: string;
  /** As the caller gave it, in the name or beside it. */
  readonly qualifier: string | undefined;
}

/**
 * Reads FunctionName and Qualifier of a request made in `scope`.
 * Errors: InvalidParameterValueException when both carry a qualifier and they differ;
 * ResourceNotFoundException for another region's ARN. Another account's ARN means that account.
 */
export function targetOf(scope: Scope, functionName: string, qualifier?: string): FunctionTarget {
  const parsed = parseFunctionName(functionName);
  if (parsed === undefined) {
    throw functionNotFound(functionArn(scope, functionName));
  }
  if (parsed.region !== undefined && parsed.region !== scope.region) {
    throw resourceNotFound(
      `Functions from '${parsed.region}' are not reachable in this region ('${scope.region}')`,
      `Use --region ${parsed.region}, or the name without the ARN.`,
    );
  }
  if (qualifier !== undefined && parsed.qualifier !== undefined && qualifier !== parsed.qualifier) {
    throw invalidParameter(
      "The derived qualifier from the function name does not match the specified qualifier.",
    );
  }
  // A plain scope: what is passed in may be a whole request.
  const owner = { accountId: parsed.accountId ?? scope.accountId, region: scope.region };
  return { scope: owner, name: parsed.name, qualifier: qualifier ?? parsed.qualifier };
}

export function functionArn(scope: Scope, name: string, qualifier?: string): string {
  const arn = `arn:${partitionOf(scope.region)}:lambda:${scope.region}:${scope.accountId}:function:${name}`;
  return qualifier === undefined ? arn : `${arn}:${qualifier}`;
}

/** The ARN of a target, qualified exactly as the caller qualified it. */
export function targetArn(target: FunctionTarget): string {
  return functionArn(target.scope, target.name, target.qualifier);
}

export type QualifierKind = "latest" | "version" | "alias" | "other";

/** What a qualifier can only be, by its spelling. */
export function qualifierKind(qualifier: string): QualifierKind {
  if (qualifier === "$LATEST") return "latest";
  if (/^[0-9]+$/.test(qualifier)) return "version";
  if (/^[a-zA-Z0-9-_]+$/.test(qualifier)) return "alias";
  return "other";
}

/** Names longer than this are refused at creation only; everywhere else they just do not exist. */
export const FUNCTION_NAME_MAX = 64;

/**
 * The name a new function gets. A qualifier in it is dropped, as AWS does.
 * Errors: InvalidParameterValueException for more than 64 characters, AccessDeniedException for
 * another account's ARN (no policy can grant creating there).
 */
export function nameForCreation(scope: Scope, functionName: string): { scope: Scope; name: string } {
  const { scope: owner, name } = targetOf(scope, functionName);
  if (owner.accountId !== scope.accountId) throw foreignAccount(scope, functionArn(owner, name));
  if (name.length > FUNCTION_NAME_MAX) {
    throw invalidParameter(
      `1 validation error detected: Value '${name}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to ${FUNCTION_NAME_MAX}`,
    );
  }
  return { scope: owner, name };
}

function foreignAccount(scope: Scope, arn: string): ServiceError {
  return new ServiceError(
    "AccessDeniedException",
    403,
    `User: arn:${partitionOf(scope.region)}:iam::${scope.accountId}:root is not authorized to perform: lambda:CreateFunction on resource: ${arn}`,
    {
      hint: `Your account is ${scope.accountId}: use the bare function name, or sign with the other account's key.`,
    },
  );
}
