import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness } from "./harness.ts";

test("a service-linked role: its name, path, trust and policy", async (t) => {
  const { call } = await openHarness(t);
  const { Role: made } = await call("iam", "CreateServiceLinkedRole", {
    AWSServiceName: "batch.amazonaws.com",
  });
  assert.equal(made.RoleName, "AWSServiceRoleForBatch");
  const { Role: role } = await call("iam", "GetRole", { RoleName: "AWSServiceRoleForBatch" });
  const path = "/aws-service-role/batch.amazonaws.com/";
  assert.equal(role.Path, path);
  assert.equal(role.Arn, `arn:aws:iam::${ACCOUNT}:role${path}AWSServiceRoleForBatch`);
  assert.equal(role.MaxSessionDuration, 3600);
  assert.deepEqual(JSON.parse(decodeURIComponent(role.AssumeRolePolicyDocument)), {
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { Service: "batch.amazonaws.com" }, Action: "sts:AssumeRole" }],
  });
  const attached = await call("iam", "ListAttachedRolePolicies", { RoleName: role.RoleName });
  assert.deepEqual(attached.AttachedPolicies, [
    {
      PolicyName: "BatchServiceRolePolicy",
      PolicyArn: "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy",
    },
  ]);
  const inline = await call("iam", "ListRolePolicies", { RoleName: role.RoleName });
  assert.deepEqual(inline.PolicyNames, []);
});

test("a second one is refused unless its service allows a suffix", async (t) => {
  const { call } = await openHarness(t);
  const create = (service: string, suffix?: string): Promise<unknown> =>
    call("iam", "CreateServiceLinkedRole", {
      AWSServiceName: `${service}.amazonaws.com`,
      ...(suffix === undefined ? {} : { CustomSuffix: suffix }),
    });
  await create("batch");
  await assert.rejects(create("batch"), {
    code: "InvalidInput",
    status: 400,
    message:
      "Service role name AWSServiceRoleForBatch has been taken in this account, please try a different suffix.",
  });
  await assert.rejects(create("batch", "mine"), {
    code: "InvalidInput",
    message: "Custom suffix is not allowed for batch.amazonaws.com",
  });
  await create("autoscaling");
  await create("autoscaling", "mine");
  const { Roles } = await call("iam", "ListRoles", { PathPrefix: "/aws-service-role/autoscaling" });
  assert.deepEqual(
    Roles.map((role: { RoleName: string }) => role.RoleName),
    ["AWSServiceRoleForAutoScaling", "AWSServiceRoleForAutoScaling_mine"],
  );
  await assert.rejects(create("no-such-service"), { code: "InvalidInput" });
});

test("only its service changes it; its deletion is a task that has succeeded", async (t) => {
  const { call } = await openHarness(t);
  await call("iam", "CreateServiceLinkedRole", { AWSServiceName: "batch.amazonaws.com" });
  const role = { RoleName: "AWSServiceRoleForBatch" };
  const policy = { ...role, PolicyArn: "arn:aws:iam::aws:policy/aws-service-role/BatchServiceRolePolicy" };
  const changes: [string, object][] = [
    ["DeleteRole", role],
    ["DetachRolePolicy", policy],
    ["AttachRolePolicy", policy],
    ["DeleteRolePolicy", { ...role, PolicyName: "p" }],
    ["PutRolePolicy", { ...role, PolicyName: "p", PolicyDocument: "{}" }],
    ["UpdateAssumeRolePolicy", { ...role, PolicyDocument: "{}" }],
    ["DeleteRolePermissionsBoundary", role],
  ];
  for (const [operation, input] of changes) {
    await assert.rejects(call("iam", operation, input), { code: "UnmodifiableEntity" }, operation);
  }
  const { DeletionTaskId } = await call("iam", "DeleteServiceLinkedRole", role);
  assert.match(
    DeletionTaskId,
    /^task\/aws-service-role\/batch\.amazonaws\.com\/AWSServiceRoleForBatch\/[0-9a-f-]{36}$/,
  );
  const status = await call("iam", "GetServiceLinkedRoleDeletionStatus", { DeletionTaskId });
  assert.equal(status.Status, "SUCCEEDED");
  await assert.rejects(call("iam", "GetRole", role), { code: "NoSuchEntity" });
  const none = { DeletionTaskId: "task/nothing" };
  await assert.rejects(call("iam", "GetServiceLinkedRoleDeletionStatus", none), { code: "NoSuchEntity" });
  await call("iam", "CreateServiceLinkedRole", { AWSServiceName: "batch.amazonaws.com" });
  const again = await call("iam", "ListAttachedRolePolicies", role);
  assert.equal(again.AttachedPolicies.length, 1);
});

test("a role that is no service's is not deleted as one", async (t) => {
  const { call } = await openHarness(t);
  const AssumeRolePolicyDocument = JSON.stringify({
    Version: "2012-10-17",
    Statement: [{ Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" }],
  });
  await call("iam", "CreateRole", { RoleName: "mine", AssumeRolePolicyDocument });
  await assert.rejects(call("iam", "DeleteServiceLinkedRole", { RoleName: "mine" }), {
    code: "InvalidInput",
  });
  await call("iam", "GetRole", { RoleName: "mine" });
});
