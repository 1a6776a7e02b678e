import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJsonPath, valueAt } from "./json-path.ts";

const EVENT = {
  "detail-type": "t",
  detail: { a: { b_c: 1, "d/e": 2 }, list: [{ n: "x", m: [1, 2] }, { n: "y" }, {}], empty: [], none: null },
};

const FOUND: readonly (readonly [path: string, value: unknown])[] = [
  ["$", EVENT],
  ["$.detail-type", "t"],
  ["$['detail-type']", "t"],
  ['$["detail"].a', { b_c: 1, "d/e": 2 }],
  ["$.detail.a.b_c", 1],
  ["$.detail.a.d/e", 2],
  ["$.detail.list[1].n", "y"],
  ["$.detail.list[0].m[1]", 2],
  ["$.detail.list[*].n", ["x", "y"]],
  ["$.detail.list[*].m[*]", [1, 2]],
  ["$.detail.a.*", [1, 2]],
  ["$.detail.none", null],
  ["$.detail.missing", undefined],
  ["$.detail.missing.too", undefined],
  ["$.detail.list[9]", undefined],
  ["$.detail.list.n", undefined],
  ["$.detail.empty[*]", []],
];

test("paths find what they name", () => {
  for (const [text, value] of FOUND) {
    const path = parseJsonPath(text);
    assert.ok(path !== undefined, text);
    assert.deepEqual(valueAt(path, EVENT), value, text);
  }
});

test("what is no path", () => {
  for (const text of ["", "detail", "$detail", "$.", "$.a..b", "$[", "$.a[x]", "$.a[?(@.b)]", "$.a[-1]"]) {
    assert.equal(parseJsonPath(text), undefined, text);
  }
});
