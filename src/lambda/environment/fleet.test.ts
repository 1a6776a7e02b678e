import assert from "node:assert/strict";
import { test } from "node:test";
import { functionVersion } from "../../testing/data-plane.ts";
import type { ExecutionEnvironment } from "./environment.ts";
import { Fleet } from "./fleet.ts";

/** As much of an idle environment as a fleet looks at. */
const idle = {
  lastDurationMs: 5,
  maxMemoryBytes: 0,
  served: 1,
  credentialsGoodUntilMs: Infinity,
} as ExecutionEnvironment;

/** A fleet of which three invocations have just ended, and the clock it goes by. */
function busyFleet(): { fleet: Fleet; clock: { nowMs: number } } {
  const clock = { nowMs: Date.UTC(2026, 0, 2) };
  const keeper = {
    onHot: () => undefined,
    onFleetChanged: () => undefined,
    onPatience: () => undefined,
    nowMs: () => clock.nowMs,
    servedMax: Infinity,
    isCpuFull: () => false,
  };
  const fleet = new Fleet(functionVersion(), keeper, Infinity);
  for (let ended = 0; ended < 3; ended += 1) fleet.onIdle(idle);
  return { fleet, clock };
}

for (const [afterMs, recent] of [
  [500, 3],
  [1_500, 3],
  [2_500, 0],
] as const) {
  test(`${String(afterMs)} ms after three invocations ended, ${String(recent)} ended recently`, () => {
    const { fleet, clock } = busyFleet();
    clock.nowMs += afterMs;
    assert.equal(fleet.recentlyCompleted(), recent);
  });
}

test("a machine whose clock is set back does not take old invocations for recent ones", () => {
  const { fleet, clock } = busyFleet();
  clock.nowMs -= 3_600_000;
  fleet.recentlyCompleted();
  clock.nowMs += 2_500;
  assert.equal(fleet.recentlyCompleted(), 0);
});
