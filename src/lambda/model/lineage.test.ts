import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMITS } from "../../kernel/limits.ts";
import { further, isLoop, leastFar, type Lineage, lineageOf, resourceOf, withLineage } from "./lineage.ts";

const A = "aaaaaaaa";
const LOOPS_MAX = LIMITS.recursiveInvocations;
const ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793";

test("a lineage is read from its header, and what is none begins a chain", () => {
  const table: readonly (readonly [string | undefined, Lineage | undefined])[] = [
    [undefined, undefined],
    ["", undefined],
    [ROOT, undefined],
    [`${ROOT};Parent=53995c3f42cd8ad8;Sampled=0;Lineage=1:${A}:0`, { hops: 1, resource: A, loops: 0 }],
    [`Lineage=7:${A.toUpperCase()}:3;${ROOT}`, { hops: 7, resource: A, loops: 3 }],
    [`${ROOT}; Lineage=7:${A}:3 `, { hops: 7, resource: A, loops: 3 }],
    [`${ROOT};Lineage=${A}:3`, undefined],
    [`${ROOT};Lineage=1:xyz:3`, undefined],
    [`${ROOT};Lineage=-1:${A}:3`, undefined],
    [`${ROOT};Lineage=1:${A}:1e9`, undefined],
    [`${ROOT};OldLineage=1:${A}:3`, undefined],
  ];
  for (const [header, expected] of table) assert.deepEqual(lineageOf(header), expected, header);
});

test("the header keeps its other fields and their order", () => {
  const lineage = { hops: 2, resource: A, loops: 1 };
  assert.equal(withLineage(ROOT, lineage), `${ROOT};Lineage=2:${A}:1`);
  assert.equal(
    withLineage(`${ROOT};Lineage=1:${A}:0;Sampled=1;`, lineage),
    `${ROOT};Sampled=1;Lineage=2:${A}:1`,
  );
  assert.equal(withLineage("", lineage), `Lineage=2:${A}:1`);
});

/** How many invocations a chain that goes `way`, then around `loop` for ever, gets. */
function invocationsOf(way: readonly string[], loop: readonly string[], most = 30_000): number {
  let lineage: Lineage | undefined;
  for (let made = 0; made < most; made += 1) {
    const name = made < way.length ? way[made] : loop[(made - way.length) % loop.length];
    const resource = resourceOf(name ?? "");
    lineage = further(lineage, resource);
    if (isLoop(lineage, resource)) return made;
  }
  return most;
}

test("a function that calls itself gets sixteen invocations, and every other loop ends too", () => {
  assert.equal(invocationsOf([], ["f"]), LOOPS_MAX);
  assert.equal(invocationsOf(["x"], ["f"]), 1 + LOOPS_MAX);
  // The watch moves on to g, which comes second.
  assert.equal(invocationsOf([], ["f", "g"]), 1 + 2 * LOOPS_MAX);
  // Others on the way to the loop make it longer, at most by as much again as there were.
  assert.equal(invocationsOf(["x", "y", "z"], ["f"]), 3 + LOOPS_MAX);
  assert.equal(invocationsOf(["x", "y"], ["f"]), 3 + LOOPS_MAX);
  // Two that met before by chance: the watch on them does not hide the loop for ever.
  assert.ok(invocationsOf(["x", "y", "x"], ["f"]) < 2 * 256 + LOOPS_MAX);
  for (let length = 1; length <= 100; length += 1) {
    const loop = Array.from({ length }, (_, at) => `f${String(at)}`);
    for (const way of [[], ["x"], ["x", "y", "x", "y"]]) {
      const made = invocationsOf(way, loop);
      assert.ok(made >= LOOPS_MAX * length, `${String(length)}: none is stopped early`);
      assert.ok(made < 30_000, `${String(length)}: a loop ends`);
    }
  }
});

test("a chain that never comes back is never stopped", () => {
  let lineage: Lineage | undefined;
  for (let at = 0; at < 70_000; at += 1) {
    const resource = at.toString(16).padStart(8, "0");
    lineage = further(lineage, resource);
    assert.ok(!isLoop(lineage, resource) && lineage.hops <= 32_767);
  }
});

test("who may recur does not use up the turns of who comes after", () => {
  let lineage: Lineage | undefined;
  for (let made = 0; made < 300; made += 1) lineage = further(lineage, A);
  assert.deepEqual(lineage, { hops: 300, resource: A, loops: 255 });
  assert.deepEqual(lineageOf(withLineage(ROOT, lineage)), lineage);
  const other = resourceOf("other");
  for (let made = 0; made < LOOPS_MAX; made += 1) {
    lineage = further(lineage, other);
    assert.equal(isLoop(lineage, other), false);
  }
  for (let made = 0; made < 512; made += 1) lineage = further(lineage, other);
  assert.equal(lineage !== undefined && isLoop(lineage, other), true);
});

test("a batch goes by the chain that has come least far", () => {
  const at = (hops: number, loops: number): string => `${ROOT};Lineage=${String(hops)}:${A}:${String(loops)}`;
  assert.equal(leastFar([]), undefined);
  assert.equal(leastFar([at(16, 15)]), at(16, 15));
  assert.equal(leastFar([at(16, 15), undefined]), undefined);
  assert.equal(leastFar([at(16, 15), ROOT]), ROOT);
  assert.equal(leastFar([at(9, 1), at(3, 2), at(4, 1)]), at(4, 1));
});
