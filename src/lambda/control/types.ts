import type { Scope } from "../../kernel/scope.ts";
import type { FunctionVersion } from "../model/function.ts";

/** What the data plane needs to run one invocation. */
export interface ResolvedFunction {
  readonly version: FunctionVersion;
  /** What the function sees as invokedFunctionArn: qualified as the caller qualified it. */
  readonly invokedFunctionArn: string;
  /** The alias the caller named, if any. */
  readonly alias: string | undefined;
  /** Its place in the chains of events that come by: see model/lineage.ts. */
  readonly lineageResource: string;
  /** PutFunctionRecursionConfig: false stops the function when it is called in a loop. */
  readonly isRecursionAllowed: boolean;
  /** PutFunctionConcurrency; 0 throttles everything. */
  readonly reservedConcurrency: number | undefined;
  /** Account limit minus all reservations of the scope: shared by functions without one. */
  readonly unreservedConcurrency: number;
}

export interface FunctionResolver {
  /**
   * Resolves a function and qualifier to the version that runs. `roll` in [0,1) picks the version
   * of a weighted alias. Waits for a function that is still Pending. Synchronous when cached.
   * Errors: ResourceNotFoundException in AWS's words; ResourceConflictException for a Failed one.
   */
  resolve(
    scope: Scope,
    functionName: string,
    qualifier: string | undefined,
    roll: number,
  ): ResolvedFunction | Promise<ResolvedFunction>;
}

/** Tells the data plane that environments of these versions must not serve new invocations. */
export type FunctionChangeListener = (change: {
  readonly scope: Scope;
  readonly functionName: string;
  /** environmentIds that are gone (function deleted, or $LATEST changed). */
  readonly retiredEnvironmentIds: readonly string[];
}) => void;

/** PutFunctionEventInvokeConfig of a function and qualifier, defaults filled in. */
export interface EventInvokeSettings {
  /** 0 to 2; default 2. */
  readonly maximumRetryAttempts: number;
  /** 60 to 21,600; default 21,600. */
  readonly maximumEventAgeSeconds: number;
  readonly onSuccessArn: string | undefined;
  readonly onFailureArn: string | undefined;
  readonly deadLetterTargetArn: string | undefined;
  /** PutFunctionConcurrency; events of a function with 0 are given up without retries. */
  readonly reservedConcurrency?: number | undefined;
}

export interface EventInvokeSettingsSource {
  /** Undefined when the function is gone. */
  eventInvokeSettings(
    scope: Scope,
    functionName: string,
    qualifier: string | undefined,
  ): Promise<EventInvokeSettings | undefined>;
}
