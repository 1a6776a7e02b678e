import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness, type Output } from "./harness.ts";

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
const DOCUMENT = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: ["s3:GetObject"], Resource: ["arn:aws:s3:::b/(a)*'!%3A"] }],
});
const BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";
const policyArn = (name: string): string => `arn:aws:iam::${ACCOUNT}:policy/${name}`;

function keys(value: object): string[] {
  return Object.keys(value).toSorted();
}

test("a role's life, with the fields AWS shows in each answer", async (t) => {
  const first = await openHarness(t);
  const input = {
    RoleName: "Worker",
    Path: "/team/",
    AssumeRolePolicyDocument: TRUST,
    Tags: [{ Key: "a", Value: "1" }],
  };
  const { Role: made } = await first.call("iam", "CreateRole", input);
  assert.deepEqual(keys(made), [
    "Arn",
    "AssumeRolePolicyDocument",
    "CreateDate",
    "Path",
    "RoleId",
    "RoleName",
    "Tags",
  ]);
  assert.equal(made.Arn, `arn:aws:iam::${ACCOUNT}:role/team/Worker`);
  assert.match(made.RoleId, /^AROA[A-Z2-7]{17}$/);
  assert.equal(decodeURIComponent(made.AssumeRolePolicyDocument), TRUST);
  await assert.rejects(first.call("iam", "CreateRole", { ...input, RoleName: "worker" }), {
    code: "EntityAlreadyExists",
    status: 409,
    message: "Role with name worker already exists.",
  });
  await first.close();

  const { call } = await openHarness(t, { folder: first.folder });
  const { Role: got } = await call("iam", "GetRole", { RoleName: "Worker" });
  assert.deepEqual(got, { ...made, MaxSessionDuration: 3600, RoleLastUsed: {} });
  const { Roles: listed, IsTruncated } = await call("iam", "ListRoles", { PathPrefix: "/team/" });
  assert.equal(IsTruncated, false);
  assert.deepEqual(keys(listed[0]), [
    "Arn",
    "AssumeRolePolicyDocument",
    "CreateDate",
    "MaxSessionDuration",
    "Path",
    "RoleId",
    "RoleName",
  ]);
  await call("iam", "UpdateRole", { RoleName: "Worker", Description: "does it", MaxSessionDuration: 7200 });
  await call("iam", "UpdateAssumeRolePolicy", {
    RoleName: "Worker",
    PolicyDocument: TRUST.replace("lambda", "ec2"),
  });
  await call("iam", "TagRole", {
    RoleName: "Worker",
    Tags: [
      { Key: "A", Value: "2" },
      { Key: "b", Value: "" },
    ],
  });
  await call("iam", "UntagRole", { RoleName: "Worker", TagKeys: ["B"] });
  const { Role: changed } = await call("iam", "GetRole", { RoleName: "Worker" });
  assert.equal(changed.Description, "does it");
  assert.equal(changed.MaxSessionDuration, 7200);
  assert.deepEqual(changed.Tags, [{ Key: "A", Value: "2" }]);
  assert.match(decodeURIComponent(changed.AssumeRolePolicyDocument), /ec2\.amazonaws\.com/);
  await call("iam", "DeleteRole", { RoleName: "Worker" });
  await assert.rejects(call("iam", "GetRole", { RoleName: "Worker" }), {
    code: "NoSuchEntity",
    status: 404,
    message: "The role with name Worker cannot be found.",
  });
});

