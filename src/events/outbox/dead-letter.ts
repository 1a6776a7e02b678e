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
    ERROR_CODE: text(failure.code),
    ERROR_MESSAGE: text(failure.message || failure.code),
    RETRY_ATTEMPTS: text(String(retries)),
    ...(condition === "NotRetryable" ? {} : { EXHAUSTED_RETRY_CONDITION: text(condition) }),
  };
}
