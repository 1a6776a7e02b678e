import type { Scope } from "../../kernel/scope.ts";

/** `Pending` → `Active` (→ `Inactive`), or `Failed`: FunctionConfiguration.State. */
export type FunctionState = "Pending" | "Active" | "Inactive" | "Failed";
export type LastUpdateStatus = "Successful" | "Failed" | "InProgress";

export type Architecture = "x86_64" | "arm64";
export type LogFormat = "Text" | "JSON";
export type ApplicationLogLevel = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "FATAL";
export type SystemLogLevel = "DEBUG" | "INFO" | "WARN";

export interface LoggingConfig {
  readonly logFormat: LogFormat;
  /** Only with JSON. */
  readonly applicationLogLevel?: ApplicationLogLevel;
  readonly systemLogLevel?: SystemLogLevel;
  /** `/aws/lambda/<name>` unless the user chose another. */
  readonly logGroup: string;
}

/** One code archive: where its bytes are and what AWS tells of it. */
export interface FunctionCode {
  /** Key in the BlobStore (hex). */
  readonly blob: string;
  /** What AWS shows: base64 of the same hash. */
  readonly codeSha256: string;
  /** Bytes of the zip. */
  readonly codeSize: number;
}

/**
 * One version of a function's configuration and code: `$LATEST` (mutable through control) or a
 * published one (frozen). This is what the data plane runs; it never looks anything up beside it.
 */
export interface FunctionVersion {
  readonly scope: Scope;
  readonly name: string;
  /** `$LATEST`, or `1`, `2`, … */
  readonly version: string;
  /** Unqualified ARN. */
  readonly functionArn: string;
  /** Differs between two functions of one name made one after the other. */
  readonly functionId: string;
  readonly description: string;
  readonly runtime: string;
  readonly handler: string;
  readonly role: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  readonly tmpMb: number;
  readonly architecture: Architecture;
  /** Undefined: no Environment was given (AWS then leaves the field out). */
  readonly environment?: Readonly<Record<string, string>>;
  readonly logging: LoggingConfig;
  readonly tracingMode: "Active" | "PassThrough";
  readonly deadLetterTargetArn?: string;
  readonly code: FunctionCode;
  readonly revisionId: string;
  readonly lastModifiedMs: number;
  readonly state: FunctionState;
  readonly stateReason?: string;
  readonly stateReasonCode?: string;
  readonly lastUpdateStatus: LastUpdateStatus;
  readonly lastUpdateStatusReason?: string;
  readonly lastUpdateStatusReasonCode?: string;
  /**
   * Changes with everything an execution environment is made of (code, handler, memory, variables,
   * layers, …) and with nothing else: environments are leased per this id, so a changed function
   * never meets an old environment.
   */
  readonly environmentId: string;
}

/** `arn:aws:lambda:region:account:function:name` plus `:qualifier`. */
export function qualifiedArn(functionArn: string, qualifier: string): string {
  return `${functionArn}:${qualifier}`;
}
