import { ServiceError } from "../../kernel/errors.ts";

export function validationError(message: string): ServiceError {
  return new ServiceError("ValidationError", 400, message);
}

/** One broken constraint, in the sentence AWS uses for it. */
export function constraint(value: string, member: string, rule: string): ServiceError {
  return validationError(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${rule}`,
  );
}

export function invalidParameterValue(message: string): ServiceError {
  return new ServiceError("InvalidParameterValue", 400, message);
}

export function malformedPolicyDocument(message: string): ServiceError {
  return new ServiceError("MalformedPolicyDocument", 400, message);
}

export function packedPolicyTooLarge(percent: number): ServiceError {
  return new ServiceError(
    "PackedPolicyTooLarge",
    400,
    `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`,
  );
}

export function assumeRoleDenied(callerArn: string, roleArn: string, hint: string): ServiceError {
  return new ServiceError(
    "AccessDenied",
    403,
    `User: ${callerArn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
    { hint },
  );
}

export function accessDenied(message: string, hint?: string): ServiceError {
  return new ServiceError("AccessDenied", 403, message, hint === undefined ? {} : { hint });
}

/** For a field that is understood and not honoured: better refused than ignored. */
export function unsupported(member: string, hint: string): ServiceError {
  return new ServiceError("ValidationError", 400, `${member} is not supported by Lambent`, { hint });
}
