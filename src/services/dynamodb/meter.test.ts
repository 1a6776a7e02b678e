import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../testing/fake-clock.ts";
import { consumedByRead, consumedByWrite, type Consumed } from "./capacity.ts";
import type { Index, Table } from "./table/model.ts";
import { createMeter, drawsOf, refilled, type Side } from "./meter.ts";

const index = (name: string, no: number, kind: Index["kind"]): Index => ({
  no,
  kind,
  name,
  keys: { hash: "g" },
  projection: { type: "ALL" },
  status: "ACTIVE",
  throughput: { read: 3, write: 4 },
});
const TABLE: Table = {
  no: 1,
  version: 1,
  scope: { accountId: "123456789012", region: "eu-west-1" },
  name: "things",
  id: "id",
  status: "ACTIVE",
  createdAt: 0,
  attributes: [],
  keys: { hash: "pk" },
  indexes: [index("local", 2, "local"), index("global", 3, "global")],
  billing: "PROVISIONED",
  billingSummary: false,
  throughput: { read: 1, write: 2 },
  deletionProtection: false,
};
const ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/things";

test("a bucket holds five minutes of its units and fills by the second", () => {
  for (const [bucket, unitsPerSecond, nowMs, units] of [
    [undefined, 5, 1000, 1500],
    [{ units: 0, atMs: 1000 }, 5, 1000, 0],
    [{ units: 0, atMs: 1000 }, 5, 3000, 10],
    [{ units: -7.5, atMs: 1000 }, 5, 3000, 2.5],
    [{ units: 1499, atMs: 1000 }, 5, 3000, 1500],
    // More was provisioned, then less; the clock was set back.
    [{ units: 1500, atMs: 1000 }, 10, 1000, 1500],
    [{ units: 1500, atMs: 1000 }, 1, 1000, 300],
    [{ units: 3, atMs: 1000 }, 5, 0, 3],
  ] as const) {
    const shown = JSON.stringify({ bucket, unitsPerSecond, nowMs });
    assert.deepEqual(refilled(bucket, unitsPerSecond, nowMs), { units, atMs: nowMs }, shown);
  }
});

test("a table pays for itself and its local indexes, a global index for itself; on demand, whoever has a maximum", () => {
  const write = consumedByWrite(TABLE, "things", {
    table: 2,
    indexes: new Map([
      ["local", 1],
      ["global", 3],
    ]),
  });
  const [local, global] = TABLE.indexes;
  const onDemand: Table = { ...TABLE, billing: "PAY_PER_REQUEST" };
  const capped: Table = { ...onDemand, maximum: { read: 7 } };
  const most = { storeNo: 1, arn: ARN, of: "Table", limit: "MaxOnDemandThroughput" };
  const table = { storeNo: 1, arn: ARN, of: "Table", limit: "ProvisionedThroughput" };
  const ofIndex = { storeNo: 3, arn: `${ARN}/index/global`, of: "Index", limit: "ProvisionedThroughput" };
  for (const [consumed, side, draws] of [
    [
      write,
      "Write",
      [
        { ...table, unitsPerSecond: 2, units: 3 },
        { ...ofIndex, unitsPerSecond: 4, units: 3 },
      ],
    ],
    [consumedByRead(TABLE, "things", undefined, 2.5), "Read", [{ ...table, unitsPerSecond: 1, units: 2.5 }]],
    [consumedByRead(TABLE, "things", local, 1), "Read", [{ ...table, unitsPerSecond: 1, units: 1 }]],
    [consumedByRead(TABLE, "things", global, 1), "Read", [{ ...ofIndex, unitsPerSecond: 3, units: 1 }]],
    [consumedByRead(onDemand, "things", undefined, 1), "Read", []],
    [consumedByRead(capped, "things", undefined, 1), "Read", [{ ...most, unitsPerSecond: 7, units: 1 }]],
    [consumedByRead(capped, "things", global, 1), "Read", []],
    [consumedByRead(capped, "things", undefined, 1), "Write", []],
  ] as const satisfies readonly (readonly [Consumed, Side, unknown])[]) {
    assert.deepEqual(drawsOf(consumed, side), draws);
  }
});

test("the last unit lets a large request in, the debt is paid before the next", () => {
  const clock = fakeClock();
  const noted: unknown[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void noted.push(fields) };
  const enforcing = createMeter({ clock, log }, "enforce");
  const large = consumedByRead(TABLE, "things", undefined, 310);
  const small = consumedByRead(TABLE, "things", undefined, 1);
  enforcing.admit(large, "Read");
  enforcing.take(large, "Read");
  const exceeded = {
    code: "ProvisionedThroughputExceededException",
    members: { ThrottlingReasons: [{ reason: "TableReadProvisionedThroughputExceeded", resource: ARN }] },
  };
  assert.throws(() => enforcing.admit(small, "Read"), exceeded);
  // Writes have a bucket of their own.
  enforcing.admit(small, "Write");
  clock.advance(10_000);
  assert.throws(() => enforcing.admit(small, "Read"), exceeded);
  clock.advance(1);
  enforcing.admit(small, "Read");
  assert.deepEqual(noted, []);
});

test("a warning comes once a minute, and runs up no debt", () => {
  const clock = fakeClock();
  const noted: unknown[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (fields: object) => void noted.push(fields) };
  const warning = createMeter({ clock, log }, "warn");
  const large = consumedByRead(TABLE, "things", undefined, 1000);
  for (const expected of [0, 1, 1]) {
    warning.admit(large, "Read");
    warning.take(large, "Read");
    assert.equal(noted.length, expected);
  }
  assert.deepEqual(noted[0], { resource: ARN, readUnitsPerSecond: 1 });
  clock.advance(60_000);
  warning.admit(large, "Read");
  assert.equal(noted.length, 1);
  warning.take(large, "Read");
  warning.admit(large, "Read");
  assert.equal(noted.length, 2);
});
