/**
 * SQS's refusals. Codes are those of the JSON protocol; the wire adds the older ones of the query
 * protocol (`AWS.SimpleQueueService.NonExistentQueue`) from the tables.
 */
import { ServiceError } from "../../kernel/errors.ts";

function refusal(code: string, message: string, hint?: string): ServiceError {
  return new ServiceError(code, 400, message, hint === undefined ? {} : { hint });
}

export function queueDoesNotExist(arn?: string): ServiceError {
  const asked = arn === undefined ? "" : `; asked for ${arn}`;
  return refusal(
    "QueueDoesNotExist",
    "The specified queue does not exist.",
    `aws sqs list-queues shows the queues of this account and region${asked}`,
  );
}

export function queueNameExists(attribute: string): ServiceError {
  return refusal(
    "QueueNameExists",
    `A queue already exists with the same name and a different value for attribute ${attribute}`,
    "aws sqs set-queue-attributes changes a queue that exists",
  );
}

export function queueDeletedRecently(): ServiceError {
  return refusal(
    "QueueDeletedRecently",
    "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    "`lambent clock advance 60s` skips the wait",
  );
}

/** There is no KMS here, so only the key that AWS manages is one. */
export function keyMissing(sentence: string): ServiceError {
  return refusal(
    "KmsNotFound",
    sentence,
    "there is no KMS here; alias/aws/sqs, or no KmsMasterKeyId, lets messages be sent",
  );
}

export function invalidAddress(url: string): ServiceError {
  return refusal(
    "InvalidAddress",
    `The address ${url} is not valid for this endpoint.`,
    "a QueueUrl ends in /<account>/<queue name>; aws sqs get-queue-url gives it",
  );
}

export function missingParameter(name: string): ServiceError {
  return refusal("MissingRequiredParameterException", `The request must contain the parameter ${name}.`);
}

export function invalidParameter(message: string, hint?: string): ServiceError {
  return refusal("InvalidParameterValueException", message, hint);
}

export function tagKeyLength(): ServiceError {
  return invalidParameter("Tag keys must be between 1 and 128 characters in length.");
}

/** `Value 11 for parameter MaxNumberOfMessages is invalid. Reason: …` */
export function invalidValue(
  value: string | number,
  parameter: string,
  reason: string,
  hint?: string,
): ServiceError {
  return invalidParameter(
    `Value ${String(value)} for parameter ${parameter} is invalid. Reason: ${reason}`,
    hint,
  );
}

export function unknownAttribute(name: string): ServiceError {
  return refusal("InvalidAttributeName", `Unknown Attribute ${name}.`);
}

export function invalidAttributeName(message: string): ServiceError {
  return refusal("InvalidAttributeName", message);
}

export function invalidAttributeValue(name: string, reason?: string): ServiceError {
  const more = reason === undefined ? "" : ` Reason: ${reason}`;
  return refusal("InvalidAttributeValue", `Invalid value for the parameter ${name}.${more}`);
}

export function invalidMessageContents(character: string): ServiceError {
  return refusal(
    "InvalidMessageContents",
    `Invalid binary character '#x${character}' was found in the message body, the set of allowed characters is ` +
      "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
    "encode binary data as base64, or send it as a message attribute of type Binary",
  );
}

export function receiptHandleIsInvalid(handle: string): ServiceError {
  return refusal(
    "ReceiptHandleIsInvalid",
    `The input receipt handle "${handle}" is not a valid receipt handle.`,
  );
}

export function receiptHandleExpired(handle: string): ServiceError {
  return invalidValue(
    handle,
    "ReceiptHandle",
    "The receipt handle has expired.",
    "the visibility timeout ended before the message was deleted: raise VisibilityTimeout, or extend it with ChangeMessageVisibility",
  );
}

export function messageNotAvailable(handle: string): ServiceError {
  return invalidValue(
    handle,
    "ReceiptHandle",
    "Message does not exist or is not available for visibility timeout change.",
  );
}

export function overLimit(message: string): ServiceError {
  return refusal("OverLimit", message);
}

export function purgeInProgress(name: string): ServiceError {
  return refusal(
    "PurgeQueueInProgress",
    `Only one PurgeQueue operation on ${name} is allowed every 60 seconds.`,
  );
}

export function unsupported(message: string): ServiceError {
  return refusal("UnsupportedOperation", message);
}

export function resourceNotFound(message: string): ServiceError {
  return new ServiceError("ResourceNotFoundException", 404, message);
}

export function emptyBatch(entry: string): ServiceError {
  return refusal("EmptyBatchRequest", `There should be at least one ${entry} in the request.`);
}

export function tooManyEntries(sent: number, max: number): ServiceError {
  return refusal(
    "TooManyEntriesInBatchRequest",
    `Maximum number of entries per request are ${String(max)}. You have sent ${String(sent)}.`,
  );
}

export function idsNotDistinct(id: string): ServiceError {
  return refusal("BatchEntryIdsNotDistinct", `Id ${id} repeated.`);
}

export function invalidBatchId(): ServiceError {
  return refusal(
    "InvalidBatchEntryId",
    "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
  );
}

export function batchTooLong(bytes: number, max: number): ServiceError {
  return refusal(
    "BatchRequestTooLong",
    `Batch requests cannot be longer than ${String(max)} bytes. You have sent ${String(bytes)} bytes.`,
  );
}
