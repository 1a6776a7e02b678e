/**
 * The queues of all accounts and regions, in memory: there are few, and every request needs one. The rows
 * are the truth; a change is committed first and then seen.
 */
import type { Clock } from "../../kernel/clock.ts";
import { sameScope, type Scope } from "../../kernel/scope.ts";
import { optionalNumber } from "../../ports/columns.ts";
import type { Database, Statement } from "../../ports/database.ts";
import { settingsOf, type Attributes, type Settings } from "./attributes.ts";
import * as errors from "./errors.ts";
import { parseQueueArn, queueArn, type QueueName } from "./names.ts";

export interface Queue extends QueueName {
  readonly id: number;
  /** Where its messages lie; a purge changes it. */
  readonly boxId: number;
  readonly arn: string;
  readonly fifo: boolean;
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly purgedAt: number | undefined;
  readonly attributes: Attributes;
  readonly settings: Settings;
  readonly tags: Readonly<Record<string, string>>;
}

interface QueueRow {
  readonly queue_id: number;
  readonly box_id: number;
  readonly account_id: string;
  readonly region: string;
  readonly name: string;
  readonly created_at: number;
  readonly modified_at: number;
  readonly purged_at: number | null;
  readonly attributes: string;
  readonly tags: string;
}

export interface Directory {
  find(name: QueueName): Queue | undefined;
  /** Throws QueueDoesNotExist. */
  get(name: QueueName): Queue;
  byArn(arn: string): Queue | undefined;
  /** Sorted by name. */
  list(scope: Scope): readonly Queue[];
  all(): Iterable<Queue>;
  create(queue: NewQueue): Promise<Queue>;
  /**
   * One change after the other: `change` sees what the one before left. `more` goes into the same unit.
   * Throws QueueDoesNotExist.
   */
  update(
    name: QueueName,
    change: (queue: Queue) => QueueChange,
    more?: (queue: Queue) => readonly Statement[],
  ): Promise<Queue>;
  /** Gives the queue an empty box. Messages sent from now on lie in it. */
  purge(name: QueueName, boxId: number): Promise<void>;
  remove(name: QueueName): Promise<void>;
  /** Epoch milliseconds at which a queue of this name was deleted within the last minute. */
  deletedAt(name: QueueName): Promise<number | undefined>;
}

export interface NewQueue extends QueueName {
  readonly id: number;
  readonly boxId: number;
  readonly attributes: Attributes;
  readonly tags: Readonly<Record<string, string>>;
}

export interface QueueChange {
  readonly attributes?: Attributes;
  readonly tags?: Readonly<Record<string, string>>;
}

/** How long a name stays taken after DeleteQueue. */
export const RENAME_AFTER_MS = 60_000;

const key = ({ accountId, region, name }: QueueName): string => `${accountId}/${region}/${name}`;

