/** What to do about a delivery that was refused, as a command to type where there is one. Pure. */
import { arnParts } from "../../kernel/arn.ts";
import type { Delivery } from "../../ports/outbox.ts";
import { shownArn } from "./shown.ts";

const REMOVALS: Readonly<Record<string, string>> = {
  "s3.amazonaws.com": "aws s3api put-bucket-notification-configuration",
  "sns.amazonaws.com": "aws sns unsubscribe",
  "events.amazonaws.com": "aws events remove-targets",
};

/** `hint`: what the refusing service says. Undefined where there is nothing to say beside the reason. */
export function nextStep(
  { principal, targetArn }: Pick<Delivery, "principal" | "targetArn">,
  code: string,
  hint: string | undefined,
): string | undefined {
  if (!/NotFound|NonExistentQueue|QueueDoesNotExist|NoSuchBucket/u.test(code)) return hint;
  const { service, resource: name } = arnParts(targetArn);
  const removal = REMOVALS[principal];
  const otherwise = removal === undefined ? "" : `, or send nothing there any more: ${removal} …`;
  if (service === "sqs") return `aws sqs create-queue --queue-name ${name}${otherwise}`;
  if (service === "sns") return `aws sns create-topic --name ${name}${otherwise}`;
  const create = service === "lambda" ? "aws lambda create-function …" : "create it";
  return `there is no ${shownArn(targetArn)}: ${create}${otherwise}`;
}
