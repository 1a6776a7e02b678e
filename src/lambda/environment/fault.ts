/** How the end of a process, a timeout or a broken start is told to the caller. Pure. */
import type { ExitInfo } from "../../ports/sandbox-driver.ts";
import type { InvocationStatus } from "../observe/platform-lines.ts";

/** A failure that the platform, not the function's code, puts into words. */
export interface Fault {
  readonly status: InvocationStatus;
  readonly errorType: string;
  /** Without the `RequestId: … Error: ` that stands before it. */
  readonly message: string;
  /** What really happened, where AWS's answer to the caller says something else; it goes to the log. */
  readonly cause?: Fault;
}

/** Signals as the messages of Lambda spell them. */
const SIGNALS: Readonly<Record<string, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGILL: "illegal instruction",
  SIGTRAP: "trace/breakpoint trap",
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGKILL: "killed",
  SIGUSR1: "user defined signal 1",
  SIGSEGV: "segmentation fault",
  SIGUSR2: "user defined signal 2",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated",
  SIGSYS: "bad system call",
};

/** Shells and interpreters tell a child's signal as 128 + its number. */
const SIGNAL_NUMBERS: Readonly<Record<number, string>> = {
  4: "SIGILL",
  6: "SIGABRT",
  7: "SIGBUS",
  8: "SIGFPE",
  9: "SIGKILL",
  11: "SIGSEGV",
  15: "SIGTERM",
};

export function exitFault(exit: ExitInfo): Fault {
  const signal =
    exit.signal ?? (exit.code !== undefined && exit.code > 128 ? SIGNAL_NUMBERS[exit.code - 128] : undefined);
  if (exit.oomKilled && (signal === "SIGKILL" || signal === undefined)) {
    return {
      status: "error",
      errorType: "Runtime.OutOfMemory",
      message: "Runtime exited with error: signal: killed",
    };
  }
  const message =
    signal !== undefined
      ? `Runtime exited with error: signal: ${SIGNALS[signal] ?? signal}`
      : exit.code === 0 || exit.code === undefined
        ? "Runtime exited without providing a reason"
        : `Runtime exited with error: exit status ${String(exit.code)}`;
  return { status: "error", errorType: "Runtime.ExitError", message };
}

/**
 * The end of a process during init. AWS does not see one that crashed with a segmentation fault: its
 * callers are told of a timeout (seen in November 2025). They need not wait for it here.
 */
export function initExitFault(exit: ExitInfo, timeoutMs: number): Fault {
  const cause = exitFault(exit);
  return exit.signal === "SIGSEGV" ? { ...timeoutFault(timeoutMs), cause } : cause;
}

/** `3.00`, as AWS prints a timeout. */
export function timeoutSeconds(timeoutMs: number): string {
  return (timeoutMs / 1000).toFixed(2);
}

export function timeoutFault(timeoutMs: number): Fault {
  return {
    status: "timeout",
    errorType: "Sandbox.Timedout",
    message: `Task timed out after ${timeoutSeconds(timeoutMs)} seconds`,
  };
}

export function entrypointFault(message: string): Fault {
  return { status: "error", errorType: "Runtime.InvalidEntrypoint", message };
}

export function extensionFault(errorType: string, name: string): Fault {
  return { status: "error", errorType, message: `Extension ${name} gave up` };
}

export function faultPayload(fault: Fault, requestId: string): Buffer {
  return Buffer.from(
    JSON.stringify({
      errorType: fault.errorType,
      errorMessage: `RequestId: ${requestId} Error: ${fault.message}`,
    }),
  );
}

/** The errorType of a runtime's error JSON, for logs and metrics; undefined when there is none to read. */
export function errorTypeOf(error: Buffer): string | undefined {
  try {
    const parsed = JSON.parse(error.toString("utf8")) as unknown;
    const type =
      typeof parsed === "object" && parsed !== null
        ? (parsed as { errorType?: unknown }).errorType
        : undefined;
    return typeof type === "string" ? type : undefined;
  } catch {
    return undefined;
  }
}
