import assert from "node:assert/strict";
import { test } from "node:test";
import { nextOf, ruleFrom, withState } from "./rules.ts";

const KEY = { accountId: "000000000000", region: "us-east-1", bus: "default", rule: "r" };
const MINUTE = 60_000;
const NOW = Date.parse("2026-11-21T10:00:30Z");
const FIVE = { ScheduleExpression: "rate(5 minutes)" };

test("a rate counts from when the rule was made", () => {
  const rule = ruleFrom(KEY, FIVE, undefined, NOW);
  assert.equal(rule.nextMs, NOW + 5 * MINUTE);
  // However late it is looked at, it stays in its rhythm.
  assert.equal(nextOf(rule, NOW + 12 * MINUTE), NOW + 15 * MINUTE);
});

test("put again as it is it goes on; with another schedule it begins anew", () => {
  const rule = ruleFrom(KEY, FIVE, undefined, NOW);
  const later = NOW + 2 * MINUTE;
  assert.equal(ruleFrom(KEY, { ...FIVE, Description: "d" }, rule, later).nextMs, NOW + 5 * MINUTE);
  assert.equal(ruleFrom(KEY, { ScheduleExpression: "rate(1 minute)" }, rule, later).nextMs, later + MINUTE);
});

test("disabled it is never due; enabled it begins anew, enabled again it goes on", () => {
  const rule = ruleFrom(KEY, FIVE, undefined, NOW);
  const off = withState(rule, "DISABLED", NOW + MINUTE);
  assert.equal(off.nextMs, undefined);
  assert.equal(ruleFrom(KEY, { ...FIVE, State: "DISABLED" }, off, NOW).nextMs, undefined);
  const on = withState(off, "ENABLED", NOW + 7 * MINUTE);
  assert.equal(on.nextMs, NOW + 12 * MINUTE);
  assert.equal(withState(on, "ENABLED", NOW + 8 * MINUTE).nextMs, NOW + 12 * MINUTE);
});

test("cron is due at the minute, and a rule of the past never", () => {
  const cron = ruleFrom(KEY, { ScheduleExpression: "cron(15 12 * * ? *)" }, undefined, NOW);
  assert.equal(cron.nextMs, Date.parse("2026-11-21T12:15:00Z"));
  const past = ruleFrom(KEY, { ScheduleExpression: "cron(15 10 ? * 6L 2002-2005)" }, undefined, NOW);
  assert.equal(past.nextMs, undefined);
});

test("a rule without a schedule is never due, and an empty pattern is none", () => {
  assert.equal(ruleFrom(KEY, { EventPattern: '{"a":[1]}' }, undefined, NOW).nextMs, undefined);
  assert.throws(() => ruleFrom(KEY, { EventPattern: "" }, undefined, NOW), { name: "ValidationException" });
});
