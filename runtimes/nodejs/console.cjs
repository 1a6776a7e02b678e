"use strict";
/**
 * console.* as in Lambda: one call is one log event, in format Text or JSON.
 * https://docs.aws.amazon.com/lambda/latest/dg/nodejs-logging.html
 */
const { format } = require("node:util");

const LEVELS = { TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, FATAL: 6 };
const METHODS = {
  trace: "TRACE",
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
  fatal: "FATAL",
};

let json = false;

function patch(runtime, message) {
  json = message.logFormat === "JSON";
  const least = LEVELS[message.logLevel?.toUpperCase()] ?? LEVELS.TRACE;
  const lineOf = json ? jsonLine : textLine;
  for (const [method, name] of Object.entries(METHODS)) {
    const level = LEVELS[name];
    console[method] =
      level < least && name !== "FATAL"
        ? () => undefined
        : (...values) => {
            const now = new Date();
            runtime.sendLog(lineOf(runtime, now, name, values), level, now.getTime());
          };
  }
  console.log = console.info;
}

/** What stands for the request id in lines written before the first invocation. */
const requestIdOf = (runtime) => runtime.requestId ?? (runtime.major >= 24 ? "-" : "undefined");

function textLine(runtime, now, name, values) {
  const text = values.length === 1 && typeof values[0] === "string" ? values[0] : formatAll(values);
  return `${now.toISOString()}\t${requestIdOf(runtime)}\t${name}\t${text}\n`;
}

/** `console.log()` prints "undefined" in Lambda, because its first parameter is always formatted. */
const formatAll = (values) => (values.length === 0 ? "undefined" : format(...values));

function jsonLine(runtime, now, name, values) {
  const fields = { timestamp: now.toISOString(), level: name, requestId: requestIdOf(runtime) };
  if (runtime.requestId === undefined && runtime.major < 24) fields.requestId = undefined;
  if (runtime.tenantId !== undefined) fields.tenantId = runtime.tenantId;
  if (values.length <= 1) {
    try {
      return JSON.stringify({ ...fields, message: values[0] }, expandErrors);
    } catch {
      return JSON.stringify({ ...fields, message: format(values[0]) });
    }
  }
  fields.message = format(...values);
  const error = values.find((value) => value instanceof Error);
  if (error !== undefined) Object.assign(fields, errorFields(error));
  return JSON.stringify(fields);
}

function errorFields(error) {
  return {
    errorType: error.constructor?.name ?? "UnknownError",
    errorMessage: error.message,
    stackTrace: typeof error.stack === "string" ? error.stack.split("\n") : [],
  };
}

const expandErrors = (_key, value) => (value instanceof Error ? { ...errorFields(value), ...value } : value);

/** The line that accompanies every reported failure. */
function logError(title, error) {
  const thrown = error instanceof Error ? error : new Error(String(error));
  if (json) console.error(thrown);
  else console.error(title, `\t${require("./errors.cjs").toLogJson(thrown)}`);
}

module.exports = { patch, logError };
