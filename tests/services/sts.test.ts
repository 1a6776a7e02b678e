import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness, REGION, ROOT_KEY } from "./harness.ts";

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
const ROLE_ARN = `arn:aws:iam::${ACCOUNT}:role/worker`;

test("GetCallerIdentity says who signed: root, user, role session", async (t) => {
  const { call, sts } = await openHarness(t);
  assert.deepEqual(await call("sts", "GetCallerIdentity"), {
    UserId: ACCOUNT,
    Account: ACCOUNT,
    Arn: `arn:aws:iam::${ACCOUNT}:root`,
  });
  const { User: user } = await call("iam", "CreateUser", { UserName: "ada", Path: "/dev/" });
  const { AccessKey: key } = await call("iam", "CreateAccessKey", { UserName: "ada" });
  assert.match(key.AccessKeyId, /^AKIA[A-Z2-7]{16}$/);
  const known = await sts.keys.resolve(key.AccessKeyId, undefined);
  assert.equal(known?.secretAccessKey, key.SecretAccessKey);
  const asUser = { caller: known?.caller };
  assert.deepEqual(await call("sts", "GetCallerIdentity", {}, asUser as object), {
    UserId: user.UserId,
    Account: ACCOUNT,
    Arn: `arn:aws:iam::${ACCOUNT}:user/dev/ada`,
  });
  const { Role: role } = await call("iam", "CreateRole", {
    RoleName: "worker",
    AssumeRolePolicyDocument: TRUST,
  });
  const assumed = await call("sts", "AssumeRole", { RoleArn: ROLE_ARN, RoleSessionName: "s1" });
  const { AccessKeyId, SessionToken, SecretAccessKey } = assumed.Credentials;
  assert.match(AccessKeyId, /^ASIA[A-Z2-7]{16}$/);
  assert.deepEqual(assumed.AssumedRoleUser, {
    AssumedRoleId: `${role.RoleId}:s1`,
    Arn: `arn:aws:sts::${ACCOUNT}:assumed-role/worker/s1`,
  });
  const session = await sts.keys.resolve(AccessKeyId, SessionToken);
  assert.equal(session?.secretAccessKey, SecretAccessKey);
  assert.equal(session?.caller.userId, `${role.RoleId}:s1`);
  assert.equal(session?.caller.kind, "role");
});

test("sessions survive a restart, expire, and cannot be forged", async (t) => {
  const first = await openHarness(t);
  const made = await first.call("sts", "AssumeRole", {
    RoleArn: ROLE_ARN,
    RoleSessionName: "s1",
    DurationSeconds: 900,
  });
  const { AccessKeyId, SessionToken } = made.Credentials;
  await first.close();
  const { sts, clock } = await openHarness(t, { folder: first.folder, clock: first.clock });
  assert.equal((await sts.keys.resolve(AccessKeyId, SessionToken))?.expired, undefined);
  assert.equal(await sts.keys.resolve(AccessKeyId, `${SessionToken.slice(0, -8)}AAAAAAAA`), undefined);
  assert.equal(await sts.keys.resolve(AccessKeyId, undefined), undefined);
  const other = await sts.keys.resolve(`ASIA${"A".repeat(16)}`, SessionToken);
  assert.notEqual(other?.secretAccessKey, made.Credentials.SecretAccessKey, "the secret hangs on the key id");
  clock.advance(901_000);
  assert.equal((await sts.keys.resolve(AccessKeyId, SessionToken))?.expired, true);
});

test("functions get their role's credentials, of roles that do not exist too", async (t) => {
  const { sts } = await openHarness(t);
  const scope = { accountId: ACCOUNT, region: REGION };
  const issued = sts.issuer.issueForRole(scope, ROLE_ARN, "fn", 3600);
  const known = await sts.keys.resolve(issued.accessKeyId, issued.sessionToken);
  assert.equal(known?.secretAccessKey, issued.secretAccessKey);
  assert.equal(known?.caller.arn, `arn:aws:sts::${ACCOUNT}:assumed-role/worker/fn`);
  assert.match(known?.caller.userId ?? "", /^AROA[A-Z2-7]{17}:fn$/);
  const odd = `arn:aws-iso:iam::${ACCOUNT}:role/deep/path/worker`;
  const second = sts.issuer.issueForRole(scope, odd, "fn", 3600);
  const resolved = await sts.keys.resolve(second.accessKeyId, second.sessionToken);
  assert.equal(resolved?.caller.arn, `arn:aws-iso:sts::${ACCOUNT}:assumed-role/worker/fn`);
});

