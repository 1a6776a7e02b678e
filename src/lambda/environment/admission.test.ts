import assert from "node:assert/strict";
import { test } from "node:test";
import { isFull, type FullnessInput } from "./admission.ts";

const busy = { cores: 2, idle: 0.01, serverIdle: 0.02 };
const CASES: Readonly<Record<string, readonly [input: FullnessInput, full: boolean]>> = {
  "few on a busy host": [{ cpu: busy, underWay: 899, underWayMax: 1000 }, false],
  "many on a busy host": [{ cpu: busy, underWay: 900, underWayMax: 1000 }, true],
  "many that sleep": [
    { cpu: { cores: 2, idle: 0.9, serverIdle: 0.9 }, underWay: 5000, underWayMax: 1000 },
    false,
  ],
  "the server's own thread is what is busy": [
    { cpu: { cores: 16, idle: 0.6, serverIdle: 0.05 }, underWay: 900, underWayMax: 1000 },
    true,
  ],
  "not known yet": [
    { cpu: { cores: 2, idle: undefined, serverIdle: undefined }, underWay: 900, underWayMax: 1000 },
    false,
  ],
};

for (const [name, [input, full]] of Object.entries(CASES)) {
  test(name, () => assert.equal(isFull(input), full));
}
