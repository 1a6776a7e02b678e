import assert from "node:assert/strict";
import { test } from "node:test";
import { optionalNumber, optionalText } from "./columns.ts";

test("NULL and an absent column are undefined; nothing else is", () => {
  for (const nothing of [null, undefined]) {
    assert.equal(optionalText(nothing), undefined);
    assert.equal(optionalNumber(nothing), undefined);
  }
  assert.equal(optionalText(""), "");
  assert.equal(optionalNumber(0), 0);
});

test("numbers come as both engines give them", () => {
  for (const value of [1_700_000_000_000, 1_700_000_000_000n, "1700000000000"])
    assert.equal(optionalNumber(value), 1_700_000_000_000);
});
