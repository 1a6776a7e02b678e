import type { ServiceError } from "../../kernel/errors.ts";
import type { Scope } from "../../kernel/scope.ts";
import type { Statement } from "../../ports/database.ts";

/** A synchronous invocation as every front door (API, URL, event source, destination) asks for it. */
export interface InvokeRequest {
  readonly scope: Scope;
  readonly functionName: string;
  /** `$LATEST`, a version number, an alias, or undefined for unqualified. */
  readonly qualifier: string | undefined;
  readonly payload: Uint8Array;
  /** Decoded JSON text of X-Amz-Client-Context. */
  readonly clientContext?: string;
  readonly traceHeader?: string;
  /** The id the function sees; one is made when absent. An asynchronous retry keeps its id. */
  readonly requestId?: string;
  /** The last 4 KB of the log are wanted in the outcome. */
  readonly logTail?: boolean;
}

/**
 * What came of it. A function that fails is a value of this type; a platform that fails (throttle,
 * no such function, host saturated) is a thrown ServiceError.
 */
export type InvocationOutcome = {
  readonly requestId: string;
  readonly executedVersion: string;
  readonly payload: Uint8Array;
  /** The last 4 KB of log text, not yet base64. Empty unless asked for. */
  readonly logTail: string;
  readonly durationMs: number;
  readonly coldStart: boolean;
} & (
  | { readonly kind: "success" }
  | {
      readonly kind: "function-error";
      readonly errorType: "Handled" | "Unhandled";
      /** Our next step, for a function that could not be entered; it stands beside AWS's answer. */
      readonly hint?: string;
    }
);

export interface AsyncInvokeRequest {
  readonly scope: Scope;
  readonly functionName: string;
  readonly qualifier: string | undefined;
  readonly payload: Uint8Array;
  readonly clientContext?: string;
  readonly traceHeader?: string;
  readonly requestId?: string;
  /** Becomes true with the acceptance, in one unit: a relay ends its own row here, so that it hands over once. */
  readonly within?: readonly Statement[];
}

/** The one seam through which anything calls a function. */
export interface FunctionInvoker {
  /** `signal` aborts when the caller hangs up: the function runs on, only the answer is dropped. */
  invoke(request: InvokeRequest, signal?: AbortSignal): Promise<InvocationOutcome>;
  /** Resolves with the request id once the event is durable: the caller may then answer 202. */
  invokeAsync(request: AsyncInvokeRequest): Promise<string>;
  /**
   * The host is overloaded: one invocation more takes time from those under way. A front door asks before
   * it spends anything on a request.
   */
  isFull?(): boolean;
  /** What is told, and counted, of an invocation that is refused for that, whoever asked for it. */
  refusal?(): ServiceError;
}