test("policies: managed, versions, attachments, inline, and what keeps them from being deleted", async (t) => {
  const { call } = await openHarness(t);
  const { Policy: policy } = await call("iam", "CreatePolicy", {
    PolicyName: "p1",
    PolicyDocument: DOCUMENT,
  });
  assert.deepEqual(keys(policy), [
    "Arn",
    "AttachmentCount",
    "CreateDate",
    "DefaultVersionId",
    "IsAttachable",
    "Path",
    "PermissionsBoundaryUsageCount",
    "PolicyId",
    "PolicyName",
    "UpdateDate",
  ]);
  await assert.rejects(call("iam", "CreatePolicy", { PolicyName: "P1", PolicyDocument: DOCUMENT }), {
    code: "EntityAlreadyExists",
    message: "A policy called P1 already exists. Duplicate names are not allowed.",
  });
  for (let i = 2; i <= 5; i++) {
    const added = await call("iam", "CreatePolicyVersion", {
      PolicyArn: policy.Arn,
      PolicyDocument: DOCUMENT,
      SetAsDefault: i === 3,
    });
    assert.equal(added.PolicyVersion.VersionId, `v${i}`);
  }
  await assert.rejects(
    call("iam", "CreatePolicyVersion", { PolicyArn: policy.Arn, PolicyDocument: DOCUMENT }),
    { code: "LimitExceeded" },
  );
  const { Versions: versions } = await call("iam", "ListPolicyVersions", { PolicyArn: policy.Arn });
  assert.deepEqual(
    versions.map((each: Output) => [each.VersionId, each.IsDefaultVersion]),
    [
      ["v5", false],
      ["v4", false],
      ["v3", true],
      ["v2", false],
      ["v1", false],
    ],
  );
  await assert.rejects(call("iam", "DeletePolicyVersion", { PolicyArn: policy.Arn, VersionId: "v3" }), {
    code: "DeleteConflict",
    message: "Cannot delete the default version of a policy.",
  });
  await assert.rejects(call("iam", "DeletePolicy", { PolicyArn: policy.Arn }), { code: "DeleteConflict" });
  for (const VersionId of ["v1", "v2", "v4", "v5"])
    await call("iam", "DeletePolicyVersion", { PolicyArn: policy.Arn, VersionId });
  const { PolicyVersion: got } = await call("iam", "GetPolicyVersion", {
    PolicyArn: policy.Arn,
    VersionId: "v3",
  });
  assert.equal(decodeURIComponent(got.Document), DOCUMENT);
  assert.doesNotMatch(got.Document, /[!'()*{} ]/, "RFC 3986 leaves none of these as they are");

  await call("iam", "CreateRole", { RoleName: "r", AssumeRolePolicyDocument: TRUST });
  await call("iam", "CreateUser", { UserName: "u" });
  for (const [kind, name] of [
    ["Role", "r"],
    ["User", "u"],
  ] as const) {
    const who = { [`${kind}Name`]: name };
    for (const PolicyArn of ["longpolicynamebutnoarn", "p1"]) {
      await assert.rejects(call("iam", `Attach${kind}Policy`, { ...who, PolicyArn }), {
        code: "ValidationError",
        message: "Invalid ARN:  Could not be parsed!",
      });
    }
    await assert.rejects(call("iam", `Attach${kind}Policy`, { ...who, PolicyArn: policyArn("p1123") }), {
      code: "NoSuchEntity",
      message: `Policy ${policyArn("p1123")} does not exist or is not attachable.`,
    });
    await call("iam", `Attach${kind}Policy`, { ...who, PolicyArn: policy.Arn });
    await call("iam", `Attach${kind}Policy`, { ...who, PolicyArn: policy.Arn });
    await call("iam", `Attach${kind}Policy`, { ...who, PolicyArn: BASIC });
    const { AttachedPolicies } = await call("iam", `ListAttached${kind}Policies`, who);
    assert.deepEqual(AttachedPolicies.map((each: Output) => each.PolicyName).toSorted(), [
      "AWSLambdaBasicExecutionRole",
      "p1",
    ]);
    await call("iam", `Put${kind}Policy`, { ...who, PolicyName: "in", PolicyDocument: DOCUMENT });
    const inline = await call("iam", `Get${kind}Policy`, { ...who, PolicyName: "in" });
    assert.deepEqual(
      { ...inline, PolicyDocument: decodeURIComponent(inline.PolicyDocument) },
      { ...who, PolicyName: "in", PolicyDocument: DOCUMENT },
    );
    assert.deepEqual((await call("iam", `List${kind}Policies`, who)).PolicyNames, ["in"]);
    await assert.rejects(call("iam", `Delete${kind}`, who), {
      code: "DeleteConflict",
      message: "Cannot delete entity, must detach all policies first.",
    });
    await call("iam", `Detach${kind}Policy`, { ...who, PolicyArn: BASIC });
    await assert.rejects(call("iam", `Detach${kind}Policy`, { ...who, PolicyArn: BASIC }), {
      code: "NoSuchEntity",
      message: `Policy ${BASIC} was not found.`,
    });
  }
  const { Policy: used } = await call("iam", "GetPolicy", { PolicyArn: policy.Arn });
  assert.equal(used.AttachmentCount, 2);
  const entities = await call("iam", "ListEntitiesForPolicy", { PolicyArn: policy.Arn });
  assert.deepEqual([entities.PolicyRoles[0].RoleName, entities.PolicyUsers[0].UserName], ["r", "u"]);
  await assert.rejects(call("iam", "DeletePolicy", { PolicyArn: policy.Arn }), {
    code: "DeleteConflict",
    message: "Cannot delete a policy attached to entities.",
  });
  await call("iam", "DetachRolePolicy", { RoleName: "r", PolicyArn: policy.Arn });
  await assert.rejects(call("iam", "DeleteRole", { RoleName: "r" }), {
    code: "DeleteConflict",
    message: "Cannot delete entity, must delete policies first.",
  });
  await call("iam", "DeleteRolePolicy", { RoleName: "r", PolicyName: "in" });
  await assert.rejects(call("iam", "GetRolePolicy", { RoleName: "r", PolicyName: "in" }), {
    code: "NoSuchEntity",
    message: "The role policy with name in cannot be found.",
  });
  await call("iam", "DeleteRole", { RoleName: "r" });
  await call("iam", "DetachUserPolicy", { UserName: "u", PolicyArn: policy.Arn });
  await call("iam", "DeletePolicy", { PolicyArn: policy.Arn });
  await assert.rejects(call("iam", "DeletePolicy", { PolicyArn: policy.Arn }), {
    code: "NoSuchEntity",
    message: `Policy ${policyArn("p1")} was not found.`,
  });
});

test("AWS's managed policies are there and cannot be changed", async (t) => {
  const { call, iam } = await openHarness(t);
  const { Policy: policy } = await call("iam", "GetPolicy", { PolicyArn: BASIC });
  assert.equal(policy.Path, "/service-role/");
  const { PolicyVersion: version } = await call("iam", "GetPolicyVersion", {
    PolicyArn: BASIC,
    VersionId: policy.DefaultVersionId,
  });
  assert.deepEqual(JSON.parse(decodeURIComponent(version.Document)).Statement[0].Action, [
    "logs:CreateLogGroup",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
  ]);
  await assert.rejects(call("iam", "DeletePolicy", { PolicyArn: BASIC }), { code: "InvalidInput" });
  const { Policies: all } = await call("iam", "ListPolicies", { Scope: "AWS" });
  await call("iam", "CreateRole", { RoleName: "r", AssumeRolePolicyDocument: TRUST });
  for (const { Arn } of all.slice(0, 10))
    await call("iam", "AttachRolePolicy", { RoleName: "r", PolicyArn: Arn });
  await assert.rejects(call("iam", "AttachRolePolicy", { RoleName: "r", PolicyArn: all[10].Arn }), {
    code: "LimitExceeded",
    message: "Cannot exceed quota for PoliciesPerRole: 10",
  });
  assert.equal((await iam.reader.policiesOf(ACCOUNT, "role", "r")).attached.length, 10);
});

test("pages: every role once, in order", async (t) => {
  const { call } = await openHarness(t);
  const names = ["a", "B", "c", "D", "e"];
  for (const RoleName of names.toReversed())
    await call("iam", "CreateRole", { RoleName, AssumeRolePolicyDocument: TRUST });
  const seen: string[] = [];
  let Marker: string | undefined;
  do {
    const page = await call("iam", "ListRoles", { MaxItems: 2, ...(Marker === undefined ? {} : { Marker }) });
    assert.equal(page.IsTruncated, page.Marker !== undefined);
    seen.push(...page.Roles.map((role: Output) => role.RoleName));
    Marker = page.Marker;
  } while (Marker !== undefined);
  assert.deepEqual(seen, names);
  await assert.rejects(call("iam", "ListRoles", { Marker: "x" }), { code: "ValidationError" });
});

test("users: a new name takes everything along; GetUser knows who asks", async (t) => {
  const { call, sts } = await openHarness(t);
  const { User: made } = await call("iam", "CreateUser", { UserName: "ada" });
  assert.deepEqual(keys(made), ["Arn", "CreateDate", "Path", "UserId", "UserName"]);
  const { AccessKey: key } = await call("iam", "CreateAccessKey", { UserName: "ada" });
  assert.deepEqual(keys(key), ["AccessKeyId", "CreateDate", "SecretAccessKey", "Status", "UserName"]);
  await call("iam", "PutUserPolicy", { UserName: "ada", PolicyName: "in", PolicyDocument: DOCUMENT });
  await call("iam", "UpdateUser", { UserName: "ada", NewUserName: "grace", NewPath: "/n/" });
  assert.deepEqual((await call("iam", "ListUserPolicies", { UserName: "grace" })).PolicyNames, ["in"]);
  const caller = (await sts.keys.resolve(key.AccessKeyId, undefined))?.caller;
  assert.equal(caller?.arn, `arn:aws:iam::${ACCOUNT}:user/n/grace`);
  const { User: self } = await call("iam", "GetUser", {}, { caller } as object);
  assert.equal(self.UserName, "grace");
  const { User: root } = await call("iam", "GetUser", {});
  assert.deepEqual(
    [root.Arn, root.UserId, "UserName" in root],
    [`arn:aws:iam::${ACCOUNT}:root`, ACCOUNT, false],
  );
  const role = { ...caller, kind: "role", arn: `arn:aws:sts::${ACCOUNT}:assumed-role/r/s` };
  await assert.rejects(call("iam", "GetUser", {}, { caller: role } as object), {
    code: "ValidationError",
    message: "Must specify userName when calling with non-User credentials",
  });
  await call("iam", "CreateUser", { UserName: "ada" });
  await assert.rejects(call("iam", "UpdateUser", { UserName: "ada", NewUserName: "GRACE" }), {
    code: "EntityAlreadyExists",
  });
  await assert.rejects(call("iam", "GetUser", { UserName: "nobody" }), {
    message: "The user with name nobody cannot be found.",
  });
});

test("access keys: two at most, switched off at once, in the way of deleting their user", async (t) => {
  const { call, sts, iam, clock } = await openHarness(t);
  await call("iam", "CreateUser", { UserName: "ada" });
  const { AccessKey: key } = await call("iam", "CreateAccessKey", { UserName: "ada" });
  await call("iam", "CreateAccessKey", { UserName: "ada" });
  await assert.rejects(call("iam", "CreateAccessKey", { UserName: "ada" }), {
    code: "LimitExceeded",
    message: "Cannot exceed quota for AccessKeysPerUser: 2",
  });
  const id = { AccessKeyId: key.AccessKeyId };
  assert.deepEqual((await call("iam", "GetAccessKeyLastUsed", id)).AccessKeyLastUsed, {
    ServiceName: "N/A",
    Region: "N/A",
  });
  iam.noteUse(key.AccessKeyId, "lambda", "eu-west-1");
  const { UserName, AccessKeyLastUsed: used } = await call("iam", "GetAccessKeyLastUsed", id);
  assert.deepEqual([UserName, used.ServiceName, used.Region], ["ada", "lambda", "eu-west-1"]);
  assert.ok(Math.abs(used.LastUsedDate.getTime() - clock.now()) < 60_000);
  assert.notEqual(await sts.keys.resolve(key.AccessKeyId, undefined), undefined);
  await call("iam", "UpdateAccessKey", { ...id, UserName: "ada", Status: "Inactive" });
  assert.equal(await sts.keys.resolve(key.AccessKeyId, undefined), undefined);
  await assert.rejects(call("iam", "DeleteUser", { UserName: "ada" }), {
    code: "DeleteConflict",
    message: "Cannot delete entity, must delete access keys first.",
  });
  const { AccessKeyMetadata: all } = await call("iam", "ListAccessKeys", { UserName: "ada" });
  assert.deepEqual(all.map((each: Output) => each.Status).toSorted(), ["Active", "Inactive"]);
  for (const { AccessKeyId } of all) await call("iam", "DeleteAccessKey", { UserName: "ada", AccessKeyId });
  await assert.rejects(call("iam", "DeleteAccessKey", { UserName: "ada", ...id }), {
    code: "NoSuchEntity",
    message: `The Access Key with id ${key.AccessKeyId} cannot be found.`,
  });
  await call("iam", "DeleteUser", { UserName: "ada" });
});

test("permissions boundaries are kept, counted, and read by the evaluator", async (t) => {
  const { call, iam } = await openHarness(t);
  const { Policy: policy } = await call("iam", "CreatePolicy", { PolicyName: "b", PolicyDocument: DOCUMENT });
  const { User: user } = await call("iam", "CreateUser", { UserName: "u", PermissionsBoundary: policy.Arn });
  assert.deepEqual(user.PermissionsBoundary, {
    PermissionsBoundaryType: "Policy",
    PermissionsBoundaryArn: policy.Arn,
  });
  assert.equal(
    (await call("iam", "GetPolicy", { PolicyArn: policy.Arn })).Policy.PermissionsBoundaryUsageCount,
    1,
  );
  assert.equal((await iam.reader.policiesOf(ACCOUNT, "user", "u")).boundary?.arn, policy.Arn);
  await assert.rejects(call("iam", "DeletePolicy", { PolicyArn: policy.Arn }), { code: "DeleteConflict" });
  await call("iam", "DeleteUserPermissionsBoundary", { UserName: "u" });
  assert.equal("PermissionsBoundary" in (await call("iam", "GetUser", { UserName: "u" })).User, false);
  await call("iam", "CreateRole", { RoleName: "r", AssumeRolePolicyDocument: TRUST });
  await call("iam", "PutRolePermissionsBoundary", { RoleName: "r", PermissionsBoundary: policy.Arn });
  assert.equal(
    (await call("iam", "GetRole", { RoleName: "r" })).Role.PermissionsBoundary.PermissionsBoundaryArn,
    policy.Arn,
  );
});

test("accounts do not see each other", async (t) => {
  const { call } = await openHarness(t);
  await call("iam", "CreateRole", { RoleName: "r", AssumeRolePolicyDocument: TRUST });
  await assert.rejects(call("iam", "GetRole", { RoleName: "r" }, { accountId: "999999999999" }), {
    code: "NoSuchEntity",
  });
});

test("groups: members, policies, a new name, and what keeps them from being deleted", async (t) => {
  const { call, iam } = await openHarness(t);
  const { Group: group } = await call("iam", "CreateGroup", { GroupName: "devs", Path: "/x/" });
  assert.deepEqual(keys(group), ["Arn", "CreateDate", "GroupId", "GroupName", "Path"]);
  assert.match(group.GroupId, /^AGPA[A-Z2-7]{17}$/);
  await assert.rejects(call("iam", "CreateGroup", { GroupName: "DEVS" }), {
    code: "EntityAlreadyExists",
    message: "Group with name DEVS already exists.",
  });
  await call("iam", "CreateUser", { UserName: "ada" });
  await call("iam", "AddUserToGroup", { GroupName: "devs", UserName: "ada" });
  await call("iam", "AddUserToGroup", { GroupName: "devs", UserName: "ada" });
  await assert.rejects(call("iam", "AddUserToGroup", { GroupName: "none", UserName: "ada" }), {
    code: "NoSuchEntity",
    message: "The group with name none cannot be found.",
  });
  await call("iam", "PutGroupPolicy", { GroupName: "devs", PolicyName: "in", PolicyDocument: DOCUMENT });
  await call("iam", "AttachGroupPolicy", { GroupName: "devs", PolicyArn: BASIC });
  const { policies } =
    (await iam.reader.policiesOf(ACCOUNT, "user", "ada")).groups[0] ?? assert.fail("no group");
  assert.deepEqual([policies.inline.length, policies.attached.length], [1, 1], "a user's groups grant too");
  await call("iam", "UpdateGroup", { GroupName: "devs", NewGroupName: "people" });
  await call("iam", "UpdateUser", { UserName: "ada", NewUserName: "grace" });
  const { Users: members } = await call("iam", "GetGroup", { GroupName: "people" });
  assert.deepEqual(
    members.map((user: Output) => user.UserName),
    ["grace"],
  );
  const { Groups: of } = await call("iam", "ListGroupsForUser", { UserName: "grace" });
  assert.deepEqual(
    of.map((each: Output) => each.GroupName),
    ["people"],
  );
  const inline = await call("iam", "GetGroupPolicy", { GroupName: "people", PolicyName: "in" });
  assert.equal(inline.GroupName, "people");
  const { PolicyGroups } = await call("iam", "ListEntitiesForPolicy", { PolicyArn: BASIC });
  assert.deepEqual(PolicyGroups, [{ GroupName: "people", GroupId: group.GroupId }]);
  const inTheWay = {
    code: "DeleteConflict",
    message: "Cannot delete entity, must remove users from group first.",
  };
  await assert.rejects(call("iam", "DeleteUser", { UserName: "grace" }), inTheWay);
  await call("iam", "DetachGroupPolicy", { GroupName: "people", PolicyArn: BASIC });
  await call("iam", "DeleteGroupPolicy", { GroupName: "people", PolicyName: "in" });
  await assert.rejects(call("iam", "DeleteGroup", { GroupName: "people" }), inTheWay);
  await call("iam", "RemoveUserFromGroup", { GroupName: "people", UserName: "grace" });
  await call("iam", "DeleteGroup", { GroupName: "people" });
  await call("iam", "DeleteUser", { UserName: "grace" });
  assert.deepEqual((await call("iam", "ListGroups")).Groups, []);
});

test("AWS's own policy for functions that read and write objects", async (t) => {
  const { call } = await openHarness(t);
  await call("iam", "CreateRole", { RoleName: "r", AssumeRolePolicyDocument: TRUST });
  const PolicyArn = "arn:aws:iam::aws:policy/AWSLambdaExecute";
  await call("iam", "AttachRolePolicy", { RoleName: "r", PolicyArn });
  const { PolicyVersion } = await call("iam", "GetPolicyVersion", { PolicyArn, VersionId: "v1" });
  const { Statement } = JSON.parse(decodeURIComponent(PolicyVersion.Document));
  assert.deepEqual(
    Statement.map((one: { Action: string[] }) => one.Action),
    [["logs:*"], ["s3:GetObject", "s3:PutObject"]],
  );
});

test("who is trusted exists, as far as the account is the role's own", async (t) => {
  const { call } = await openHarness(t);
  const trust = (...AWS: string[]): string =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: { AWS }, Action: "sts:AssumeRole" }],
    });
  const own = `arn:aws:iam::${ACCOUNT}`;
  const create = (RoleName: string, ...AWS: string[]): Promise<unknown> =>
    call("iam", "CreateRole", { RoleName, AssumeRolePolicyDocument: trust(...AWS) });
  await call("iam", "CreateUser", { UserName: "ann", Path: "/team/" });
  await create("first", `${own}:user/team/ann`, `${own}:root`, ACCOUNT, "arn:aws:iam::999999999999:role/any");
  await create("second", `${own}:role/first`, `arn:aws:sts::${ACCOUNT}:assumed-role/any/session`);
  for (const arn of [`${own}:user/ann`, `${own}:role/none`, `${own}:group/g`, `${own}:user/*`]) {
    const refusal = {
      code: "MalformedPolicyDocument",
      message: `Invalid principal in policy: "AWS":"${arn}"`,
    };
    await assert.rejects(create("third", `${own}:root`, arn), refusal);
    const PolicyDocument = trust(arn);
    await assert.rejects(
      call("iam", "UpdateAssumeRolePolicy", { RoleName: "second", PolicyDocument }),
      refusal,
    );
  }
});

