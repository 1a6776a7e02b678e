/**
 * Publish:
 *
 *   1. the message gets its id; of a FIFO topic also its number. What the topic's data protection policy
 *      denies is refused before, what it hides is hidden (data-protection.ts)
 *   2. every subscription whose filter lets it through gets a delivery (fan-out.ts)
 *   3. deliveries, mails and, of a FIFO topic, the deduplication id are committed in one unit
 *   4. the caller is answered, and the relay delivers
 *
 * Between 1 and the call of `commit` a FIFO topic waits for nothing, so the order of calls is the
 * order of numbers and of rows. Of several servers that one's message comes first that commits first: the
 * topic's row keeps the last number, and who comes with a smaller one takes another.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { Outbox } from "../../ports/outbox.ts";
import { protectedMessage } from "./data-protection.ts";
import type { Entry } from "./directory.ts";
import * as errors from "./errors.ts";
import { fanOut, receivers, type Accepted, type FanOut } from "./fan-out.ts";
import type { MailBox } from "./mail.ts";
import type { Message } from "./message.ts";
import type { Subscription, Topic } from "./model.ts";
import type { Platforms } from "./platforms.ts";
import { createSequence, sequenceNumber } from "./sequence.ts";
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
  publish(to: Entry, message: Message, origin: Origin): Promise<Published>;
}

/** AWS's deduplication interval. */
const DEDUPLICATION_MS = 300_000;
/** Old ids that are deleted with each new one. */
const SWEEP = 10;
/** How often a message takes another number. */
const ATTEMPTS = 20;

export function createPublisher(deps: {
  readonly database: Database;
  readonly platforms: Pick<Platforms, "takesPushes">;
  readonly outbox: Outbox;
  readonly mailBox: MailBox;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly random: Random;
}): Publisher {
  const { database, platforms, outbox, mailBox, signer, clock, random } = deps;
  const nextSeq = createSequence(clock);

  async function commit(out: FanOut, before: readonly Statement[]): Promise<void> {
    const unit = [...before, ...outbox.within(out.deliveries), ...mailBox.within(out.mails)];
    if (unit.length === 0) return;
    await database.commit(unit);
    outbox.wake(out.deliveries);
  }

  /** An endpoint that is disabled takes nothing. */
  async function takers(to: readonly Subscription[]): Promise<readonly Subscription[]> {
    if (!to.some(({ protocol }) => protocol === "application")) return to;
    const open = await Promise.all(
      to.map(({ protocol, endpoint }) => protocol !== "application" || platforms.takesPushes(endpoint)),
    );
    return to.filter((_one, at) => open[at] === true);
  }

  /** What goes out, and to whom: to nobody what the topic's data protection policy holds back. */
  function leaving(
    entry: Entry,
    message: Message,
  ): { readonly message: Message; readonly to: readonly Subscription[] } {
    const out = protectedMessage(entry.topic, message, "Outbound");
    return out === undefined ? { message, to: [] } : { message: out, to: receivers(entry.live(), message) };
  }

  function accept(topic: Topic, message: Message, origin: Origin, seq?: number): Accepted {
    return {
      topic,
      message,
      messageId: random.uuid(),
      timestamp: new Date(clock.now()).toISOString(),
      sequenceNumber: seq === undefined ? undefined : sequenceNumber(seq),
      orderNumber: seq,
      deduplicationId: seq === undefined ? undefined : deduplicationIdOf(message),
      ...origin,
    };
  }

  async function publishStandard(entry: Entry, message: Message, origin: Origin): Promise<Published> {
    const out = leaving(entry, message);
    const accepted = accept(entry.topic, out.message, origin);
    const to = await takers(out.to);
    if (to.length > 0) await commit(await fanOut(accepted, to, signer, random), []);
    return { MessageId: accepted.messageId };
  }

  async function publishFifo(entry: Entry, message: Message, origin: Origin): Promise<Published> {
    const { topic } = entry;
    const id = deduplicationKey(topic, message);
    let floor = 0;
    for (let count = 0; count < ATTEMPTS; count += 1) {
      const seq = nextSeq(floor);
      const left = leaving(entry, message);
      const accepted = accept(topic, left.message, origin, seq);
      const out = fanOut(accepted, left.to, signer, random);
      if (out instanceof Promise) throw new Error("messages of FIFO topics are not signed");
      try {
        await commit(out, [...remember(id, accepted.messageId, seq), number(topic, seq)]);
        return { MessageId: accepted.messageId, SequenceNumber: sequenceNumber(seq) };
      } catch (error) {
        if (!(error instanceof Conflict)) throw error;
        const before = await earlier(id);
        if (before !== undefined) return before;
        floor = await lastNumber(topic);
      }
    }
    throw errors.busy();
  }

  /** Misses when a greater number was given meanwhile, or the topic is gone. */
  function number({ arn }: Topic, seq: number): Statement {
    return {
      sql: "UPDATE sns_topics SET sequence = ? WHERE arn = ? AND sequence < ?",
      params: [seq, arn, seq],
      expect: 1,
    };
  }

  async function lastNumber({ arn }: Topic): Promise<number> {
    const [row] = await database.read<{ sequence: number | bigint }>(
      "SELECT sequence FROM sns_topics WHERE arn = ?",
      [arn],
    );
    if (row === undefined) throw errors.topicNotFound(arn);
    return Number(row.sequence);
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
    async publish(to, given, origin) {
      // Told apart as they came in: what is hidden in them may be the only difference.
      const own = to.topic.fifo ? { ...given, deduplicationId: deduplicationIdOf(given) } : given;
      const message = protectedMessage(to.topic, own, "Inbound");
      if (message === undefined) throw errors.dataDenied();
      return to.topic.fifo ? publishFifo(to, message, origin) : publishStandard(to, message, origin);
    },
  };
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
