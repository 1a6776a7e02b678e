import assert from "node:assert/strict";
import { test } from "node:test";
import { openHarness } from "./harness.ts";

test("a group that is there has no filters; one that is not, is said so", async (t) => {
  const { call } = await openHarness(t);
  await call("logs", "CreateLogGroup", { logGroupName: "g" });
  const kinds = [
    ["Subscription", "subscription"],
    ["Metric", "metric"],
  ] as const;
  for (const [kind, word] of kinds) {
    const found = await call("logs", `Describe${kind}Filters`, { logGroupName: "g" });
    assert.deepEqual(found, { [`${word}Filters`]: [] });
    const one = { logGroupName: "g", filterName: "f" };
    await assert.rejects(call("logs", `Delete${kind}Filter`, one), {
      code: "ResourceNotFoundException",
      message: `The specified ${word} filter does not exist.`,
    });
    const none = { logGroupName: "none", filterName: "f" };
    for (const operation of [`Describe${kind}Filters`, `Delete${kind}Filter`]) {
      await assert.rejects(call("logs", operation, none), {
        code: "ResourceNotFoundException",
        message: "The specified log group does not exist.",
      });
    }
  }
});
