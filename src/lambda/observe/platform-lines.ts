/**
 * The lines Lambda itself writes around an invocation, in both log formats. Pure.
 * Text: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
 * JSON: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
 */
import type { LoggingConfig, SystemLogLevel } from "../model/function.ts";

export type InvocationStatus = "success" | "error" | "failure" | "timeout";
export type InitPhase = "init" | "invoke";

export interface Report {
  readonly requestId: string;
  readonly durationMs: number;
  readonly memoryMb: number;
  readonly maxMemoryUsedMb: number;
  /** Only in the first invocation of an environment whose init phase succeeded. */
  readonly initDurationMs: number | undefined;
  readonly status: InvocationStatus;
  readonly errorType: string | undefined;
  readonly trace: XRayTrace | undefined;
}

export interface XRayTrace {
  readonly traceId: string;
  readonly segmentId: string;
  readonly sampled: boolean;
}

export interface InitReport {
  readonly durationMs: number;
  readonly phase: InitPhase;
  readonly status: InvocationStatus;
  readonly errorType: string | undefined;
}

/** Whole milliseconds that are paid for; since August 2025 the init phase is among them. */
export function billedMs(durationMs: number, initDurationMs: number | undefined): number {
  return Math.ceil(roundMs(durationMs) + (initDurationMs === undefined ? 0 : roundMs(initDurationMs)));
}

/** Lambda counts in hundredths of a millisecond. */
function roundMs(ms: number): number {
  return Math.round(ms * 100) / 100;
}

export interface PlatformLines {
  initStart(runtime: string, runtimeVersionArn: string): string | undefined;
  /** Text format: has none. */
  initRuntimeDone(init: InitReport): string | undefined;
  /** Text format: written only for an init that failed. */
  initReport(report: InitReport): string | undefined;
  start(requestId: string): string | undefined;
  /** What went wrong, between the function's own lines and END. Undefined where the format has none. */
  timedOut(requestId: string, time: number, seconds: string): string | undefined;
  fault(requestId: string, message: string, errorType: string): string | undefined;
  end(
    requestId: string,
    status: InvocationStatus,
    errorType: string | undefined,
    durationMs: number,
  ): string | undefined;
  report(report: Report, time: number): string | undefined;
}

/** The lines of one function version, chosen once per environment. */
export function platformLines(
  logging: LoggingConfig,
  functionName: string,
  version: string,
  now: () => number,
): PlatformLines {
  return logging.logFormat === "JSON"
    ? jsonLines(logging.systemLogLevel ?? "INFO", functionName, version, now)
    : textLines(version);
}

function textLines(version: string): PlatformLines {
  const startTail = ` Version: ${version}\n`;
  return {
    initStart: (runtime, arn) => `INIT_START Runtime Version: ${runtime}\tRuntime Version ARN: ${arn}\n`,
    initRuntimeDone: () => undefined,
    initReport: (init) =>
      init.status === "success"
        ? undefined
        : `INIT_REPORT Init Duration: ${init.durationMs.toFixed(2)} ms\tPhase: ${init.phase}\tStatus: ${init.status}${errorTypeField(init.errorType)}\n`,
    start: (requestId) => `START RequestId: ${requestId}${startTail}`,
    timedOut: (requestId, time, seconds) =>
      `${new Date(time).toISOString()} ${requestId} Task timed out after ${seconds} seconds\n\n`,
    fault: (requestId, message, errorType) => `RequestId: ${requestId} Error: ${message}\n${errorType}\n`,
    end: (requestId) => `END RequestId: ${requestId}\n`,
    report: (report) => textReport(report),
  };
}

function errorTypeField(errorType: string | undefined): string {
  return errorType === undefined ? "" : `\tError Type: ${errorType}`;
}

function textReport(report: Report): string {
  let line =
    `REPORT RequestId: ${report.requestId}\tDuration: ${report.durationMs.toFixed(2)} ms` +
    `\tBilled Duration: ${String(billedMs(report.durationMs, report.initDurationMs))} ms` +
    `\tMemory Size: ${String(report.memoryMb)} MB\tMax Memory Used: ${String(report.maxMemoryUsedMb)} MB\t`;
  if (report.initDurationMs !== undefined) line += `Init Duration: ${report.initDurationMs.toFixed(2)} ms\t`;
  if (report.status === "timeout") line += "Status: timeout";
  else if (report.status !== "success") line += `Status: error${errorTypeField(report.errorType)}`;
  line += "\n";
  if (report.trace !== undefined) {
    const { traceId, segmentId, sampled } = report.trace;
    line += `XRAY TraceId: ${traceId}\tSegmentId: ${segmentId}\tSampled: ${String(sampled)}\t\n`;
  }
  return line;
}

const RANK: Readonly<Record<SystemLogLevel, number>> = { DEBUG: 0, INFO: 1, WARN: 2 };

/** Levels: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html */
function jsonLines(
  threshold: SystemLogLevel,
  functionName: string,
  version: string,
  now: () => number,
): PlatformLines {
  const write = (level: SystemLogLevel, type: string, record: object, time = now()): string | undefined =>
    RANK[level] < RANK[threshold]
      ? undefined
      : `${JSON.stringify({ time: new Date(time).toISOString(), type, record })}\n`;
  const ok = (status: InvocationStatus): boolean => status === "success";
  return {
    initStart: (runtimeVersion, runtimeVersionArn) =>
      write("INFO", "platform.initStart", {
        initializationType: "on-demand",
        phase: "init",
        runtimeVersion,
        runtimeVersionArn,
        functionName,
        functionVersion: version,
      }),
    initRuntimeDone: (init) =>
      write("DEBUG", "platform.initRuntimeDone", {
        initializationType: "on-demand",
        phase: init.phase,
        status: init.status,
        ...(init.errorType === undefined ? {} : { errorType: init.errorType }),
      }),
    initReport: (init) =>
      write(ok(init.status) ? "DEBUG" : "INFO", "platform.initReport", {
        initializationType: "on-demand",
        phase: init.phase,
        status: init.status,
        ...(init.errorType === undefined ? {} : { errorType: init.errorType }),
        metrics: { durationMs: roundMs(init.durationMs) },
      }),
    start: (requestId) => write("INFO", "platform.start", { requestId, version }),
    // The JSON format tells both within platform.report.
    timedOut: () => undefined,
    fault: () => undefined,
    // platform.runtimeDone takes the place of END.
    end: (requestId, status, errorType, durationMs) =>
      write(ok(status) ? "DEBUG" : "WARN", "platform.runtimeDone", {
        requestId,
        status,
        ...(errorType === undefined ? {} : { errorType }),
        metrics: { durationMs: roundMs(durationMs) },
      }),
    report: (report, time) =>
      write(
        ok(report.status) ? "INFO" : "WARN",
        "platform.report",
        {
          requestId: report.requestId,
          metrics: {
            durationMs: roundMs(report.durationMs),
            billedDurationMs: billedMs(report.durationMs, report.initDurationMs),
            memorySizeMB: report.memoryMb,
            maxMemoryUsedMB: report.maxMemoryUsedMb,
            ...(report.initDurationMs === undefined
              ? {}
              : { initDurationMs: roundMs(report.initDurationMs) }),
          },
          ...(report.trace === undefined
            ? {}
            : {
                tracing: {
                  spanId: report.trace.segmentId,
                  type: "X-Amzn-Trace-Id",
                  value: report.trace.traceId,
                },
              }),
          status: report.status,
          ...(report.errorType === undefined ? {} : { errorType: report.errorType }),
        },
        time,
      ),
  };
}
