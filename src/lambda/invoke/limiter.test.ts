import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../kernel/errors.ts";
import { functionVersion } from "../../testing/data-plane.ts";
import type { ResolvedFunction } from "../control/types.ts";
import {
  admits,
  crowded,
  type CrowdingInput,
  expectedBytes,
  type HostCpu,
} from "../environment/admission.ts";
import { ConcurrencyLimiter } from "./limiter.ts";

function resolved(name: string, reserved: number | undefined, unreserved: number): ResolvedFunction {
  const version = functionVersion({ name });
  return {
    version,
    invokedFunctionArn: version.functionArn,
    alias: undefined,
    lineageResource: "0123abcd",
    isRecursionAllowed: false,
    reservedConcurrency: reserved,
    unreservedConcurrency: unreserved,
  };
}

const reasonOf = (work: () => unknown): unknown => {
  try {
    work();
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ServiceError);
    return error.members["Reason"];
  }
};

const CASES: readonly (readonly [string, number | undefined, number, number, string | undefined])[] = [
  ["the unreserved share is free", undefined, 3, 2, undefined],
  ["the unreserved share is used up", undefined, 3, 3, "ConcurrentInvocationLimitExceeded"],
  ["the reservation has room", 3, 0, 2, undefined],
  ["the reservation is used up", 3, 1000, 3, "ReservedFunctionConcurrentInvocationLimitExceeded"],
  ["the reservation is 0", 0, 1000, 0, "ReservedFunctionConcurrentInvocationLimitExceeded"],
];
for (const [name, reserved, unreserved, running, reason] of CASES) {
  test(`when ${name}, one more invocation ${reason === undefined ? "runs" : `meets ${reason}`}`, () => {
    const limiter = new ConcurrencyLimiter();
    const target = resolved("a", reserved, unreserved);
    const permits = Array.from({ length: running }, () => limiter.acquire(target));
    assert.equal(
      reasonOf(() => limiter.acquire(target)),
      reason,
    );
    permits[0]?.release();
    if (running > 0)
      assert.equal(
        reasonOf(() => limiter.acquire(target)),
        undefined,
      );
  });
}

test("functions without a reservation share what is left, others do not take from it", () => {
  const limiter = new ConcurrencyLimiter();
  limiter.acquire(resolved("reserved", 5, 2));
  const first = limiter.acquire(resolved("a", undefined, 2));
  limiter.acquire(resolved("b", undefined, 2));
  assert.equal(
    reasonOf(() => limiter.acquire(resolved("c", undefined, 2))),
    "ConcurrentInvocationLimitExceeded",
  );
  first.release();
  assert.equal(
    reasonOf(() => limiter.acquire(resolved("c", undefined, 2))),
    undefined,
  );
});

test("a reservation made while invocations run leaves the shared count right", () => {
  const limiter = new ConcurrencyLimiter();
  const before = limiter.acquire(resolved("a", undefined, 1));
  limiter.acquire(resolved("a", 2, 1));
  before.release();
  assert.equal(
    reasonOf(() => limiter.acquire(resolved("b", undefined, 1))),
    undefined,
  );
});

test("the counter of a function that is deleted while it runs goes with its last invocation", () => {
  const limiter = new ConcurrencyLimiter();
  const target = resolved("a", 2, 10);
  const permits = [limiter.acquire(target), limiter.acquire(target)];
  limiter.forget(target.version.functionArn);
  permits[0]?.release();
  assert.equal(limiter.size, 1);
  // One of the same name that is made meanwhile shares it.
  const again = limiter.acquire(target);
  assert.equal(
    reasonOf(() => limiter.acquire(target)),
    "ReservedFunctionConcurrentInvocationLimitExceeded",
  );
  permits[1]?.release();
  again.release();
  assert.equal(limiter.size, 0);
});

