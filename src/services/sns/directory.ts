/**
 * Topics and subscriptions: rows in the database, and those of the topics in use also in memory, with their
 * filters compiled. Several servers may share the database, so nothing in memory is believed by itself:
 *
 *   1. A topic and its subscriptions have one revision, which changes with each of them, in the same unit.
 *   2. Whoever reads a topic reads its revision from the row first; what is in memory is used if it has it.
 *   3. A change is decided on what was read, and committed only if the topic still has that revision. Where
 *      another server was faster, it is decided again.
 *
 * So whoever was answered has changed what every server does next; no server is ever behind.
 */
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";
import type { Scope } from "../../kernel/scope.ts";
import { Conflict, type Database, type Statement } from "../../ports/database.ts";
import * as errors from "./errors.ts";
import { compileFilter, type Filter } from "./filter.ts";
import { isActive, type Subscription, type Topic } from "./model.ts";
import { deleteSubscription, fence, putSubscription, shownUntil, tokenUntil } from "./rows.ts";
import { FOREVER } from "./schema.ts";
import { filterOf } from "./subscription-attributes.ts";

/** A subscription with its filter, ready for the next message. */
export interface Live {
  readonly subscription: Subscription;
  readonly filter: Filter | undefined;
}

/** A topic with its subscriptions, as they were at one moment. */
export interface Entry {
  readonly topic: Topic;
  /** Those that are gone but can be brought back are not among them. */
  subscription(arn: string): Subscription | undefined;
  /** In the order in which they were made. */
  subscriptions(): readonly Subscription[];
  /** Those that messages go to. */
  live(): Iterable<Live>;
  counts(): { readonly confirmed: number; readonly pending: number };
}

/** What becomes of a topic and its subscriptions, in one unit, and what the caller is answered. */
export interface Decision<T> {
  readonly answer: T;
  /** The topic from now on; `gone` with all its subscriptions; absent: as it was. */
  readonly topic?: Topic | "gone";
  readonly put?: readonly Subscription[];
  readonly remove?: readonly Subscription[];
  /** What is committed with it, and what is done then. */
  readonly also?: readonly Statement[];
  readonly done?: () => void;
}

export interface Directory {
  find(topicArn: string): Promise<Entry | undefined>;
  /** ARNs after `after`, in their order. */
  topicsOf(scope: Scope, after: string, limit: number): Promise<readonly string[]>;
  countTopics(scope: Scope, fifo: boolean): Promise<number>;
  /** An account's subscriptions in a region, those after `after` in the order of their ARNs. */
  ofOwner(scope: Scope, after: string, limit: number): Promise<readonly Subscription[]>;
  countOfOwner(scope: Scope): Promise<{ readonly pending: number; readonly filtered: number }>;
  /** The subscription that a token confirms or brings back, for as long as it does. */
  byToken(token: string): Promise<Subscription | undefined>;
  /**
   * Decides on the topic as it is (undefined: there is none) and commits that. `decide` may run several
   * times; what it decided last holds. Changes of one topic in one process take their turns.
   */
  change<T>(
    topicArn: string,
    decide: (entry: Entry | undefined) => Decision<T> | Promise<Decision<T>>,
  ): Promise<T>;
}

/** Topics in memory; the one that was not used for the longest goes. */
const TOPICS_MAX = 2_000;
/** How often a change is decided before it is given up. */
const ATTEMPTS = 20;

interface Held {
  revision: string;
  topic: Topic;
  readonly all: Map<string, Live>;
}

