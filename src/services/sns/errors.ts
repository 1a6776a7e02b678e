/** SNS's refusals. Codes are the model's; the query protocol has shorter ones (`InvalidParameter`). */
import { ServiceError } from "../../kernel/errors.ts";

function refusal(code: string, status: number, message: string, hint?: string): ServiceError {
  return new ServiceError(code, status, message, hint === undefined ? {} : { hint });
}

/** `Invalid parameter: <message>` */
export function invalid(message: string, hint?: string): ServiceError {
  return refusal("InvalidParameterException", 400, `Invalid parameter: ${message}`, hint);
}

/** `Invalid SMS endpoint: …` and the like, which do not begin as the others do. */
export function invalidPlain(message: string, hint?: string): ServiceError {
  return refusal("InvalidParameterException", 400, message, hint);
}

export function invalidValue(message: string): ServiceError {
  return refusal("InvalidParameterValueException", 400, message);
}

/** A field AWS knows and Lambent does not honour. */
export function unsupported(what: string, hint: string): ServiceError {
  return refusal(
    "InvalidParameterException",
    400,
    `Invalid parameter: ${what} is not implemented by Lambent`,
    hint,
  );
}

/** Others changed the same thing again and again. Official clients ask once more by themselves. */
export function busy(): ServiceError {
  return refusal("InternalErrorException", 500, "The resource is being changed by others", "try again");
}

export function tooManyTopics(): ServiceError {
  return refusal(
    "TopicLimitExceededException",
    403,
    "Topic limit exceeded",
    "an account has 100,000 standard and 1,000 FIFO topics in a region; delete some",
  );
}

export function tooManySubscriptions(hint: string): ServiceError {
  return refusal("SubscriptionLimitExceededException", 403, "Subscription limit exceeded", hint);
}

export function tooManyFilters(): ServiceError {
  return refusal(
    "FilterPolicyLimitExceededException",
    403,
    "Filter policy limit exceeded",
    "a topic has 200 filter policies, an account 10,000 in a region",
  );
}

export function applicationNotFound(): ServiceError {
  return refusal("NotFoundException", 404, "PlatformApplication does not exist");
}

export function endpointNotFound(): ServiceError {
  return refusal("NotFoundException", 404, "Endpoint does not exist");
}

export function topicNotFound(arn: string): ServiceError {
  return refusal(
    "NotFoundException",
    404,
    "Topic does not exist",
    `aws sns list-topics shows the topics of this account and region; asked for ${arn}`,
  );
}

export function subscriptionNotFound(): ServiceError {
  return refusal(
    "NotFoundException",
    404,
    "Subscription does not exist",
    "aws sns list-subscriptions shows them",
  );
}

export function resourceNotFound(): ServiceError {
  return refusal("ResourceNotFoundException", 404, "Resource does not exist");
}

export function tooManyTags(): ServiceError {
  return refusal(
    "TagLimitExceededException",
    400,
    "Could not complete request: tag quota of per resource exceeded",
  );
}

export function notAuthorized(message: string, hint: string): ServiceError {
  return refusal("AuthorizationErrorException", 403, message, hint);
}

const DATA_DENIED = "The message holds data that the data protection policy of the topic denies";

export function dataDenied(): ServiceError {
  const hint = "aws sns get-data-protection-policy shows what is denied";
  return refusal("AuthorizationErrorException", 403, DATA_DENIED, hint);
}

export function isDataDenied(error: unknown): boolean {
  return error instanceof ServiceError && error.message === DATA_DENIED;
}

/** There is no KMS here, so only the key that AWS manages is one. */
export function keyMissing(sentence: string): ServiceError {
  return refusal(
    "KMSNotFoundException",
    400,
    sentence,
    "there is no KMS here; alias/aws/sns, or no KmsMasterKeyId, lets messages be published",
  );
}

export function endpointDisabled(): ServiceError {
  return refusal("EndpointDisabledException", 400, "Endpoint is disabled");
}

export function applicationDisabled(): ServiceError {
  return refusal("PlatformApplicationDisabledException", 400, "Platform application is disabled");
}

export function emptyBatch(): ServiceError {
  return refusal("EmptyBatchRequestException", 400, "The batch request doesn't contain any entries.");
}

export function tooManyEntries(): ServiceError {
  return refusal(
    "TooManyEntriesInBatchRequestException",
    400,
    "The batch request contains more entries than permissible.",
  );
}

export function idsNotDistinct(): ServiceError {
  return refusal(
    "BatchEntryIdsNotDistinctException",
    400,
    "Two or more batch entries in the request have the same Id.",
  );
}

export function invalidBatchId(): ServiceError {
  return refusal(
    "InvalidBatchEntryIdException",
    400,
    "The Id of a batch entry in a batch request doesn't abide by the specification.",
    "an Id has 1 to 80 letters, digits, hyphens and underscores",
  );
}

export function batchTooLong(): ServiceError {
  return refusal(
    "BatchRequestTooLongException",
    400,
    "The length of all the batch messages put together is more than the limit.",
  );
}
