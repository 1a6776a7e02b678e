/**
 * What becomes of an asynchronous event after an attempt. Pure: everything is an argument.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
 */
import type { EventInvokeSettings } from "../control/types.ts";

/** Waits before the first and the second retry of an event whose function failed. */
const FUNCTION_ERROR_DELAYS_MS: readonly number[] = [60_000, 120_000];
const BACKOFF_FIRST_MS = 1_000;
const BACKOFF_MAX_MS = 300_000;

/** How an attempt ended. `refused` is a platform failure with its HTTP status: 429, 404, 500, … */
export type AttemptResult =
  | { readonly kind: "success" }
  | { readonly kind: "function-error" }
  | { readonly kind: "refused"; readonly status: number };

/** The event's past, before the attempt that is being judged. */
export interface EventHistory {
  /** Epoch ms at which 202 was answered. */
  readonly acceptedAt: number;
  /** Attempts that ended as function errors. */
  readonly attempts: number;
  /** Throttles and system errors in a row. */
  readonly backoffs: number;
}

export type FailureCondition = "RetriesExhausted" | "EventAgeExceeded" | "ZeroReservedConcurrency";

export type Decision =
  | { readonly kind: "succeeded" }
  | {
      readonly kind: "retry";
      readonly dueAt: number;
      readonly attempts: number;
      readonly backoffs: number;
    }
  | { readonly kind: "failed"; readonly condition: FailureCondition }
  /** Gone without a record: there is nobody left to tell. */
  | { readonly kind: "dropped"; readonly reason: string };

export function deadlineOf(history: EventHistory, settings: EventInvokeSettings): number {
  return history.acceptedAt + settings.maximumEventAgeSeconds * 1_000;
}

/** `settings` is undefined when the function is gone. */
export function decide(
  history: EventHistory,
  result: AttemptResult,
  settings: EventInvokeSettings | undefined,
  now: number,
): Decision {
  if (result.kind === "success") return { kind: "succeeded" };
  if (settings === undefined) return { kind: "dropped", reason: "the function was deleted" };
  if (result.kind === "function-error") return afterFunctionError(history, settings, now);
  if (result.status === 404) return { kind: "dropped", reason: "the version or alias was deleted" };
  if (result.status === 429 && settings.reservedConcurrency === 0) {
    return { kind: "failed", condition: "ZeroReservedConcurrency" };
  }
  // 409 is a function that is still being updated. Other refusals of the request itself would be
  // repeated word for word.
  const passing = result.status === 429 || result.status === 409 || result.status >= 500;
  if (!passing) return { kind: "failed", condition: "RetriesExhausted" };

  const deadline = deadlineOf(history, settings);
  if (now >= deadline) return { kind: "failed", condition: "EventAgeExceeded" };
  // An event that waits past its age is told of at its age, not at the end of the wait.
  const dueAt = Math.min(now + backoffMs(history), deadline);
  return { kind: "retry", dueAt, attempts: history.attempts, backoffs: history.backoffs + 1 };
}

/** The wait after so many throttles and system errors in a row. */
export function backoffMs({ backoffs }: Pick<EventHistory, "backoffs">): number {
  return Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(backoffs, 16));
}

function afterFunctionError(history: EventHistory, settings: EventInvokeSettings, now: number): Decision {
  if (history.attempts >= settings.maximumRetryAttempts) {
    return { kind: "failed", condition: "RetriesExhausted" };
  }
  const last = FUNCTION_ERROR_DELAYS_MS.length - 1;
  const dueAt = now + (FUNCTION_ERROR_DELAYS_MS[Math.min(history.attempts, last)] ?? 0);
  // A retry that would come too late is not waited for: its answer is at hand now.
  if (dueAt >= deadlineOf(history, settings)) return { kind: "failed", condition: "EventAgeExceeded" };
  return { kind: "retry", dueAt, attempts: history.attempts + 1, backoffs: 0 };
}
