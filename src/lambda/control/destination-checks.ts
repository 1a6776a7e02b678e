/**
 * Whether a queue, topic, bus, bucket or function can take what a function's events come to, asked when it is
 * configured. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
import { callFor } from "../../events/outbox/send.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Peers } from "../../ports/peers.ts";
import { invalidParameter } from "./errors.ts";

const NAMES: Readonly<Record<string, string>> = {
  sqs: "SQS",
  sns: "SNS",
  events: "EventBridge",
  s3: "S3",
  lambda: "Lambda",
};

/** What goes there decides how AWS words the refusal. */
export type Delivered = "dead letters" | "events" | "batches";

const REFUSALS: Readonly<Record<Delivered, (action: string, service: string, arn: string) => string>> = {
  "dead letters": (action, service) =>
    `The provided execution role does not have permissions to call ${action} on ${service}`,
  events: (action, _, arn) =>
    `The function execution role does not have permissions to call ${action} on ${arn}`,
  batches: (action, service) =>
    `The function execution role does not have permissions to call ${action} on ${service}`,
};

export interface DestinationChecks {
  /** Errors: InvalidParameterValueException when the role may not deliver there. */
  open(scope: Scope, arn: string, role: string, what: Delivered): Promise<void>;
}

export function destinationChecks(peers: () => Peers): DestinationChecks {
  return {
    async open(scope, arn, role, what) {
      const as = { kind: "role", arn: role, sessionName: "lambda" } as const;
      const call = callFor(arn, { id: "check", body: "", timeMs: 0 }, as, scope);
      await peers()
        .permit(call)
        .catch(() => {
          const service = NAMES[call.service] ?? call.service;
          const action = call.service === "lambda" ? "InvokeFunction" : call.operation;
          throw invalidParameter(
            REFUSALS[what](action, service, arn),
            `Allow ${call.service}:${action} on ${arn} in a policy of ${role}.`,
          );
        });
    },
  };
}

/** Ordered queues and topics take no events. Also what is no ARN of the kind. */
export function isPlainQueueOrTopic(arn: string): boolean {
  return /^arn:[^:]+:(sqs|sns):[a-z0-9-]+:\d{12}:[^:]+$/u.test(arn) && !arn.endsWith(".fifo");
}
