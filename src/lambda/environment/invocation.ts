import type { ServiceError } from "../../kernel/errors.ts";
import type { InvocationStatus } from "../observe/platform-lines.ts";

/** What an environment answers to one invocation. */
export interface RunResult {
  readonly kind: "success" | "function-error";
  readonly errorType: "Handled" | "Unhandled" | undefined;
  readonly payload: Uint8Array;
  readonly durationMs: number;
  readonly logTail: string;
  /** The next step, for a function that could not be entered. */
  readonly hint?: string;
}

/** One invocation on its way through an environment. */
export interface Invocation {
  readonly requestId: string;
  readonly payload: Uint8Array;
  readonly invokedFunctionArn: string;
  readonly clientContext: string | undefined;
  readonly traceHeader: string | undefined;
  readonly logTail: boolean;
  /** Set by the environment that runs it. */
  coldStart: boolean;
  /** No environment could be had for it: a platform failure. Called instead of `settle` and `finished`. */
  refuse(error: ServiceError): void;
  /** Gives the caller its answer. Called once. */
  settle(result: RunResult): void;
  /**
   * The environment is done with it; its permit may go. Called once: after `settle`, or before it where the
   * answer waits for REPORT (a fault, or a caller who wants the log's tail).
   */
  finished(record: FinishedInvocation): void;
}

export interface FinishedInvocation {
  readonly startedMs: number;
  readonly durationMs: number;
  readonly initDurationMs: number | undefined;
  readonly status: InvocationStatus;
  readonly errorType: string | undefined;
  readonly functionError: boolean;
  readonly logGroup: string;
  readonly logStream: string;
}
