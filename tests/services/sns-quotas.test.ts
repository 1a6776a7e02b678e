/** How many topics, subscriptions, filter policies and tags there may be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SqlValue } from "../../src/ports/database.ts";
import { ACCOUNT, call, REGION, refused, serveSns } from "./sns-harness.ts";

test("an account's and a topic's quotas", async (t) => {
  const served = await serveSns(t);
  /** Rows that count and are nothing else. */
  const fill = (into: string, select: string, count: number, ...params: SqlValue[]): Promise<unknown> =>
    served.database.commit([
      {
        sql: `INSERT INTO ${into} WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
          SELECT ${select} FROM n`,
        params: [count, ...params],
      },
    ]);
  const topics = (fifo: boolean, count: number): Promise<unknown> =>
    fill(
      "sns_topics (arn, account, region, fifo, revision, body)",
      `'many ${String(fifo)} ' || i, ?, ?, ?, 'r', '{}'`,
      count,
      ACCOUNT,
      REGION,
      String(fifo),
    );
  const limit = (code: string, message: string): unknown => ({ code, status: 403, message });
  const noMore = limit("TopicLimitExceeded", "Topic limit exceeded");
  const fifo = { FifoTopic: "true" };
  const ordered = await served.topic("last.fifo", fifo);
  await topics(true, 999);
  assert.deepEqual(await refused(served.topic("more.fifo", fifo)), noMore);
  assert.equal(await served.topic("last.fifo", fifo), ordered, "one that is there can be asked for again");
  const plain = await served.topic("last");
  await topics(false, 99_999);
  assert.deepEqual(await refused(served.topic("more")), noMore);

  const noMoreSubscriptions = limit("SubscriptionLimitExceeded", "Subscription limit exceeded");
  for (let index = 0; index < 100; index += 1) await served.subscribeQueue(ordered, `q${String(index)}`);
  assert.deepEqual(await refused(served.subscribeQueue(ordered, "one-more")), noMoreSubscriptions);
  await fill(
    "sns_subscriptions (arn, topic_arn, owner, region, shown_until, filtered, body)",
    "'pending ' || i, '', ?, ?, ?, 'false', '{}'",
    5_000,
    ACCOUNT,
    REGION,
    served.clock.now() + 3_600_000,
  );
  const byMail = (): Promise<unknown> =>
    call(served, "Subscribe", { TopicArn: plain, Protocol: "email", Endpoint: "a@example.org" });
  assert.deepEqual(await refused(byMail()), noMoreSubscriptions);
  await served.database.commit([
    { sql: "DELETE FROM sns_subscriptions WHERE arn LIKE 'pending %'", params: [] },
  ]);
  await byMail();

  const noMoreFilters = limit("FilterPolicyLimitExceeded", "Filter policy limit exceeded");
  const FilterPolicy = '{"k":["v"]}';
  for (let index = 0; index < 200; index += 1) {
    await served.subscribeQueue(plain, `f${String(index)}`, { FilterPolicy });
  }
  assert.deepEqual(await refused(served.subscribeQueue(plain, "f", { FilterPolicy })), noMoreFilters);
  const SubscriptionArn = await served.subscribeQueue(plain, "without");
  const filter = (arn: string): Promise<unknown> =>
    call(served, "SetSubscriptionAttributes", {
      SubscriptionArn: arn,
      AttributeName: "FilterPolicy",
      AttributeValue: FilterPolicy,
    });
  assert.deepEqual(await refused(filter(SubscriptionArn)), noMoreFilters);
  await filter(await served.subscribeQueue(plain, "f0", { FilterPolicy }));
  await fill(
    "sns_subscriptions (arn, topic_arn, owner, region, shown_until, filtered, body)",
    "'filtered ' || i, '', ?, ?, ?, 'true', '{}'",
    9_800,
    ACCOUNT,
    REGION,
    Number.MAX_SAFE_INTEGER,
  );
  await call(served, "DeleteTopic", { TopicArn: ordered });
  await served.database.commit([{ sql: "DELETE FROM sns_topics WHERE arn LIKE 'many %'", params: [] }]);
  const other = await served.topic("other");
  assert.deepEqual(await refused(served.subscribeQueue(other, "f", { FilterPolicy })), noMoreFilters);
  assert.deepEqual(
    await refused(
      call(served, "CreateTopic", {
        Name: "tagged",
        Tags: Array.from({ length: 51 }, (_none, index) => ({ Key: String(index), Value: "" })),
      }),
    ),
    {
      code: "TagLimitExceeded",
      status: 400,
      message: "Could not complete request: tag quota of per resource exceeded",
    },
  );
});
