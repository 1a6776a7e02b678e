/** What PutRule decides: pure. https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html */
import { compilePattern, PatternError } from "../../events/pattern/compile.ts";
import type { Pattern } from "../../events/pattern/pattern.ts";
import { nextRun, parseSchedule, type Schedule } from "../../events/schedule/schedule.ts";
import * as errors from "./errors.ts";
import type { Rule, RuleState } from "./model.ts";
import { DEFAULT_BUS, type RuleKey } from "./names.ts";

/** Errors: InvalidEventPatternException. */
export function patternOf(text: string): Pattern {
  try {
    return compilePattern(text);
  } catch (error) {
    if (error instanceof PatternError) throw errors.invalidPattern(error.message);
    throw error;
  }
}

/** Errors: ValidationException. */
export function scheduleOf(text: string): Schedule {
  const schedule = parseSchedule(text);
  if (schedule === undefined) {
    throw errors.validation(
      "Parameter ScheduleExpression is not valid.",
      "rate(5 minutes) or cron(0 10 * * ? *): six fields, one of the two day fields is ?",
    );
  }
  return schedule;
}

export interface RuleInput {
  readonly EventPattern?: string | undefined;
  readonly ScheduleExpression?: string | undefined;
  readonly State?: RuleState | undefined;
  readonly Description?: string | undefined;
  readonly RoleArn?: string | undefined;
}

/** The whole rule is replaced: what is left out is gone. Errors: ValidationException, InvalidEventPatternException. */
export function ruleFrom(key: RuleKey, input: RuleInput, before: Rule | undefined, now: number): Rule {
  const pattern = given(input.EventPattern);
  const schedule = given(input.ScheduleExpression);
  if (pattern === undefined && schedule === undefined) {
    throw errors.validation("Parameter(s) EventPattern or ScheduleExpression must be specified.");
  }
  if (schedule !== undefined) {
    if (key.bus !== DEFAULT_BUS) {
      throw errors.validation("ScheduleExpression is supported only on the default event bus.");
    }
    scheduleOf(schedule);
  }
  if (pattern !== undefined) patternOf(pattern);
  const { accountId, region, bus, rule } = key;
  const made: Rule = {
    ...{ accountId, region, bus, rule, pattern, schedule },
    state: input.State ?? "ENABLED",
    description: input.Description,
    roleArn: input.RoleArn,
    sinceMs: now,
    nextMs: undefined,
  };
  // A rule put again as it is goes on in its own time.
  const goesOn =
    before !== undefined &&
    before.schedule === schedule &&
    (before.state === "DISABLED") === (made.state === "DISABLED");
  return scheduled(goesOn ? { ...made, sinceMs: before.sinceMs } : made, now);
}

/** The rule with another state; enabling it begins its rate anew. */
export function withState(rule: Rule, state: RuleState, now: number): Rule {
  if ((rule.state === "DISABLED") === (state === "DISABLED")) return { ...rule, state };
  return scheduled({ ...rule, state, sinceMs: now }, now);
}

/** When it runs next after `now`. */
export function nextOf(rule: Rule, now: number): number | undefined {
  if (rule.schedule === undefined || rule.state === "DISABLED") return undefined;
  return nextRun(scheduleOf(rule.schedule), now, rule.sinceMs);
}

function scheduled(rule: Rule, now: number): Rule {
  return { ...rule, nextMs: nextOf(rule, now) };
}

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text);
