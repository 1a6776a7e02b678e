import assert from "node:assert/strict";
import { test } from "node:test";
import { nextRun, parseSchedule } from "./schedule.ts";

function runs(expression: string, from: string, count: number): string[] {
  const schedule = parseSchedule(expression);
  assert.ok(schedule !== undefined, `${expression} is valid`);
  const since = Date.parse(from);
  const found: string[] = [];
  let at = since;
  while (found.length < count) {
    const next = nextRun(schedule, at, since);
    if (next === undefined) break;
    found.push(new Date(next).toISOString().slice(0, 16));
    at = next;
  }
  return found;
}

const CASES: readonly (readonly [expression: string, from: string, expected: readonly string[]])[] = [
  ["rate(1 minute)", "2026-01-01T00:00:30Z", ["2026-01-01T00:01", "2026-01-01T00:02"]],
  ["rate(2 days)", "2026-02-27T12:00Z", ["2026-03-01T12:00", "2026-03-03T12:00"]],
  ["cron(0 10 * * ? *)", "2026-11-21T10:00Z", ["2026-11-22T10:00", "2026-11-23T10:00"]],
  ["cron(0 18 ? * MON-FRI *)", "2026-11-20T18:00Z", ["2026-11-23T18:00", "2026-11-24T18:00"]],
  ["cron(0/15 * * * ? *)", "2026-11-21T23:50Z", ["2026-11-22T00:00", "2026-11-22T00:15"]],
  ["cron(0/30 20-23 ? * FRI-SAT *)", "2026-11-21T23:20Z", ["2026-11-21T23:30", "2026-11-27T20:00"]],
  ["cron(0 0 L * ? *)", "2028-01-31T00:00Z", ["2028-02-29T00:00", "2028-03-31T00:00"]],
  ["cron(0 0 L-3 * ? *)", "2026-02-01T00:00Z", ["2026-02-25T00:00", "2026-03-28T00:00"]],
  // 15 August 2026 is a Saturday, 15 November a Sunday.
  ["cron(0 9 15W 8,11 ? 2026)", "2026-01-01T00:00Z", ["2026-08-14T09:00", "2026-11-16T09:00"]],
  // 1 August 2026 is a Saturday: the nearest weekday of the same month is Monday the 3rd.
  ["cron(0 9 1W AUG ? 2026)", "2026-01-01T00:00Z", ["2026-08-03T09:00"]],
  // 31 May 2026 is a Sunday.
  ["cron(0 9 LW MAY ? 2026)", "2026-01-01T00:00Z", ["2026-05-29T09:00"]],
  ["cron(15 10 ? * 6L 2026)", "2026-01-30T10:15Z", ["2026-02-27T10:15", "2026-03-27T10:15"]],
  ["cron(0 2 ? * SAT#3 *)", "2026-11-21T02:00Z", ["2026-12-19T02:00", "2027-01-16T02:00"]],
  ["cron(0 2 ? * 2#5 2026)", "2026-01-01T00:00Z", ["2026-03-30T02:00", "2026-06-29T02:00"]],
  ["cron(0 0 31 2 ? *)", "2026-01-01T00:00Z", []],
  ["cron(15 10 ? * 6L 2002-2005)", "2026-01-01T00:00Z", []],
  ["cron(0 12 ? * 1 *)", "2026-11-21T00:00Z", ["2026-11-22T12:00", "2026-11-29T12:00"]],
  ["cron(0 12 ? * L *)", "2026-11-20T00:00Z", ["2026-11-21T12:00", "2026-11-28T12:00"]],
  ["cron(0 6/2 1 1 ? 2027/2)", "2026-11-20T00:00Z", ["2027-01-01T06:00", "2027-01-01T08:00"]],
];

for (const [expression, from, expected] of CASES) {
  test(`${expression} after ${from}`, () =>
    assert.deepEqual(runs(expression, from, 2), expected.slice(0, 2)));
}

const INVALID = [
  "",
  "rate(0 minutes)",
  "rate(1 minutes)",
  "rate(2 minute)",
  "rate(5 seconds)",
  "rate(-1 hours)",
  "cron(INVALID)",
  "cron(0 dummy ? * MON-FRI *)",
  "cron(71 8 1 * ? *)",
  "cron(0 1 * * * *)",
  "cron(0 1 ? * ? *)",
  "cron(7 20 * * NOT *)",
  "cron(0 10 * * ?)",
  "cron(0 24 * * ? *)",
  "cron(0 10 32 * ? *)",
  "cron(0 10 ? * 8 *)",
  "cron(0 10 ? * 2#6 *)",
  "cron(0 10 * * ? 1969)",
  "at(2026-01-01T00:00:00)",
];

test("what is no schedule is refused", () => {
  assert.deepEqual(
    INVALID.filter((expression) => parseSchedule(expression) !== undefined),
    [],
  );
});
