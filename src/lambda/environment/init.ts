/** The init phase: what the runtime is told, what its process may use meanwhile, and how it can go wrong. */
import type { ExitInfo, Sandbox, SandboxLimits } from "../../ports/sandbox-driver.ts";
import type { InvocationStatus } from "../observe/platform-lines.ts";
import type { InitMessage } from "../runtime-api/frames.ts";
import type { Binding } from "./binding.ts";
import { errorTypeOf, faultPayload, initExitFault, timeoutFault, type Fault } from "./fault.ts";

export const TASK_ROOT = "/var/task";
const OPT_ROOT = "/opt";

export type InitResult =
  | { readonly ok: true; readonly durationMs: number }
  | {
      readonly ok: false;
      readonly durationMs: number;
      readonly status: InvocationStatus;
      readonly errorType: string;
      readonly maxMemoryUsedMb: number;
      /** Set when the platform, not the runtime, has to say what happened. */
      readonly fault: Fault | undefined;
      /** What the caller of an invocation gets for it. */
      answer(requestId: string): Buffer;
    };

/** How the init phase ended, as the environment learns it. */
export type InitSignal =
  | { readonly kind: "ready" }
  | { readonly kind: "error"; readonly error: Buffer; readonly errorType: string | undefined }
  | { readonly kind: "exit"; readonly exit: ExitInfo }
  | { readonly kind: "extension"; readonly fault: Fault }
  | { readonly kind: "timeout" };

/** A small function's share of a CPU would make its init many times longer; Lambda lends it more, too. */
export const INIT_CPUS = 1;

export function initLimits(limits: SandboxLimits): SandboxLimits {
  return limits.cpus < INIT_CPUS ? { ...limits, cpus: INIT_CPUS } : limits;
}

/** What a framed runtime is told to load. */
export function initMessage(binding: Binding, sandbox: Sandbox): InitMessage {
  const { version, log } = binding;
  const { logging } = version;
  const taskRoot = sandbox.path(TASK_ROOT);
  return {
    env: binding.variables(sandbox),
    handler: version.handler,
    taskRoot,
    optRoot: sandbox.path(OPT_ROOT),
    cwd: taskRoot,
    memoryMb: version.memoryMb,
    timeoutMs: version.timeoutMs,
    logFormat: logging.logFormat,
    ...(logging.logFormat === "JSON" ? { logLevel: logging.applicationLogLevel ?? "INFO" } : {}),
    functionName: version.name,
    functionVersion: version.version,
    logGroup: log.group,
    logStream: log.stream,
  };
}

/** What an init that did not end well comes to. `timeoutMs` is the function's. */
export function failedInit(
  signal: Exclude<InitSignal, { kind: "ready" }>,
  measured: { readonly durationMs: number; readonly maxMemoryUsedMb: number; readonly timeoutMs: number },
): InitResult {
  const { durationMs, maxMemoryUsedMb, timeoutMs } = measured;
  if (signal.kind === "error") {
    const errorType = signal.errorType ?? errorTypeOf(signal.error) ?? "Runtime.Unknown";
    return {
      ok: false,
      durationMs,
      status: "error",
      errorType,
      maxMemoryUsedMb,
      fault: undefined,
      answer: () => signal.error,
    };
  }
  const fault = faultOf(signal, timeoutMs);
  return {
    ok: false,
    durationMs,
    status: fault.status,
    errorType: fault.errorType,
    maxMemoryUsedMb,
    fault,
    answer: (requestId) => faultPayload(fault, requestId),
  };
}

function faultOf(
  signal: Extract<InitSignal, { kind: "exit" | "extension" | "timeout" }>,
  timeoutMs: number,
): Fault {
  switch (signal.kind) {
    case "exit":
      return initExitFault(signal.exit, timeoutMs);
    case "extension":
      return signal.fault;
    case "timeout":
      return timeoutFault(timeoutMs);
  }
}
