"use strict";
/**
 * Lambent's Node.js runtime: runs inside a sandbox and speaks frames over file descriptor 3.
 * The frames are described in src/lambda/runtime-api/frames.ts.
 *
 *     bootstrap.cjs RUNTIME [SDK_FOLDER]
 *
 * RUNTIME is the one asked for (`nodejs22.x`): it decides what Lambda allows, whatever Node runs it.
 * This file holds what starts and what every invocation needs; errors, response streams and the
 * loading of handlers are beside it and loaded on demand, because a first call waits for this file.
 */
const net = require("node:net");
const fs = require("node:fs");

const FD = 3;
const INIT = 1;
const INVOKE = 2;
const BOOTED = 0x81;
const READY = 0x82;
const INIT_ERROR = 0x83;
const RESPONSE = 0x84;
const ERROR = 0x85;
const LOG = 0x86;
const FATAL = 0x87;
/** What Lambda allows a synchronous response to be (6 MB and some room for its envelope). */
const RESPONSE_BYTES_MAX = 6291556;
const LOG_BYTES_MAX = 1024 * 1024;
/** Up to this size a frame is written at once; a longer one is handed to the socket. */
const DIRECT_BYTES_MAX = 64 * 1024;
const TRACE_VARIABLE = "_X_AMZN_TRACE_ID";
const NEVER_SETTLED =
  "The Lambda runtime client detected an unexpected Node.js exit code. This is most likely caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes";

const major = Number(/^nodejs(\d+)/.exec(process.argv[2] ?? "")?.[1] ?? 24);

/** What the parts loaded on demand share. */
const runtime = {
  major,
  sdkFolder: process.argv[3],
  requestId: undefined,
  tenantId: undefined,
  sendLog,
  finishResponse,
  finishError,
};

// ---- writing ---------------------------------------------------------------------------------

function frame(kind, bodyBytes) {
  const out = Buffer.allocUnsafe(5 + bodyBytes);
  out.writeUInt32BE(bodyBytes + 1, 0);
  out[4] = kind;
  return out;
}

/**
 * Writes a whole frame before it returns, so that nothing is lost when the process ends next. While
 * the server does not read, this waits: that is the back-pressure on a flood of log lines.
 */
function write(out) {
  if (out.length > DIRECT_BYTES_MAX || socket.writableLength > 0) {
    socket.write(out);
    return;
  }
  let offset = 0;
  let waits = 0;
  while (offset < out.length) {
    try {
      offset += fs.writeSync(FD, out, offset);
    } catch (error) {
      if (error.code !== "EAGAIN") process.exit(0);
      waits += 1;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.min(waits, 20));
    }
  }
}

function sendJson(kind, value) {
  const text = JSON.stringify(value);
  const out = frame(kind, Buffer.byteLength(text));
  out.write(text, 5);
  write(out);
}

/** A frame that answers an invocation: the request id, then `text` or bytes. */
function sendAnswer(kind, id, body) {
  const idBytes = Buffer.byteLength(id);
  const bodyBytes = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  const out = frame(kind, 4 + idBytes + bodyBytes);
  out.writeUInt32BE(idBytes, 5);
  out.write(id, 9);
  if (typeof body === "string") out.write(body, 9 + idBytes);
  else out.set(body, 9 + idBytes);
  write(out);
}

function sendLog(text, level, now) {
  let bytes = Buffer.byteLength(text);
  if (bytes > LOG_BYTES_MAX) {
    const whole = Buffer.from(text);
    for (let start = 0; start < whole.length; start += LOG_BYTES_MAX) {
      const part = whole.subarray(start, start + LOG_BYTES_MAX);
      const out = frame(LOG, 9 + part.length);
      out.writeDoubleBE(now, 5);
      out[13] = level;
      out.set(part, 14);
      write(out);
    }
    return;
  }
  const out = frame(LOG, 9 + bytes);
  out.writeDoubleBE(now, 5);
  out[13] = level;
  out.write(text, 14);
  write(out);
}

// ---- reading ---------------------------------------------------------------------------------

let held = [];
let heldBytes = 0;

