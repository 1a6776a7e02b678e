import assert from "node:assert/strict";
import { test } from "node:test";
import { LIMIT_TABLE } from "./table.ts";

test("each limit has a key of its own, a figure and AWS's page", () => {
  const ids = LIMIT_TABLE.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const { id, awsDefault, page } of LIMIT_TABLE) {
    assert.match(awsDefault, /\d/, id);
    assert.match(page, /^https:\/\/docs\.aws\.amazon\.com\//, id);
  }
});

test("figures are written as people read them", () => {
  const figure = (id: string): string | undefined => LIMIT_TABLE.find((row) => row.id === id)?.awsDefault;
  assert.equal(figure("zipped-code"), "50 MB");
  assert.equal(figure("s3-key"), "1,024 bytes");
  assert.equal(figure("memory"), "128 to 10,240 MB (default 128)");
  assert.equal(figure("s3-parts"), "1 to 10,000 of 5 MB (the last may be smaller) to 5 GB");
});
