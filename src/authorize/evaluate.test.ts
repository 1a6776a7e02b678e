import assert from "node:assert/strict";
import { test } from "node:test";
import { missingStatement, reasonOf, remedyOf } from "./denial.ts";
import { evaluate, type Policies } from "./evaluate.ts";
import { compilePolicy, type Policy, type Request } from "./policy.ts";
import type { Principal } from "./principal.ts";

const ACCOUNT = "111111111111";
const OTHER = "222222222222";
const FUNCTION = `arn:aws:lambda:eu-west-1:${ACCOUNT}:function:f`;

const USER: Principal = {
  kind: "user",
  arn: `arn:aws:iam::${ACCOUNT}:user/ann`,
  accountId: ACCOUNT,
  userId: "AIDAANN",
};
const ROLE: Principal = {
  kind: "role",
  arn: `arn:aws:sts::${ACCOUNT}:assumed-role/worker/one`,
  accountId: ACCOUNT,
  userId: "AROAWORKER:one",
  roleArn: `arn:aws:iam::${ACCOUNT}:role/team/worker`,
};
const STRANGER: Principal = {
  kind: "user",
  arn: `arn:aws:iam::${OTHER}:user/eve`,
  accountId: OTHER,
  userId: "AIDAEVE",
};
const SERVICE: Principal = { kind: "service", arn: "s3.amazonaws.com", accountId: "", userId: "" };
const NOBODY: Principal = { kind: "anonymous", arn: "anonymous", accountId: "", userId: "anonymous" };
const ROOT: Principal = {
  kind: "root",
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  accountId: ACCOUNT,
  userId: ACCOUNT,
};

function policy(...statements: object[]): Policy {
  const compiled = compilePolicy({ Version: "2012-10-17", Statement: statements }, "p");
  assert.ok(compiled);
  return compiled;
}

const INVOKE = { Effect: "Allow", Action: "lambda:InvokeFunction", Resource: FUNCTION };
const DENY = { Effect: "Deny", Action: "lambda:*", Resource: "*" };
const READ_ONLY = { Effect: "Allow", Action: "lambda:Get*", Resource: "*" };
const to = (principal: unknown, more: object = {}): Policy =>
  policy({ ...INVOKE, Principal: principal, ...more });

function request(principal: Principal, more: Partial<Request> = {}): Request {
  return { principal, action: "lambda:InvokeFunction", resource: FUNCTION, keys: new Map(), ...more };
}

interface Given {
  readonly identity?: Policy;
  readonly boundary?: Policy;
  readonly session?: Policy;
  readonly resource?: Policy;
  readonly isTrust?: boolean;
}

function policies(given: Given): Policies {
  const list = (one: Policy | undefined): Policy[] => (one === undefined ? [] : [one]);
  return {
    identity: list(given.identity),
    boundary: given.boundary,
    session: list(given.session),
    resource: list(given.resource),
    ...(given.isTrust === undefined ? {} : { isTrust: given.isTrust }),
  };
}

/** What the decision is, in short: `allow identity-based`, `no session`, `deny permissions boundary`. */
function outcome(principal: Principal, given: Given, more: Partial<Request> = {}): string {
  const decision = evaluate(request(principal, more), policies(given), ACCOUNT);
  if (decision.allowed) return `allow ${decision.policyType}`;
  return `${decision.kind === "explicit" ? "deny" : "no"} ${decision.policyType}`;
}

