/** From a stored message to what ReceiveMessage shows of it. Pure. */
import type { Message, MessageAttributeValue } from "@aws-sdk/client-sqs";
import type { Queue } from "./directory.ts";
import * as errors from "./errors.ts";
import { loadAttributes, md5OfAttributes, selectAttributes } from "./message.ts";
import { writeReceipt } from "./receipt.ts";
import { sequenceNumber } from "./sequence.ts";
import type { Received } from "./store.ts";

const SYSTEM_NAMES: ReadonlySet<string> = new Set([
  "All",
  "SenderId",
  "SentTimestamp",
  "ApproximateReceiveCount",
  "ApproximateFirstReceiveTimestamp",
  "SequenceNumber",
  "MessageDeduplicationId",
  "MessageGroupId",
  "AWSTraceHeader",
  "DeadLetterQueueSourceArn",
]);

/** Throws InvalidAttributeName for a name that no message has. */
export function checkSystemNames(names: readonly string[]): void {
  const unknown = names.find((name) => !SYSTEM_NAMES.has(name));
  if (unknown !== undefined) throw errors.unknownAttribute(unknown);
}

export function show(
  queue: Queue,
  message: Received,
  wanted: { readonly system: readonly string[]; readonly attributes: readonly string[] },
): Message {
  const system = selectSystem(systemAttributes(queue, message), wanted.system);
  const attributes = selectAttributes(loadAttributes(message.attributes), wanted.attributes);
  const digest = md5OfAttributes(attributes);
  const { id: queueId, boxId } = queue;
  return {
    MessageId: message.messageId,
    ReceiptHandle: writeReceipt({ queueId, boxId, seq: message.seq, receive: message.receives }),
    MD5OfBody: message.bodyMd5,
    Body: message.body,
    ...(Object.keys(system).length === 0 ? {} : { Attributes: system }),
    ...(digest === undefined
      ? {}
      : {
          MD5OfMessageAttributes: digest,
          MessageAttributes: attributes as Record<string, MessageAttributeValue>,
        }),
  };
}

function systemAttributes(queue: Queue, message: Received): Record<string, string> {
  const { sourceArn } = message;
  return {
    ...message.system,
    SentTimestamp: String(message.sentAt),
    ApproximateReceiveCount: String(message.receives),
    ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt),
    ...(queue.fifo ? { SequenceNumber: sequenceNumber(message.seq) } : {}),
    ...(sourceArn === undefined ? {} : { DeadLetterQueueSourceArn: sourceArn }),
    // In a dead-letter queue two messages of one deduplication id are two messages.
    ...(queue.fifo && sourceArn !== undefined ? { MessageDeduplicationId: message.messageId } : {}),
  };
}

function selectSystem(all: Record<string, string>, names: readonly string[]): Record<string, string> {
  if (names.includes("All")) return all;
  return Object.fromEntries(Object.entries(all).filter(([name]) => names.includes(name)));
}
