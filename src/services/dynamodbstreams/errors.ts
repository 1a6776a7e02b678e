import { ServiceError } from "../../kernel/errors.ts";

export function validation(message: string): ServiceError {
  return new ServiceError("ValidationException", 400, message);
}

export function streamNotFound(arn: string): ServiceError {
  return new ServiceError(
    "ResourceNotFoundException",
    400,
    `Requested resource not found: Stream: ${arn} not found`,
    { hint: "aws dynamodbstreams list-streams lists them; a closed stream can be read for 24 hours" },
  );
}

export function shardNotFound(): ServiceError {
  return new ServiceError(
    "ResourceNotFoundException",
    400,
    "Requested resource not found: Shard does not exist",
  );
}

export function trimmed(): ServiceError {
  return new ServiceError(
    "TrimmedDataAccessException",
    400,
    "The operation attempted to read past the oldest stream record in a shard",
  );
}

export function expiredIterator(): ServiceError {
  return new ServiceError("ExpiredIteratorException", 400, "Iterator expired");
}
