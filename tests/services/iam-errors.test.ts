/**
 * What IAM refuses, operation by operation: one row a refusal, with its code. Sentences are tested beside
 * the behaviour they belong to; this table is for what no other test meets.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness, saw, type Harness } from "./harness.ts";

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" }],
});
const POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }],
});
const LONG_POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: `arn:aws:s3:::${"x".repeat(11_000)}` }],
});
const SERVICE_ROLE = "AWSServiceRoleForElasticBeanstalk";
const MINE = `arn:aws:iam::${ACCOUNT}:policy/mine`;
const NONE = `arn:aws:iam::${ACCOUNT}:policy/none`;
const SAME_TAGS = [
  { Key: "stage", Value: "a" },
  { Key: "Stage", Value: "b" },
];
const TWICE = [
  { Key: "stage", Value: "a" },
  { Key: "stage", Value: "b" },
];
const TAGS_A_TO = (first: number, last: number): { Key: string; Value: string }[] =>
  Array.from({ length: last - first + 1 }, (_, at) => ({ Key: `tag${String(first + at)}`, Value: "x" }));

async function account(iam: (operation: string, input: object) => Promise<unknown>): Promise<void> {
  await iam("CreateRole", { RoleName: "role", AssumeRolePolicyDocument: TRUST });
  await iam("CreateUser", { UserName: "user" });
  await iam("CreateGroup", { GroupName: "group" });
  await iam("CreateGroup", { GroupName: "group2" });
  await iam("CreateServiceLinkedRole", { AWSServiceName: "elasticbeanstalk.amazonaws.com" });
  await iam("CreatePolicy", { PolicyName: "mine", PolicyDocument: POLICY });
  await iam("CreateInstanceProfile", { InstanceProfileName: "profile" });
  await iam("TagRole", { RoleName: "role", Tags: TAGS_A_TO(1, 50) });
  await iam("TagInstanceProfile", { InstanceProfileName: "profile", Tags: TAGS_A_TO(1, 50) });
}

type Refusal = readonly [operation: string, input: object, code: string];

const NOT_THERE: readonly (readonly [string, object])[] = [
  ["AttachGroupPolicy", { GroupName: "none", PolicyArn: MINE }],
  ["AttachRolePolicy", { RoleName: "role", PolicyArn: NONE }],
  ["CreateAccessKey", { UserName: "none" }],
  ["ListAttachedGroupPolicies", { GroupName: "none" }],
  ["PutUserPermissionsBoundary", { UserName: "user", PermissionsBoundary: NONE }],
  ["TagUser", { UserName: "none", Tags: TAGS_A_TO(1, 1) }],
  ["CreatePolicyVersion", { PolicyArn: NONE, PolicyDocument: POLICY }],
  ["CreateUser", { UserName: "u2", PermissionsBoundary: NONE }],
  ["DeleteAccessKey", { UserName: "user", AccessKeyId: "AKIANONENONENONENONE" }],
  ["DeleteGroup", { GroupName: "none" }],
  ["DeleteGroupPolicy", { GroupName: "group", PolicyName: "none" }],
  ["DeleteInstanceProfile", { InstanceProfileName: "none" }],
  ["DeletePolicy", { PolicyArn: NONE }],
  ["DeletePolicyVersion", { PolicyArn: MINE, VersionId: "v9" }],
  ["DeleteRole", { RoleName: "none" }],
  ["DeleteRolePolicy", { RoleName: "role", PolicyName: "none" }],
  ["DeleteServiceLinkedRole", { RoleName: "none" }],
  ["DeleteUser", { UserName: "none" }],
  ["DeleteUserPermissionsBoundary", { UserName: "none" }],
  ["CreateServiceSpecificCredential", { UserName: "none", ServiceName: "codecommit.amazonaws.com" }],
  ["DeleteServiceSpecificCredential", { UserName: "user", ServiceSpecificCredentialId: "none" }],
  ["DeleteUserPolicy", { UserName: "user", PolicyName: "none" }],
  ["ListServiceSpecificCredentials", { UserName: "none" }],
  ["ResetServiceSpecificCredential", { UserName: "user", ServiceSpecificCredentialId: "none" }],
  ["UpdateServiceSpecificCredential", { UserName: "user", ServiceSpecificCredentialId: "none" }],
  ["DetachGroupPolicy", { GroupName: "group", PolicyArn: MINE }],
  ["GetGroup", { GroupName: "none" }],
  ["GetGroupPolicy", { GroupName: "group", PolicyName: "none" }],
  ["GetPolicy", { PolicyArn: NONE }],
  ["GetPolicyVersion", { PolicyArn: MINE, VersionId: "v9" }],
  ["GetServiceLinkedRoleDeletionStatus", { DeletionTaskId: "none" }],
  ["GetUserPolicy", { UserName: "user", PolicyName: "none" }],
  ["ListAccessKeys", { UserName: "none" }],
  ["ListAttachedRolePolicies", { RoleName: "none" }],
  ["ListAttachedUserPolicies", { UserName: "none" }],
  ["ListEntitiesForPolicy", { PolicyArn: NONE }],
  ["ListGroupsForUser", { UserName: "none" }],
  ["ListInstanceProfileTags", { InstanceProfileName: "none" }],
  ["ListInstanceProfilesForRole", { RoleName: "none" }],
  ["ListPolicyTags", { PolicyArn: NONE }],
  ["ListPolicyVersions", { PolicyArn: NONE }],
  ["ListRolePolicies", { RoleName: "none" }],
  ["ListUserPolicies", { UserName: "none" }],
  ["PutGroupPolicy", { GroupName: "none", PolicyName: "p", PolicyDocument: POLICY }],
  ["PutRolePermissionsBoundary", { RoleName: "none", PermissionsBoundary: MINE }],
  ["PutRolePolicy", { RoleName: "none", PolicyName: "p", PolicyDocument: POLICY }],
  ["PutUserPolicy", { UserName: "none", PolicyName: "p", PolicyDocument: POLICY }],
  ["RemoveUserFromGroup", { GroupName: "none", UserName: "user" }],
  ["TagInstanceProfile", { InstanceProfileName: "none", Tags: [{ Key: "a", Value: "b" }] }],
  ["TagPolicy", { PolicyArn: NONE, Tags: [{ Key: "a", Value: "b" }] }],
  ["TagRole", { RoleName: "none", Tags: [{ Key: "a", Value: "b" }] }],
  ["UntagInstanceProfile", { InstanceProfileName: "none", TagKeys: ["a"] }],
  ["UntagPolicy", { PolicyArn: NONE, TagKeys: ["a"] }],
  ["UntagRole", { RoleName: "none", TagKeys: ["a"] }],
  ["UpdateAccessKey", { UserName: "user", AccessKeyId: "AKIANONENONENONENONE", Status: "Active" }],
  ["UpdateAssumeRolePolicy", { RoleName: "none", PolicyDocument: TRUST }],
  ["UpdateGroup", { GroupName: "none", NewGroupName: "other" }],
  ["UpdateRole", { RoleName: "none", Description: "d" }],
  ["UpdateUser", { UserName: "none", NewUserName: "other" }],
];

const REFUSED: readonly Refusal[] = [
  ...NOT_THERE.map(([operation, input]): Refusal => [operation, input, "NoSuchEntity"]),
  ["CreateUser", { UserName: "user" }, "EntityAlreadyExists"],
  ["UpdateGroup", { GroupName: "group", NewGroupName: "group2" }, "EntityAlreadyExists"],
  ["PutRolePermissionsBoundary", { RoleName: SERVICE_ROLE, PermissionsBoundary: MINE }, "UnmodifiableEntity"],
  [
    "AddRoleToInstanceProfile",
    { InstanceProfileName: "profile", RoleName: SERVICE_ROLE },
    "UnmodifiableEntity",
  ],
  ["CreateRole", { RoleName: "r", AssumeRolePolicyDocument: "{" }, "MalformedPolicyDocument"],
  ["CreatePolicy", { PolicyName: "p", PolicyDocument: "{" }, "MalformedPolicyDocument"],
  ["CreatePolicyVersion", { PolicyArn: MINE, PolicyDocument: "{" }, "MalformedPolicyDocument"],
  ["UpdateAssumeRolePolicy", { RoleName: "role", PolicyDocument: "{" }, "MalformedPolicyDocument"],
  ["PutRolePolicy", { RoleName: "role", PolicyName: "p", PolicyDocument: "{" }, "MalformedPolicyDocument"],
  ["PutUserPolicy", { UserName: "user", PolicyName: "p", PolicyDocument: "{" }, "MalformedPolicyDocument"],
  ["PutGroupPolicy", { GroupName: "group", PolicyName: "p", PolicyDocument: "{" }, "MalformedPolicyDocument"],
  ["CreateRole", { RoleName: "r", AssumeRolePolicyDocument: TRUST, Tags: SAME_TAGS }, "InvalidInput"],
  ["CreateUser", { UserName: "u", Tags: SAME_TAGS }, "InvalidInput"],
  ["CreatePolicy", { PolicyName: "p", PolicyDocument: POLICY, Tags: TWICE }, "InvalidInput"],
  ["CreateInstanceProfile", { InstanceProfileName: "p", Tags: TWICE }, "InvalidInput"],
  ["TagRole", { RoleName: "role", Tags: SAME_TAGS }, "InvalidInput"],
  ["TagUser", { UserName: "user", Tags: SAME_TAGS }, "InvalidInput"],
  ["TagInstanceProfile", { InstanceProfileName: "profile", Tags: TWICE }, "InvalidInput"],
  ["TagPolicy", { PolicyArn: MINE, Tags: TWICE }, "InvalidInput"],
  ["PutRolePolicy", { RoleName: "role", PolicyName: "p", PolicyDocument: LONG_POLICY }, "LimitExceeded"],
  ["PutUserPolicy", { UserName: "user", PolicyName: "p", PolicyDocument: LONG_POLICY }, "LimitExceeded"],
  ["PutGroupPolicy", { GroupName: "group", PolicyName: "p", PolicyDocument: LONG_POLICY }, "LimitExceeded"],
  ["CreatePolicy", { PolicyName: "p", PolicyDocument: LONG_POLICY }, "LimitExceeded"],
  ["UpdateAssumeRolePolicy", { RoleName: "role", PolicyDocument: longTrust() }, "LimitExceeded"],
  ["CreateRole", { RoleName: "r", AssumeRolePolicyDocument: longTrust() }, "LimitExceeded"],
  ["TagRole", { RoleName: "role", Tags: TAGS_A_TO(51, 51) }, "LimitExceeded"],
  ["TagUser", { UserName: "user", Tags: TAGS_A_TO(1, 51) }, "LimitExceeded"],
  ["TagInstanceProfile", { InstanceProfileName: "profile", Tags: TAGS_A_TO(51, 51) }, "LimitExceeded"],
];

function longTrust(): string {
  const statement = { Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" };
  return JSON.stringify({ Version: "2012-10-17", Statement: Array.from({ length: 60 }, () => statement) });
}

test("each refusal has AWS's code, and changes nothing", async (t) => {
  const harness = await openHarness(t);
  const iam = (operation: string, input: object): Promise<unknown> => harness.call("iam", operation, input);
  await account(iam);
  const before = await everything(harness);
  const wrong: string[] = [];
  for (const [operation, input, code] of REFUSED) {
    const got = await iam(operation, input).then(
      () => "accepted",
      (error: unknown) => (error as { code?: string }).code ?? String(error),
    );
    if (got !== code) wrong.push(`${operation} ${JSON.stringify(input).slice(0, 80)}: ${got}, not ${code}`);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual(await everything(harness), before);
});

test("ten managed policies a user, group or role", async (t) => {
  const { call } = await openHarness(t);
  const arns: string[] = [];
  for (let at = 0; at < 11; at += 1) {
    const PolicyName = `p${String(at)}`;
    await call("iam", "CreatePolicy", { PolicyName, PolicyDocument: POLICY });
    arns.push(`arn:aws:iam::${ACCOUNT}:policy/${PolicyName}`);
  }
  await call("iam", "CreateRole", { RoleName: "n", AssumeRolePolicyDocument: TRUST });
  await call("iam", "CreateUser", { UserName: "n" });
  await call("iam", "CreateGroup", { GroupName: "n" });
  const last = arns.pop();
  for (const kind of ["User", "Group", "Role"]) {
    const owner = { [`${kind}Name`]: "n" };
    for (const PolicyArn of arns) await call("iam", `Attach${kind}Policy`, { ...owner, PolicyArn });
    await call("iam", `Attach${kind}Policy`, { ...owner, PolicyArn: arns[0] });
    await assert.rejects(call("iam", `Attach${kind}Policy`, { ...owner, PolicyArn: last }), {
      code: "LimitExceeded",
      message: `Cannot exceed quota for PoliciesPer${kind}: 10`,
    });
    const { AttachedPolicies } = await call("iam", `ListAttached${kind}Policies`, owner);
    assert.equal(AttachedPolicies.length, 10);
  }
});

test("as many of each as an account may have", async (t) => {
  const { call, database } = await openHarness(t);
  const fill = (table: string, kind: string, many: number): Promise<unknown> => {
    const entity = table === "iam_entities";
    return database.commit(
      Array.from({ length: many }, (_, at) => {
        const columns: Record<string, string | number> = {
          account_id: ACCOUNT,
          name_key: `n${String(at)}`,
          name: `n${String(at)}`,
          id: `${kind}${String(at)}`,
          path: "/",
          created_at: 0,
          ...(entity ? { kind, max_session_seconds: 3600, trust_policy: "" } : {}),
          ...(kind === "policy" ? { updated_at: 0, default_version: 1, next_version: 2 } : {}),
        };
        const names = Object.keys(columns);
        const sql = `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
        return { sql, params: Object.values(columns) };
      }),
    );
  };
  const kinds: readonly (readonly [
    quota: string,
    table: string,
    kind: string,
    operation: string,
    input: object,
  ])[] = [
    [
      "RolesPerAccount: 1000",
      "iam_entities",
      "role",
      "CreateRole",
      { RoleName: "x", AssumeRolePolicyDocument: TRUST },
    ],
    ["UsersPerAccount: 5000", "iam_entities", "user", "CreateUser", { UserName: "x" }],
    ["GroupsPerAccount: 300", "iam_entities", "group", "CreateGroup", { GroupName: "x" }],
    [
      "PoliciesPerAccount: 1500",
      "iam_policies",
      "policy",
      "CreatePolicy",
      { PolicyName: "x", PolicyDocument: POLICY },
    ],
    [
      "InstanceProfilesPerAccount: 1000",
      "iam_instance_profiles",
      "profile",
      "CreateInstanceProfile",
      { InstanceProfileName: "x" },
    ],
  ];
  for (const [quota, table, kind, operation, input] of kinds) {
    await fill(table, kind, Number(quota.split(": ")[1]));
    await assert.rejects(call("iam", operation, input), {
      code: "LimitExceeded",
      message: `Cannot exceed quota for ${quota}`,
    });
  }
  // The roles of services are not counted, and somebody who is in a group already stays there.
  await call("iam", "CreateServiceLinkedRole", { AWSServiceName: "batch.amazonaws.com" });
  for (let at = 0; at < 10; at += 1)
    await call("iam", "AddUserToGroup", { GroupName: `n${String(at)}`, UserName: "n0" });
  await call("iam", "AddUserToGroup", { GroupName: "n0", UserName: "n0" });
  await assert.rejects(call("iam", "AddUserToGroup", { GroupName: "n10", UserName: "n0" }), {
    code: "LimitExceeded",
    message: "Cannot exceed quota for GroupsPerUser: 10",
  });
});

test("of two that change one entity at once, one is told so", async (t) => {
  const { call } = await openHarness(t);
  const codes = async (operation: string, inputs: readonly object[]): Promise<unknown[]> => {
    const results = await Promise.allSettled(inputs.map((input) => call("iam", operation, input)));
    return results
      .map((one) => (one.status === "fulfilled" ? "done" : (one.reason as { code: string }).code))
      .toSorted();
  };
  await call("iam", "CreateRole", { RoleName: "role", AssumeRolePolicyDocument: TRUST });
  await call("iam", "CreateUser", { UserName: "user" });
  await call("iam", "CreateUser", { UserName: "other" });
  const one = ["ConcurrentModification", "done"];
  assert.deepEqual(await codes("DeleteRole", [{ RoleName: "role" }, { RoleName: "role" }]), one);
  const names = ["a", "b"].map((NewUserName) => ({ UserName: "user", NewUserName }));
  assert.deepEqual(await codes("UpdateUser", names), one);
  assert.deepEqual(await codes("DeleteUser", [{ UserName: "other" }, { UserName: "other" }]), one);
});

/** All that a test of this file can make, as a client reads it. */
async function everything({ call }: Harness): Promise<unknown> {
  const read = async (operation: string, input: object): Promise<unknown> => {
    const output = (await call("iam", operation, input)) as object;
    return JSON.parse(
      JSON.stringify(output, (key, value: unknown) => (key === "IsTruncated" ? null : value)),
    );
  };
  const owned = [
    ...["role", "role2"].flatMap((RoleName): [string, object][] => [
      ["ListRolePolicies", { RoleName }],
      ["ListAttachedRolePolicies", { RoleName }],
      ["GetRole", { RoleName }],
    ]),
    ["ListUserPolicies", { UserName: "user" }],
    ["ListAttachedUserPolicies", { UserName: "user" }],
    ["ListAccessKeys", { UserName: "user" }],
    ["ListServiceSpecificCredentials", { AllUsers: true }],
    ["GetLoginProfile", { UserName: "user" }],
    ["GetLoginProfile", { UserName: "passing" }],
    ["ListAttachedGroupPolicies", { GroupName: "group" }],
    ["ListGroupsForUser", { UserName: "user" }],
    ["GetUser", { UserName: "user" }],
    ["GetGroup", { GroupName: "group" }],
    ["ListPolicyTags", { PolicyArn: MINE }],
    ["ListPolicyVersions", { PolicyArn: MINE }],
    ["GetInstanceProfile", { InstanceProfileName: "profile" }],
  ] as const;
  const found: unknown[] = [];
  for (const list of ["ListRoles", "ListUsers", "ListGroups", "ListInstanceProfiles"]) {
    if (list === "ListUsers") continue;
    found.push(await read(list, {}));
  }
  found.push(await read("ListPolicies", { Scope: "Local" }));
  for (const [operation, input] of owned) found.push(await read(operation, input).catch(String));
  return found;
}