test("the same account, another account, services, nobody", () => {
  const own = policy(INVOKE);
  const none = policy(READ_ONLY);
  const cases: readonly (readonly [string, Principal, Given, string])[] = [
    ["no policy at all", USER, {}, "no identity-based"],
    ["an identity policy", USER, { identity: own }, "allow identity-based"],
    ["a deny beside it", USER, { identity: policy(INVOKE, DENY) }, "deny identity-based"],
    [
      "a deny of the resource",
      USER,
      { identity: own, resource: policy({ ...DENY, Principal: "*" }) },
      "deny resource-based",
    ],
    [
      "a deny for others",
      USER,
      { identity: own, resource: policy({ ...DENY, Principal: { AWS: STRANGER.arn } }) },
      "allow identity-based",
    ],
    ["the boundary lacks it", USER, { identity: own, boundary: none }, "no permissions boundary"],
    ["the boundary denies", USER, { identity: own, boundary: policy(DENY) }, "deny permissions boundary"],
    ["a boundary grants nothing", USER, { boundary: own }, "no identity-based"],
    ["the session policy lacks it", ROLE, { identity: own, session: none }, "no session"],
    ["the session policy denies", ROLE, { identity: own, session: policy(INVOKE, DENY) }, "deny session"],
    ["a session policy grants nothing", ROLE, { session: own }, "no identity-based"],
    ["all three agree", ROLE, { identity: own, boundary: own, session: own }, "allow identity-based"],
    [
      "the resource names the user",
      USER,
      { resource: to({ AWS: USER.arn }), boundary: none },
      "allow resource-based",
    ],
    ["the resource names the user's id", USER, { resource: to({ AWS: "AIDAANN" }) }, "allow resource-based"],
    [
      "the resource names the session",
      ROLE,
      { resource: to({ AWS: ROLE.arn }), session: none },
      "allow resource-based",
    ],
    ["the resource names the role", ROLE, { resource: to({ AWS: ROLE.roleArn }) }, "allow resource-based"],
    [
      "… within the boundary",
      ROLE,
      { resource: to({ AWS: ROLE.roleArn }), boundary: none },
      "no permissions boundary",
    ],
    [
      "… within the session policy",
      ROLE,
      { resource: to({ AWS: ROLE.roleArn }), session: none },
      "no session",
    ],
    [
      "the resource names another session",
      ROLE,
      { resource: to({ AWS: `${ROLE.arn}2` }) },
      "no identity-based",
    ],
    ["the resource names its own account", USER, { resource: to({ AWS: ACCOUNT }) }, "no identity-based"],
    ["the resource names everyone", USER, { resource: to("*") }, "allow resource-based"],
    [
      "NotPrincipal leaves out",
      USER,
      { resource: policy({ ...DENY, NotPrincipal: { AWS: USER.arn } }), identity: own },
      "allow identity-based",
    ],
    [
      "NotPrincipal means the rest",
      ROLE,
      { resource: policy({ ...DENY, NotPrincipal: { AWS: USER.arn } }), identity: own },
      "deny resource-based",
    ],
    ["another account, its policy alone", STRANGER, { identity: own }, "no resource-based"],
    [
      "another account, the resource's alone",
      STRANGER,
      { resource: to({ AWS: OTHER }) },
      "no identity-based",
    ],
    [
      "another account, both",
      STRANGER,
      { resource: to({ AWS: `arn:aws:iam::${OTHER}:root` }), identity: own },
      "allow identity-based",
    ],
    [
      "another account by name, still both",
      STRANGER,
      { resource: to({ AWS: STRANGER.arn }) },
      "no identity-based",
    ],
    ["a service", SERVICE, { resource: to({ Service: "s3.amazonaws.com" }) }, "allow resource-based"],
    [
      "a service in a list",
      SERVICE,
      { resource: to({ Service: ["sns.amazonaws.com", "s3.amazonaws.com"] }) },
      "allow resource-based",
    ],
    ["another service", SERVICE, { resource: to({ Service: "sns.amazonaws.com" }) }, "no resource-based"],
    ["nobody", NOBODY, { resource: to("*") }, "allow resource-based"],
    ["nobody, an account is no nobody", NOBODY, { resource: to({ AWS: ACCOUNT }) }, "no resource-based"],
    ["root", ROOT, {}, "allow root"],
    [
      "root denied by the resource",
      ROOT,
      { resource: policy({ ...DENY, Principal: "*" }) },
      "deny resource-based",
    ],
  ];
  for (const [what, principal, given, expected] of cases)
    assert.equal(outcome(principal, given), expected, what);
});

