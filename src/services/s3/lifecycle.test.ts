import assert from "node:assert/strict";
import { test } from "node:test";
import { readLifecycle } from "./lifecycle-config.ts";
import { dueAt, dueVersions, expirationHeader, type LifecycleRule, uploadIsDue } from "./lifecycle.ts";
import type { ObjectMeta, ObjectVersion } from "./model.ts";

const DAY = 86_400_000;
const T0 = Date.UTC(2026, 0, 10, 15, 30);

function version(seq: number, ageDays: number, more: Partial<ObjectVersion> = {}): ObjectVersion {
  return {
    bucket: "b",
    key: "logs/a",
    seq,
    versionId: `v${String(seq)}`,
    isLatest: false,
    isMarker: false,
    modifiedAt: T0 - ageDays * DAY,
    bytes: 100,
    etag: "e",
    content: undefined,
    meta: {} satisfies ObjectMeta,
    body: undefined,
    ...more,
  };
}

function rule(actions: Partial<LifecycleRule>): LifecycleRule {
  return { ID: "r", Status: "Enabled", prefix: "", tags: [], ...actions };
}

const ids = (versions: readonly ObjectVersion[]): string[] => versions.map((one) => one.versionId);

test("days end at the next midnight", () => {
  assert.equal(dueAt(Date.UTC(2026, 0, 10, 15, 30), 1), Date.UTC(2026, 0, 12));
  assert.equal(dueAt(Date.UTC(2026, 0, 10), 1), Date.UTC(2026, 0, 11));
});

test("a current version expires by age, date, prefix, tags and size", () => {
  const old = version(1, 10);
  const table: readonly (readonly [string, Partial<LifecycleRule>, Partial<ObjectVersion>, boolean])[] = [
    ["old enough", { expireDays: 7 }, {}, true],
    ["too young", { expireDays: 30 }, {}, false],
    ["by date", { expireAtMs: T0 - DAY }, {}, true],
    ["date to come", { expireAtMs: T0 + DAY }, {}, false],
    ["prefix", { expireDays: 7, prefix: "logs/" }, {}, true],
    ["other prefix", { expireDays: 7, prefix: "data/" }, {}, false],
    [
      "tag",
      { expireDays: 7, tags: [{ Key: "k", Value: "v" }] },
      { meta: { tags: [{ Key: "k", Value: "v" }] } },
      true,
    ],
    ["no tag", { expireDays: 7, tags: [{ Key: "k", Value: "v" }] }, {}, false],
    ["larger", { expireDays: 7, largerThan: 99 }, {}, true],
    ["not larger", { expireDays: 7, largerThan: 100 }, {}, false],
    ["smaller", { expireDays: 7, smallerThan: 101 }, {}, true],
    ["not smaller", { expireDays: 7, smallerThan: 100 }, {}, false],
    ["a marker", { expireDays: 7 }, { isMarker: true }, false],
  ];
  for (const [name, actions, more, expected] of table) {
    const due = dueVersions([rule(actions)], [{ ...old, ...more }], T0);
    // A lonely marker goes as a whole, it is not covered by another.
    assert.equal(due.current, expected, name);
  }
});

test("noncurrent versions go by the time they were replaced, the newest ones may be kept", () => {
  const versions = [version(4, 1), version(3, 5), version(2, 20), version(1, 40)];
  const due = (actions: Partial<LifecycleRule>): string[] =>
    ids(dueVersions([rule(actions)], versions, T0).remove);
  assert.deepEqual(due({ noncurrentDays: 3 }), ["v2", "v1"]);
  assert.deepEqual(due({ noncurrentDays: 10 }), ["v1"]);
  assert.deepEqual(due({ noncurrentDays: 3, keepNoncurrent: 2 }), ["v1"]);
});

test("a delete marker goes when nothing is left under it", () => {
  const marker = version(2, 3, { isMarker: true });
  const below = version(1, 9);
  const only = (actions: Partial<LifecycleRule>, ...versions: ObjectVersion[]): string[] =>
    ids(dueVersions([rule(actions)], versions, T0).remove);
  assert.deepEqual(only({ expireMarkers: true }, marker), ["v2"]);
  assert.deepEqual(only({ expireMarkers: true }, marker, below), []);
  assert.deepEqual(only({ expireMarkers: true, noncurrentDays: 1 }, marker, below), ["v1", "v2"]);
});

test("what answers say of it, and uploads that nobody completes", () => {
  const rules = [rule({ ID: "later", expireDays: 9 }), rule({ ID: "a b", expireDays: 2 })];
  assert.equal(
    expirationHeader(rules, version(1, 0)),
    'expiry-date="Tue, 13 Jan 2026 00:00:00 GMT", rule-id="a%20b"',
  );
  const abort = [rule({ abortUploadDays: 2, prefix: "up/" })];
  assert.equal(uploadIsDue(abort, { key: "up/x", createdAt: T0 - 4 * DAY }, T0), true);
  assert.equal(uploadIsDue(abort, { key: "up/x", createdAt: T0 - DAY }, T0), false);
  assert.equal(uploadIsDue(abort, { key: "x", createdAt: T0 - 4 * DAY }, T0), false);
});

test("filters that cannot be", () => {
  const read = (And: object): unknown =>
    readLifecycle([{ ID: "r", Status: "Enabled", Filter: { And }, Expiration: { Days: 1 } }], () => "id");
  read({ ObjectSizeGreaterThan: 1, ObjectSizeLessThan: 2 });
  const twice = ["1", "2"].map((Value) => ({ Key: "a", Value }));
  const wrong: readonly (readonly [object, string])[] = [
    [{ Prefix: "p", Tags: twice }, "Duplicate Tag Keys are not allowed."],
    [
      { ObjectSizeGreaterThan: 5, ObjectSizeLessThan: 5 },
      "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
    ],
    [
      { ObjectSizeLessThan: 0, Prefix: "p" },
      "'ObjectSizeLessThan' should be between 1 and 1099511627776000.",
    ],
  ];
  for (const [and, message] of wrong) {
    assert.throws(
      () => read(and),
      (error: Error) => error.name === "InvalidRequest" && error.message === message,
    );
  }
});