test("each change is there after a restart", async (t) => {
  const first = await openHarness(t);
  const done: string[] = [];
  const iam = async (operation: string, input: object): Promise<unknown> => {
    const output = await first.call("iam", operation, input);
    done.push(operation);
    return output;
  };
  await account(iam);
  const GroupName = "group";
  const UserName = "user";
  const RoleName = "role";
  const InstanceProfileName = "profile";
  const PolicyArn = MINE;
  const inline = { PolicyName: "inline", PolicyDocument: POLICY };
  const gone = { PolicyName: "gone", PolicyDocument: POLICY };
  await iam("UntagRole", { RoleName, TagKeys: ["tag1"] });
  await iam("UntagInstanceProfile", { InstanceProfileName, TagKeys: ["tag1"] });
  await iam("TagPolicy", { PolicyArn, Tags: TAGS_A_TO(1, 2) });
  await iam("UntagPolicy", { PolicyArn, TagKeys: ["tag1"] });
  await iam("UpdateRole", { RoleName, Description: "described" });
  await iam("UpdateAssumeRolePolicy", { RoleName, PolicyDocument: TRUST.replace("lambda", "ec2") });
  await iam("CreateRole", { RoleName: "role2", AssumeRolePolicyDocument: TRUST });
  await iam("PutRolePermissionsBoundary", { RoleName: "role2", PermissionsBoundary: PolicyArn });
  await iam("AddUserToGroup", { GroupName, UserName });
  await iam("TagUser", { UserName, Tags: TAGS_A_TO(1, 2) });
  await iam("PutUserPermissionsBoundary", { UserName, PermissionsBoundary: PolicyArn });
  for (const [kind, owner] of [
    ["Role", { RoleName }],
    ["User", { UserName }],
    ["Group", { GroupName }],
  ] as const) {
    await iam(`Put${kind}Policy`, { ...owner, ...inline });
    await iam(`Attach${kind}Policy`, { ...owner, PolicyArn });
  }
  await iam("PutRolePolicy", { RoleName, ...gone });
  await iam("DeleteRolePolicy", { RoleName, PolicyName: "gone" });
  await iam("PutUserPolicy", { UserName, ...gone });
  await iam("DeleteUserPolicy", { UserName, PolicyName: "gone" });
  await iam("PutGroupPolicy", { GroupName, ...gone });
  await iam("DeleteGroupPolicy", { GroupName, PolicyName: "gone" });
  await iam("DetachGroupPolicy", { GroupName, PolicyArn });
  await iam("DetachUserPolicy", { UserName, PolicyArn });
  await iam("DetachRolePolicy", { RoleName, PolicyArn });
  await iam("CreatePolicyVersion", { PolicyArn, PolicyDocument: POLICY, SetAsDefault: true });
  await iam("CreatePolicyVersion", { PolicyArn, PolicyDocument: POLICY });
  await iam("DeletePolicyVersion", { PolicyArn, VersionId: "v1" });
  await iam("AddRoleToInstanceProfile", { InstanceProfileName, RoleName });
  await iam("CreateInstanceProfile", { InstanceProfileName: "other" });
  await iam("AddRoleToInstanceProfile", { InstanceProfileName: "other", RoleName });
  await iam("RemoveRoleFromInstanceProfile", { InstanceProfileName: "other", RoleName });
  await iam("DeleteInstanceProfile", { InstanceProfileName: "other" });
  const key = (await iam("CreateAccessKey", { UserName })) as { AccessKey: { AccessKeyId: string } };
  const { AccessKeyId } = key.AccessKey;
  await iam("UpdateAccessKey", { UserName, AccessKeyId, Status: "Inactive" });
  const second = (await iam("CreateAccessKey", { UserName })) as { AccessKey: { AccessKeyId: string } };
  await iam("DeleteAccessKey", { UserName, AccessKeyId: second.AccessKey.AccessKeyId });
  const ServiceName = "codecommit.amazonaws.com";
  const credentials: string[] = [];
  for (let at = 0; at < 2; at += 1) {
    const made = await iam("CreateServiceSpecificCredential", { UserName, ServiceName });
    const { ServiceSpecificCredential: one } = made as {
      ServiceSpecificCredential: { ServiceSpecificCredentialId: string };
    };
    credentials.push(one.ServiceSpecificCredentialId);
  }
  const [kept, dropped] = credentials.map((ServiceSpecificCredentialId) => ({
    UserName,
    ServiceSpecificCredentialId,
  }));
  await iam("UpdateServiceSpecificCredential", { ...kept, Status: "Inactive" });
  await iam("ResetServiceSpecificCredential", { ...kept });
  await iam("DeleteServiceSpecificCredential", { ...dropped });
  for (const name of ["passing", "brief"]) {
    await iam("CreateGroup", { GroupName: name });
    await iam("CreateUser", { UserName: name, PermissionsBoundary: PolicyArn });
  }
  for (const name of ["passing", UserName])
    await iam("CreateLoginProfile", { UserName: name, Password: "Correct-horse-1" });
  await iam("UpdateLoginProfile", { UserName: "passing", PasswordResetRequired: true });
  await iam("DeleteLoginProfile", { UserName });
  await iam("AddUserToGroup", { GroupName: "passing", UserName });
  await iam("RemoveUserFromGroup", { GroupName: "passing", UserName });
  await iam("UpdateGroup", { GroupName: "brief", NewGroupName: "renamed" });
  await iam("DeleteGroup", { GroupName: "renamed" });
  await iam("DeleteUserPermissionsBoundary", { UserName: "passing" });
  await iam("UpdateUser", { UserName: "brief", NewUserName: "renamed" });
  await iam("DeleteUser", { UserName: "renamed" });
  await iam("CreatePolicy", { PolicyName: "brief", PolicyDocument: POLICY });
  await iam("DeletePolicy", { PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/brief` });
  await iam("CreateRole", { RoleName: "brief", AssumeRolePolicyDocument: TRUST });
  await iam("DeleteRole", { RoleName: "brief" });
  await iam("CreateServiceLinkedRole", { AWSServiceName: "batch.amazonaws.com" });
  await iam("DeleteServiceLinkedRole", { RoleName: "AWSServiceRoleForBatch" });
  const before = await everything(first);
  await first.close();
  const again = await openHarness(t, { folder: first.folder });
  assert.deepEqual(await everything(again), before);
  for (const operation of new Set(done)) saw("iam", operation, "persistence");
});

test("lists come page by page, each item once", async (t) => {
  const { call } = await openHarness(t);
  const names = ["a", "b", "c"];
  await call("iam", "CreateRole", { RoleName: "role", AssumeRolePolicyDocument: TRUST });
  await call("iam", "CreateUser", { UserName: "user" });
  await call("iam", "CreateGroup", { GroupName: "group" });
  for (const name of names) {
    await call("iam", "CreateRole", { RoleName: name, AssumeRolePolicyDocument: TRUST });
    await call("iam", "CreateUser", { UserName: name });
    await call("iam", "CreateGroup", { GroupName: name });
    await call("iam", "AddUserToGroup", { GroupName: name, UserName: "user" });
    await call("iam", "AddUserToGroup", { GroupName: "group", UserName: name });
    await call("iam", "CreateInstanceProfile", { InstanceProfileName: name });
    await call("iam", "AddRoleToInstanceProfile", { InstanceProfileName: name, RoleName: "role" });
    const { Policy } = await call("iam", "CreatePolicy", { PolicyName: name, PolicyDocument: POLICY });
    await call("iam", "AttachRolePolicy", { RoleName: "role", PolicyArn: Policy.Arn });
    await call("iam", "AttachUserPolicy", { UserName: "user", PolicyArn: Policy.Arn });
    await call("iam", "AttachGroupPolicy", { GroupName: "group", PolicyArn: Policy.Arn });
    await call("iam", "PutRolePolicy", { RoleName: "role", PolicyName: name, PolicyDocument: POLICY });
    await call("iam", "PutUserPolicy", { UserName: "user", PolicyName: name, PolicyDocument: POLICY });
    await call("iam", "AttachRolePolicy", { RoleName: name, PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/a` });
  }
  const PolicyArn = `arn:aws:iam::${ACCOUNT}:policy/a`;
  await call("iam", "CreatePolicyVersion", { PolicyArn, PolicyDocument: POLICY });
  for (let at = 0; at < 2; at += 1) {
    await call("iam", "CreateAccessKey", { UserName: "user" });
    const ServiceName = "cassandra.amazonaws.com";
    await call("iam", "CreateServiceSpecificCredential", { UserName: "user", ServiceName });
  }
  const tags = TAGS_A_TO(1, 3);
  await call("iam", "TagInstanceProfile", { InstanceProfileName: "a", Tags: tags });
  await call("iam", "TagPolicy", { PolicyArn, Tags: tags });
  const lists: readonly (readonly [operation: string, input: object, field: string, items: number])[] = [
    ["ListRoles", {}, "Roles", 4],
    ["ListGroups", {}, "Groups", 4],
    ["ListInstanceProfiles", {}, "InstanceProfiles", 3],
    ["ListPolicies", { Scope: "Local" }, "Policies", 3],
    ["ListRolePolicies", { RoleName: "role" }, "PolicyNames", 3],
    ["ListUserPolicies", { UserName: "user" }, "PolicyNames", 3],
    ["ListAttachedRolePolicies", { RoleName: "role" }, "AttachedPolicies", 3],
    ["ListAttachedUserPolicies", { UserName: "user" }, "AttachedPolicies", 3],
    ["ListAttachedGroupPolicies", { GroupName: "group" }, "AttachedPolicies", 3],
    ["ListGroupsForUser", { UserName: "user" }, "Groups", 3],
    ["GetGroup", { GroupName: "group" }, "Users", 3],
    ["ListPolicyTags", { PolicyArn }, "Tags", 3],
    ["ListPolicyVersions", { PolicyArn }, "Versions", 2],
    ["ListEntitiesForPolicy", { PolicyArn }, "PolicyRoles", 4],
    ["ListAccessKeys", { UserName: "user" }, "AccessKeyMetadata", 2],
    ["ListServiceSpecificCredentials", { UserName: "user" }, "ServiceSpecificCredentials", 2],
    ["ListInstanceProfilesForRole", { RoleName: "role" }, "InstanceProfiles", 3],
    ["ListInstanceProfileTags", { InstanceProfileName: "a" }, "Tags", 3],
  ];
  const wrong: string[] = [];
  for (const [operation, input, field, count] of lists) {
    const seen: string[] = [];
    let page = await call("iam", operation, { ...input, MaxItems: 1 });
    for (let pages = 0; pages < 20; pages++) {
      seen.push(...(page[field] as unknown[]).map((item) => JSON.stringify(item)));
      if (page.IsTruncated !== true) break;
      page = await call("iam", operation, { ...input, MaxItems: 1, Marker: page.Marker });
    }
    if (seen.length !== count || new Set(seen).size !== count)
      wrong.push(`${operation}: ${String(seen.length)} items, ${String(new Set(seen).size)} different`);
  }
  assert.deepEqual(wrong, []);
});
