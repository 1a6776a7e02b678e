import assert from "node:assert/strict";
import { test } from "node:test";
import { orderedBinaries, orderedNumbers, orderedStrings } from "./sets.ts";

test("members of a set stand in DynamoDB's order", () => {
  for (const [given, ordered] of [
    [
      ["b", "", "a", "B"],
      ["", "B", "a", "b"],
    ],
    // By bytes of UTF-8: JavaScript's own order puts the second one first.
    [
      ["\uFF5E", "\u{1F600}"],
      ["\uFF5E", "\u{1F600}"],
    ],
    [["one"], ["one"]],
  ] as const) {
    assert.deepEqual(orderedStrings(given), ordered);
  }
  assert.deepEqual(orderedNumbers(["10", "9", "-1", "0.5", "-20"]), ["-20", "-1", "0.5", "9", "10"]);
  const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
  assert.deepEqual(orderedBinaries([bytes("b"), bytes("ab"), bytes("a")]), [
    bytes("a"),
    bytes("ab"),
    bytes("b"),
  ]);
});
