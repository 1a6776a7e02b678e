/**
 * Concurrency and scaling quotas. Counters and decisions only; nothing here waits.
 * https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
 */
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { ResolvedFunction } from "../control/types.ts";

export type ThrottleReason =
  | "ConcurrentInvocationLimitExceeded"
  | "ReservedFunctionConcurrentInvocationLimitExceeded"
  | "FunctionInvocationRateLimitExceeded";

export function throttled(reason: ThrottleReason, hint: string): ServiceError {
  return new ServiceError("TooManyRequestsException", 429, "Rate Exceeded.", {
    members: { Reason: reason, Type: "User" },
    hint,
  });
}

/** Given back exactly once. */
export interface Permit {
  release(): void;
}

interface AccountUse {
  unreserved: number;
}

class FunctionUse {
  inUse = 0;
  readonly account: AccountUse;
  /** Environments started in the scaling window that began at `windowStartMs`. */
  started = 0;
  windowStartMs = -Infinity;
  /** Called when nothing of it runs any more, once the function is gone. */
  onLastRelease: (() => void) | undefined;
  constructor(account: AccountUse) {
    this.account = account;
  }
  /** The two ways a running invocation is counted, as permits that need no allocation of their own. */
  readonly reservedPermit: Permit = { release: () => this.#release() };
  readonly unreservedPermit: Permit = {
    release: () => {
      this.account.unreserved -= 1;
      this.#release();
    },
  };
  #release(): void {
    this.inUse -= 1;
    if (this.inUse === 0) this.onLastRelease?.();
  }
}

const SCALING_WINDOW_MS = 10_000;

export class ConcurrencyLimiter {
  readonly #functions = new Map<string, FunctionUse>();
  readonly #accounts = new Map<string, AccountUse>();
  readonly #environmentsPerWindow: number;

  constructor(environmentsPerWindow: number = LIMITS.scalingEnvironmentsPer10s) {
    this.#environmentsPerWindow = environmentsPerWindow;
  }

  /** Errors: TooManyRequestsException with AWS's Reason. */
  acquire(resolved: ResolvedFunction): Permit {
    const use = this.#use(resolved);
    const { reservedConcurrency } = resolved;
    if (reservedConcurrency !== undefined) {
      if (use.inUse >= reservedConcurrency) {
        throw throttled(
          "ReservedFunctionConcurrentInvocationLimitExceeded",
          reservedConcurrency === 0
            ? "The function's reserved concurrency is 0, which stops it. DeleteFunctionConcurrency lets it run."
            : `The function's reserved concurrency is ${String(reservedConcurrency)}. Raise it with PutFunctionConcurrency.`,
        );
      }
      use.inUse += 1;
      return use.reservedPermit;
    }
    if (use.account.unreserved >= resolved.unreservedConcurrency) {
      throw throttled(
        "ConcurrentInvocationLimitExceeded",
        `${String(resolved.unreservedConcurrency)} concurrent executions are left for functions without a reservation.`,
      );
    }
    use.inUse += 1;
    use.account.unreserved += 1;
    return use.unreservedPermit;
  }

  /** Counts a new environment of the function. Errors: TooManyRequestsException over the scaling rate. */
  countStart(functionArn: string, nowMs: number): void {
    const use = this.#functions.get(functionArn);
    if (use === undefined) return;
    if (nowMs - use.windowStartMs >= SCALING_WINDOW_MS) {
      use.windowStartMs = nowMs;
      use.started = 0;
    }
    if (use.started >= this.#environmentsPerWindow) {
      throw throttled(
        "FunctionInvocationRateLimitExceeded",
        `A function gets at most ${String(this.#environmentsPerWindow)} new environments per 10 seconds.`,
      );
    }
    use.started += 1;
  }

  /** Functions that are counted: those that run, and those that ran and are still there. */
  get size(): number {
    return this.#functions.size;
  }

  /** The function is gone, or changed: its counter goes, with its last invocation where some still run. */
  forget(functionArn: string): void {
    const use = this.#functions.get(functionArn);
    if (use === undefined) return;
    if (use.inUse === 0) this.#functions.delete(functionArn);
    else use.onLastRelease = () => this.#functions.delete(functionArn);
  }

  #use(resolved: ResolvedFunction): FunctionUse {
    const { functionArn, scope } = resolved.version;
    let use = this.#functions.get(functionArn);
    if (use === undefined) {
      const key = `${scope.accountId}/${scope.region}`;
      let account = this.#accounts.get(key);
      if (account === undefined) this.#accounts.set(key, (account = { unreserved: 0 }));
      this.#functions.set(functionArn, (use = new FunctionUse(account)));
    }
    return use;
  }
}
