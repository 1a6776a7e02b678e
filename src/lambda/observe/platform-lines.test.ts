import assert from "node:assert/strict";
import { test } from "node:test";
import type { LoggingConfig } from "../model/function.ts";
import { billedMs, platformLines, type PlatformLines, type Report } from "./platform-lines.ts";

const REPORT: Report = {
  requestId: "r-1",
  durationMs: 3.014,
  memoryMb: 128,
  maxMemoryUsedMb: 36,
  initDurationMs: undefined,
  status: "success",
  errorType: undefined,
  trace: undefined,
};
const TIME = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
const text = platformLines({ logFormat: "Text", logGroup: "/g" }, "demo", "7", () => TIME);
const HEAD =
  "REPORT RequestId: r-1\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t";

const REPORTS: readonly (readonly [string, Partial<Report>, string])[] = [
  ["a warm invocation", {}, `${HEAD}\n`],
  [
    "a cold one: init is billed",
    { initDurationMs: 110.1 },
    `${HEAD.replace("Billed Duration: 4", "Billed Duration: 114")}Init Duration: 110.10 ms\t\n`,
  ],
  ["a timeout", { status: "timeout" }, `${HEAD}Status: timeout\n`],
  [
    "a crash",
    { status: "error", errorType: "Runtime.ExitError" },
    `${HEAD}Status: error\tError Type: Runtime.ExitError\n`,
  ],
  [
    "a traced one",
    { trace: { traceId: "1-2-3", segmentId: "abc", sampled: true } },
    `${HEAD}\nXRAY TraceId: 1-2-3\tSegmentId: abc\tSampled: true\t\n`,
  ],
];
for (const [name, more, expected] of REPORTS) {
  test(`REPORT of ${name}`, () => assert.equal(text.report({ ...REPORT, ...more }, TIME), expected));
}

const BILLED: readonly (readonly [number, number | undefined, number])[] = [
  [3.01, undefined, 4],
  [3, undefined, 3],
  [0, undefined, 0],
  [2.9, 110.12, 114],
];
for (const [duration, init, expected] of BILLED) {
  test(`${String(duration)} ms and init ${String(init)} are billed as ${String(expected)} ms`, () =>
    assert.equal(billedMs(duration, init), expected));
}

test("the text format writes INIT_REPORT only for an init that failed", () => {
  assert.equal(
    text.initReport({ durationMs: 1, phase: "init", status: "success", errorType: undefined }),
    undefined,
  );
  assert.equal(
    text.initReport({
      durationMs: 1.571,
      phase: "init",
      status: "error",
      errorType: "Runtime.InvalidEntrypoint",
    }),
    "INIT_REPORT Init Duration: 1.57 ms\tPhase: init\tStatus: error\tError Type: Runtime.InvalidEntrypoint\n",
  );
  assert.equal(text.start("r-1"), "START RequestId: r-1 Version: 7\n");
});

test("the JSON format writes platform events, filtered by the system log level", () => {
  const at = (systemLogLevel: "DEBUG" | "INFO" | "WARN") =>
    platformLines({ logFormat: "JSON", logGroup: "/g", systemLogLevel }, "demo", "7", () => TIME);
  const info = at("INFO");
  assert.deepEqual(JSON.parse(info.start("r-1") as string), {
    time: "2026-01-02T03:04:05.006Z",
    type: "platform.start",
    record: { requestId: "r-1", version: "7" },
  });
  assert.equal(info.end("r-1", "success", undefined, 3), undefined);
  assert.deepEqual(JSON.parse(info.report({ ...REPORT, initDurationMs: 110.1 }, TIME) as string), {
    time: "2026-01-02T03:04:05.006Z",
    type: "platform.report",
    record: {
      requestId: "r-1",
      metrics: {
        durationMs: 3.01,
        billedDurationMs: 114,
        memorySizeMB: 128,
        maxMemoryUsedMB: 36,
        initDurationMs: 110.1,
      },
      status: "success",
    },
  });
  assert.equal(at("WARN").start("r-1"), undefined);
  assert.equal(at("WARN").report(REPORT, TIME), undefined);
  assert.ok(at("WARN").report({ ...REPORT, status: "timeout" }, TIME));
  assert.ok(at("WARN").end("r-1", "timeout", undefined, 3));
  assert.ok(at("DEBUG").end("r-1", "success", undefined, 3));
});

test("JSON: the init phase is told by three events, the last two at DEBUG when it went well", () => {
  const at = (systemLogLevel: "DEBUG" | "INFO"): PlatformLines =>
    platformLines({ logFormat: "JSON", systemLogLevel, logGroup: "g" } as LoggingConfig, "f", "1", () => 0);
  const record = (line: string | undefined): unknown => JSON.parse(line ?? "null");
  const done = { durationMs: 1.234, phase: "init", status: "success", errorType: undefined } as const;
  assert.deepEqual(record(at("DEBUG").initRuntimeDone(done)), {
    time: "1970-01-01T00:00:00.000Z",
    type: "platform.initRuntimeDone",
    record: { initializationType: "on-demand", phase: "init", status: "success" },
  });
  assert.deepEqual(record(at("DEBUG").initReport(done)), {
    time: "1970-01-01T00:00:00.000Z",
    type: "platform.initReport",
    record: {
      initializationType: "on-demand",
      phase: "init",
      status: "success",
      metrics: { durationMs: 1.23 },
    },
  });
  assert.equal(at("INFO").initRuntimeDone(done), undefined);
  assert.equal(at("INFO").initReport(done), undefined);
  assert.match(at("INFO").initStart("python:3.13.v1", "arn") ?? "", /"platform\.initStart"/);
});
