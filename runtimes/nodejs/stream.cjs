"use strict";
/** `awslambda.streamifyResponse` handlers: what they write is collected and answered as one. */
const { Writable } = require("node:stream");
const { RuntimeError } = require("./errors.cjs");

const PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response";

class ResponseStream extends Writable {
  parts = [];
  started = false;
  contentType = "application/octet-stream";

  setContentType(type) {
    if (this.started) {
      throw new RuntimeError("InvalidStreamingOperation", "Cannot set content-type, too late.");
    }
    this.contentType = type;
  }

  write(chunk, ...rest) {
    const text = typeof chunk === "string" || chunk instanceof Uint8Array;
    if (!this.started) {
      this.started = true;
      this.beforeFirstWrite?.((first) => super.write(first));
    }
    return super.write(text ? chunk : JSON.stringify(chunk), ...rest);
  }

  _write(chunk, encoding, callback) {
    this.parts.push(typeof chunk === "string" ? Buffer.from(chunk, encoding) : Buffer.from(chunk));
    callback();
  }
}

/** Puts status code, headers and cookies before the body, as function URLs read them. */
const HttpResponseStream = {
  from(stream, prelude) {
    stream.setContentType(PRELUDE_TYPE);
    const head = JSON.stringify(prelude);
    stream.beforeFirstWrite = (write) => {
      write(head);
      write(new Uint8Array(8));
    };
    return stream;
  },
};

function invoke(runtime, handler, event, base, invocation) {
  const context = { callbackWaitsForEmptyEventLoop: true, ...base };
  if (runtime.major >= 24) delete context.callbackWaitsForEmptyEventLoop;
  const stream = new ResponseStream();
  const finished = new Promise((resolve, reject) => {
    stream.on("finish", resolve);
    stream.on("error", reject);
  });
  finished.catch(() => undefined);
  const run = async () => {
    const result = handler(event, stream, context);
    if (typeof result?.then !== "function") {
      throw new Error("Streaming does not support non-async handlers.");
    }
    if ((await result) !== undefined) console.warn("Streaming handlers ignore return values.");
    await finished;
  };
  invocation.onEmpty = () => {
    runtime.finishError(invocation, new Error("Response stream is not finished."));
  };
  run().then(
    () => runtime.finishResponse(invocation, undefined, Buffer.concat(stream.parts)),
    (error) => runtime.finishError(invocation, error),
  );
}

module.exports = { invoke, HttpResponseStream };
