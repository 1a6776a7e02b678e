import assert from "node:assert/strict";
import { test } from "node:test";
import { ENVIRONMENT_STATES } from "../lambda/environment/state.ts";
import { shownEnvironments } from "./reports.ts";

test("status counts every environment that is there: an idle one also while it is being frozen", () => {
  const one = new Map(ENVIRONMENT_STATES.map((state) => [state, 1]));
  assert.deepEqual(shownEnvironments(one), { busy: 6, idle: 3, pooled: 1 });
  assert.deepEqual(shownEnvironments(new Map([["freezing", 2]])), { busy: 0, idle: 2, pooled: 0 });
});
