/** Sending, deleting and hiding messages: one commit each, so that what is answered is on disk. */
import type { Clock } from "../../kernel/clock.ts";
import { LIMITS } from "../../kernel/limits.ts";
import { Conflict, type Database } from "../../ports/database.ts";
import type { Directory, Queue } from "./directory.ts";
import * as errors from "./errors.ts";
import { sendFifo, settleGroup } from "./fifo.ts";
import { readReceipt, type Receipt } from "./receipt.ts";
import { deleteMessage, findMessage, insertMessage, type NewMessage, type Standing } from "./store.ts";

export interface MailboxDeps {
  readonly database: Database;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly nextSeq: () => number;
  readonly arrived: (queue: Queue, count: number) => void;
}

/** What the operation has checked and knows; the mailbox adds time and number. */
export interface Letter {
  readonly messageId: string;
  readonly body: string;
  readonly bodyMd5: string;
  readonly attributes: string | null;
  readonly system: Readonly<Record<string, string>>;
  /** Standard queues: the message's own delay. */
  readonly delayMs: number | undefined;
  readonly groupId: string | undefined;
  /** FIFO queues: never undefined. */
  readonly deduplicationId: string | undefined;
}

export interface Posted {
  readonly messageId: string;
  /** FIFO only. */
  readonly seq: number | undefined;
}

export interface Mailbox {
  send(queue: Queue, letter: Letter): Promise<Posted>;
  /** Throws ReceiptHandleIsInvalid; for FIFO queues also InvalidParameterValue for an expired handle. */
  remove(queue: Queue, receiptHandle: string): Promise<void>;
  /** Hides a message for `timeoutMs` from now. Throws ReceiptHandleIsInvalid, InvalidParameterValue. */
  hide(queue: Queue, receiptHandle: string, timeoutMs: number): Promise<void>;
}

export function createMailbox(deps: MailboxDeps): Mailbox {
  const { database, directory, clock } = deps;

  function receiptOf(queue: Queue, handle: string): Receipt {
    const receipt = readReceipt(handle);
    if (receipt === undefined || receipt.queueId !== queue.id) throw errors.receiptHandleIsInvalid(handle);
    return receipt;
  }

  /** False after a purge, and for a handle put together by hand: it must reach no other queue's messages. */
  const isInBox = (queue: Queue, { boxId }: Receipt): boolean => boxId === directory.get(queue).boxId;

  async function removeFifo(queue: Queue, handle: string, receipt: Receipt): Promise<void> {
    const { boxId, seq, receive } = receipt;
    const message = await findMessage(database, boxId, seq);
    if (message === undefined) return;
    const now = clock.now();
    if (message.receives !== receive || message.visibleAt <= now) throw errors.receiptHandleExpired(handle);
    const unit = [...deleteMessage(boxId, seq, receive), ...settleGroup(boxId, message.groupId ?? "", now)];
    await ignoringMiss(database.commit(unit));
    deps.arrived(queue, 1);
  }

  /** Throws unless the message can be hidden: it is there, this receive is its latest. */
  function checkHideable(
    handle: string,
    receipt: Receipt,
    message: Standing | undefined,
    timeoutMs: number,
  ): asserts message is Standing {
    if (message === undefined || message.receives !== receipt.receive)
      throw errors.messageNotAvailable(handle);
    const hiddenForMs = clock.now() - (message.receivedAt ?? clock.now()) + timeoutMs;
    if (hiddenForMs <= LIMITS.sqsVisibilitySeconds * 1000) return;
    throw errors.invalidValue(
      timeoutMs / 1000,
      "VisibilityTimeout",
      `Total VisibilityTimeout for the message is beyond the limit [${String(LIMITS.sqsVisibilitySeconds)} seconds].`,
    );
  }

  return {
    async send(queue, letter) {
      const sentAt = clock.now();
      // A purge or a change of settings may have happened since the operation looked.
      const { boxId, settings } = directory.get(queue);
      const message: NewMessage = {
        seq: deps.nextSeq(),
        messageId: letter.messageId,
        body: letter.body,
        bodyMd5: letter.bodyMd5,
        attributes: letter.attributes,
        system: letter.system,
        sentAt,
        visibleAt: sentAt + (letter.delayMs ?? settings.delayMs),
        groupId: queue.fifo ? letter.groupId : undefined,
      };
      if (!queue.fifo) {
        await database.commit(insertMessage(boxId, message));
        deps.arrived(queue, 1);
        return { messageId: message.messageId, seq: undefined };
      }
      const sent = await sendFifo(
        database,
        { ...queue, boxId, settings },
        message,
        letter.deduplicationId ?? "",
      );
      if (!sent.repeated) deps.arrived(queue, 1);
      return { messageId: sent.messageId, seq: sent.seq };
    },

    async remove(queue, handle) {
      const receipt = receiptOf(queue, handle);
      if (!isInBox(queue, receipt)) return;
      if (queue.fifo) return removeFifo(queue, handle, receipt);
      const { boxId, seq, receive } = receipt;
      // A handle of an earlier receive deletes nothing, and AWS says so to nobody.
      await ignoringMiss(database.commit(deleteMessage(boxId, seq, receive)));
    },

    async hide(queue, handle, timeoutMs) {
      const receipt = receiptOf(queue, handle);
      const { boxId, seq, receive } = receipt;
      const message = isInBox(queue, receipt) ? await findMessage(database, boxId, seq) : undefined;
      checkHideable(handle, receipt, message, timeoutMs);
      const now = clock.now();
      if (queue.fifo && message.visibleAt <= now) throw errors.messageNotAvailable(handle);
      const hidden = await ignoringMiss(
        database.commit([
          {
            sql: "UPDATE sqs_messages SET visible_at = ? WHERE box_id = ? AND seq = ? AND receive_count = ?",
            params: [now + timeoutMs, boxId, seq, receive],
            expect: 1,
          },
          ...(message.groupId === undefined ? [] : settleGroup(boxId, message.groupId, now)),
        ]),
      );
      if (!hidden) throw errors.messageNotAvailable(handle);
      // Waiters set their alarm by the time it had before.
      deps.arrived(queue, 1);
    },
  };
}

/** False when the first guard of the unit did not hold: somebody else was faster. */
async function ignoringMiss(commit: Promise<unknown>): Promise<boolean> {
  try {
    await commit;
    return true;
  } catch (error) {
    if (error instanceof Conflict) return false;
    throw error;
  }
}
