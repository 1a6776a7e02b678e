import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness, type Output } from "./harness.ts";

const TRUST = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Principal: { Service: "ec2.amazonaws.com" }, Action: "sts:AssumeRole" }],
});

const names = (answer: Output): string[] =>
  answer.InstanceProfiles.map((one: { InstanceProfileName: string }) => one.InstanceProfileName);

test("an instance profile's life: created, found, listed, deleted; it survives a restart", async (t) => {
  const first = await openHarness(t);
  const input = { InstanceProfileName: "Web", Path: "/team/", Tags: [{ Key: "a", Value: "1" }] };
  const { InstanceProfile: made } = await first.call("iam", "CreateInstanceProfile", input);
  assert.equal(made.Arn, `arn:aws:iam::${ACCOUNT}:instance-profile/team/Web`);
  assert.match(made.InstanceProfileId, /^AIPA[A-Z2-7]{17}$/);
  assert.deepEqual([made.Roles, made.Tags], [[], [{ Key: "a", Value: "1" }]]);
  await assert.rejects(first.call("iam", "CreateInstanceProfile", { InstanceProfileName: "WEB" }), {
    code: "EntityAlreadyExists",
    status: 409,
  });
  await first.close();
  const { call } = await openHarness(t, { folder: first.folder });
  const got = await call("iam", "GetInstanceProfile", { InstanceProfileName: "web" });
  assert.equal(got.InstanceProfile.InstanceProfileId, made.InstanceProfileId);
  await call("iam", "CreateInstanceProfile", { InstanceProfileName: "other" });
  assert.deepEqual(names(await call("iam", "ListInstanceProfiles")), ["other", "Web"]);
  assert.deepEqual(names(await call("iam", "ListInstanceProfiles", { PathPrefix: "/team/" })), ["Web"]);
  const page = await call("iam", "ListInstanceProfiles", { MaxItems: 1 });
  const rest = await call("iam", "ListInstanceProfiles", { MaxItems: 1, Marker: page.Marker });
  assert.deepEqual([names(page), page.IsTruncated, names(rest)], [["other"], true, ["Web"]]);
  await call("iam", "DeleteInstanceProfile", { InstanceProfileName: "Web" });
  await assert.rejects(call("iam", "GetInstanceProfile", { InstanceProfileName: "Web" }), {
    code: "NoSuchEntity",
    message: "Instance Profile Web cannot be found.",
  });
});

test("one role at most; a role in a profile and a profile with a role stay", async (t) => {
  const { call } = await openHarness(t);
  const profile = { InstanceProfileName: "p" };
  await call("iam", "CreateInstanceProfile", profile);
  const missing = call("iam", "AddRoleToInstanceProfile", { ...profile, RoleName: "r" });
  await assert.rejects(missing, { code: "NoSuchEntity" });
  for (const RoleName of ["r", "s"]) {
    await call("iam", "CreateRole", { RoleName, AssumeRolePolicyDocument: TRUST });
  }
  await call("iam", "AddRoleToInstanceProfile", { ...profile, RoleName: "r" });
  const second = call("iam", "AddRoleToInstanceProfile", { ...profile, RoleName: "s" });
  await assert.rejects(second, {
    code: "LimitExceeded",
    message: "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
  });
  const got = await call("iam", "GetInstanceProfile", profile);
  assert.equal(got.InstanceProfile.Roles[0].RoleName, "r");
  assert.deepEqual(names(await call("iam", "ListInstanceProfilesForRole", { RoleName: "r" })), ["p"]);
  assert.deepEqual(names(await call("iam", "ListInstanceProfilesForRole", { RoleName: "s" })), []);
  const message = "Cannot delete entity, must remove roles from instance profile first.";
  await assert.rejects(call("iam", "DeleteRole", { RoleName: "r" }), { code: "DeleteConflict", message });
  await assert.rejects(call("iam", "DeleteInstanceProfile", profile), { code: "DeleteConflict", message });
  const other = call("iam", "RemoveRoleFromInstanceProfile", { ...profile, RoleName: "s" });
  await assert.rejects(other, { code: "NoSuchEntity" });
  await call("iam", "RemoveRoleFromInstanceProfile", { ...profile, RoleName: "r" });
  await call("iam", "DeleteRole", { RoleName: "r" });
  await call("iam", "DeleteInstanceProfile", profile);
});

test("tags of an instance profile", async (t) => {
  const { call } = await openHarness(t);
  const profile = { InstanceProfileName: "p" };
  await call("iam", "CreateInstanceProfile", profile);
  const tags = async (): Promise<unknown> => (await call("iam", "ListInstanceProfileTags", profile)).Tags;
  assert.deepEqual(await tags(), []);
  const some = [
    { Key: "a", Value: "1" },
    { Key: "b", Value: "2" },
  ];
  await call("iam", "TagInstanceProfile", { ...profile, Tags: some });
  await call("iam", "TagInstanceProfile", { ...profile, Tags: [{ Key: "a", Value: "3" }] });
  await call("iam", "UntagInstanceProfile", { ...profile, TagKeys: ["b", "c"] });
  assert.deepEqual(await tags(), [{ Key: "a", Value: "3" }]);
  const many = Array.from({ length: 50 }, (_, index) => ({ Key: `k${String(index)}`, Value: "" }));
  await assert.rejects(call("iam", "TagInstanceProfile", { ...profile, Tags: many }), {
    code: "LimitExceeded",
  });
  await call("iam", "DeleteInstanceProfile", profile);
  await call("iam", "CreateInstanceProfile", profile);
  assert.deepEqual(await tags(), []);
});
