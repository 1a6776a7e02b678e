/** The dead-letter queue or topic of a function's asynchronous events. */
import type { Scope } from "../../kernel/scope.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { ControlContext } from "./deps.ts";
import { isPlainQueueOrTopic } from "./destination-checks.ts";
import { invalidParameter } from "./errors.ts";

/** What a request's DeadLetterConfig changes. An empty ARN takes the queue away, none keeps it. */
export function deadLetterFields(arn: string | undefined): Partial<FunctionVersion> {
  return arn === undefined ? {} : { deadLetterTargetArn: arn };
}

/** Errors: InvalidParameterValueException for what is no standard queue or topic, or is closed to the role. */
export async function checkDeadLetter(
  context: ControlContext,
  scope: Scope,
  arn: string | undefined,
  role: string,
): Promise<void> {
  if (arn === undefined || arn === "") return;
  if (!isPlainQueueOrTopic(arn)) throw invalidParameter(`The dead letter target ARN ${arn} is invalid.`);
  await context.destinations.open(scope, arn, role, "dead letters");
}
