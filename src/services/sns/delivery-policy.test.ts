import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSubscriptionPolicy, deliveryPolicyOf, pausesMs, type RetryPolicy } from "./delivery-policy.ts";

const STANDARD = deliveryPolicyOf(undefined, undefined).retry;

test("pauses: at once, shortest, growing, longest", () => {
  const cases: readonly (readonly [Partial<RetryPolicy>, readonly number[]])[] = [
    [{}, [20, 20, 20]],
    [{ numRetries: 0 }, []],
    [{ numRetries: 2, numNoDelayRetries: 2 }, [0, 0]],
    [{ numRetries: 3, minDelayTarget: 10, maxDelayTarget: 30 }, [10, 20, 30]],
    [
      {
        numRetries: 8,
        numNoDelayRetries: 1,
        numMinDelayRetries: 1,
        numMaxDelayRetries: 2,
        minDelayTarget: 5,
        maxDelayTarget: 20,
      },
      [0, 5, 5, 10, 15, 20, 20, 20],
    ],
    [{ numRetries: 3, minDelayTarget: 1, maxDelayTarget: 100, backoffFunction: "geometric" }, [1, 10, 100]],
    [{ numRetries: 3, minDelayTarget: 0, maxDelayTarget: 255, backoffFunction: "exponential" }, [0, 15, 255]],
    [{ numRetries: 3, minDelayTarget: 10, maxDelayTarget: 40, backoffFunction: "arithmetic" }, [10, 20, 40]],
  ];
  for (const [more, seconds] of cases) {
    assert.deepEqual(
      pausesMs({ ...STANDARD, ...more }),
      seconds.map((pause) => pause * 1000),
      JSON.stringify(more),
    );
  }
});

test("a subscription's own policy counts, unless its topic forbids it", () => {
  const topic = (disable: boolean): string =>
    JSON.stringify({
      http: { defaultHealthyRetryPolicy: { numRetries: 7 }, disableSubscriptionOverrides: disable },
    });
  const own = JSON.stringify({
    healthyRetryPolicy: { numRetries: 9 },
    requestPolicy: { headerContentType: "application/json" },
  });
  const found = (topicText: string | undefined, ownText: string | undefined): readonly [number, string] => {
    const { retry, request } = deliveryPolicyOf(topicText, ownText);
    return [retry.numRetries, request.headerContentType];
  };
  assert.deepEqual(found(undefined, undefined), [3, "text/plain; charset=UTF-8"]);
  assert.deepEqual(found(topic(false), undefined), [7, "text/plain; charset=UTF-8"]);
  assert.deepEqual(found(topic(false), own), [9, "application/json"]);
  assert.deepEqual(found(topic(true), own), [7, "text/plain; charset=UTF-8"]);
});

test("what a policy may not say", () => {
  const retry = (value: unknown): string => JSON.stringify({ healthyRetryPolicy: value });
  const wrong = [
    "x",
    "[]",
    '{"nonsense":1}',
    '{"throttlePolicy":{"maxReceivesPerSecond":1}}',
    '{"requestPolicy":{"headerContentType":"no type"}}',
    '{"requestPolicy":{"other":1}}',
    retry({ numRetries: 101 }),
    retry({ numRetries: -1 }),
    retry({ numRetries: 1.5 }),
    retry({ minDelayTarget: 0 }),
    retry({ minDelayTarget: 30 }),
    retry({ backoffFunction: "random" }),
    retry({ numRetries: 2, numNoDelayRetries: 3 }),
    retry({ numRetries: 100, minDelayTarget: 60, maxDelayTarget: 60 }),
    retry({ other: 1 }),
    retry(7),
  ];
  for (const text of wrong) assert.throws(() => checkSubscriptionPolicy(text), text);
  checkSubscriptionPolicy(retry({ numRetries: 60, minDelayTarget: 60, maxDelayTarget: 60 }));
  checkSubscriptionPolicy('{"healthyRetryPolicy":null,"sicklyRetryPolicy":null,"throttlePolicy":null}');
});
