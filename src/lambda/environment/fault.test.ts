import assert from "node:assert/strict";
import { test } from "node:test";
import { exitFault, initExitFault } from "./fault.ts";

const CRASH = { code: undefined, signal: "SIGSEGV", oomKilled: false };

test("a segmentation fault is an exit while invoked, a timeout while initialising", () => {
  assert.deepEqual(exitFault(CRASH), {
    status: "error",
    errorType: "Runtime.ExitError",
    message: "Runtime exited with error: signal: segmentation fault",
  });
  assert.deepEqual(initExitFault(CRASH, 30_000), {
    status: "timeout",
    errorType: "Sandbox.Timedout",
    message: "Task timed out after 30.00 seconds",
    cause: exitFault(CRASH),
  });
});

test("any other end is told as it is, in both", () => {
  for (const exit of [
    { code: 0, signal: undefined, oomKilled: false },
    { code: 1, signal: undefined, oomKilled: false },
    { code: undefined, signal: "SIGKILL", oomKilled: true },
    { code: undefined, signal: "SIGABRT", oomKilled: false },
  ]) {
    assert.deepEqual(initExitFault(exit, 3_000), exitFault(exit));
  }
});
