import { ServiceError } from "../../kernel/errors.ts";

export function invalidParameter(message: string, hint?: string): ServiceError {
  return new ServiceError("InvalidParameterException", 400, message, hint === undefined ? {} : { hint });
}

/** One broken constraint, in the sentence AWS uses for it. */
export function constraint(value: string, member: string, rule: string): ServiceError {
  return invalidParameter(
    `1 validation error detected: Value '${value}' at '${member}' failed to satisfy constraint: ${rule}`,
  );
}

export function validation(message: string): ServiceError {
  return new ServiceError("ValidationException", 400, message);
}

export function groupNotFound(name?: string): ServiceError {
  const hint = `aws logs describe-log-groups lists the groups of this account and region${
    name === undefined ? "" : `; asked for ${name}`
  }`;
  return new ServiceError("ResourceNotFoundException", 400, "The specified log group does not exist.", {
    hint,
  });
}

export function streamNotFound(): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, "The specified log stream does not exist.");
}

export function resourceNotFound(): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, "The specified resource does not exist.");
}

export function filterNotFound(kind: "subscription" | "metric"): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, `The specified ${kind} filter does not exist.`);
}

export function mayNotInvoke(functionName: string): ServiceError {
  return invalidParameter(
    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your function.",
    `aws lambda add-permission --function-name ${functionName} --statement-id logs --action lambda:InvokeFunction --principal logs.amazonaws.com`,
  );
}

export function groupExists(): ServiceError {
  return new ServiceError("ResourceAlreadyExistsException", 400, "The specified log group already exists");
}

export function streamExists(): ServiceError {
  return new ServiceError("ResourceAlreadyExistsException", 400, "The specified log stream already exists");
}

export function tooManyTags(): ServiceError {
  return new ServiceError("TooManyTagsException", 400, "The resource has too many tags.");
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/protecting-log-groups-from-deletion.html */
export function deletionProtected(): ServiceError {
  return new ServiceError(
    "ValidationException",
    400,
    "Cannot delete log group with deletion protection enabled. Disable deletion protection first.",
    { hint: "aws logs put-log-group-deletion-protection … --no-deletion-protection-enabled switches it off" },
  );
}

export function invalidPattern(): ServiceError {
  return new ServiceError("InvalidParameterException", 400, "Invalid filter pattern", {
    hint: 'terms with other than letters, digits and _ go into double quotes; JSON patterns look like { $.level = "ERROR" }',
  });
}

/** For a field that is understood and not honoured: better refused than ignored. */
export function unsupported(member: string, hint: string): ServiceError {
  return invalidParameter(`${member} is not supported by Lambent`, hint);
}

export function limitExceeded(): ServiceError {
  return new ServiceError("LimitExceededException", 400, "Resource limit exceeded.");
}
