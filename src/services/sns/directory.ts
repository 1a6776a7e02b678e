/**
 * Topics and subscriptions: rows in the database, and all of them in memory, with their filters compiled.
 * Changes are made one after the other (`exclusive`), committed, and then seen by everybody at once.
 */
import { arnParts } from "../../kernel/arn.ts";
import type { Clock } from "../../kernel/clock.ts";
import { sameScope, type Scope } from "../../kernel/scope.ts";
import type { Database, Statement } from "../../ports/database.ts";
import { compileFilter, type Filter } from "./filter.ts";
import { isActive, type Subscription, type Topic } from "./model.ts";
import { filterOf } from "./subscription-attributes.ts";

/** A subscription with its filter, ready for the next message. */
export interface Live {
  readonly subscription: Subscription;
  readonly filter: Filter | undefined;
}

export type Change =
  | { readonly put: "topic"; readonly topic: Topic }
  | { readonly put: "subscription"; readonly subscription: Subscription }
  | { readonly remove: "topic"; readonly arn: string }
  | { readonly remove: "subscription"; readonly subscription: Subscription };

export interface Directory {
  topic(arn: string): Topic | undefined;
  /** In the order of their ARNs. */
  topicsOf(scope: Scope): readonly Topic[];
  /** Those that are gone but can be brought back are not among them. */
  subscription(arn: string): Subscription | undefined;
  byToken(token: string): Subscription | undefined;
  /** In the order in which they were made. */
  ofTopic(topicArn: string): readonly Subscription[];
  /** Those that messages go to. */
  live(topicArn: string): Iterable<Live>;
  /** Of an account's subscriptions in a region. */
  ofOwner(scope: Scope): readonly Subscription[];
  counts(topicArn: string): { readonly confirmed: number; readonly pending: number };
  /** Runs `work` when every change before it is done. What it decides still holds when it commits. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  /** Within `exclusive`: commits the changes and what belongs to them in one unit. */
  commit(changes: readonly Change[], also?: readonly Statement[]): Promise<void>;
}

/** Pending confirmations, and ended subscriptions that could be brought back, are forgotten after this. */
const TOKEN_MS = 2 * 24 * 3600 * 1000;

