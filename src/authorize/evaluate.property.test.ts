/** What must hold of any policies at all. One seed, so that a failure is found again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { evaluate, type Policies } from "./evaluate.ts";
import { compilePolicy, type Policy, type Request } from "./policy.ts";
import type { Principal } from "./principal.ts";

const ACCOUNT = "111111111111";
const RUNS = 3000;

/** mulberry32: small, and the same everywhere. */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const next = generator(20_260_421);
function pick<T>(list: readonly T[]): T {
  return list[Math.floor(next() * list.length)] as T;
}

const PRINCIPALS: readonly Principal[] = [
  { kind: "user", arn: `arn:aws:iam::${ACCOUNT}:user/ann`, accountId: ACCOUNT, userId: "AIDAANN" },
  {
    kind: "role",
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/r/s`,
    accountId: ACCOUNT,
    userId: "AROAR:s",
    roleArn: `arn:aws:iam::${ACCOUNT}:role/r`,
  },
  { kind: "user", arn: "arn:aws:iam::222222222222:user/eve", accountId: "222222222222", userId: "AIDAEVE" },
  { kind: "service", arn: "s3.amazonaws.com", accountId: "", userId: "" },
  { kind: "anonymous", arn: "anonymous", accountId: "", userId: "" },
];
const ACTIONS = ["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:*", "*", "s?s:S*"];
const RESOURCES = ["*", `arn:aws:sqs:eu-west-1:${ACCOUNT}:q`, `arn:aws:sqs:*:*:q*`, "arn:aws:sqs:::none"];
const NAMED = [
  "*",
  { AWS: ACCOUNT },
  { AWS: "222222222222" },
  { AWS: PRINCIPALS[0]?.arn },
  { AWS: PRINCIPALS[1]?.roleArn },
  { AWS: PRINCIPALS[1]?.arn },
  { Service: "s3.amazonaws.com" },
];
const CONDITIONS = [
  undefined,
  undefined,
  { StringEquals: { "aws:PrincipalType": "User" } },
  { StringNotEquals: { "aws:nothing": "x" } },
  { Null: { "aws:nothing": "false" } },
];

function statement(effect: "Allow" | "Deny", withPrincipal: boolean): object {
  const Condition = pick(CONDITIONS);
  return {
    Effect: effect,
    [next() < 0.9 ? "Action" : "NotAction"]: pick(ACTIONS),
    [next() < 0.9 ? "Resource" : "NotResource"]: pick(RESOURCES),
    ...(withPrincipal ? { [next() < 0.9 ? "Principal" : "NotPrincipal"]: pick(NAMED) } : {}),
    ...(Condition === undefined ? {} : { Condition }),
  };
}

function policyOf(statements: readonly object[]): Policy {
  const policy = compilePolicy({ Version: "2012-10-17", Statement: statements }, "p");
  assert.ok(policy);
  return policy;
}

interface Documents {
  readonly identity: object[];
  readonly boundary: object[] | undefined;
  readonly session: object[] | undefined;
  readonly resource: object[];
}

function some(withPrincipal: boolean): object[] {
  const count = Math.floor(next() * 3);
  return Array.from({ length: count }, () => statement(next() < 0.8 ? "Allow" : "Deny", withPrincipal));
}

function documents(): Documents {
  const maybe = (): object[] | undefined => (next() < 0.5 ? undefined : some(false));
  return { identity: some(false), boundary: maybe(), session: maybe(), resource: some(true) };
}

function compiled(given: Documents): Policies {
  return {
    identity: [policyOf(given.identity)],
    boundary: given.boundary === undefined ? undefined : policyOf(given.boundary),
    session: given.session === undefined ? [] : [policyOf(given.session)],
    resource: [policyOf(given.resource)],
  };
}

function request(): Request {
  const principal = pick(PRINCIPALS);
  const keys = new Map([["aws:principaltype", [principal.kind === "user" ? "User" : "Other"]]]);
  return { principal, action: "sqs:SendMessage", resource: `arn:aws:sqs:eu-west-1:${ACCOUNT}:q`, keys };
}

const allowed = (asked: Request, given: Documents): boolean =>
  evaluate(asked, compiled(given), ACCOUNT).allowed;

test("a Deny more, anywhere, never turns a refusal into a permission", () => {
  let refusals = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const asked = request();
    const before = documents();
    if (allowed(asked, before)) continue;
    refusals += 1;
    const place = pick(["identity", "boundary", "session", "resource"] as const);
    const after = { ...before, [place]: [...(before[place] ?? []), statement("Deny", place === "resource")] };
    assert.equal(allowed(asked, after), false, JSON.stringify({ asked, before, after }));
  }
  assert.ok(refusals > 100);
});

test("an Allow more, in a policy that is there, never turns a permission into a refusal", () => {
  let permissions = 0;
  for (let run = 0; run < RUNS; run += 1) {
    const asked = request();
    const before = documents();
    if (!allowed(asked, before)) continue;
    permissions += 1;
    const place = pick(["identity", "boundary", "session", "resource"] as const);
    const there = before[place];
    if (there === undefined) continue;
    const after = { ...before, [place]: [...there, statement("Allow", place === "resource")] };
    assert.equal(allowed(asked, after), true, JSON.stringify({ asked, before, after }));
  }
  assert.ok(permissions > 100);
});

test("a boundary or a session policy more never gives more", () => {
  for (let run = 0; run < RUNS; run += 1) {
    const asked = request();
    const free = { ...documents(), boundary: undefined, session: undefined };
    const bound = { ...free, boundary: some(false), session: some(false) };
    if (allowed(asked, bound)) assert.equal(allowed(asked, free), true, JSON.stringify({ asked, bound }));
  }
});

test("a Deny of everything for everyone leaves nothing", () => {
  for (let run = 0; run < RUNS; run += 1) {
    const given = documents();
    const deny = { Effect: "Deny", Principal: "*", Action: "*", Resource: "*" };
    const decision = evaluate(
      request(),
      compiled({ ...given, resource: [...given.resource, deny] }),
      ACCOUNT,
    );
    assert.ok(!decision.allowed && decision.kind === "explicit");
  }
});
