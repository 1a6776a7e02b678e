/** What becomes of a delivery that failed: pure. */
import { ServiceError } from "../../kernel/errors.ts";
import type { Delivery } from "../../ports/outbox.ts";

export interface DeliveryFailure {
  readonly code: string;
  readonly message: string;
  /** Whether another attempt could end otherwise. */
  readonly retryable: boolean;
  /** What the refusing service says to do. */
  readonly hint?: string;
}

export type DeliveryDecision =
  | { readonly kind: "retry"; readonly atMs: number }
  | {
      readonly kind: "give-up";
      readonly condition: "NotRetryable" | "MaximumRetryAttempts" | "MaximumEventAge";
    };

/** First pause, doubled with every attempt up to the longest. */
const PAUSE_FIRST_MS = 500;
const PAUSE_MAX_MS = 60_000;

/**
 * Refusals that last (no such queue, no permission) are not repeated; throttles, failures of the
 * receiving service and whatever is no ServiceError are.
 */
export function failureOf(cause: unknown): DeliveryFailure {
  if (!(cause instanceof ServiceError)) {
    return { code: "SDK_CLIENT_ERROR", message: String(cause), retryable: true };
  }
  const throttled =
    cause.status === 429 || /Throttl|TooManyRequests|OverLimit|LimitExceeded/u.test(cause.code);
  const missing = cause.status === 501;
  return {
    code: cause.code,
    message: cause.message,
    retryable: throttled || (cause.status >= 500 && !missing),
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
  };
}

/** `attempts`: made so far, the failed one included. `jitter` in [0, 1). */
export function decideRetry(
  delivery: Pick<Delivery, "retry">,
  failure: DeliveryFailure,
  state: {
    readonly attempts: number;
    readonly createdAt: number;
    readonly now: number;
    readonly jitter: number;
  },
): DeliveryDecision {
  if (!failure.retryable) return { kind: "give-up", condition: "NotRetryable" };
  if (state.attempts > delivery.retry.maxRetries)
    return { kind: "give-up", condition: "MaximumRetryAttempts" };
  const told = delivery.retry.pausesMs?.[state.attempts - 1];
  const pause = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(state.attempts - 1, 20));
  const atMs = state.now + (told ?? Math.round(pause * (0.75 + state.jitter / 2)));
  if (atMs - state.createdAt > delivery.retry.maxAgeMs)
    return { kind: "give-up", condition: "MaximumEventAge" };
  return { kind: "retry", atMs };
}
