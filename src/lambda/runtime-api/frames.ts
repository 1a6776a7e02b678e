/**
 * The framed runtime interface between the server and our own bootstraps (runtimes/nodejs,
 * runtimes/python) on file descriptor 3, a connected stream socket. It carries what the HTTP
 * Runtime API carries, for a fraction of the CPU: a response implies the next request.
 *
 *   frame   = u32be length of all that follows | u8 type | body
 *   str(x)  = u32be byte length | UTF-8 bytes
 *
 * Server to runtime
 *   0x01 INIT      JSON {env:{…}, handler, taskRoot, optRoot, cwd, memoryMb, timeoutMs, logFormat, logLevel,
 *                  functionName, functionVersion, logGroup, logStream}
 *                  The bootstrap replaces its whole environment with `env`, changes to `cwd`, loads the handler.
 *   0x02 INVOKE    str(JSON {requestId, deadlineMs, invokedFunctionArn, traceId?, clientContext?, cognitoIdentity?,
 *                  tenantId?}) then the payload's bytes to the end of the frame
 *   0x03 SHUTDOWN  empty: finish and exit (SIGTERM follows)
 *
 * Runtime to server
 *   0x81 BOOTED    JSON {version}: the interpreter is up and waits for INIT (sent once, before INIT)
 *   0x82 READY     empty: init is done, waiting for INVOKE
 *   0x83 INIT_ERROR JSON {errorType, errorMessage, stackTrace: […]}: init failed; the process exits after it
 *   0x84 RESPONSE  str(requestId) then the payload's bytes; implies waiting for the next INVOKE
 *   0x85 ERROR     str(requestId) then the error JSON's bytes ({errorMessage, errorType, requestId?, stackTrace/trace});
 *                  implies waiting for the next INVOKE
 *   0x86 LOG       f64be epoch ms | u8 level (0 = unlabelled, 1 TRACE … 6 FATAL) | UTF-8 text: one log event, which may
 *                  hold newlines. Everything written before a RESPONSE on this channel belongs to that invocation.
 *   0x87 FATAL     str(requestId) then the error JSON: an unhandled rejection or uncaught exception; the process exits.
 *
 * A runtime never sends a frame longer than 6 MB + 64 KB; a longer one, an unknown type, or a RESPONSE for another
 * request id ends the environment.
 */
export const FrameType = {
  init: 0x01,
  invoke: 0x02,
  shutdown: 0x03,
  booted: 0x81,
  ready: 0x82,
  initError: 0x83,
  response: 0x84,
  error: 0x85,
  log: 0x86,
  fatal: 0x87,
} as const;
export type FrameType = (typeof FrameType)[keyof typeof FrameType];

export interface InitMessage {
  readonly env: Readonly<Record<string, string>>;
  readonly handler: string;
  /** Where the code is for the payload: `/var/task`. */
  readonly taskRoot: string;
  readonly optRoot: string;
  readonly cwd: string;
  readonly memoryMb: number;
  readonly timeoutMs: number;
  readonly logFormat: "Text" | "JSON";
  /** Only with JSON. */
  readonly logLevel?: string;
  readonly functionName: string;
  readonly functionVersion: string;
  readonly logGroup: string;
  readonly logStream: string;
}

export interface InvokeMessage {
  readonly requestId: string;
  readonly deadlineMs: number;
  readonly invokedFunctionArn: string;
  readonly traceId?: string;
  readonly clientContext?: string;
  readonly cognitoIdentity?: string;
  readonly tenantId?: string;
}