test("a role is assumed only by whom its trust policy names", () => {
  const role = `arn:aws:iam::${ACCOUNT}:role/target`;
  const trust = (principal: unknown, more: object = {}): Policy =>
    policy({ Effect: "Allow", Action: "sts:AssumeRole", Principal: principal, ...more });
  const identity = policy({ Effect: "Allow", Action: "sts:AssumeRole", Resource: "*" });
  const ask = (principal: Principal, given: Given): string =>
    outcome(principal, { ...given, isTrust: true }, { action: "sts:AssumeRole", resource: role });
  const cases: readonly (readonly [string, Principal, Given, string])[] = [
    [
      "an identity policy is not enough",
      USER,
      { identity, resource: trust({ Service: "lambda.amazonaws.com" }) },
      "no trust",
    ],
    ["a role that trusts nobody", USER, { identity }, "no trust"],
    ["named", USER, { resource: trust({ AWS: USER.arn }) }, "allow trust"],
    [
      "its account, and an identity policy",
      USER,
      { identity, resource: trust({ AWS: ACCOUNT }) },
      "allow identity-based",
    ],
    ["its account alone", USER, { resource: trust({ AWS: ACCOUNT }) }, "no identity-based"],
    ["another account needs both", STRANGER, { resource: trust({ AWS: STRANGER.arn }) }, "no identity-based"],
    [
      "another account with both",
      STRANGER,
      { identity, resource: trust({ AWS: OTHER }) },
      "allow identity-based",
    ],
    [
      "a condition",
      STRANGER,
      { identity, resource: trust("*", { Condition: { StringEquals: { "sts:ExternalId": "x" } } }) },
      "no trust",
    ],
    [
      "an explicit deny",
      USER,
      { resource: policy({ Effect: "Deny", Action: "sts:*", Principal: "*" }) },
      "deny trust",
    ],
    ["root, trusted", ROOT, { resource: trust({ AWS: ACCOUNT }) }, "allow root"],
    ["root, not trusted", ROOT, { resource: trust({ Service: "lambda.amazonaws.com" }) }, "no trust"],
  ];
  for (const [what, principal, given, expected] of cases) assert.equal(ask(principal, given), expected, what);
});

test("actions and resources: wildcards, case, Not…, variables", () => {
  const keys = new Map([
    ["aws:username", ["ann"]],
    ["aws:principaltag/team", ["x*"]],
  ]);
  const cases: readonly (readonly [object, string, string, boolean])[] = [
    [{ Action: "*", Resource: "*" }, "s3:GetObject", "arn:aws:s3:::b/k", true],
    [{ Action: "S3:getobject", Resource: "*" }, "s3:GetObject", "arn:aws:s3:::b/k", true],
    [{ Action: "s3:Get*", Resource: "*" }, "s3:PutObject", "arn:aws:s3:::b/k", false],
    [{ Action: "s3:?etObject", Resource: "*" }, "s3:GetObject", "arn:aws:s3:::b/k", true],
    [{ NotAction: "iam:*", Resource: "*" }, "s3:GetObject", "arn:aws:s3:::b/k", true],
    [{ NotAction: ["iam:*", "s3:*"], Resource: "*" }, "s3:GetObject", "arn:aws:s3:::b/k", false],
    [{ Action: "s3:*", Resource: "arn:aws:s3:::b/*" }, "s3:GetObject", "arn:aws:s3:::b/k/l", true],
    [{ Action: "s3:*", Resource: "arn:aws:s3:::b/*" }, "s3:ListBucket", "arn:aws:s3:::b", false],
    [{ Action: "s3:*", Resource: "arn:aws:s3:::B/*" }, "s3:GetObject", "arn:aws:s3:::b/k", false],
    [{ Action: "s3:*", NotResource: "arn:aws:s3:::b/*" }, "s3:GetObject", "arn:aws:s3:::b/k", false],
    [{ Action: "s3:*", NotResource: "arn:aws:s3:::c/*" }, "s3:GetObject", "arn:aws:s3:::b/k", true],
    [
      { Action: "s3:*", Resource: "arn:aws:s3:::b/${aws:username}/*" },
      "s3:GetObject",
      "arn:aws:s3:::b/ann/k",
      true,
    ],
    [
      { Action: "s3:*", Resource: "arn:aws:s3:::b/${aws:username}/*" },
      "s3:GetObject",
      "arn:aws:s3:::b/bob/k",
      false,
    ],
    // What a variable stands for is text, not a pattern.
    [
      { Action: "s3:*", Resource: "arn:aws:s3:::${aws:PrincipalTag/team}/k" },
      "s3:GetObject",
      "arn:aws:s3:::xy/k",
      false,
    ],
    [
      { Action: "s3:*", Resource: "arn:aws:s3:::${aws:PrincipalTag/team}/k" },
      "s3:GetObject",
      "arn:aws:s3:::x*/k",
      true,
    ],
    [
      { Action: "s3:*", Resource: "arn:aws:s3:::${aws:PrincipalTag/none, 'b'}/k" },
      "s3:GetObject",
      "arn:aws:s3:::b/k",
      true,
    ],
    [
      { Action: "s3:*", Resource: "arn:aws:s3:::${aws:PrincipalTag/none}*" },
      "s3:GetObject",
      "arn:aws:s3:::b/k",
      false,
    ],
    [{ Action: "s3:*", Resource: "arn:aws:s3:::b/${$}k${?}" }, "s3:GetObject", "arn:aws:s3:::b/$k?", true],
    [
      { Action: "lambda:*", Resource: "arn:aws:lambda:*:*:function:f*" },
      "lambda:GetFunction",
      `${FUNCTION}:PROD`,
      true,
    ],
  ];
  for (const [statement, action, resource, expected] of cases) {
    const given = { identity: policy({ Effect: "Allow", ...statement }) };
    const got = outcome(USER, given, { action, resource, keys });
    assert.equal(
      got === "allow identity-based",
      expected,
      `${JSON.stringify(statement)} ${action} ${resource}`,
    );
  }
});

