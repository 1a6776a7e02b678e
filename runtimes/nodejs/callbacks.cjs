"use strict";
/**
 * How nodejs20.x and nodejs22.x call a handler: `(event, context, callback)`, with context.done,
 * succeed and fail, waiting for an empty event loop unless told not to, and null for a handler that
 * never answers.
 */
function invoke(runtime, handler, event, base, invocation) {
  let waits = true;
  let finished = false;
  const answer = (error, value) => {
    if (error !== undefined && error !== null) runtime.finishError(invocation, error);
    else runtime.finishResponse(invocation, value);
  };
  const once = (work) => (error, value) => {
    if (finished) return;
    finished = true;
    work(error, value);
  };
  const done = once(answer);
  const callback = once((error, value) => {
    if (!waits || (error !== undefined && error !== null)) answer(error, value);
    else invocation.onEmpty = () => answer(null, value);
  });
  const context = Object.assign(
    {
      get callbackWaitsForEmptyEventLoop() {
        return waits;
      },
      set callbackWaitsForEmptyEventLoop(value) {
        waits = value;
      },
      succeed: (value) => done(null, value),
      fail: (error) => done(error ?? "handled", null),
      done: (error, value) => done(error, value),
    },
    base,
  );
  invocation.onEmpty = () => {
    finished = true;
    runtime.finishResponse(invocation, null);
  };
  const result = handler(event, context, (error, value) => callback(error, value));
  if (result !== null && result !== undefined && typeof result.then === "function") {
    result.then(context.succeed, context.fail);
  }
}

module.exports = { invoke };