export function createDirectory(database: Database, clock: Clock, random: Random): Directory {
  const held = new Map<string, Held>();
  /** The last change of each topic that is being changed. */
  const turns = new Map<string, Promise<unknown>>();

  async function current(arn: string): Promise<Held | undefined> {
    const known = held.get(arn);
    if (known !== undefined) {
      const [row] = await database.read<{ revision: string }>(
        "SELECT revision FROM sns_topics WHERE arn = ?",
        [arn],
      );
      held.delete(arn);
      if (row?.revision === known.revision) {
        held.set(arn, known);
        return known;
      }
    }
    return load(arn);
  }

  async function load(arn: string): Promise<Held | undefined> {
    // One statement: it sees the topic and its subscriptions at one moment.
    const rows = await database.read<{ revision: string; body: string }>(
      `SELECT revision, body FROM sns_topics WHERE arn = ?
        UNION ALL SELECT '', body FROM sns_subscriptions WHERE topic_arn = ?`,
      [arn, arn],
    );
    const row = rows.find(({ revision }) => revision !== "");
    if (row === undefined) return undefined;
    const subscriptions = rows
      .filter(({ revision }) => revision === "")
      .map(({ body }) => JSON.parse(body) as Subscription)
      .toSorted((a, b) => a.createdAt - b.createdAt);
    const all = new Map(subscriptions.map((one) => [one.arn, liveOf(one)]));
    const found = { revision: row.revision, topic: JSON.parse(row.body) as Topic, all };
    held.set(arn, found);
    for (const [oldest] of held) {
      if (held.size <= TOPICS_MAX) break;
      held.delete(oldest);
    }
    return found;
  }

  const isShown = (subscription: Subscription): boolean => shownUntil(subscription) > clock.now();

  function entryOf({ topic, all }: Held): Entry {
    const subscriptions = (): readonly Subscription[] =>
      [...all.values()].map(({ subscription }) => subscription).filter(isShown);
    return {
      topic,
      subscriptions,
      subscription(arn) {
        const found = all.get(arn)?.subscription;
        return found !== undefined && isShown(found) ? found : undefined;
      },
      *live() {
        for (const one of all.values()) if (isActive(one.subscription)) yield one;
      },
      counts() {
        const shown = subscriptions();
        const pending = shown.filter((one) => one.pending).length;
        return { confirmed: shown.length - pending, pending };
      },
    };
  }

  async function attempt<T>(
    arn: string,
    decide: (entry: Entry | undefined) => Decision<T> | Promise<Decision<T>>,
  ): Promise<{ readonly answer: T } | undefined> {
    const before = await current(arn);
    const decision = await decide(before === undefined ? undefined : entryOf(before));
    const { topic = before?.topic, put = [], also = [], done } = decision;
    const isNothing = decision.topic === undefined && put.length === 0 && decision.remove === undefined;
    if (isNothing && also.length === 0) return decision;
    const remove = [...(decision.remove ?? []), ...overdue(before, put)];
    const revision = random.uuid();
    const unit: Statement[] = [];
    if (!isNothing) {
      if (topic === undefined) throw new Error("there is no topic to change");
      unit.push(fence(arn, topic, before?.revision, revision));
      if (topic === "gone")
        unit.push({ sql: "DELETE FROM sns_subscriptions WHERE topic_arn = ?", params: [arn] });
      unit.push(...remove.map(deleteSubscription), ...put.map(putSubscription));
    }
    try {
      await database.commit([...unit, ...also]);
    } catch (error) {
      if (error instanceof Conflict) return undefined;
      throw error;
    }
    if (before !== undefined && held.get(arn) === before) {
      if (topic === "gone") held.delete(arn);
      else if (!isNothing) apply(before, { topic: topic ?? before.topic, put, remove, revision });
    }
    done?.();
    return decision;
  }

  /** What nobody confirmed in time goes with the next subscription that changes. */
  function overdue(before: Held | undefined, put: readonly Subscription[]): readonly Subscription[] {
    if (before === undefined || put.length === 0) return [];
    const named = new Set(put.map(({ arn }) => arn));
    return [...before.all.values()]
      .map(({ subscription }) => subscription)
      .filter((one) => !named.has(one.arn) && tokenUntil(one) <= clock.now());
  }

  return {
    async find(arn) {
      const found = await current(arn);
      return found === undefined ? undefined : entryOf(found);
    },
    async topicsOf({ accountId, region }, after, limit) {
      const rows = await database.read<{ arn: string }>(
        "SELECT arn FROM sns_topics WHERE account = ? AND region = ? AND arn > ? ORDER BY arn LIMIT ?",
        [accountId, region, after, limit],
      );
      return rows.map(({ arn }) => arn);
    },
    async countTopics({ accountId, region }, fifo) {
      const [row] = await database.read<{ n: number | bigint }>(
        "SELECT COUNT(*) AS n FROM sns_topics WHERE account = ? AND region = ? AND fifo = ?",
        [accountId, region, String(fifo)],
      );
      return Number(row?.n ?? 0);
    },
    async ofOwner({ accountId, region }, after, limit) {
      const rows = await database.read<{ body: string }>(
        `SELECT body FROM sns_subscriptions WHERE owner = ? AND region = ? AND arn > ? AND shown_until > ?
          ORDER BY arn LIMIT ?`,
        [accountId, region, after, clock.now(), limit],
      );
      return rows.map(({ body }) => JSON.parse(body) as Subscription);
    },
    async countOfOwner({ accountId, region }) {
      const [row] = await database.read<Record<"pending" | "filtered", number | bigint | null>>(
        `SELECT SUM(CASE WHEN shown_until < ? THEN 1 ELSE 0 END) AS pending,
            SUM(CASE WHEN filtered = 'true' THEN 1 ELSE 0 END) AS filtered
          FROM sns_subscriptions WHERE owner = ? AND region = ? AND shown_until > ?`,
        [FOREVER, accountId, region, clock.now()],
      );
      return { pending: Number(row?.pending ?? 0), filtered: Number(row?.filtered ?? 0) };
    },
    async byToken(token) {
      const [row] = await database.read<{ body: string }>(
        "SELECT body FROM sns_subscriptions WHERE token = ?",
        [token],
      );
      const found = row === undefined ? undefined : (JSON.parse(row.body) as Subscription);
      return found === undefined || tokenUntil(found) <= clock.now() ? undefined : found;
    },
    change(arn, decide) {
      const done = (turns.get(arn) ?? Promise.resolve()).then(async () => {
        for (let count = 0; count < ATTEMPTS; count += 1) {
          const settled = await attempt(arn, decide);
          if (settled !== undefined) return settled.answer;
        }
        throw errors.busy();
      });
      const turn = done
        .catch(() => undefined)
        .finally(() => {
          if (turns.get(arn) === turn) turns.delete(arn);
        });
      turns.set(arn, turn);
      return done;
    },
  };
}

function liveOf(subscription: Subscription): Live {
  const policy = filterOf(subscription.attributes);
  return {
    subscription,
    filter: policy === undefined ? undefined : compileFilter(policy.text, policy.scope),
  };
}

function apply(
  to: Held,
  change: {
    readonly topic: Topic;
    readonly put: readonly Subscription[];
    readonly remove: readonly Subscription[];
    readonly revision: string;
  },
): void {
  to.topic = change.topic;
  to.revision = change.revision;
  for (const { arn } of change.remove) to.all.delete(arn);
  for (const one of change.put) to.all.set(one.arn, liveOf(one));
}
