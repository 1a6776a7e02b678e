/** EventBridge's refusals, each spelled once. */
import { ServiceError } from "../../kernel/errors.ts";

export function validation(message: string, hint?: string): ServiceError {
  return new ServiceError("ValidationException", 400, message, hint === undefined ? {} : { hint });
}

export function busNotFound(name: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, `Event bus ${name} does not exist.`, {
    hint: "aws events list-event-buses lists the buses of this account and region",
  });
}

export function ruleNotFound(rule: string, bus: string): ServiceError {
  return new ServiceError(
    "ResourceNotFoundException",
    400,
    `Rule ${rule} does not exist on EventBus ${bus}.`,
    { hint: "aws events list-rules --event-bus-name … lists the rules of a bus" },
  );
}

export function busExists(name: string): ServiceError {
  return new ServiceError("ResourceAlreadyExistsException", 400, `Event bus ${name} already exists.`);
}

export function limitExceeded(): ServiceError {
  return new ServiceError(
    "LimitExceededException",
    400,
    "The requested resource exceeds the maximum number allowed.",
  );
}

export function noPolicy(): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, "EventBus does not have a policy.");
}

export function statementNotFound(): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, "Statement with the provided id does not exist.");
}

export function policyTooLong(): ServiceError {
  return new ServiceError("PolicyLengthExceededException", 400, "The policy exceeds the maximum length.");
}

export function invalidPattern(reason: string): ServiceError {
  return new ServiceError(
    "InvalidEventPatternException",
    400,
    `Event pattern is not valid. Reason: ${reason}`,
  );
}

export function archiveExists(name: string): ServiceError {
  return new ServiceError("ResourceAlreadyExistsException", 400, `Archive ${name} already exists.`);
}

export function archiveNotFound(name: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, `Archive ${name} does not exist.`, {
    hint: "aws events list-archives lists the archives of this account and region",
  });
}

export function replayExists(name: string): ServiceError {
  return new ServiceError("ResourceAlreadyExistsException", 400, `Replay ${name} already exists.`);
}

export function replayNotFound(name: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", 400, `Replay ${name} does not exist.`, {
    hint: "aws events list-replays lists the replays of this account and region",
  });
}

export function replayOver(name: string): ServiceError {
  return new ServiceError(
    "IllegalStatusException",
    400,
    `Replay ${name} is not in a valid state for this operation.`,
  );
}

export function invalidToken(): ServiceError {
  return validation("The provided NextToken is not valid.");
}

/** A member or a kind of target that AWS has and Lambent does not: refused by name, never kept and forgotten. */
export function notServed(what: string, hint = "COMPATIBILITY.md lists what is served"): ServiceError {
  return new ServiceError("NotImplemented", 501, `${what} is not implemented by Lambent.`, { hint });
}
