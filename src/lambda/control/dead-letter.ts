/** The dead-letter queue or topic of a function's asynchronous events. */
import { arnParts } from "../../kernel/arn.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { ControlContext } from "./deps.ts";
import { invalidParameter } from "./errors.ts";

/** What a request's DeadLetterConfig changes. An empty ARN takes the queue away, none keeps it. */
export function deadLetterFields(arn: string | undefined): Partial<FunctionVersion> {
  return arn === undefined ? {} : { deadLetterTargetArn: arn };
}

/** What is wrong with an ARN, whatever it names, in AWS's words. Ordered queues and topics take no dead letters. */
function faultOf(arn: string, { region }: Scope): string | undefined {
  const { service, region: place } = arnParts(arn);
  if (service !== "sqs" && service !== "sns")
    return "The service specified by the TargetArn is not supported for dead letter configuration.";
  if (place !== region) {
    return "The resource specified by the TargetArn must be in the same region as the Lambda function it's associated with.";
  }
  if (!arn.endsWith(".fifo")) return undefined;
  const kind = service === "sqs" ? "SQS queue" : "SNS topic";
  return `FIFO ${kind} is not supported for dead letter configuration`;
}

/**
 * Errors: InvalidParameterValueException for what is no standard queue or topic of this region, is not
 * there, or is closed to the role.
 */
export async function checkDeadLetter(
  context: ControlContext,
  scope: Scope,
  arn: string | undefined,
  role: string,
): Promise<void> {
  if (arn === undefined || arn === "") return;
  const fault = faultOf(arn, scope);
  if (fault !== undefined) throw invalidParameter(`Invalid dead letter queue ARN: ${fault}`);
  await context.destinations.check(scope, arn, role, "dead letters");
}
