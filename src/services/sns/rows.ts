/** The rows of topics and subscriptions: what a change writes, and until when a subscription counts. Pure. */
import { arnParts } from "../../kernel/arn.ts";
import type { Statement } from "../../ports/database.ts";
import type { Subscription, Topic } from "./model.ts";
import { FOREVER, TOKEN_MS } from "./schema.ts";
import { filterOf } from "./subscription-attributes.ts";

/** Until when its token confirms it or brings it back. */
export function tokenUntil({ pending, removedAt, createdAt }: Subscription): number {
  if (removedAt !== undefined) return removedAt + TOKEN_MS;
  return pending ? createdAt + TOKEN_MS : FOREVER;
}

/** Until when it is listed. */
export function shownUntil(subscription: Subscription): number {
  return subscription.removedAt === undefined ? tokenUntil(subscription) : 0;
}

/** The topic's row, if it still has the revision that the change was decided on; undefined: there was none. */
export function fence(
  arn: string,
  topic: Topic | "gone",
  before: string | undefined,
  revision: string,
): Statement {
  if (topic === "gone") {
    return {
      sql: "DELETE FROM sns_topics WHERE arn = ? AND revision = ?",
      params: [arn, before ?? ""],
      expect: 1,
    };
  }
  const body = JSON.stringify(topic);
  if (before !== undefined) {
    return {
      sql: "UPDATE sns_topics SET revision = ?, body = ? WHERE arn = ? AND revision = ?",
      params: [revision, body, arn, before],
      expect: 1,
    };
  }
  const { accountId, region, fifo } = topic;
  return {
    sql: "INSERT INTO sns_topics (arn, account, region, fifo, revision, body) VALUES (?, ?, ?, ?, ?, ?)",
    params: [arn, accountId, region, String(fifo), revision, body],
    expect: 1,
  };
}

export function deleteSubscription({ arn }: Subscription): Statement {
  return { sql: "DELETE FROM sns_subscriptions WHERE arn = ?", params: [arn] };
}

export function putSubscription(subscription: Subscription): Statement {
  const { arn, topicArn, owner, token, attributes } = subscription;
  return {
    sql: `INSERT INTO sns_subscriptions (arn, topic_arn, owner, region, token, filtered, shown_until, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (arn) DO UPDATE
        SET filtered = excluded.filtered, shown_until = excluded.shown_until, body = excluded.body`,
    params: [
      arn,
      topicArn,
      owner,
      arnParts(topicArn).region,
      token,
      String(filterOf(attributes) !== undefined),
      shownUntil(subscription),
      JSON.stringify(subscription),
    ],
  };
}
