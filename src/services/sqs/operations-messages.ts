import type { Operations, RequestContext } from "../../aws/service.ts";
import { isAwsManagedKey, keyNotFound } from "../../kernel/kms-key.ts";
import { LIMITS } from "../../kernel/limits.ts";
import { checkBatch, runBatch } from "./batch.ts";
import type { Queue } from "./directory.ts";
import * as errors from "./errors.ts";
import { checkSystemNames, show } from "./incoming.ts";
import type { Posted } from "./mailbox.ts";
import { checkId, messageBytes } from "./message.ts";
import { parseQueueUrl } from "./names.ts";
import { compose, type Outgoing, type SendInput, type Sender } from "./outgoing.ts";
import { sequenceNumber } from "./sequence.ts";
import type { State } from "./state.ts";

type MessageOperations = Operations<typeof import("@aws-sdk/client-sqs")>;

const RECEIVE_MAX = 10;

export function messageOperations(open: () => Promise<State>): MessageOperations {
  return {
    async SendMessage(input, context) {
      const { directory, mailbox } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const outgoing = compose(queue, input as SendInput, senderOf(context, "are invalid"));
      checkKey(queue);
      return sent(outgoing, await mailbox.send(queue, outgoing.letter));
    },

    async SendMessageBatch(input, context) {
      const { directory, mailbox } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const entries = input.Entries ?? [];
      checkBatch(entries, "SendMessageBatchRequestEntry");
      checkBatchBytes(entries as readonly SendInput[]);
      if (queue.fifo) checkFifoEntries(queue, entries as readonly SendInput[]);
      checkKey(queue);
      const result = await runBatch(entries, async (entry) => {
        const outgoing = compose(queue, entry as SendInput, senderOf(context, "cannot be validated"));
        return sent(outgoing, await mailbox.send(queue, outgoing.letter));
      });
      return result as Required<typeof result>;
    },

    async ReceiveMessage(input, context) {
      const { directory, receiver } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const { MaxNumberOfMessages: max = 1, WaitTimeSeconds: wait, VisibilityTimeout: hide } = input;
      checkReceive(queue, input);
      const system = [
        ...(input.AttributeNames ?? []),
        ...(input.MessageSystemAttributeNames ?? []),
      ] as string[];
      checkSystemNames(system);
      const received = await receiver.receive(queue, {
        max,
        visibilityTimeoutMs: hide === undefined ? queue.settings.visibilityTimeoutMs : hide * 1000,
        waitMs: wait === undefined ? queue.settings.waitMs : wait * 1000,
        signal: context.signal,
        attemptId: input.ReceiveRequestAttemptId,
      });
      if (received.messages.length === 0) return {};
      const wanted = { system, attributes: input.MessageAttributeNames ?? [] };
      return { Messages: received.messages.map((message) => show(received.queue, message, wanted)) };
    },

    async DeleteMessage(input, context) {
      const { directory, mailbox } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      await mailbox.remove(queue, input.ReceiptHandle ?? "");
      return {};
    },

    async DeleteMessageBatch(input, context) {
      const { directory, mailbox } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const entries = input.Entries ?? [];
      checkBatch(entries, "DeleteMessageBatchRequestEntry");
      const result = await runBatch(entries, async (entry) => {
        await mailbox.remove(queue, entry.ReceiptHandle ?? "");
        return {};
      });
      return result as Required<typeof result>;
    },

    async ChangeMessageVisibility(input, context) {
      const { directory, mailbox } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      await mailbox.hide(queue, input.ReceiptHandle ?? "", visibilityMs(input.VisibilityTimeout));
      return {};
    },

    async ChangeMessageVisibilityBatch(input, context) {
      const { directory, mailbox } = await open();
      const queue = directory.get(parseQueueUrl(input.QueueUrl ?? "", context.region));
      const entries = input.Entries ?? [];
      checkBatch(entries, "ChangeMessageVisibilityBatchRequestEntry");
      const result = await runBatch(entries, async (entry) => {
        await mailbox.hide(queue, entry.ReceiptHandle ?? "", visibilityMs(entry.VisibilityTimeout));
        return {};
      });
      return result as Required<typeof result>;
    },
  };
}

/** Messages of a queue with a key of the account cannot be encrypted with it. */
function checkKey(queue: Queue): void {
  const key = queue.attributes["KmsMasterKeyId"];
  if (key !== undefined && !isAwsManagedKey(key, "sqs")) throw errors.keyMissing(keyNotFound(key, queue));
}

function senderOf(context: RequestContext, sizeSentence: Sender["sizeSentence"]): Sender {
  return {
    caller: context.caller,
    messageId: context.random.uuid(),
    traceHeader: context.headers["x-amzn-trace-id"],
    sizeSentence,
  };
}

function sent(
  { digests }: Outgoing,
  { messageId, seq }: Posted,
): Outgoing["digests"] & { MessageId: string; SequenceNumber?: string } {
  return {
    ...digests,
    MessageId: messageId,
    ...(seq === undefined ? {} : { SequenceNumber: sequenceNumber(seq) }),
  };
}

function checkBatchBytes(entries: readonly SendInput[]): void {
  const bytes = entries.reduce(
    (sum, entry) => sum + messageBytes(entry.MessageBody ?? "", entry.MessageAttributes ?? {}),
    0,
  );
  if (bytes > LIMITS.sqsMessageBytes) throw errors.batchTooLong(bytes, LIMITS.sqsMessageBytes);
}

/** What every entry of a FIFO batch needs, or none is sent. */
function checkFifoEntries(queue: Queue, entries: readonly SendInput[]): void {
  for (const { MessageGroupId: group, MessageDeduplicationId: id } of entries) {
    if (group === undefined) throw errors.missingParameter("MessageGroupId");
    if (id === undefined && !queue.settings.contentBasedDeduplication) {
      throw errors.invalidParameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
      );
    }
  }
}

function checkReceive(
  queue: Queue,
  input: {
    readonly MaxNumberOfMessages?: number | undefined;
    readonly WaitTimeSeconds?: number | undefined;
    readonly VisibilityTimeout?: number | undefined;
    readonly ReceiveRequestAttemptId?: string | undefined;
  },
): void {
  const { MaxNumberOfMessages: max, WaitTimeSeconds: wait, VisibilityTimeout: hide } = input;
  if (max !== undefined && (max < 1 || max > RECEIVE_MAX)) {
    throw errors.invalidValue(max, "MaxNumberOfMessages", "Must be between 1 and 10, if provided.");
  }
  if (wait !== undefined && (wait < 0 || wait > LIMITS.sqsWaitSeconds)) {
    throw errors.invalidValue(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.");
  }
  if (hide !== undefined) visibilityMs(hide);
  const { ReceiveRequestAttemptId: attempt } = input;
  if (attempt === undefined) return;
  checkId(attempt, "ReceiveRequestAttemptId");
  if (!queue.fifo) {
    throw errors.invalidValue(
      attempt,
      "ReceiveRequestAttemptId",
      "The request include parameter that is not valid for this queue type.",
    );
  }
}

function visibilityMs(seconds: number | undefined): number {
  if (seconds === undefined) throw errors.missingParameter("VisibilityTimeout");
  if (seconds >= 0 && seconds <= LIMITS.sqsVisibilitySeconds) return seconds * 1000;
  throw errors.invalidValue(
    seconds,
    "VisibilityTimeout",
    `Must be >= 0 and <= ${String(LIMITS.sqsVisibilitySeconds)}, if provided.`,
  );
}
