import assert from "node:assert/strict";
import { test } from "node:test";
import { compareValues } from "./compare.ts";
import type { AttributeValue } from "./item.ts";
import { afterPrefix, encodeKeyValue, partitionBytes, segmentBounds } from "./key.ts";

const VALUES: readonly AttributeValue[][] = [
  ["", "a", "ab", "b", "Z", "é", "\u{10000}", "\u{ffff}", "ａ"].map((S) => ({ S })),
  ["-1e10", "-10", "-9.5", "-1", "0", "0.1", "1", "9", "10", "99", "100", "1e20"].map((N) => ({ N })),
  [[], [0], [0, 0], [1], [255], [255, 0], [127]].map((bytes) => ({ B: Uint8Array.from(bytes) })),
];

test("bytes of sort keys are in the order of the values", () => {
  for (const values of VALUES) {
    for (const a of values) {
      for (const b of values) {
        const order = Math.sign(Buffer.compare(encodeKeyValue(a), encodeKeyValue(b))) + 0;
        assert.equal(order, Math.sign(compareValues(a, b) ?? Number.NaN) + 0, `${JSON.stringify([a, b])}`);
      }
    }
  }
});

test("equal numbers find one partition, however they are written", () => {
  assert.deepEqual(partitionBytes({ N: "1" }), partitionBytes({ N: "1.0" }));
  assert.deepEqual(partitionBytes({ N: "100" }), partitionBytes({ N: "1E2" }));
});

test("what begins with a prefix lies between it and the bytes after it", () => {
  for (const [prefix, inside, outside] of [
    ["ab", "abz", "ac"],
    ["a", "a\u{ff}", "b"],
  ] as const) {
    const from = Buffer.from(prefix);
    const to = afterPrefix(from);
    assert.ok(to !== undefined);
    assert.ok(Buffer.compare(Buffer.from(inside), to) < 0 && Buffer.compare(Buffer.from(inside), from) >= 0);
    assert.ok(Buffer.compare(Buffer.from(outside), to) >= 0);
  }
  assert.deepEqual(afterPrefix(Uint8Array.of(1, 255)), Uint8Array.of(2));
  assert.equal(afterPrefix(Uint8Array.of(255, 255)), undefined);
});

test("every partition is in exactly one segment, and segments share the load", () => {
  for (const total of [1, 2, 3, 7]) {
    const counts = Array.from({ length: total }, () => 0);
    for (let i = 0; i < 2000; i++) {
      const pk = partitionBytes({ S: `user${String(i)}` });
      const within = counts.flatMap((_count, segment) => {
        const { from, below } = segmentBounds(segment, total);
        const isIn = Buffer.compare(pk, from) >= 0 && (below === undefined || Buffer.compare(pk, below) < 0);
        return isIn ? [segment] : [];
      });
      assert.equal(within.length, 1);
      counts[within[0] ?? 0] = (counts[within[0] ?? 0] ?? 0) + 1;
    }
    for (const count of counts)
      assert.ok(count > (2000 / total) * 0.7, `${String(counts)} of ${String(total)}`);
  }
});
