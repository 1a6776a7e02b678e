import assert from "node:assert/strict";
import { test } from "node:test";
import { after, openWindow } from "./concurrency-window.ts";

test("begins with five, or with the mapping's maximum below that", () => {
  assert.equal(openWindow(undefined).size, 5);
  assert.equal(openWindow(2).size, 2);
});

test("grows by one while all places are taken, up to the maximum", () => {
  let window = openWindow(7);
  assert.equal(after(window, "success", false).size, 5);
  for (let batch = 0; batch < 10; batch += 1) window = after(window, "success", true);
  assert.equal(window.size, 7);
});

test("halves on failures and throttles, and never closes", () => {
  let window = openWindow(100);
  for (const [result, size] of [
    ["failure", 2],
    ["throttled", 2],
    ["success", 3],
  ] as const) {
    window = after(window, result, true);
    assert.equal(window.size, size, result);
  }
});
