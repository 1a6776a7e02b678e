/**
 * Whether a queue, topic, bus, bucket or function can take what a function's events come to, asked when it is
 * configured. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
 */
import { callFor, queueUrl } from "../../events/outbox/send.ts";
import { arnParts, scopeOfArn } from "../../kernel/arn.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";
import type { PeerIdentity, Peers } from "../../ports/peers.ts";
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

/** How a queue, a topic, a bus or a bucket is looked up. */
const LOOK_UPS: Readonly<Record<string, (arn: string) => readonly [operation: string, input: object]>> = {
  sqs: (arn) => ["GetQueueAttributes", { QueueUrl: queueUrl(arn), AttributeNames: ["QueueArn"] }],
  sns: (arn) => ["GetTopicAttributes", { TopicArn: arn }],
  events: (arn) => ["DescribeEventBus", { Name: arn }],
  s3: (arn) => ["HeadBucket", { Bucket: arnParts(arn).resource }],
};

export interface DestinationChecks {
  /**
   * Errors: InvalidParameterValueException when there is no such queue, topic, bus or bucket, or when the
   * role may not deliver there.
   */
  check(scope: Scope, arn: string, role: string, what: Delivered): Promise<void>;
}

export function destinationChecks(peers: () => Peers): DestinationChecks {
  async function isThere(scope: Scope, arn: string): Promise<void> {
    const { service } = arnParts(arn);
    const lookUp = LOOK_UPS[service];
    if (lookUp === undefined) return;
    const [operation, input] = lookUp(arn);
    const owner = scopeOfArn(arn, scope);
    const call = { service, operation, input: { ...input }, scope: owner, as: ownerOf(owner) };
    await peers()
      .call(call)
      .catch((error: unknown) => {
        if (!(error instanceof ServiceError)) throw error;
        // What is there and closed is for `isOpen` to say.
        if (/NotFound|NonExistent|DoesNotExist|NoSuchBucket/u.test(error.code)) {
          throw invalidParameter(
            `The destination ARN ${arn} is invalid.`,
            `There is none at this ARN: make it first.`,
          );
        }
      });
  }

  async function isOpen(scope: Scope, arn: string, role: string, what: Delivered): Promise<void> {
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
  }

  return {
    async check(scope, arn, role, what) {
      await isThere(scope, arn);
      await isOpen(scope, arn, role, what);
    },
  };
}

/** The account itself, who may always look at what it has. */
function ownerOf({ accountId, region }: Scope): PeerIdentity {
  const arn = `arn:${partitionOf(region)}:iam::${accountId}:root`;
  return {
    kind: "caller",
    caller: { kind: "root", accessKeyId: undefined, arn, userId: accountId, verified: true },
  };
}

/** Ordered queues and topics take no events. Also what is no ARN of the kind. */
export function isPlainQueueOrTopic(arn: string): boolean {
  return /^arn:[^:]+:(sqs|sns):[a-z0-9-]+:\d{12}:[^:]+$/u.test(arn) && !arn.endsWith(".fifo");
}
