import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../testing/fake-clock.ts";
import { functionVersion } from "../../testing/data-plane.ts";
import type { LogEvent } from "../../ports/log-sink.ts";
import { FunctionLog, logStreamName } from "./function-log.ts";
import { LineSplitter } from "./line-splitter.ts";

const RANDOM = { number: () => 0, uuid: () => "u", hex: (length: number) => "a".repeat(length) };

test("streams are named by day and version, and by function where the group is shared", () => {
  const time = Date.UTC(2026, 0, 2);
  assert.equal(logStreamName(functionVersion(), time, RANDOM), `2026/01/02/[$LATEST]${"a".repeat(32)}`);
  const shared = functionVersion({ version: "3", logging: { logFormat: "Text", logGroup: "/shared" } });
  assert.equal(logStreamName(shared, time, RANDOM), `2026/01/02/demo[3]${"a".repeat(32)}`);
});

function log(): { log: FunctionLog; appended: (readonly LogEvent[])[] } {
  const appended: (readonly LogEvent[])[] = [];
  const sink = {
    append: (_s: unknown, _g: string, _n: string, events: readonly LogEvent[]) => void appended.push(events),
  };
  return { log: new FunctionLog(sink, fakeClock(), functionVersion(), "stream"), appended };
}

test("lines go to the sink in one call, unless there are very many", () => {
  const one = log();
  one.log.write("a\n");
  one.log.write("b\n");
  assert.equal(one.appended.length, 0);
  one.log.flush();
  one.log.flush();
  assert.deepEqual(
    one.appended.map((events) => events.map((event) => event.message)),
    [["a\n", "b\n"]],
  );
  for (let at = 0; at < 1000; at += 1) one.log.write("x\n");
  assert.ok(one.appended.length > 1);
});

test("the tail is the last 4 KB and never cuts a character", () => {
  const one = log();
  one.log.write("before\n");
  one.log.startTail();
  one.log.write("first\n");
  for (let at = 0; at < 500; at += 1) one.log.write(`${"ü".repeat(20)}\n`);
  one.log.write("last");
  const tail = one.log.takeTail();
  assert.ok(Buffer.byteLength(tail) <= 4096);
  assert.ok(Buffer.byteLength(tail) > 4000);
  assert.ok(tail.endsWith("ü\nlast\n"));
  assert.ok(!tail.includes("�") && !tail.includes("first") && !tail.includes("before"));
});

test("what a runtime says of the time is believed between the line before and now", () => {
  const clock = fakeClock();
  const events: LogEvent[] = [];
  const sink = {
    append: (_s: unknown, _g: string, _n: string, some: readonly LogEvent[]) => void events.push(...some),
  };
  const madeMs = clock.now();
  const functionLog = new FunctionLog(sink, clock, functionVersion(), "stream");
  clock.advance(1_000_000);
  const nowMs = clock.now();
  // A moved clock is ahead of the machine's, by which the runtime tells the time.
  const machineMs = nowMs - (clock.offsetMs ?? 0);
  const cases: readonly (readonly [said: number, kept: number])[] = [
    [Number.NEGATIVE_INFINITY, madeMs],
    [machineMs - 2_000_000, madeMs],
    [machineMs - 500.4, nowMs - 500],
    [machineMs - 600, nowMs - 500],
    [machineMs - 100, nowMs - 100],
    [machineMs + 100, nowMs],
    [1e300, nowMs],
    [Number.POSITIVE_INFINITY, nowMs],
    [Number.NaN, nowMs],
  ];
  for (const [said] of cases) functionLog.writeFromRuntime("line", said);
  functionLog.flush();
  assert.deepEqual(
    events.map((event) => event.timestamp),
    cases.map(([, kept]) => kept),
  );
});

test("a text longer than an event may be is several events, none of which ends within a character", () => {
  const one = log();
  const text = "aü".repeat(200_000);
  one.log.writeFromRuntime(text, 0);
  one.log.flush();
  const messages = one.appended.flat().map((event) => event.message);
  assert.equal(messages.join(""), text);
  for (const message of messages) assert.ok(Buffer.byteLength(message) <= 262_118);
  assert.equal(messages.length, 3);
});

test("lines are cut at newlines and at the limit, whatever the chunks", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line), 5);
  for (const chunk of ["ab", "c\nde", "\n\n", "1234567890", "\n", "12345\n", "end"])
    splitter.push(Buffer.from(chunk));
  splitter.flush();
  assert.deepEqual(lines, ["abc", "de", "", "12345", "67890", "12345", "end"]);
});

test("a line over the limit is cut between characters, wherever the chunks end", () => {
  const text = Buffer.from("aüb€c𝄞d".repeat(3));
  for (let chunk = 1; chunk <= 6; chunk += 1) {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line), 5);
    for (let at = 0; at < text.length; at += chunk) splitter.push(text.subarray(at, at + chunk));
    splitter.flush();
    assert.equal(lines.join(""), text.toString());
    for (const line of lines) assert.ok(Buffer.byteLength(line) <= 5, line);
  }
  // What is no text at all is given out nevertheless.
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line), 5);
  splitter.push(Buffer.alloc(12, 0x80));
  splitter.flush();
  assert.equal(lines.join("").length, 12);
});
