/**
 * ReceiveMessage, from the look into the queue to the bodies:
 *
 * 1. Is anything visible, by a read? If so take it (standard.ts, fifo.ts), which commits.
 * 2. Nothing: wait as long as the caller wants to (waiting.ts), and look again.
 * 3. A caller that hung up meanwhile gets nothing taken; what was taken in that moment is given back.
 */
import type { Clock } from "../../kernel/clock.ts";
import { LIMITS } from "../../kernel/limits.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import type { Directory, Queue } from "./directory.ts";
import * as errors from "./errors.ts";
import { fifoReadyAt, settleGroup, takeFifo } from "./fifo.ts";
import { standardReadyAt, takeStandard, type Take, type Taken } from "./standard.ts";
import { findMessage, withBodies, type Lease, type Received } from "./store.ts";
import type { Waiting } from "./waiting.ts";

export interface ReceiverDeps {
  readonly database: Database;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly waiting: Waiting;
  readonly nextSeq: () => number;
  /** Tells those who wait that messages came into a queue. */
  readonly arrived: (queue: Queue, count: number) => void;
  /** Deletes what is past its retention. Resolves with how many messages. */
  readonly expire: (queue: Queue) => Promise<number>;
}

export interface ReceiveOptions {
  readonly max: number;
  readonly visibilityTimeoutMs: number;
  readonly waitMs: number;
  readonly signal: AbortSignal;
  /** FIFO: repeats an earlier receive whose answer was lost. */
  readonly attemptId: string | undefined;
}

export interface ReceivedBatch {
  /** As it was when they were taken: their receipts name its box. */
  readonly queue: Queue;
  readonly messages: readonly Received[];
}

export interface Receiver {
  receive(queue: Queue, options: ReceiveOptions): Promise<ReceivedBatch>;
}

/** For how long a receive can be repeated. */
const ATTEMPT_MS = 300_000;
const ATTEMPTS_MAX = 10_000;
/** How many messages in flight are looked for before all are counted, in the writer's thread. */
const FEW_IN_FLIGHT = 1000;
/** Takes of one look, each of which may bury a hundred messages. */
const ROUNDS_MAX = 20;
/** How often a long poll looks at a queue that has messages and must give none. */
const LOOK_AGAIN_MS = 1000;

interface Attempt {
  readonly at: number;
  readonly queue: Queue;
  readonly leases: readonly Lease[];
}

