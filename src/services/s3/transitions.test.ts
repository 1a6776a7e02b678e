/** Moving objects to colder classes: which rules are taken, and what is due. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type LifecycleRuleInput, readLifecycle } from "./lifecycle-config.ts";
import type { LifecycleRule } from "./lifecycle.ts";
import type { ObjectVersion } from "./model.ts";
import { dueTransitions } from "./transitions.ts";

const DAY = 86_400_000;
const NOW = Date.UTC(2026, 5, 1);
const KIB = 1024;

function version(seq: number, ageDays: number, more: Partial<ObjectVersion> = {}): ObjectVersion {
  const modifiedAt = NOW - ageDays * DAY;
  const fixed = {
    bucket: "b",
    key: "k",
    seq,
    versionId: `v${String(seq)}`,
    isLatest: false,
    isMarker: false,
  };
  return {
    ...fixed,
    modifiedAt,
    bytes: 200 * KIB,
    etag: "e",
    content: undefined,
    meta: {},
    body: undefined,
    ...more,
  };
}

function rule(actions: Partial<LifecycleRule>): LifecycleRule {
  return { ID: "r", Status: "Enabled", prefix: "", tags: [], ...actions };
}

function moves(
  rules: readonly LifecycleRule[],
  versions: readonly ObjectVersion[],
  minimum: "all_storage_classes_128K" | "varies_by_storage_class" = "all_storage_classes_128K",
): string[] {
  return dueTransitions(rules, versions, NOW, minimum).map(
    (moved) => `${moved.version.versionId} ${moved.storageClass}`,
  );
}

test("the coldest class that is due, and never a warmer one", () => {
  const down = rule({
    transitions: [
      { days: 30, storageClass: "STANDARD_IA" },
      { days: 90, storageClass: "GLACIER" },
    ],
  });
  const table: readonly (readonly [string, number, string | undefined, readonly string[]])[] = [
    ["too young", 10, undefined, []],
    ["the first", 40, undefined, ["v1 STANDARD_IA"]],
    ["it is there already", 40, "STANDARD_IA", []],
    ["the next", 100, "STANDARD_IA", ["v1 GLACIER"]],
    ["both at once", 100, undefined, ["v1 GLACIER"]],
    ["colder than both", 100, "DEEP_ARCHIVE", []],
    ["reduced redundancy is as warm as standard", 40, "REDUCED_REDUNDANCY", ["v1 STANDARD_IA"]],
  ];
  for (const [what, age, storageClass, expected] of table) {
    const meta = storageClass === undefined ? {} : { storageClass };
    assert.deepEqual(moves([down], [version(1, age, { meta })]), expected, what);
  }
  const other = rule({ transitions: [{ days: 0, storageClass: "DEEP_ARCHIVE" }], prefix: "other" });
  assert.deepEqual(moves([other], [version(1, 100)]), []);
  const dated = rule({ transitions: [{ atMs: NOW, storageClass: "GLACIER_IR" }] });
  assert.deepEqual(moves([dated], [version(1, 0.5)]), ["v1 GLACIER_IR"]);
  const later = rule({ transitions: [{ atMs: NOW + DAY, storageClass: "GLACIER_IR" }] });
  assert.deepEqual(moves([later], [version(1, 100)]), []);
});

test("noncurrent versions move by the time they were replaced; the newest of them may stay", () => {
  const versions = [version(4, 1), version(3, 5), version(2, 20), version(1, 40)];
  const noncurrent = (more: object): string[] =>
    moves([rule({ noncurrentTransitions: [{ storageClass: "GLACIER", ...more }] })], versions);
  assert.deepEqual(noncurrent({ days: 3 }), ["v2 GLACIER", "v1 GLACIER"]);
  assert.deepEqual(noncurrent({ days: 0 }), ["v3 GLACIER", "v2 GLACIER", "v1 GLACIER"]);
  assert.deepEqual(noncurrent({ days: 0, keepNewest: 2 }), ["v1 GLACIER"]);
  const [, ...older] = versions;
  const hidden = [version(5, 4, { isMarker: true }), ...older];
  assert.deepEqual(moves([rule({ noncurrentTransitions: [{ days: 3, storageClass: "GLACIER" }] })], hidden), [
    "v3 GLACIER",
    "v2 GLACIER",
    "v1 GLACIER",
  ]);
});

test("what is small stays, unless the rule speaks of sizes or the bucket lets archives take it", () => {
  const small = [version(1, 100, { bytes: 127 * KIB })];
  const to = (storageClass: string, more: Partial<LifecycleRule> = {}): LifecycleRule =>
    rule({ transitions: [{ days: 1, storageClass }], ...more });
  assert.deepEqual(moves([to("GLACIER")], small), []);
  assert.deepEqual(moves([to("GLACIER")], [version(1, 100, { bytes: 128 * KIB })]), ["v1 GLACIER"]);
  assert.deepEqual(moves([to("GLACIER", { largerThan: 1 })], small), ["v1 GLACIER"]);
  assert.deepEqual(moves([to("GLACIER")], small, "varies_by_storage_class"), ["v1 GLACIER"]);
  assert.deepEqual(moves([to("GLACIER_IR")], small, "varies_by_storage_class"), []);
});

test("transitions that are taken, and in which words others are refused", () => {
  const read = (more: LifecycleRuleInput): LifecycleRule | undefined =>
    readLifecycle([{ ID: "r", Status: "Enabled", Filter: { Prefix: "p/" }, ...more }], () => "id").rules[0];
  const taken = read({
    Transitions: [{ Days: 30, StorageClass: "STANDARD_IA" }],
    NoncurrentVersionTransitions: [
      { NoncurrentDays: 0, NewerNoncurrentVersions: 2, StorageClass: "GLACIER" },
    ],
    Expiration: { Days: 31 },
  });
  assert.deepEqual(taken?.transitions, [{ storageClass: "STANDARD_IA", days: 30 }]);
  assert.deepEqual(taken.noncurrentTransitions, [{ storageClass: "GLACIER", days: 0, keepNewest: 2 }]);
  const wrong: readonly (readonly [LifecycleRuleInput, string, RegExp])[] = [
    [{ Transitions: [{ Days: 1 }] }, "MalformedXML", /./u],
    [{ Transitions: [{ Days: 1, StorageClass: "STANDARD" }] }, "MalformedXML", /./u],
    [{ Transitions: [{ StorageClass: "GLACIER" }] }, "MalformedXML", /./u],
    [{ Transitions: [{ Days: 1, Date: new Date(NOW), StorageClass: "GLACIER" }] }, "MalformedXML", /./u],
    [
      { Transitions: [{ Date: new Date(NOW + 1), StorageClass: "GLACIER" }] },
      "InvalidArgument",
      /midnight GMT/u,
    ],
    [{ Transitions: [{ Days: -1, StorageClass: "GLACIER" }] }, "InvalidArgument", /nonnegative/u],
    [
      { Transitions: [{ Days: 29, StorageClass: "STANDARD_IA" }] },
      "InvalidArgument",
      /^'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'$/u,
    ],
    [
      { Transitions: [{ Days: 30, StorageClass: "GLACIER" }], Expiration: { Days: 30 } },
      "InvalidArgument",
      /^'Days' in the Expiration action for filter '\(prefix=p\/\)' must be greater than 'Days' in the Transition action$/u,
    ],
    [
      {
        Transitions: [
          { Days: 1, StorageClass: "GLACIER" },
          { Days: 2, StorageClass: "GLACIER" },
        ],
      },
      "InvalidRequest",
      /'StorageClass' must be different/u,
    ],
    [
      {
        Transitions: [
          { Days: 1, StorageClass: "GLACIER" },
          { Date: new Date(NOW), StorageClass: "DEEP_ARCHIVE" },
        ],
      },
      "InvalidRequest",
      /^Found mixed 'Date' and 'Days' based Transition actions in lifecycle rule for filter '\(prefix=p\/\)'$/u,
    ],
    [
      { Transitions: [{ Date: new Date(NOW), StorageClass: "GLACIER" }], Expiration: { Days: 1 } },
      "InvalidRequest",
      /^Found mixed 'Date' and 'Days' based Expiration and Transition actions/u,
    ],
    [{ NoncurrentVersionTransitions: [{ StorageClass: "GLACIER" }] }, "MalformedXML", /./u],
  ];
  for (const [more, code, message] of wrong) {
    assert.throws(
      () => read(more),
      (error: Error) => error.name === code && message.test(error.message),
    );
  }
});
