/**
 * What happens to a batch after an attempt at it. Pure: the whole error handling of stream mappings.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
 *
 *   success                      all records are done
 *   some items reported failed   those before the first of them are done; the rest is tried again
 *   failure                      split in two (if asked for, and there are two), else tried again;
 *                                given up when its attempts are used up
 *   throttled                    tried again; it counts as no attempt
 *
 * Before every attempt, records beyond their age are given up, those too that the source itself keeps no
 * longer. Splitting does not use up attempts.
 */
import type { StreamSettings } from "../model.ts";
import type { BatchReport } from "../report.ts";
import type { StreamRecord } from "./source.ts";

/** Records to be handed to the function in one invocation, and how often that has failed. */
export interface Work {
  readonly records: readonly StreamRecord[];
  readonly failures: number;
  /** Consecutive refusals of the platform. */
  readonly refusals: number;
}

export type AttemptResult = BatchReport | "throttled";

export interface Step {
  /** Finished records, in order. */
  readonly done: readonly StreamRecord[];
  readonly givenUp: readonly StreamRecord[];
  /** What comes next, in order, before any newer record. */
  readonly next: readonly Work[];
  readonly pauseMs: number;
}

export type GiveUpCondition = "RetryAttemptsExhausted" | "RecordAgeExceeded";

const PAUSE_FIRST_MS = 200;
const PAUSE_MAX_MS = 60_000;
const pauseAfter = (count: number): number =>
  Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(count - 1, 16));

export const freshWork = (records: readonly StreamRecord[]): Work => ({ records, failures: 0, refusals: 0 });

export function stepAfter(
  work: Work,
  result: AttemptResult,
  settings: Pick<StreamSettings, "bisectBatchOnFunctionError" | "maximumRetryAttempts">,
): Step {
  const { records } = work;
  if (result === "success") return { done: records, givenUp: [], next: [], pauseMs: 0 };
  if (result === "throttled") {
    const refusals = work.refusals + 1;
    return { done: [], givenUp: [], next: [{ ...work, refusals }], pauseMs: pauseAfter(refusals) };
  }
  const first = result === "failure" ? 0 : records.findIndex((record) => result.has(record.sequenceNumber));
  const done = records.slice(0, first);
  const rest = records.slice(first);
  if (first > 0 && settings.bisectBatchOnFunctionError) {
    return {
      done,
      givenUp: [],
      next: [{ records: rest, failures: work.failures, refusals: 0 }],
      pauseMs: PAUSE_FIRST_MS,
    };
  }
  if (settings.bisectBatchOnFunctionError && rest.length > 1) {
    const middle = Math.ceil(rest.length / 2);
    const halves = [rest.slice(0, middle), rest.slice(middle)];
    return {
      done,
      givenUp: [],
      next: halves.map((half) => ({ records: half, failures: work.failures, refusals: 0 })),
      pauseMs: PAUSE_FIRST_MS,
    };
  }
  const failures = work.failures + 1;
  if (settings.maximumRetryAttempts >= 0 && failures > settings.maximumRetryAttempts) {
    return { done, givenUp: rest, next: [], pauseMs: 0 };
  }
  return {
    done,
    givenUp: [],
    next: [{ records: rest, failures, refusals: 0 }],
    pauseMs: pauseAfter(failures),
  };
}

/** Splits off the records that are too old to be tried. */
export function withoutExpired(
  work: Work,
  keptMs: number,
  nowMs: number,
): { readonly work: Work; readonly expired: readonly StreamRecord[] } {
  const oldest = nowMs - keptMs;
  const expired = work.records.filter((record) => record.arrivedAtMs < oldest);
  if (expired.length === 0) return { work, expired };
  return {
    work: { ...work, records: work.records.filter((record) => record.arrivedAtMs >= oldest) },
    expired,
  };
}
