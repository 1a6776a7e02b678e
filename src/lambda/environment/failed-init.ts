import type { Clock } from "../../kernel/clock.ts";
import type { InitResult } from "./init.ts";
import { timeoutSeconds } from "./fault.ts";
import type { Invocation } from "./invocation.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { FunctionLog } from "../observe/function-log.ts";
import type { PlatformLines } from "../observe/platform-lines.ts";

/**
 * Ends an invocation whose init failed a second time, within the invoke: the caller gets the init's
 * error, the log the lines of an invocation.
 */
export function failInvocation(
  clock: Clock,
  version: FunctionVersion,
  log: FunctionLog,
  lines: PlatformLines,
  invocation: Invocation,
  init: Extract<InitResult, { ok: false }> & { readonly hint: string | undefined },
  startedMs: number,
): void {
  const { requestId } = invocation;
  const durationMs = clock.monotonic() - startedMs;
  const nowMs = clock.now();
  if (invocation.logTail) log.startTail();
  const fault = init.fault;
  const written = [
    lines.start(requestId),
    fault?.cause === undefined
      ? undefined
      : lines.fault(requestId, fault.cause.message, fault.cause.errorType),
    fault === undefined
      ? undefined
      : fault.status === "timeout"
        ? lines.timedOut(requestId, nowMs, timeoutSeconds(version.timeoutMs))
        : lines.fault(requestId, fault.message, fault.errorType),
    lines.end(requestId, init.status, init.status === "timeout" ? undefined : init.errorType, durationMs),
    lines.report(
      {
        requestId,
        durationMs,
        memoryMb: version.memoryMb,
        maxMemoryUsedMb: init.errorType === "Runtime.OutOfMemory" ? version.memoryMb : init.maxMemoryUsedMb,
        initDurationMs: undefined,
        status: init.status,
        errorType: init.status === "timeout" ? undefined : init.errorType,
        trace: undefined,
      },
      nowMs,
    ),
  ];
  for (const line of written) if (line !== undefined) log.write(line, nowMs);
  log.flush();
  invocation.settle({
    kind: "function-error",
    errorType: "Unhandled",
    payload: init.answer(requestId),
    durationMs,
    logTail: invocation.logTail ? log.takeTail() : "",
    ...(init.hint === undefined ? {} : { hint: init.hint }),
  });
  invocation.finished({
    startedMs: nowMs - durationMs,
    durationMs,
    initDurationMs: undefined,
    status: init.status,
    errorType: init.errorType,
    functionError: true,
    logGroup: log.group,
    logStream: log.stream,
  });
}
