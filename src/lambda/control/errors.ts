import { ServiceError } from "../../kernel/errors.ts";

/**
 * The failures of Lambda's control plane in AWS's words. `Type: "User"` is a member of most of
 * them on the wire; the few that AWS sends without it pass `bare`.
 */
const USER = { Type: "User" } as const;

function userError(code: string, status: number, message: string, hint?: string): ServiceError {
  return new ServiceError(code, status, message, { members: USER, ...(hint === undefined ? {} : { hint }) });
}

export function invalidParameter(message: string, hint?: string): ServiceError {
  return userError("InvalidParameterValueException", 400, message, hint);
}

/** AWS sends these few without `Type`. */
export function invalidParameterBare(message: string, hint?: string): ServiceError {
  return new ServiceError("InvalidParameterValueException", 400, message, hint === undefined ? {} : { hint });
}

/** The sentence of a broken modelled constraint, for the rules the model itself does not hold. */
export function validation(value: string, member: string, constraint: string, hint?: string): ServiceError {
  return new ServiceError(
    "ValidationException",
    400,
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${constraint}`,
    hint === undefined ? {} : { hint },
  );
}

export function resourceNotFound(message: string, hint?: string): ServiceError {
  return userError("ResourceNotFoundException", 404, message, hint);
}

/** `arn` is qualified exactly when the caller qualified it (Invoke: always). */
export function functionNotFound(arn: string): ServiceError {
  return resourceNotFound(
    `Function not found: ${arn}`,
    "List what there is with `aws lambda list-functions`; functions are kept per account and region.",
  );
}

/** An invocation that is not made: its chain of events has come by the function too often. */
export function recursiveInvocation(functionName: string): ServiceError {
  return userError(
    "RecursiveInvocationException",
    400,
    "Lambda has detected your function being invoked in a recursive loop with other AWS resources and stopped your function's invocation.",
    `Let the function send to another queue, topic, bucket or function than the one that calls it; if the loop is meant: aws lambda put-function-recursion-config --function-name ${functionName} --recursive-loop Allow`,
  );
}

export function resourceConflict(message: string, hint?: string): ServiceError {
  return userError("ResourceConflictException", 409, message, hint);
}

/** Somebody changed the resource since the caller read its RevisionId. */
export function preconditionFailed(api: "GetFunction/GetAlias" | "GetPolicy"): ServiceError {
  return userError(
    "PreconditionFailedException",
    412,
    `The Revision Id provided does not match the latest Revision Id. Call the ${api} API to retrieve the latest Revision Id`,
  );
}

export function requestEntityTooLarge(message: string): ServiceError {
  return new ServiceError("RequestEntityTooLargeException", 413, message);
}

/** An accepted field is honoured or refused: this is the refusal. */
export function notImplementedYet(what: string, instead: string): ServiceError {
  return userError(
    "InvalidParameterValueException",
    400,
    `${what} is not implemented by Lambent yet.`,
    instead,
  );
}

export function codeStorageExceeded(): ServiceError {
  return userError(
    "CodeStorageExceededException",
    400,
    "Code storage limit exceeded.",
    "Delete versions or functions that are no longer used: every version counts.",
  );
}
