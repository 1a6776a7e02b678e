import assert from "node:assert/strict";
import { test } from "node:test";
import { awakeTarget, type AwakeInput } from "./awake.ts";

const USUAL: AwakeInput = {
  busy: 2,
  awakeMin: 2,
  waiting: 14,
  completed: 9,
  idleLooks: 0,
  isLate: true,
  isCpuFull: false,
};

const CASES: readonly (readonly [string, Partial<AwakeInput>, number])[] = [
  ["invocations end: those who wait are served by who is awake", {}, 2],
  ["and more that were awake rest again", { busy: 9 }, 2],
  ["nobody has waited for long: no more, whatever ended", { isLate: false, completed: 0, idleLooks: 5 }, 2],
  ["fewer ended than run: one more", { completed: 1 }, 3],
  ["of many that run, as many as there are CPUs are enough", { busy: 9, completed: 2 }, 2],
  ["and fewer are not", { busy: 9, completed: 1 }, 10],
  ["one look without an end: one more", { completed: 0, idleLooks: 1 }, 3],
  ["a second one: everybody", { completed: 0, idleLooks: 2 }, 16],
  ["no CPU is idle: others have their turn", { completed: 0, idleLooks: 9, isCpuFull: true }, 2],
  [
    "for so long that it must be something else: one more",
    { completed: 0, idleLooks: 50, isCpuFull: true },
    3,
  ],
  ["nothing runs, as after a death: at least the usual number", { busy: 0, completed: 0, idleLooks: 1 }, 2],
];

for (const [name, change, wanted] of CASES) {
  test(name, () => assert.equal(awakeTarget({ ...USUAL, ...change }), wanted));
}
