/**
 * What a dead letter says of its failure, as the sending service's attributes.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
 */
import type { Delivery, DeliveryAttribute } from "../../ports/outbox.ts";
import type { DeliveryFailure } from "./retry.ts";

const text = (value: string): DeliveryAttribute => ({
  DataType: "String",
  StringValue: value.slice(0, 1024),
});

export function deadLetterAttributes(
  delivery: Pick<Delivery, "principal" | "sourceArn" | "targetArn">,
  failure: DeliveryFailure,
  condition: "NotRetryable" | "MaximumRetryAttempts" | "MaximumEventAge",
  retries: number,
): Readonly<Record<string, DeliveryAttribute>> {
  if (delivery.principal !== "events.amazonaws.com") return {};
  return {
    RULE_ARN: text(delivery.sourceArn),
    TARGET_ARN: text(delivery.targetArn),
    ERROR_CODE: text(deadLetterCode(failure.code)),
    ERROR_MESSAGE: text(failure.message || failure.code),
    RETRY_ATTEMPTS: text(String(retries)),
    ...(condition === "NotRetryable" ? {} : { EXHAUSTED_RETRY_CONDITION: text(CONDITIONS[condition]) }),
  };
}

const CONDITIONS = {
  MaximumRetryAttempts: "MaximumRetryAttempts",
  MaximumEventAge: "MaximumEventAgeInSeconds",
} as const;

const CODES: readonly (readonly [code: RegExp, told: string])[] = [
  [/^[A-Z_]+$/u, ""],
  [/AccessDenied|NotAuthorized|Forbidden/u, "NO_PERMISSIONS"],
  [/NotFound|NonExistent|DoesNotExist|NoSuch/u, "NO_RESOURCE"],
  [/Throttl|TooManyRequests/u, "THROTTLING"],
  [/LimitExceeded|OverLimit/u, "RESOURCE_LIMIT_EXCEEDED"],
  [/Invalid|Validation|MissingParameter/u, "INVALID_PARAMETER"],
];

/** EventBridge has codes of its own for what its targets answer. */
export function deadLetterCode(code: string): string {
  const [, told = "ERROR_FROM_TARGET"] = CODES.find(([pattern]) => pattern.test(code)) ?? [];
  return told || code;
}
