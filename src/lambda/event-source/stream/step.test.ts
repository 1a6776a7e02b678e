import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamRecord } from "./source.ts";
import { freshWork, stepAfter, withoutExpired, type AttemptResult, type Step } from "./step.ts";

const record = (sequenceNumber: number): StreamRecord => ({
  sequenceNumber: String(sequenceNumber),
  arrivedAtMs: sequenceNumber * 1000,
  partitionKey: "k",
  event: {},
});
const numbers = (records: readonly StreamRecord[]): number[] =>
  records.map((one) => Number(one.sequenceNumber));
const told = (step: Step): object => ({
  done: numbers(step.done),
  givenUp: numbers(step.givenUp),
  next: step.next.map((work) => [numbers(work.records), work.failures]),
});

const CASES: readonly {
  readonly name: string;
  readonly result: AttemptResult;
  readonly bisect?: boolean;
  readonly retries?: number;
  readonly failures?: number;
  readonly records?: readonly number[];
  readonly expected: object;
}[] = [
  { name: "success", result: "success", expected: { done: [1, 2, 3], givenUp: [], next: [] } },
  {
    name: "failure without a limit is tried again",
    result: "failure",
    failures: 7,
    expected: { done: [], givenUp: [], next: [[[1, 2, 3], 8]] },
  },
  {
    name: "failure beyond the retries is given up",
    result: "failure",
    retries: 2,
    failures: 2,
    expected: { done: [], givenUp: [1, 2, 3], next: [] },
  },
  {
    name: "no retries at all",
    result: "failure",
    retries: 0,
    expected: { done: [], givenUp: [1, 2, 3], next: [] },
  },
  {
    name: "splitting uses up no attempt",
    result: "failure",
    bisect: true,
    retries: 0,
    expected: {
      done: [],
      givenUp: [],
      next: [
        [[1, 2], 0],
        [[3], 0],
      ],
    },
  },
  {
    name: "one record cannot be split",
    result: "failure",
    bisect: true,
    retries: 0,
    records: [1],
    expected: { done: [], givenUp: [1], next: [] },
  },
  {
    name: "what lies before the first reported failure is done",
    result: new Set(["3", "2"]),
    expected: { done: [1], givenUp: [], next: [[[2, 3], 1]] },
  },
  {
    name: "a reported failure beyond the retries takes the rest of its batch with it",
    result: new Set(["2"]),
    retries: 0,
    expected: { done: [1], givenUp: [2, 3], next: [] },
  },
  {
    name: "with splitting, a batch is cut at the reported failure",
    result: new Set(["2"]),
    bisect: true,
    retries: 0,
    expected: { done: [1], givenUp: [], next: [[[2, 3], 0]] },
  },
  {
    name: "a throttle counts as nothing",
    result: "throttled",
    retries: 0,
    expected: { done: [], givenUp: [], next: [[[1, 2, 3], 0]] },
  },
];

for (const one of CASES) {
  test(one.name, () => {
    const work = { ...freshWork((one.records ?? [1, 2, 3]).map(record)), failures: one.failures ?? 0 };
    const settings = {
      bisectBatchOnFunctionError: one.bisect ?? false,
      maximumRetryAttempts: one.retries ?? -1,
    };
    assert.deepEqual(told(stepAfter(work, one.result, settings)), one.expected);
  });
}

test("records beyond their age leave the batch", () => {
  const work = freshWork([1, 2, 3].map(record));
  const aged = withoutExpired(work, 60_000, 62_500);
  assert.deepEqual(numbers(aged.expired), [1, 2]);
  assert.deepEqual(numbers(aged.work.records), [3]);
  assert.deepEqual(numbers(withoutExpired(work, 86_400_000, 86_400_000).expired), []);
});