export function createReceiver(deps: ReceiverDeps): Receiver {
  const { database, directory, clock, waiting } = deps;
  const attempts = new Map<string, Attempt>();
  /** How many more messages may be taken before those in flight have to be counted again. */
  const rooms = new Map<number, number>();
  const turns = new Map<number, Promise<unknown>>();

  /** Receives of one FIFO queue follow each other, so that they do not fight over its groups. */
  function inTurn<T>(queueId: number, work: () => Promise<T>): Promise<T> {
    const mine = (turns.get(queueId) ?? Promise.resolve()).then(work);
    const settled = mine.then(
      () => undefined,
      () => undefined,
    );
    turns.set(queueId, settled);
    void settled.then(() => {
      if (turns.get(queueId) === settled) turns.delete(queueId);
    });
    return mine;
  }

  function readyAt(queue: Queue): Promise<number | undefined> {
    return queue.fifo ? fifoReadyAt(database, queue) : standardReadyAt(database, queue, clock.now());
  }

  function deadLetterOf(queue: Queue): Take["deadLetter"] {
    const { redrive } = queue.settings;
    const target = redrive === undefined ? undefined : directory.byArn(redrive.deadLetterTargetArn);
    if (redrive === undefined || target === undefined || target.fifo !== queue.fifo) return undefined;
    return { queue: target, maxReceiveCount: redrive.maxReceiveCount };
  }

  async function take(queue: Queue, max: number, visibilityTimeoutMs: number): Promise<Taken> {
    const now = clock.now();
    const terms: Take = { now, max, visibilityTimeoutMs, deadLetter: deadLetterOf(queue) };
    const taken = queue.fifo
      ? await inTurn(queue.id, () => takeFifo(database, queue, { ...terms, now: clock.now() }, deps.nextSeq))
      : await takeStandard(database, queue, terms);
    if (taken.moved > 0 && terms.deadLetter !== undefined) deps.arrived(terms.deadLetter.queue, taken.moved);
    rooms.set(queue.id, (rooms.get(queue.id) ?? 0) - taken.leases.length);
    return taken;
  }

  /**
   * One look. Messages that went to the dead-letter queue make room for the next ones; a queue of nothing
   * else is emptied over several receives.
   */
  async function look(queue: Queue, options: ReceiveOptions): Promise<readonly Lease[]> {
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const at = await readyAt(queue);
      if (at === undefined || at > clock.now() || options.signal.aborted) return [];
      const max = Math.min(options.max, await room(queue));
      if (max === 0) {
        if (!queue.fifo && options.waitMs === 0) throw overInFlight();
        return [];
      }
      const { leases, moved } = await take(queue, max, options.visibilityTimeoutMs);
      if (leases.length > 0) return leases;
      // A group was ready and gave nothing: what lies at its head may be past its retention.
      if (moved === 0 && (!queue.fifo || (await deps.expire(queue)) === 0)) return leases;
    }
    return [];
  }

  async function room(queue: Queue): Promise<number> {
    const left = rooms.get(queue.id) ?? 0;
    if (left >= 10) return left;
    const inFlight = (limit: number): Statement => ({
      sql: `SELECT COUNT(*) AS count FROM (SELECT 1 FROM sqs_messages
        WHERE box_id = ? AND visible_at > ? AND receive_count > 0 LIMIT ?) AS flying`,
      params: [queue.boxId, clock.now(), limit],
    });
    const few = inFlight(FEW_IN_FLIGHT);
    const [row] = await database.read<{ count: number }>(few.sql, few.params);
    let count = Number(row?.count);
    if (count === FEW_IN_FLIGHT) {
      const [rows] = await database.commit([inFlight(LIMITS.sqsInFlight)]);
      count = Number(rows?.[0]?.["count"]);
    }
    rooms.set(queue.id, LIMITS.sqsInFlight - count);
    return LIMITS.sqsInFlight - count;
  }

  async function giveBack(queue: Queue, leases: readonly Lease[]): Promise<void> {
    const now = clock.now();
    for (const { seq, receives } of leases) {
      const groupId = queue.fifo ? (await findMessage(database, queue.boxId, seq))?.groupId : undefined;
      await database.commit([
        {
          sql: `UPDATE sqs_messages SET visible_at = ?, receive_count = receive_count - 1
            WHERE box_id = ? AND seq = ? AND receive_count = ?`,
          params: [now, queue.boxId, seq, receives],
        },
        ...(groupId === undefined ? [] : settleGroup(queue.boxId, groupId, now)),
      ]);
    }
    deps.arrived(queue, leases.length);
  }

  async function repeatAttempt(key: string, visibilityTimeoutMs: number): Promise<Attempt | undefined> {
    const attempt = attempts.get(key);
    if (attempt === undefined || attempt.at <= clock.now() - ATTEMPT_MS) return undefined;
    const { queue, leases } = attempt;
    const now = clock.now();
    const until = now + visibilityTimeoutMs;
    const groups = new Set<string>();
    for (const { seq } of leases) {
      const message = await findMessage(database, queue.boxId, seq);
      if (message?.groupId !== undefined) groups.add(message.groupId);
    }
    try {
      await database.commit([
        ...leases.map(({ seq, receives }) => ({
          sql: `UPDATE sqs_messages SET visible_at = ?
            WHERE box_id = ? AND seq = ? AND receive_count = ? AND visible_at > ?`,
          params: [until, queue.boxId, seq, receives, now],
          expect: 1,
        })),
        ...[...groups].flatMap((groupId) => settleGroup(queue.boxId, groupId, now)),
      ]);
      return attempt;
    } catch (error) {
      // A message was deleted or became visible: the attempt is over.
      if (error instanceof Conflict) return undefined;
      throw error;
    }
  }

  function remember(key: string, attempt: Attempt): void {
    attempts.delete(key);
    attempts.set(key, attempt);
    for (const [oldest, { at }] of attempts) {
      if (attempts.size <= ATTEMPTS_MAX && at > clock.now() - ATTEMPT_MS) return;
      attempts.delete(oldest);
    }
  }

  return {
    async receive(asked, options) {
      const { signal, attemptId, waitMs } = options;
      const attemptKey = attemptId === undefined ? undefined : `${String(asked.id)} ${attemptId}`;
      if (attemptKey !== undefined) {
        const again = await repeatAttempt(attemptKey, options.visibilityTimeoutMs);
        if (again !== undefined) {
          return { queue: again.queue, messages: await withBodies(database, again.leases) };
        }
      }
      const deadline = clock.now() + waitMs;
      for (;;) {
        const queue = directory.get(asked);
        if (queue.id !== asked.id) throw errors.queueDoesNotExist(asked.arn);
        const version = waiting.version(queue.id);
        const leases = await look(queue, options);
        if (leases.length > 0 && signal.aborted) {
          await giveBack(queue, leases);
          return { queue, messages: [] };
        }
        if (leases.length > 0) {
          if (attemptKey !== undefined) remember(attemptKey, { at: clock.now(), queue, leases });
          return { queue, messages: await withBodies(database, leases) };
        }
        // The wake-up may have been for this one: another gets it.
        if (signal.aborted) waiting.wake(queue.id, 1);
        const now = clock.now();
        if (now >= deadline || signal.aborted || waiting.closed) return { queue, messages: [] };
        const next = await readyAt(queue);
        // What is ready and was not had cannot be had now: too much is in flight.
        const soonest = next !== undefined && next <= now ? now + LOOK_AGAIN_MS : (next ?? deadline);
        await waiting.wait(queue.id, version, Math.min(deadline, soonest) - now, signal);
      }
    },
  };
}

function overInFlight(): Error {
  return errors.overLimit(
    `The maximum number of in flight messages is reached: ${String(LIMITS.sqsInFlight)}. Delete messages after you have processed them.`,
  );
}