test("tags of policies differ by the case of their keys, those of roles do not", async (t) => {
  const { call } = await openHarness(t);
  const Tags = [
    { Key: "stage", Value: "a" },
    { Key: "Stage", Value: "b" },
  ];
  const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/p`;
  await call("iam", "CreatePolicy", { PolicyName: "p", PolicyDocument: DOCUMENT, Tags });
  assert.equal((await call("iam", "ListPolicyTags", { PolicyArn })).Tags.length, 2);
  await call("iam", "UntagPolicy", { PolicyArn, TagKeys: ["stage"] });
  assert.deepEqual((await call("iam", "ListPolicyTags", { PolicyArn })).Tags, [Tags[1]]);
  const twice = [Tags[0], Tags[0]];
  await assert.rejects(call("iam", "TagPolicy", { PolicyArn, Tags: twice }), {
    code: "InvalidInput",
    message: "Duplicate tag keys found.",
  });
  const many = Array.from({ length: 50 }, (_, at) => ({ Key: `k${String(at)}`, Value: "v" }));
  await assert.rejects(call("iam", "TagPolicy", { PolicyArn, Tags: many }), {
    code: "LimitExceeded",
    message: "Cannot exceed quota for TagsPerPolicy: 50",
  });
  const version = { PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/none`, VersionId: "v1" };
  for (const operation of ["GetPolicyVersion", "SetDefaultPolicyVersion"]) {
    await assert.rejects(call("iam", operation, version), {
      code: "NoSuchEntity",
      message: `Policy ${version.PolicyArn} version v1 does not exist or is not attachable.`,
    });
  }
});
