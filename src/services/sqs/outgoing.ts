/** From the input of SendMessage, or an entry of SendMessageBatch, to the letter that is stored. Pure. */
import type { Caller } from "../../aws/service.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Queue } from "./directory.ts";
import * as errors from "./errors.ts";
import type { Letter } from "./mailbox.ts";
import {
  checkAttributes,
  checkBody,
  checkId,
  contentId,
  md5,
  md5OfAttributes,
  messageBytes,
  storeAttributes,
  type AttributeMap,
} from "./message.ts";

export interface SendInput {
  readonly MessageBody?: string | undefined;
  readonly DelaySeconds?: number | undefined;
  readonly MessageAttributes?: AttributeMap | undefined;
  readonly MessageSystemAttributes?: AttributeMap | undefined;
  readonly MessageDeduplicationId?: string | undefined;
  readonly MessageGroupId?: string | undefined;
}

export interface Outgoing {
  readonly letter: Letter;
  readonly digests: {
    readonly MD5OfMessageBody: string;
    readonly MD5OfMessageAttributes?: string;
    readonly MD5OfMessageSystemAttributes?: string;
  };
}

export interface Sender {
  readonly caller: Pick<Caller, "userId">;
  readonly messageId: string;
  /** Of the request's X-Amzn-Trace-Id: what a traced caller's SDK adds. */
  readonly traceHeader: string | undefined;
  /** How AWS begins its sentence about sizes: another one in batches. */
  readonly sizeSentence: "are invalid" | "cannot be validated";
}

/** Throws what AWS answers to a message it does not take. */
export function compose(queue: Queue, input: SendInput, sender: Sender): Outgoing {
  const body = checkBody(input.MessageBody);
  const attributes = input.MessageAttributes ?? {};
  const systemAttributes = input.MessageSystemAttributes ?? {};
  checkAttributes(attributes);
  checkAttributes(systemAttributes, "system");
  checkSize(queue, messageBytes(body, attributes), sender.sizeSentence);
  const { groupId, deduplicationId, delayMs } = queue.fifo
    ? fifoParameters(queue, input, body)
    : standardParameters(input);
  const trace = systemAttributes["AWSTraceHeader"]?.StringValue ?? sender.traceHeader;
  const bodyMd5 = md5(body);
  const ofAttributes = md5OfAttributes(attributes);
  const ofSystem = md5OfAttributes(systemAttributes);
  return {
    letter: {
      messageId: sender.messageId,
      body,
      bodyMd5,
      attributes: storeAttributes(attributes),
      system: {
        SenderId: sender.caller.userId,
        ...(groupId === undefined ? {} : { MessageGroupId: groupId }),
        ...(deduplicationId === undefined ? {} : { MessageDeduplicationId: deduplicationId }),
        ...(trace === undefined ? {} : { AWSTraceHeader: trace }),
      },
      delayMs,
      groupId,
      deduplicationId,
    },
    digests: {
      MD5OfMessageBody: bodyMd5,
      ...(ofAttributes === undefined ? {} : { MD5OfMessageAttributes: ofAttributes }),
      ...(ofSystem === undefined ? {} : { MD5OfMessageSystemAttributes: ofSystem }),
    },
  };
}

function checkSize(queue: Queue, bytes: number, sentence: string): void {
  const max = queue.settings.messageBytesMax;
  if (bytes <= max) return;
  throw errors.invalidParameter(
    `One or more parameters ${sentence}. Reason: Message must be shorter than ${String(max)} bytes.`,
    "attributes count too: their names, types and values; keep large payloads in S3 and send a reference",
  );
}

interface Parameters {
  readonly groupId: string | undefined;
  readonly deduplicationId: string | undefined;
  readonly delayMs: number | undefined;
}

const OTHER_TYPE = "The request include parameter that is not valid for this queue type.";

function fifoParameters(queue: Queue, input: SendInput, body: string): Parameters {
  const { MessageGroupId: group, MessageDeduplicationId: id, DelaySeconds: delay } = input;
  if (group === undefined) throw errors.missingParameter("MessageGroupId");
  const groupId = checkId(group, "MessageGroupId");
  // A delay of zero means the queue's.
  if (delay !== undefined && delay !== 0) throw errors.invalidValue(delay, "DelaySeconds", OTHER_TYPE);
  if (id !== undefined) {
    return { groupId, deduplicationId: checkId(id, "MessageDeduplicationId"), delayMs: undefined };
  }
  if (!queue.settings.contentBasedDeduplication) {
    throw errors.invalidParameter(
      "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
    );
  }
  return { groupId, deduplicationId: contentId(body), delayMs: undefined };
}

function standardParameters(input: SendInput): Parameters {
  const { MessageGroupId: group, MessageDeduplicationId: id, DelaySeconds: delay } = input;
  if (id !== undefined) throw errors.invalidValue(id, "MessageDeduplicationId", OTHER_TYPE);
  if (delay !== undefined && (delay < 0 || delay > LIMITS.sqsDelaySeconds)) {
    throw errors.invalidValue(
      delay,
      "DelaySeconds",
      `DelaySeconds must be >= 0 and <= ${String(LIMITS.sqsDelaySeconds)}.`,
    );
  }
  return {
    groupId: group === undefined ? undefined : checkId(group, "MessageGroupId"),
    deduplicationId: undefined,
    delayMs: delay === undefined ? undefined : delay * 1000,
  };
}
