import assert from "node:assert/strict";
import { test } from "node:test";
import { canMove, ENVIRONMENT_STATES, TRANSITIONS, type EnvironmentState } from "./state.ts";

test("every state is reached from creating, and every state reaches stopped", () => {
  const reach = (from: EnvironmentState): Set<EnvironmentState> => {
    const seen = new Set<EnvironmentState>([from]);
    for (const state of seen) for (const next of TRANSITIONS[state]) seen.add(next);
    return seen;
  };
  assert.deepEqual([...reach("creating")].toSorted(), [...ENVIRONMENT_STATES].toSorted());
  for (const state of ENVIRONMENT_STATES) assert.ok(reach(state).has("stopped"), state);
});

const FORBIDDEN: readonly (readonly [EnvironmentState, EnvironmentState])[] = [
  ["frozen", "busy"],
  ["freezing", "busy"],
  ["busy", "freezing"],
  ["busy", "busy"],
  ["finishing", "busy"],
  ["pooled", "idle"],
  ["stopping", "idle"],
  ["stopped", "creating"],
];
for (const [from, to] of FORBIDDEN) {
  test(`${from} never becomes ${to}`, () => assert.equal(canMove(from, to), false));
}