export async function openDirectory(database: Database, clock: Clock): Promise<Directory> {
  const queues = new Map<string, Queue>();
  for (const row of await database.read<QueueRow>("SELECT * FROM sqs_queues")) {
    const queue = fromRow(row);
    queues.set(key(queue), queue);
  }
  let turn: Promise<unknown> = Promise.resolve();

  /** Changes of configuration happen one after the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  function get(name: QueueName): Queue {
    const queue = queues.get(key(name));
    if (queue === undefined) throw errors.queueDoesNotExist(queueArn(name));
    return queue;
  }

  return {
    get,
    find: (name) => queues.get(key(name)),
    byArn(arn) {
      const name = parseQueueArn(arn);
      return name === undefined ? undefined : queues.get(key(name));
    },
    list: (scope) =>
      [...queues.values()]
        .filter((queue) => sameScope(queue, scope))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    all: () => queues.values(),

    create: (made) =>
      inTurn(async () => {
        const existing = queues.get(key(made));
        if (existing !== undefined) return existing;
        const now = clock.now();
        const queue: Queue = {
          ...made,
          arn: queueArn(made),
          fifo: made.name.endsWith(".fifo"),
          createdAt: now,
          modifiedAt: now,
          purgedAt: undefined,
          settings: settingsOf(made.attributes),
        };
        const { accountId, region, name } = made;
        await database.commit([
          insertRow(queue),
          {
            sql: "DELETE FROM sqs_deleted_queues WHERE account_id = ? AND region = ? AND name = ?",
            params: [accountId, region, name],
          },
        ]);
        queues.set(key(queue), queue);
        return queue;
      }),

    update: (name, change, more) =>
      inTurn(async () => {
        const before = get(name);
        const { attributes = before.attributes, tags = before.tags } = change(before);
        const settings = settingsOf(attributes);
        const modifiedAt = clock.now();
        const after: Queue = { ...before, attributes, tags, settings, modifiedAt };
        await database.commit([
          {
            sql: "UPDATE sqs_queues SET attributes = ?, tags = ?, modified_at = ? WHERE queue_id = ?",
            params: [JSON.stringify(attributes), JSON.stringify(tags), modifiedAt, before.id],
            expect: 1,
          },
          ...(more?.(after) ?? []),
        ]);
        queues.set(key(after), { ...after, boxId: get(name).boxId, purgedAt: get(name).purgedAt });
        return after;
      }),

    purge: (name, boxId) =>
      inTurn(async () => {
        const before = get(name);
        const purgedAt = clock.now();
        // Units take effect in the order of their calls: what is sent from here on is in the new box.
        queues.set(key(before), { ...before, boxId, purgedAt });
        try {
          await database.commit([
            {
              sql: "UPDATE sqs_queues SET box_id = ?, purged_at = ? WHERE queue_id = ?",
              params: [boxId, purgedAt, before.id],
              expect: 1,
            },
            { sql: "INSERT INTO sqs_garbage (box_id) VALUES (?)", params: [before.boxId] },
          ]);
        } catch (error) {
          queues.set(key(before), before);
          throw error;
        }
      }),

    remove: (name) =>
      inTurn(async () => {
        const queue = get(name);
        queues.delete(key(queue));
        const { accountId, region } = queue;
        try {
          await database.commit([
            { sql: "DELETE FROM sqs_queues WHERE queue_id = ?", params: [queue.id], expect: 1 },
            { sql: "INSERT INTO sqs_garbage (box_id) VALUES (?)", params: [queue.boxId] },
            {
              sql: `INSERT INTO sqs_deleted_queues (account_id, region, name, deleted_at) VALUES (?, ?, ?, ?)
                ON CONFLICT (account_id, region, name) DO UPDATE SET deleted_at = excluded.deleted_at`,
              params: [accountId, region, queue.name, clock.now()],
            },
          ]);
        } catch (error) {
          queues.set(key(queue), queue);
          throw error;
        }
      }),

    async deletedAt({ accountId, region, name }) {
      const [row] = await database.read<{ deleted_at: number }>(
        "SELECT deleted_at FROM sqs_deleted_queues WHERE account_id = ? AND region = ? AND name = ? AND deleted_at > ?",
        [accountId, region, name, clock.now() - RENAME_AFTER_MS],
      );
      return row?.deleted_at;
    },
  };
}

function insertRow(queue: Queue): Statement {
  return {
    sql: `INSERT INTO sqs_queues
      (queue_id, box_id, account_id, region, name, created_at, modified_at, attributes, tags)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    params: [
      queue.id,
      queue.boxId,
      queue.accountId,
      queue.region,
      queue.name,
      queue.createdAt,
      queue.modifiedAt,
      JSON.stringify(queue.attributes),
      JSON.stringify(queue.tags),
    ],
  };
}

function fromRow(row: QueueRow): Queue {
  const name = { accountId: row.account_id, region: row.region, name: row.name };
  const attributes = JSON.parse(row.attributes) as Attributes;
  return {
    ...name,
    id: Number(row.queue_id),
    boxId: Number(row.box_id),
    arn: queueArn(name),
    fifo: row.name.endsWith(".fifo"),
    createdAt: Number(row.created_at),
    modifiedAt: Number(row.modified_at),
    purgedAt: optionalNumber(row.purged_at),
    attributes,
    settings: settingsOf(attributes),
    tags: JSON.parse(row.tags) as Record<string, string>,
  };
}