/** Splits what arrived into frames. `chunk` is reused by the socket, so what stays is copied. */
function onBytes(count, buffer) {
  let chunk = buffer.subarray(0, count);
  if (heldBytes > 0) {
    held.push(Buffer.from(chunk));
    heldBytes += count;
    const head = held[0].length >= 4 || held.length === 1 ? held[0] : Buffer.concat(held);
    if (head.length < 4 || heldBytes < 4 + head.readUInt32BE(0)) return true;
    chunk = Buffer.concat(held);
    held = [];
    heldBytes = 0;
  }
  let offset = 0;
  while (chunk.length - offset >= 4) {
    const end = offset + 4 + chunk.readUInt32BE(offset);
    if (end > chunk.length) break;
    onFrame(chunk[offset + 4], chunk.subarray(offset + 5, end));
    offset = end;
  }
  if (offset < chunk.length) {
    held = [Buffer.from(chunk.subarray(offset))];
    heldBytes = held[0].length;
  }
  return true;
}

function onFrame(kind, body) {
  if (kind === INVOKE) {
    const start = 4 + body.readUInt32BE(0);
    const request = JSON.parse(body.toString("utf8", 4, start));
    invoke(request, body.toString("utf8", start));
  } else if (kind === INIT) {
    initialise(JSON.parse(body.toString("utf8")));
  } else {
    shutDown();
  }
}

/** Ends the process; SIGTERM handlers of the function get their signal, which follows. */
function shutDown() {
  if (process.listenerCount("SIGTERM") === 0 || process.listeners("SIGTERM").every(isOwn)) {
    process.exit(0);
  }
}

const isOwn = (listener) => listener === onTerminate;

function onTerminate() {
  if (process.listeners("SIGTERM").every(isOwn)) process.exit(143);
}

// ---- the life of a function --------------------------------------------------------------------

let handler;
let streaming = false;
let environmentFields;
/** The invocation under way; undefined between them. */
let current;

/**
 * Loads what every function needs, while the process waits in the pool for its function. A process
 * that is given a function at once never gets here.
 */
function warmUp() {
  require("./console.cjs");
  require("./errors.cjs");
  require("./loader.cjs");
  // The first import() of a process sets up the loader of ES modules.
  return import("data:text/javascript,");
}
const warmUpTimer = setTimeout(warmUp, 20);

async function initialise(message) {
  clearTimeout(warmUpTimer);
  // A process that was started with the function's variables keeps what its start-up script made of
  // them (AWS_LAMBDA_EXEC_WRAPPER).
  if (process.env.LAMBENT_KEEP_ENV === undefined) {
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, message.env);
  } else {
    delete process.env.LAMBENT_KEEP_ENV;
    for (const [name, value] of Object.entries(message.env)) process.env[name] ??= value;
  }
  process.chdir(message.cwd);
  process.argv.length = 2;
  require("./console.cjs").patch(runtime, message);
  runtime.logError = require("./console.cjs").logError;
  socket.unref();
  try {
    const loader = require("./loader.cjs");
    loader.prepare(runtime, message);
    const loaded = await loader.load(runtime, message);
    if (failed) return;
    handler = loaded.handler;
    streaming = loaded.streaming;
  } catch (error) {
    runtime.logError(major >= 24 ? "Init Error" : "Uncaught Exception", error);
    fail(INIT_ERROR, error, 1);
    return;
  }
  const env = process.env;
  environmentFields = {
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
  };
  socket.ref();
  write(frame(READY, 0));
}

let failed = false;

/** Reports a failure that ends the process, and ends it when the report is on its way. */
function fail(kind, error, exitCode) {
  if (failed) return;
  failed = true;
  const report = require("./errors.cjs").describe(error);
  if (kind === FATAL)
    sendAnswer(FATAL, current?.request.requestId ?? runtime.requestId, JSON.stringify(report));
  else sendJson(kind, report);
  if (socket.writableLength === 0) process.exit(exitCode);
  socket.once("drain", () => process.exit(exitCode));
}

process.on("uncaughtException", (error) => {
  runtime.logError?.("Uncaught Exception", error);
  fail(handler === undefined ? INIT_ERROR : FATAL, error, 129);
});
process.on("unhandledRejection", (reason, promise) => {
  const { UnhandledPromiseRejection } = require("./errors.cjs");
  const error = new UnhandledPromiseRejection(reason, promise);
  runtime.logError?.("Unhandled Promise Rejection", error);
  fail(handler === undefined ? INIT_ERROR : FATAL, error, 128);
});

