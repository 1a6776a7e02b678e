/** What is read from the user and shown to them: durations, payloads, REPORT lines, tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Capabilities } from "../ports/sandbox-driver.ts";
import type { RuntimeInfo } from "../ports/runtime-catalog.ts";
import { choose } from "./demo.ts";
import { capabilityChecks, proxyChecks } from "./doctor.ts";
import { Fault } from "./fault.ts";
import { parseReport } from "./invoke.ts";
import { duration, table } from "./output.ts";
import { readPayload } from "./payload.ts";
import { startFault } from "./start.ts";
import { defaultConfig } from "./flags.ts";
import { parseDuration } from "./time.ts";

for (const [text, ms] of [
  ["90s", 90_000],
  ["2m", 120_000],
  ["1h30m", 5_400_000],
  ["500ms", 500],
  ["45", 45_000],
  ["1.5h", 5_400_000],
  ["1d", 86_400_000],
] as const) {
  test(`${text} is ${ms} ms`, () => assert.equal(parseDuration(text), ms));
}

for (const text of ["", "2x", "m", "-2m", "2 parsecs"]) {
  test(`"${text}" is no duration`, () => assert.throws(() => parseDuration(text), Fault));
}

test("durations are shown in the unit people would choose", () => {
  const shown = [0.85, 2.44, 118, 1_300, 720_000, 10_800_000, 259_200_000].map(duration);
  assert.deepEqual(shown, ["850 µs", "2.4 ms", "118 ms", "1.30 s", "12 m", "3 h", "3 d"]);
});

test("a payload is JSON from the command line, a file, standard input, or {}", () => {
  const read = (path: string | 0): string => (path === 0 ? "[1]" : '{"from":"file"}');
  assert.equal(readPayload(undefined, undefined, read), "{}");
  assert.equal(readPayload('{"a":1}', undefined, read), '{"a":1}');
  assert.equal(readPayload(undefined, "event.json", read), '{"from":"file"}');
  assert.equal(readPayload("-", undefined, read), "[1]");
  assert.equal(readPayload(undefined, "-", read), "[1]");
});

test("a payload that the shell took apart gets a hint", () => {
  assert.throws(
    () => readPayload("{name:Alice}", undefined),
    (error) => error instanceof Fault && /quote it/.test(error.next ?? ""),
  );
  assert.throws(() => readPayload("{}", "also.json"), /not both/);
  assert.throws(() => readPayload(undefined, "/nonexistent/event.json"), /cannot be read/);
});

test("the REPORT line is understood, with and without a cold start", () => {
  const log =
    "START RequestId: 8f3c-1 Version: $LATEST\nEND RequestId: 8f3c-1\n" +
    "REPORT RequestId: 8f3c-1\tDuration: 1.93 ms\tBilled Duration: 120 ms\tMemory Size: 128 MB\tMax Memory Used: 38 MB\tInit Duration: 117.20 ms\t\n";
  assert.deepEqual(parseReport(log), {
    requestId: "8f3c-1",
    durationMs: 1.93,
    billedMs: 120,
    initMs: 117.2,
    memoryMb: 128,
    usedMb: 38,
  });
  assert.equal("initMs" in parseReport(log.replace(/\tInit.*/, "")), false);
  assert.deepEqual(parseReport("no report"), {});
  const metrics = { durationMs: 2.5, billedDurationMs: 3, memorySizeMB: 128, maxMemoryUsedMB: 40 };
  const line = JSON.stringify({ type: "platform.report", record: { requestId: "8f3c-1", metrics } });
  assert.deepEqual(parseReport(`{"level":"INFO"}\n${line}\n`), {
    requestId: "8f3c-1",
    durationMs: 2.5,
    billedMs: 3,
    memoryMb: 128,
    usedMb: 40,
  });
  assert.deepEqual(parseReport('tail cut off "platform.report"'), {});
});

test("tables line up", () => {
  process.env["NO_COLOR"] = "1";
  assert.equal(table(["A", "LONG"], [["wide", "x"], ["y"]]), "A     LONG\nwide  x\ny");
});

test("a proxy without an exception for the endpoint is warned of", () => {
  assert.equal(proxyChecks({ HTTP_PROXY: "http://p" }).length, 1);
  assert.deepEqual(proxyChecks({ HTTP_PROXY: "http://p", NO_PROXY: "x, 127.0.0.1" }), []);
  assert.deepEqual(proxyChecks({}), []);
});

test("what the sandbox does not enforce is told with its reason", () => {
  const capabilities: Capabilities = {
    driver: "process",
    boundary: "none",
    rootfs: "none",
    processes: "none",
    network: "host",
    seccomp: "none",
    memory: "watchdog",
    cpu: "none",
    pids: "none",
    tmpSize: "watchdog",
    freeze: "signal",
    lateAttach: false,
    reasons: ["no namespaces on this system"],
  };
  const checks = capabilityChecks(capabilities);
  const detail = (name: string): string | undefined => checks.find((check) => check.name === name)?.detail;
  assert.equal(detail("by watchdog"), "memory, tmpSize");
  assert.equal(detail("not enforced"), "rootfs, processes, seccomp, cpu, pids");
  assert.equal(detail("enforced"), undefined);
  assert.equal(detail("because"), "no namespaces on this system");
});

test("the demo takes Python where it runs, exact before near; else Node", () => {
  const info = (runtime: string, available: boolean, exact = available): RuntimeInfo => ({
    runtime,
    available,
    exact,
    actual: undefined,
    path: undefined,
    sdk: false,
    hint: undefined,
  });
  const node = info("nodejs22.x", true);
  const near = info("python3.14", true, false);
  assert.equal(choose([node, near, info("python3.11", true), info("python3.10", true)]), "python3.11");
  assert.equal(choose([node, near]), "python3.14");
  assert.equal(choose([info("nodejs20.x", true), node, info("python3.12", false)]), "nodejs22.x");
  assert.throws(() => choose([info("python3.12", false)]), Fault);
});

test("the usual reasons for not starting have a next step", () => {
  const config = defaultConfig("/home/me");
  for (const [code, message] of [
    ["EADDRINUSE", /Port 4566 of 127.0.0.1 is taken/],
    ["EACCES", /cannot be written/],
    ["ENOSPC", /is full/],
  ] as const) {
    const fault = startFault(Object.assign(new Error("boom"), { code }), config);
    assert.ok(fault instanceof Fault);
    assert.equal(fault.exitCode, 5);
    assert.match(fault.message, message);
    assert.ok(fault.next !== undefined);
  }
  const bug = new Error("boom");
  assert.equal(startFault(bug, config), bug);
});