test("a function gets so many new environments per ten seconds, then more", () => {
  const limiter = new ConcurrencyLimiter(2);
  const target = resolved("a", undefined, 10);
  limiter.acquire(target);
  const { functionArn } = target.version;
  limiter.countStart(functionArn, 0);
  limiter.countStart(functionArn, 1);
  assert.equal(
    reasonOf(() => limiter.countStart(functionArn, 9999)),
    "FunctionInvocationRateLimitExceeded",
  );
  assert.equal(
    reasonOf(() => limiter.countStart(functionArn, 10_001)),
    undefined,
  );
});

const MB = 1024 * 1024;
const ADMISSIONS: readonly (readonly [string, number, number, number, boolean])[] = [
  ["an empty host", 8000, 0, 10, true],
  ["memory below the reserve", 900, 0, 10, false],
  ["memory promised to those that start", 2000, 1000, 10, false],
  ["as many environments as there may be", 8000, 0, 4000, false],
];
for (const [name, availableMb, startingMb, environments, expected] of ADMISSIONS) {
  test(`${name} ${expected ? "takes" : "refuses"} another environment`, () => {
    const input = {
      memory: { availableBytes: availableMb * MB, totalBytes: 16_000 * MB },
      startingBytes: startingMb * MB,
      expectedBytes: 48 * MB,
      environments,
      environmentsMax: 4000,
    };
    assert.equal(admits(input), expected);
  });
}

test("the next environment is expected to need what the hungriest used, and no more than its limit", () => {
  assert.equal(expectedBytes(0, 128), 48 * MB);
  assert.equal(expectedBytes(100 * MB, 512), 120 * MB);
  assert.equal(expectedBytes(127 * MB, 128), 128 * MB);
});

const FULL: HostCpu = { cores: 2, idle: 0.1, serverIdle: 0.5 };
const UNKNOWN: HostCpu = { cores: 2, idle: undefined, serverIdle: undefined };
const CROWDED: CrowdingInput = {
  cpu: FULL,
  environments: 8,
  waiting: 90,
  recentlyCompleted: 100,
  isQuick: false,
  silentMs: 1,
  waitedMs: 10,
};
const QUICK: Partial<CrowdingInput> = { isQuick: true, environments: 4, waitedMs: 900 };
const CROWDINGS: readonly (readonly [string, Partial<CrowdingInput>, boolean])[] = [
  ["a full host and a function that keeps up", {}, true],
  ["idle CPUs", { cpu: { ...FULL, idle: 0.5 } }, false],
  ["idle CPUs and a server that has no time", { cpu: { ...FULL, idle: 0.5, serverIdle: 0.02 } }, true],
  ["many CPUs, of which one is idle", { cpu: { ...FULL, cores: 64, idle: 0.02 }, environments: 256 }, false],
  ["not known yet", { cpu: UNKNOWN }, true],
  ["not known yet, and few environments", { cpu: UNKNOWN, environments: 4 }, false],
  ["few environments", { environments: 4 }, false],
  ["invocations that do not end", { recentlyCompleted: 3 }, false],
  ["a long wait", { waitedMs: 500 }, false],
  ["quick: nothing is gained by one, after whatever wait", QUICK, true],
  ["quick: nothing has ended for long", { ...QUICK, silentMs: 300 }, false],
  ["quick: not even one for each CPU", { ...QUICK, environments: 1 }, false],
  ["quick, idle CPUs: all are served soon", { ...QUICK, cpu: UNKNOWN, recentlyCompleted: 900 }, true],
  [
    "quick, idle CPUs: it has stopped getting on",
    { ...QUICK, cpu: { ...FULL, idle: 0.5 }, recentlyCompleted: 900, silentMs: 30 },
    false,
  ],
  ["quick, idle CPUs: a long line", { ...QUICK, cpu: { ...FULL, idle: 0.5 } }, false],
];
for (const [name, more, expected] of CROWDINGS) {
  test(`${name}: ${expected ? "no new environment" : "a new environment"}`, () =>
    assert.equal(crowded({ ...CROWDED, ...more }), expected));
}