export async function openDirectory(database: Database, clock: Clock): Promise<Directory> {
  const topics = new Map<string, Topic>();
  const subscriptions = new Map<string, Subscription>();
  const tokens = new Map<string, Subscription>();
  const byTopic = new Map<string, Map<string, Live>>();
  let last: Promise<unknown> = Promise.resolve();

  for (const row of await database.read<{ body: string }>("SELECT body FROM sns_topics")) {
    const topic = JSON.parse(row.body) as Topic;
    topics.set(topic.arn, topic);
  }
  const kept = (await database.read<{ body: string }>("SELECT body FROM sns_subscriptions")).map(
    (row) => JSON.parse(row.body) as Subscription,
  );
  for (const subscription of kept.toSorted((a, b) => a.createdAt - b.createdAt)) remember(subscription);

  function remember(subscription: Subscription): void {
    const { arn, topicArn, token, attributes } = subscription;
    subscriptions.set(arn, subscription);
    tokens.set(token, subscription);
    const policy = filterOf(attributes);
    const filter = policy === undefined ? undefined : compileFilter(policy.text, policy.scope);
    const those = byTopic.get(topicArn) ?? new Map<string, Live>();
    those.set(arn, { subscription, filter });
    byTopic.set(topicArn, those);
  }

  function forget({ arn, topicArn, token }: Subscription): void {
    subscriptions.delete(arn);
    tokens.delete(token);
    byTopic.get(topicArn)?.delete(arn);
  }

  function isOver({ pending, removedAt, createdAt }: Subscription): boolean {
    const since = removedAt ?? (pending ? createdAt : undefined);
    return since !== undefined && clock.now() - since > TOKEN_MS;
  }

  const isShown = (subscription: Subscription): boolean =>
    subscription.removedAt === undefined && !isOver(subscription);

  function ofTopic(topicArn: string): readonly Subscription[] {
    return [...(byTopic.get(topicArn)?.values() ?? [])]
      .map((one) => one.subscription)
      .filter((subscription) => isShown(subscription));
  }

  function apply(change: Change): void {
    if ("put" in change) {
      if (change.put === "topic") topics.set(change.topic.arn, change.topic);
      else remember(change.subscription);
    } else if (change.remove === "subscription") forget(change.subscription);
    else {
      topics.delete(change.arn);
      for (const { subscription } of byTopic.get(change.arn)?.values() ?? []) forget(subscription);
      byTopic.delete(change.arn);
    }
  }

  /** What nobody confirmed in time goes with the next change of its topic. */
  function expired(changes: readonly Change[]): readonly Change[] {
    const touched = new Set(
      changes.flatMap((one) => ("subscription" in one ? [one.subscription.topicArn] : [])),
    );
    const named = new Set(changes.flatMap((one) => ("subscription" in one ? [one.subscription.arn] : [])));
    return [...touched].flatMap((arn) =>
      [...(byTopic.get(arn)?.values() ?? [])].flatMap(({ subscription }) =>
        isOver(subscription) && !named.has(subscription.arn)
          ? [{ remove: "subscription" as const, subscription }]
          : [],
      ),
    );
  }

  return {
    topic: (arn) => topics.get(arn),
    topicsOf: (scope) =>
      [...topics.values()]
        .filter((topic) => sameScope(topic, scope))
        .toSorted((a, b) => (a.arn < b.arn ? -1 : 1)),
    subscription(arn) {
      const subscription = subscriptions.get(arn);
      return subscription !== undefined && isShown(subscription) ? subscription : undefined;
    },
    byToken(token) {
      const subscription = tokens.get(token);
      return subscription === undefined || isOver(subscription) ? undefined : subscription;
    },
    ofTopic,
    *live(topicArn) {
      for (const one of byTopic.get(topicArn)?.values() ?? []) if (isActive(one.subscription)) yield one;
    },
    ofOwner: ({ accountId, region }) =>
      [...subscriptions.values()].filter(
        (one) => one.owner === accountId && arnParts(one.topicArn).region === region && isShown(one),
      ),
    counts(topicArn) {
      const all = ofTopic(topicArn);
      const pending = all.filter((one) => one.pending).length;
      return { confirmed: all.length - pending, pending };
    },
    exclusive(work) {
      const next = last.then(work);
      last = next.catch(() => undefined);
      return next;
    },
    async commit(changes, also = []) {
      const all = [...changes, ...expired(changes)];
      await database.commit([...all.flatMap(statementsOf), ...also]);
      for (const change of all) apply(change);
    },
  };
}

const UPSERT = "ON CONFLICT (arn) DO UPDATE SET body = excluded.body";

function statementsOf(change: Change): readonly Statement[] {
  if ("put" in change) {
    if (change.put === "topic") {
      const { topic } = change;
      return [
        {
          sql: `INSERT INTO sns_topics (arn, body) VALUES (?, ?) ${UPSERT}`,
          params: [topic.arn, JSON.stringify(topic)],
        },
      ];
    }
    const { subscription } = change;
    return [
      {
        sql: `INSERT INTO sns_subscriptions (arn, topic_arn, body) VALUES (?, ?, ?) ${UPSERT}`,
        params: [subscription.arn, subscription.topicArn, JSON.stringify(subscription)],
      },
    ];
  }
  if (change.remove === "subscription") {
    return [{ sql: "DELETE FROM sns_subscriptions WHERE arn = ?", params: [change.subscription.arn] }];
  }
  return [
    { sql: "DELETE FROM sns_topics WHERE arn = ?", params: [change.arn] },
    { sql: "DELETE FROM sns_subscriptions WHERE topic_arn = ?", params: [change.arn] },
  ];
}