test("an operator nobody knows never ends in more access", () => {
  const Condition = { StringSortOf: { "aws:username": "ann" } };
  assert.equal(outcome(USER, { identity: policy({ ...INVOKE, Condition }) }), "no identity-based");
  assert.equal(outcome(USER, { identity: policy(INVOKE, { ...DENY, Condition }) }), "deny identity-based");
});

test("what is no policy is none", () => {
  for (const text of ["", "{", "[]", '"x"', '{"Version":"2012-10-17"}'])
    assert.equal(compilePolicy(text, "p"), undefined);
});

test("the reason names the kind of policy, and the remedy the statement", () => {
  const asked = request(USER);
  const said = (given: Given): string => {
    const decision = evaluate(asked, policies(given), ACCOUNT);
    assert.ok(!decision.allowed);
    return reasonOf(decision, asked.action);
  };
  const own = policy(INVOKE);
  assert.equal(said({}), `because no identity-based policy allows the lambda:InvokeFunction action`);
  assert.equal(said({ identity: policy(DENY) }), `with an explicit deny in an identity-based policy`);
  assert.equal(
    said({ resource: policy({ ...DENY, Principal: "*" }) }),
    `with an explicit deny in a resource-based policy`,
  );
  assert.equal(
    said({ identity: own, boundary: policy(READ_ONLY) }),
    `because no permissions boundary allows the lambda:InvokeFunction action`,
  );
  assert.equal(
    said({ identity: own, boundary: policy(DENY) }),
    `with an explicit deny in a permissions boundary`,
  );
  assert.equal(
    said({ identity: own, session: policy(READ_ONLY) }),
    `because no session policy allows the lambda:InvokeFunction action`,
  );
  assert.equal(said({ identity: own, session: policy(DENY) }), `with an explicit deny in a session policy`);

  const managed = compilePolicy({ Version: "2012-10-17", Statement: DENY }, "arn:aws:iam::aws:policy/No");
  assert.ok(managed);
  assert.equal(
    said({ identity: managed }),
    "with an explicit deny in an identity-based policy: arn:aws:iam::aws:policy/No",
  );

  const missing = evaluate(asked, policies({}), ACCOUNT);
  assert.ok(!missing.allowed);
  assert.deepEqual(missingStatement(asked, missing), INVOKE);
  assert.match(remedyOf(asked, missing), /^add to the identity policy: \{"Effect":"Allow"/);
  const named = evaluate(asked, policies({ identity: policy({ Sid: "Never", ...DENY }) }), ACCOUNT);
  assert.ok(!named.allowed);
  assert.equal(
    remedyOf(asked, named),
    'statement "Never" of the identity policy p denies lambda:InvokeFunction',
  );
  const fromS3 = request(SERVICE, { keys: new Map([["aws:sourcearn", ["arn:aws:s3:::b"]]]) });
  const refused = evaluate(fromS3, policies({}), ACCOUNT);
  assert.ok(!refused.allowed);
  assert.deepEqual(missingStatement(fromS3, refused), {
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "lambda:InvokeFunction",
    Resource: FUNCTION,
    Condition: { ArnLike: { "aws:SourceArn": "arn:aws:s3:::b" } },
  });
  assert.equal(
    remedyOf(fromS3, refused),
    `aws lambda add-permission --function-name ${FUNCTION.split(":")[6] ?? ""} --statement-id s3-b --action lambda:InvokeFunction --principal s3.amazonaws.com --source-arn arn:aws:s3:::b`,
  );
});
