import assert from "node:assert/strict";
import { it } from "node:test";
import { nearest, parseRuntime, RUNTIMES } from "./names.ts";

it("understands every runtime it lists, and no other language", () => {
  for (const runtime of RUNTIMES) assert.equal(parseRuntime(runtime)?.runtime, runtime);
  assert.deepEqual(parseRuntime("python3.12"), { kind: "python", runtime: "python3.12", minor: 12 });
  assert.deepEqual(parseRuntime("nodejs22.x"), { kind: "node", runtime: "nodejs22.x", major: 22 });
  for (const other of ["java21", "ruby3.4", "nodejs", "python", "provided", "go1.x", ""]) {
    assert.equal(parseRuntime(other), undefined);
  }
});

const NEAREST: readonly [number, readonly number[], number | undefined][] = [
  [12, [10, 12, 13], 12],
  [14, [10, 11, 13], 13],
  [12, [11, 13], 13],
  [10, [13, 11], 11],
  [10, [], undefined],
];

for (const [asked, there, expected] of NEAREST) {
  it(`takes ${expected} for ${asked} out of ${there.join(", ") || "none"}`, () => {
    assert.equal(
      nearest(asked, there, (version) => version),
      expected,
    );
  });
}

it("takes the first of equal versions", () => {
  const candidates = [
    { name: "a", version: 11 },
    { name: "b", version: 11 },
  ];
  assert.equal(nearest(11, candidates, (one) => one.version)?.name, "a");
});
