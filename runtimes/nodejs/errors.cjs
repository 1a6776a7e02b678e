"use strict";
/** Failures in the JSON that Lambda's Node.js runtimes report. Loaded on demand. */
const { types } = require("node:util");

class RuntimeError extends Error {
  constructor(kind, message) {
    super(message);
    Object.defineProperty(this, "name", { value: `Runtime.${kind}`, enumerable: true });
  }
}

class UnhandledPromiseRejection extends Error {
  constructor(reason, promise) {
    super(textOf(reason));
    this.reason = reason;
    this.promise = promise;
  }
}
UnhandledPromiseRejection.prototype.name = "Runtime.UnhandledPromiseRejection";

class StringifyError extends Error {
  constructor(major) {
    super("Unable to stringify response body");
    if (major >= 24) this.name = "Runtime.JSONStringifyError";
  }
}

/** The module the handler is in could not be found, or not be parsed: the cause's own words. */
function wrap(kind, cause) {
  const error = new RuntimeError(kind, String(cause));
  if (kind === "UserCodeSyntaxError") error.stack = cause.stack;
  return error;
}

function textOf(value) {
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}

const isError = (value) =>
  types.isNativeError(value) ||
  (typeof value?.name === "string" && typeof value.message === "string" && typeof value.stack === "string");

// A DEL would break the header that carries the error to Lambda; it is escaped there too.
const escapeDel = (text) => text?.replaceAll("\x7F", "%7F");

/** {errorType, errorMessage, trace} as Invoke answers it. */
function describe(error) {
  try {
    if (isError(error)) {
      return {
        errorType: escapeDel(error.name),
        errorMessage: escapeDel(error.message),
        trace: escapeDel(error.stack)?.split("\n") ?? [],
      };
    }
    return { errorType: typeof error, errorMessage: String(error), trace: [] };
  } catch {
    return {
      errorType: "handled",
      errorMessage:
        "callback called with Error argument, but there was a problem while retrieving one or more of its message, name, and stack",
      trace: [],
    };
  }
}

function tooLarge(size, limit) {
  return {
    errorMessage: `Response payload size (${size} bytes) exceeded maximum allowed payload size (${limit} bytes).`,
    errorType: "Function.ResponseSizeTooLarge",
  };
}

/** The JSON behind `Invoke Error` in a log of format Text: every own field, the stack as lines. */
function toLogJson(error) {
  const expand = (_key, value) => {
    if (!(value instanceof Error)) return value;
    const fields = {
      errorType: value.name,
      errorMessage: value.message,
      code: value.code,
      ...value,
    };
    if (typeof value.stack === "string") fields.stack = value.stack.split("\n");
    return fields;
  };
  try {
    return JSON.stringify(error, expand);
  } catch {
    return JSON.stringify(describe(error));
  }
}

module.exports = {
  RuntimeError,
  UnhandledPromiseRejection,
  StringifyError,
  wrap,
  describe,
  tooLarge,
  toLogJson,
};
