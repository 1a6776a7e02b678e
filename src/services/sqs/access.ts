/**
 * What each operation asks of IAM. Batches ask for the action of the single operation.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
 */
import type { AccessRule, ServiceAccess } from "../../aws/service.ts";
import type { Scope } from "../../kernel/scope.ts";
import { parseQueueArn, parseQueueUrl, queueArn } from "./names.ts";
import type { State } from "./state.ts";
import { readTaskHandle } from "./task-handle.ts";

type Input = Readonly<Record<string, unknown>>;

function text(input: Input, name: string): string | undefined {
  const value = input[name];
  return typeof value === "string" ? value : undefined;
}

function byUrl(input: Input, { region }: Scope): readonly string[] {
  try {
    return [queueArn(parseQueueUrl(text(input, "QueueUrl") ?? "", region))];
  } catch {
    // No queue: the operation will say so.
    return ["*"];
  }
}

function byName(input: Input, scope: Scope): readonly string[] {
  const accountId = text(input, "QueueOwnerAWSAccountId") ?? scope.accountId;
  return [queueArn({ accountId, region: scope.region, name: text(input, "QueueName") ?? "*" })];
}

function bySource(input: Input): readonly string[] {
  return [text(input, "SourceArn") ?? "*"];
}

/** The source queue stands in the handle. */
function byHandle(input: Input): readonly string[] {
  const arn = readTaskHandle(text(input, "TaskHandle") ?? "")?.sourceArn;
  return [arn !== undefined && parseQueueArn(arn) !== undefined ? arn : "*"];
}

const QUEUE: AccessRule = { resources: byUrl };
const as = (...actions: string[]): (() => readonly string[]) => {
  return () => actions.map((action) => `sqs:${action}`);
};

const rules: Readonly<Record<string, AccessRule>> = {
  AddPermission: QUEUE,
  CancelMessageMoveTask: {
    actions: as("CancelMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    resources: byHandle,
  },
  ChangeMessageVisibility: QUEUE,
  ChangeMessageVisibilityBatch: { actions: as("ChangeMessageVisibility"), resources: byUrl },
  CreateQueue: { resources: byName },
  DeleteMessage: QUEUE,
  DeleteMessageBatch: { actions: as("DeleteMessage"), resources: byUrl },
  DeleteQueue: QUEUE,
  GetQueueAttributes: QUEUE,
  GetQueueUrl: { resources: byName },
  ListDeadLetterSourceQueues: QUEUE,
  ListMessageMoveTasks: { actions: as("ListMessageMoveTasks", "GetQueueAttributes"), resources: bySource },
  ListQueueTags: QUEUE,
  ListQueues: { resources: () => ["*"] },
  PurgeQueue: QUEUE,
  ReceiveMessage: QUEUE,
  RemovePermission: QUEUE,
  SendMessage: QUEUE,
  SendMessageBatch: { actions: as("SendMessage"), resources: byUrl },
  SetQueueAttributes: QUEUE,
  StartMessageMoveTask: {
    actions: as("StartMessageMoveTask", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes"),
    resources: bySource,
    also(input) {
      const destination = text(input, "DestinationArn");
      return destination === undefined ? [] : [{ actions: ["sqs:SendMessage"], resources: [destination] }];
    },
  },
  TagQueue: QUEUE,
  UntagQueue: QUEUE,
};

export function access(open: () => Promise<State>): ServiceAccess {
  return {
    prefix: "sqs",
    rules,
    async resourcePolicy(arn) {
      return (await open()).directory.byArn(arn)?.attributes["Policy"];
    },
    async resourceTags(arn) {
      return (await open()).directory.byArn(arn)?.tags ?? {};
    },
  };
}