test("AssumeRole refuses in AWS's words", async (t) => {
  const { call } = await openHarness(t, { iamMode: "enforce" });
  const good = { RoleArn: ROLE_ARN, RoleSessionName: "s1" };
  const cases: readonly (readonly [object, string, RegExp])[] = [
    [{ RoleArn: "arn:a:a:::aaaaaaaaaa" }, "ValidationError", /^arn:a:a:::aaaaaaaaaa is invalid$/],
    [{ RoleArn: "short" }, "ValidationError", /length greater than or equal to 20$/],
    [
      { RoleSessionName: "a b" },
      "ValidationError",
      /at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: \[\\w\+=,\.@-\]\*$/,
    ],
    [{ DurationSeconds: 899 }, "ValidationError", /greater than or equal to 900$/],
    [{ DurationSeconds: 43_201 }, "ValidationError", /less than or equal to 43200$/],
    [
      {
        Tags: [
          { Key: "a", Value: "1" },
          { Key: "A", Value: "2" },
        ],
      },
      "InvalidParameterValue",
      /^Duplicate tag keys found\./,
    ],
    [{ Tags: [{ Key: "AWS:a", Value: "b" }] }, "InvalidParameterValue", /reserved for system use\.$/],
    [{ TransitiveTagKeys: ["a"] }, "InvalidParameterValue", /must be included in the requested tags\.$/],
    [{ Policy: "{" }, "MalformedPolicyDocument", /invalid Json/],
    [
      {
        Policy: JSON.stringify({ Version: "2012-10-17", Statement: [], Id: "x".repeat(1900) }),
        Tags: Array.from({ length: 20 }, (_, at) => ({ Key: `k${String(at)}`, Value: "v".repeat(200) })),
      },
      "PackedPolicyTooLarge",
      /^Packed policy consumes 1\d\d% of allotted space, please use smaller policy\.$/,
    ],
    [{ SerialNumber: "arn:x", TokenCode: "123456" }, "AccessDenied", /MultiFactorAuthentication failed/],
    [
      {},
      "AccessDenied",
      /is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role\/worker$/,
    ],
  ];
  for (const [input, code, message] of cases) {
    await assert.rejects(call("sts", "AssumeRole", { ...good, ...input }), { code, message });
  }
  await call("iam", "CreateRole", { RoleName: "worker", AssumeRolePolicyDocument: TRUST });
  await assert.rejects(call("sts", "AssumeRole", { ...good, DurationSeconds: 3601 }), {
    message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
  });
  assert.ok((await call("sts", "AssumeRole", good)).Credentials);
});

test("transitive tags go down the chain and cannot be overridden", async (t) => {
  const { call, sts } = await openHarness(t);
  const tags = { Tags: [{ Key: "team", Value: "x" }], TransitiveTagKeys: ["team"] };
  const first = await call("sts", "AssumeRole", { RoleArn: ROLE_ARN, RoleSessionName: "s1", ...tags });
  const { AccessKeyId, SessionToken } = first.Credentials;
  const caller = (await sts.keys.resolve(AccessKeyId, SessionToken))?.caller;
  const as = { caller, headers: { "x-amz-security-token": SessionToken } } as object;
  const next = { RoleArn: `${ROLE_ARN}2`, RoleSessionName: "s2" };
  await assert.rejects(call("sts", "AssumeRole", { ...next, Tags: [{ Key: "TEAM", Value: "y" }] }, as), {
    code: "InvalidParameterValue",
    message:
      "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
  });
  await assert.rejects(call("sts", "AssumeRole", { ...next, DurationSeconds: 7200 }, as), /role chaining/);
  const second = (await call("sts", "AssumeRole", next, as)).Credentials;
  assert.deepEqual(sts.openSession(second.AccessKeyId, second.SessionToken)?.tags, { team: "x" });
});

test("GetSessionToken: once, and short for root", async (t) => {
  const { call, clock, sts } = await openHarness(t);
  const { Credentials: got } = await call("sts", "GetSessionToken", { DurationSeconds: 129_600 });
  assert.ok(got.Expiration.getTime() - clock.now() <= 3_600_000);
  const caller = (await sts.keys.resolve(got.AccessKeyId, got.SessionToken))?.caller;
  assert.equal(caller?.arn, `arn:aws:iam::${ACCOUNT}:root`);
  await assert.rejects(call("sts", "GetSessionToken", {}, { caller } as object), {
    code: "AccessDenied",
    message: "Cannot call GetSessionToken with session credentials",
  });
});

test("the root key is known, others are not", async (t) => {
  const { sts } = await openHarness(t);
  const root = await sts.keys.resolve(ROOT_KEY.accessKeyId, undefined);
  assert.equal(root?.secretAccessKey, ROOT_KEY.secretAccessKey);
  assert.equal(await sts.keys.resolve("test", undefined), undefined);
  assert.equal(await sts.keys.resolve(`AKIA${"A".repeat(16)}`, undefined), undefined);
});
