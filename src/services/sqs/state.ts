/** Everything over the open file: made at the first request, and at the start where the file exists. */
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Database } from "../../ports/database.ts";
import type { Wakeup } from "../../ports/wakeup.ts";
import { openDirectory, type Directory, type Queue } from "./directory.ts";
import { createHousekeeping, type Housekeeping } from "./housekeeping.ts";
import { createMailbox, type Mailbox } from "./mailbox.ts";
import { createMover, type Mover } from "./mover.ts";
import { createReceiver, type Receiver } from "./receiver.ts";
import { createSequence } from "./sequence.ts";
import { createWaiting, type Waiting } from "./waiting.ts";

export interface SqsDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Opens sqs.db; called once, at the first request. */
  readonly openDatabase: () => Promise<Database>;
  /** Whether sqs.db exists: then the service starts with the server, to go on with what it was doing. */
  readonly hasData: () => boolean;
  /** Told of each queue (by ARN) into which something came. */
  readonly wakeup: Wakeup;
}

export interface State {
  readonly database: Database;
  readonly directory: Directory;
  readonly mailbox: Mailbox;
  readonly receiver: Receiver;
  readonly mover: Mover;
  readonly waiting: Waiting;
  readonly housekeeping: Housekeeping;
  readonly nextSeq: () => number;
  close(): Promise<void>;
}

export async function openState(deps: SqsDeps): Promise<State> {
  const { clock, random, log } = deps;
  const database = await deps.openDatabase();
  const directory = await openDirectory(database, clock);
  const nextSeq = createSequence(clock, await largestSeq(database));
  const waiting = createWaiting(clock);
  const housekeeping = createHousekeeping({ database, directory, clock, log });

  function arrived(queue: Queue, count: number): void {
    waiting.wake(queue.id, count);
    deps.wakeup.notify(queue.arn);
    housekeeping.due(clock.now() + queue.settings.retentionMs);
  }

  const shared = { database, directory, clock, nextSeq, arrived };
  const mailbox = createMailbox(shared);
  const receiver = createReceiver({
    ...shared,
    waiting,
    expire: housekeeping.expire,
  });
  const mover = createMover({ ...shared, random, log });
  housekeeping.due(clock.now());
  await mover.resume();
  return {
    database,
    directory,
    mailbox,
    receiver,
    mover,
    waiting,
    housekeeping,
    nextSeq,
    async close() {
      waiting.close();
      await mover.close();
      await housekeeping.close();
      await database.close();
    },
  };
}

async function largestSeq(database: Database): Promise<number> {
  const rows = await database.read<{ largest: number | null }>(
    `SELECT MAX(seq) AS largest FROM sqs_bodies
      UNION ALL SELECT MAX(seq) FROM sqs_deduplication
      UNION ALL SELECT MAX(box_id) FROM sqs_queues`,
  );
  return Math.max(0, ...rows.map((row) => Number(row.largest ?? 0)));
}
