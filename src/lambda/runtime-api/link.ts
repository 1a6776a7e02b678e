import type { InitMessage, InvokeMessage } from "./frames.ts";
import type { LogFrame } from "./frame-codec.ts";

/** What a runtime says, whichever way it speaks. Buffers belong to the receiver. */
export interface RuntimeEvents {
  /** Framed only: the interpreter is up. */
  onBooted(): void;
  /** Init is done. */
  onReady(): void;
  onInitError(error: Buffer, errorType: string | undefined): void;
  onResponse(payload: Buffer): void;
  onError(error: Buffer, errorType: string | undefined): void;
  /** Waits for the next invocation (framed: together with its answer). */
  onIdle(): void;
  /** An error the process does not survive. */
  onFatal(error: Buffer): void;
  onLog(log: LogFrame): void;
  /** Broke the protocol: the environment must end. */
  onViolation(reason: string): void;
}

/** The server's side of one runtime. One invocation at a time; the owner sees to that. */
export interface RuntimeLink {
  /** Framed only: gives a booted runtime its function. */
  init(message: InitMessage): void;
  invoke(message: InvokeMessage, payload: Uint8Array): void;
  /** Asks it to finish and exit. */
  shutdown(): void;
  close(): void;
}

/** Bytes of a JSON error object as Lambda spells them. */
export function errorJson(errorType: string, errorMessage: string): Buffer {
  return Buffer.from(JSON.stringify({ errorType, errorMessage }));
}

export const RESPONSE_TOO_LARGE = "Function.ResponseSizeTooLarge";
