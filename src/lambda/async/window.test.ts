import assert from "node:assert/strict";
import { test } from "node:test";
import { grow, growsAt, openWindow, shrink } from "./window.ts";

test("a window doubles while events wait, up to its maximum", () => {
  let window = openWindow(0);
  const sizes: number[] = [window.size];
  for (let now = 0; now <= 400; now += 50) {
    window = grow(window, now, 100);
    sizes.push(window.size);
  }
  assert.deepEqual([...new Set(sizes)], [8, 16, 32, 64, 100]);
});

test("it does not grow before its time", () => {
  const window = openWindow(1_000);
  assert.equal(grow(window, 1_049, 100), window);
  assert.equal(growsAt(window, 1_000), 1_050);
});

test("a throttle leaves what is running, and growth becomes one a second", () => {
  const window = shrink({ size: 64, cautiousUntil: 0, grownAt: 0 }, 10_000, 5);
  assert.equal(window.size, 5);
  assert.equal(grow(window, 10_999, 100).size, 5);
  assert.equal(grow(window, 11_000, 100).size, 6);
});

test("it never closes", () => {
  assert.equal(shrink(openWindow(0), 0, 0).size, 1);
});
