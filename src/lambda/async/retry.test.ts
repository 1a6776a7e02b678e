import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventInvokeSettings } from "../control/types.ts";
import { decide, type AttemptResult, type Decision, type EventHistory } from "./retry.ts";

const DEFAULTS: EventInvokeSettings = {
  maximumRetryAttempts: 2,
  maximumEventAgeSeconds: 21_600,
  onSuccessArn: undefined,
  onFailureArn: undefined,
  deadLetterTargetArn: undefined,
};
const NEW: EventHistory = { acceptedAt: 1_000, attempts: 0, backoffs: 0 };
const failed: AttemptResult = { kind: "function-error" };
const refused = (status: number): AttemptResult => ({ kind: "refused", status });
const NOW = 5_000;

interface Case {
  readonly name: string;
  readonly history?: Partial<EventHistory>;
  readonly result: AttemptResult;
  readonly settings?: Partial<EventInvokeSettings> | "gone";
  readonly now?: number;
  readonly expected: Decision;
}

const CASES: readonly Case[] = [
  { name: "success", result: { kind: "success" }, expected: { kind: "succeeded" } },
  {
    name: "success of a function deleted meanwhile",
    result: { kind: "success" },
    settings: "gone",
    expected: { kind: "succeeded" },
  },
  {
    name: "first function error waits a minute",
    result: failed,
    expected: { kind: "retry", dueAt: NOW + 60_000, attempts: 1, backoffs: 0 },
  },
  {
    name: "second function error waits two minutes",
    history: { attempts: 1 },
    result: failed,
    expected: { kind: "retry", dueAt: NOW + 120_000, attempts: 2, backoffs: 0 },
  },
  {
    name: "third function error is the last",
    history: { attempts: 2 },
    result: failed,
    expected: { kind: "failed", condition: "RetriesExhausted" },
  },
  {
    name: "no retries configured",
    result: failed,
    settings: { maximumRetryAttempts: 0 },
    expected: { kind: "failed", condition: "RetriesExhausted" },
  },
  {
    name: "a retry that would be too old is given up at once",
    result: failed,
    settings: { maximumEventAgeSeconds: 60 },
    expected: { kind: "failed", condition: "EventAgeExceeded" },
  },
  {
    name: "one attempt allowed beats the age",
    history: { attempts: 1 },
    result: failed,
    settings: { maximumEventAgeSeconds: 60, maximumRetryAttempts: 1 },
    expected: { kind: "failed", condition: "RetriesExhausted" },
  },
  {
    name: "a function error ends a row of throttles",
    history: { backoffs: 7 },
    result: failed,
    expected: { kind: "retry", dueAt: NOW + 60_000, attempts: 1, backoffs: 0 },
  },
  {
    name: "first throttle waits a second and spends no attempt",
    history: { attempts: 1 },
    result: refused(429),
    expected: { kind: "retry", dueAt: NOW + 1_000, attempts: 1, backoffs: 1 },
  },
  {
    name: "throttles double the wait",
    history: { backoffs: 4 },
    result: refused(429),
    expected: { kind: "retry", dueAt: NOW + 16_000, attempts: 0, backoffs: 5 },
  },
  {
    name: "up to five minutes",
    history: { backoffs: 200 },
    result: refused(503),
    expected: { kind: "retry", dueAt: NOW + 300_000, attempts: 0, backoffs: 201 },
  },
  {
    name: "a wait ends at the event's age",
    history: { backoffs: 8 },
    result: refused(500),
    settings: { maximumEventAgeSeconds: 60 },
    expected: { kind: "retry", dueAt: 61_000, attempts: 0, backoffs: 9 },
  },
  {
    name: "throttled at its age",
    result: refused(429),
    settings: { maximumEventAgeSeconds: 60 },
    now: 61_000,
    expected: { kind: "failed", condition: "EventAgeExceeded" },
  },
  {
    name: "an update in progress passes",
    result: refused(409),
    expected: { kind: "retry", dueAt: NOW + 1_000, attempts: 0, backoffs: 1 },
  },
  {
    name: "a refused request stays refused",
    result: refused(400),
    expected: { kind: "failed", condition: "RetriesExhausted" },
  },
  {
    name: "reserved concurrency 0 gives up at once",
    result: refused(429),
    settings: { reservedConcurrency: 0 },
    expected: { kind: "failed", condition: "ZeroReservedConcurrency" },
  },
  {
    name: "the function is gone",
    result: refused(404),
    settings: "gone",
    expected: { kind: "dropped", reason: "the function was deleted" },
  },
  {
    name: "the function was deleted while it failed",
    result: failed,
    settings: "gone",
    expected: { kind: "dropped", reason: "the function was deleted" },
  },
  {
    name: "only the alias is gone",
    result: refused(404),
    expected: { kind: "dropped", reason: "the version or alias was deleted" },
  },
];

for (const { name, history, result, settings, now, expected } of CASES) {
  test(`decide: ${name}`, () => {
    const effective = settings === "gone" ? undefined : { ...DEFAULTS, ...settings };
    assert.deepEqual(decide({ ...NEW, ...history }, result, effective, now ?? NOW), expected);
  });
}