// While an invocation runs, the channel does not keep the event loop alive: an empty loop is what
// Lambda's runtimes answer to (`callbackWaitsForEmptyEventLoop`, promises that never settle).
process.on("beforeExit", () => {
  if (current?.onEmpty !== undefined) {
    socket.ref();
    current.onEmpty();
    return;
  }
  // Initialising, or a handler of nodejs24.x or later: a promise that never settles.
  const { RuntimeError } = require("./errors.cjs");
  const error = new RuntimeError("NodeJsExit", NEVER_SETTLED);
  runtime.logError?.(handler === undefined ? "Init Error" : "Invoke Error", error);
  fail(handler === undefined ? INIT_ERROR : FATAL, error, 13);
});

function parseContext(text, name) {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`Cannot parse ${name} as json: ${String(error)}`, { cause: error });
  }
}

function contextOf(request) {
  const { deadlineMs } = request;
  return {
    ...environmentFields,
    clientContext: parseContext(request.clientContext, "ClientContext"),
    identity: parseContext(request.cognitoIdentity, "CognitoIdentity"),
    invokedFunctionArn: request.invokedFunctionArn,
    awsRequestId: request.requestId,
    tenantId: request.tenantId,
    getRemainingTimeInMillis: () => deadlineMs - Date.now(),
  };
}

const isPromise = (value) => value !== null && value !== undefined && typeof value.then === "function";

function invoke(request, payload) {
  const invocation = { request, onEmpty: undefined };
  current = invocation;
  runtime.requestId = request.requestId;
  runtime.tenantId = request.tenantId;
  if (request.traceId !== lastTraceId) {
    lastTraceId = request.traceId;
    if (lastTraceId === undefined) delete process.env[TRACE_VARIABLE];
    else process.env[TRACE_VARIABLE] = lastTraceId;
  }
  socket.unref();
  try {
    const event = JSON.parse(payload);
    if (streaming) {
      require("./stream.cjs").invoke(runtime, handler, event, contextOf(request), invocation);
    } else if (major >= 24) {
      const result = handler(event, contextOf(request));
      if (isPromise(result)) {
        result.then(
          (value) => finishResponse(invocation, value),
          (error) => finishError(invocation, error),
        );
      } else finishResponse(invocation, result);
    } else {
      require("./callbacks.cjs").invoke(runtime, handler, event, contextOf(request), invocation);
    }
  } catch (error) {
    finishError(invocation, error);
  }
}

let lastTraceId;

/** Answers the invocation with a value to be made JSON, or with bytes as they are. */
function finishResponse(invocation, value, bytes) {
  if (current !== invocation || failed) return;
  let body = bytes;
  if (body === undefined) {
    try {
      body = JSON.stringify(value === undefined ? null : value) ?? "null";
    } catch {
      const { StringifyError } = require("./errors.cjs");
      finishError(invocation, new StringifyError(major));
      return;
    }
  }
  const size = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  if (size > RESPONSE_BYTES_MAX) {
    const report = require("./errors.cjs").tooLarge(size, RESPONSE_BYTES_MAX);
    end(invocation, ERROR, JSON.stringify(report));
  } else end(invocation, RESPONSE, body);
}

function finishError(invocation, error) {
  if (current !== invocation || failed) return;
  runtime.logError("Invoke Error", error);
  end(invocation, ERROR, JSON.stringify(require("./errors.cjs").describe(error)));
}

function end(invocation, kind, body) {
  current = undefined;
  socket.ref();
  sendAnswer(kind, invocation.request.requestId, body);
}

// ---- start ---------------------------------------------------------------------------------------

/**
 * Lambda starts Node with --expose-gc. Given at the start, that flag makes V8 refuse the compiled form
 * of Node's own modules, and every start takes a fifth longer; so the flag is set when `gc` is first
 * looked at, and only its name is there from the start (children started by fork() inherit it).
 */
function exposeGc() {
  if (Object.hasOwn(globalThis, "gc")) return;
  process.execArgv.unshift("--expose-gc");
  const put = (value) =>
    Object.defineProperty(globalThis, "gc", { value, writable: true, enumerable: true, configurable: false });
  Object.defineProperty(globalThis, "gc", {
    get() {
      require("node:v8").setFlagsFromString("--expose-gc");
      const gc = require("node:vm").runInNewContext("gc");
      put(gc);
      return gc;
    },
    set: put,
    enumerable: true,
    configurable: true,
  });
}
exposeGc();

process.on("SIGTERM", onTerminate);
const socket = new net.Socket({
  fd: FD,
  readable: true,
  writable: true,
  onread: { buffer: Buffer.allocUnsafe(64 * 1024), callback: onBytes },
});
socket.on("end", () => process.exit(0));
socket.on("error", () => process.exit(0));
sendJson(BOOTED, { version: process.versions.node });
