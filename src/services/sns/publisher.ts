/**
 * Publish:
 *
 *   1. the message gets its id; of a FIFO topic also its number
 *   2. every subscription whose filter lets it through gets a delivery (fan-out.ts)
 *   3. deliveries, mails and, of a FIFO topic, the deduplication id are committed in one unit
 *   4. the caller is answered, and the relay delivers
 *
 * Between 1 and the call of `commit` a FIFO topic waits for nothing, so the order of calls is the
 * order of numbers and of rows.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { Outbox } from "../../ports/outbox.ts";
import type { Directory } from "./directory.ts";
import { fanOut, receivers, type Accepted, type FanOut } from "./fan-out.ts";
import type { MailBox } from "./mail.ts";
import type { Message } from "./message.ts";
import type { Topic } from "./model.ts";
import type { Platforms } from "./platforms.ts";
import { sequenceNumber } from "./sequence.ts";
import type { Signer } from "./signer.ts";

export interface Published {
  readonly MessageId: string;
  readonly SequenceNumber?: string;
}

export interface Origin {
  /** Base URL at which the endpoint is reached. */
  readonly endpoint: string;
  readonly traceHeader: string | undefined;
}

export interface Publisher {
  publish(topic: Topic, message: Message, origin: Origin): Promise<Published>;
}

/** AWS's deduplication interval. */
const DEDUPLICATION_MS = 300_000;
/** Old ids that are deleted with each new one. */
const SWEEP = 10;

export function createPublisher(deps: {
  readonly database: Database;
  readonly directory: Directory;
  readonly platforms: Pick<Platforms, "takesPushes">;
  readonly outbox: Outbox;
  readonly mailBox: MailBox;
  readonly signer: Signer;
  /** Numbers of FIFO messages. */
  readonly nextSeq: () => number;
  readonly clock: Clock;
  readonly random: Random;
}): Publisher {
  const { database, directory, platforms, outbox, mailBox, signer, clock, random, nextSeq } = deps;

  async function commit(out: FanOut, before: readonly Statement[]): Promise<void> {
    const unit = [...before, ...outbox.within(out.deliveries), ...mailBox.within(out.mails)];
    if (unit.length === 0) return;
    await database.commit(unit);
    outbox.wake(out.deliveries);
  }

  /** An endpoint that is disabled takes nothing. */
  function receiversOf(topic: Topic, message: Message): ReturnType<typeof receivers> {
    return receivers(directory.live(topic.arn), message).filter(
      ({ protocol, endpoint }) => protocol !== "application" || platforms.takesPushes(endpoint),
    );
  }

  function accept(topic: Topic, message: Message, origin: Origin, seq?: number): Accepted {
    return {
      topic,
      message,
      messageId: random.uuid(),
      timestamp: new Date(clock.now()).toISOString(),
      sequenceNumber: seq === undefined ? undefined : sequenceNumber(seq),
      deduplicationId: seq === undefined ? undefined : deduplicationIdOf(message),
      ...origin,
    };
  }

  async function publishStandard(topic: Topic, message: Message, origin: Origin): Promise<Published> {
    const accepted = accept(topic, message, origin);
    const to = receiversOf(topic, message);
    if (to.length > 0) await commit(await fanOut(accepted, to, signer, random), []);
    return { MessageId: accepted.messageId };
  }

  async function publishFifo(topic: Topic, message: Message, origin: Origin): Promise<Published> {
    const seq = nextSeq();
    const accepted = accept(topic, message, origin, seq);
    const out = fanOut(accepted, receiversOf(topic, message), signer, random);
    if (out instanceof Promise) throw new Error("messages of FIFO topics are not signed");
    const id = deduplicationKey(topic, message);
    try {
      await commit(out, remember(id, accepted.messageId, seq));
      return { MessageId: accepted.messageId, SequenceNumber: sequenceNumber(seq) };
    } catch (error) {
      const before = error instanceof Conflict ? await earlier(id) : undefined;
      if (before === undefined) throw error;
      return before;
    }
  }

  /** Misses when the id was taken in the last five minutes. */
  function remember(id: string, messageId: string, seq: number): readonly Statement[] {
    const now = clock.now();
    return [
      { sql: "DELETE FROM sns_deduplication WHERE id = ? AND expires_at <= ?", params: [id, now] },
      {
        sql: `DELETE FROM sns_deduplication WHERE id IN
          (SELECT id FROM sns_deduplication WHERE expires_at <= ? ORDER BY expires_at LIMIT ${String(SWEEP)})`,
        params: [now],
      },
      {
        sql: "INSERT INTO sns_deduplication (id, message_id, seq, expires_at) VALUES (?, ?, ?, ?)",
        params: [id, messageId, seq, now + DEDUPLICATION_MS],
        expect: 1,
      },
    ];
  }

  /** The answer of the message that was first. */
  async function earlier(id: string): Promise<Published | undefined> {
    const [row] = await database.read<{ message_id: string; seq: number | bigint }>(
      "SELECT message_id, seq FROM sns_deduplication WHERE id = ?",
      [id],
    );
    if (row === undefined) return undefined;
    return { MessageId: row.message_id, SequenceNumber: sequenceNumber(Number(row.seq)) };
  }

  return {
    publish: (topic, message, origin) =>
      topic.fifo ? publishFifo(topic, message, origin) : publishStandard(topic, message, origin),
  };
}

/** What was numbered before: the last messages are still remembered. */
export async function largestNumber(database: Database): Promise<number> {
  const [row] = await database.read<{ largest: number | bigint | null }>(
    "SELECT MAX(seq) AS largest FROM sns_deduplication",
  );
  return Number(row?.largest ?? 0);
}

/** The given id, else the digest of the message without its attributes. */
function deduplicationIdOf({ deduplicationId, standard }: Message): string {
  return deduplicationId ?? createHash("sha256").update(standard, "utf8").digest("hex");
}

/** Ids hold for the topic, or for a group where the topic says so. */
function deduplicationKey(topic: Topic, message: Message): string {
  const group = topic.attributes["FifoThroughputScope"] === "MessageGroup" ? (message.groupId ?? "") : "";
  return [topic.id, group, deduplicationIdOf(message)].join("\n");
}
