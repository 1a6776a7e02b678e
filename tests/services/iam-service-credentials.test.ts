import assert from "node:assert/strict";
import { test } from "node:test";
import { ACCOUNT, openHarness } from "./harness.ts";

const CODECOMMIT = "codecommit.amazonaws.com";
const CASSANDRA = "cassandra.amazonaws.com";

test("a credential is made, listed, switched off, reset and deleted", async (t) => {
  const { call } = await openHarness(t);
  const UserName = "jane";
  await call("iam", "CreateUser", { UserName });
  const create = async (ServiceName: string) =>
    (await call("iam", "CreateServiceSpecificCredential", { UserName, ServiceName }))
      .ServiceSpecificCredential;
  const made = await create(CODECOMMIT);
  const { ServicePassword, ...known } = made;
  const ServiceSpecificCredentialId = made.ServiceSpecificCredentialId;
  assert.match(ServiceSpecificCredentialId, /^ACCA[A-Z2-7]{17}$/u);
  assert.match(ServicePassword, /^[A-Za-z0-9+/]{59}=$/u);
  assert.deepEqual(known, {
    UserName,
    Status: "Active",
    ServiceUserName: `jane-at-${ACCOUNT}`,
    CreateDate: made.CreateDate,
    ServiceSpecificCredentialId,
    ServiceName: CODECOMMIT,
  });
  const list = (more: object = {}) => call("iam", "ListServiceSpecificCredentials", { UserName, ...more });
  assert.deepEqual(await list(), { ServiceSpecificCredentials: [known] });
  assert.deepEqual(await list({ ServiceName: CASSANDRA }), { ServiceSpecificCredentials: [] });

  const it = { UserName, ServiceSpecificCredentialId };
  await call("iam", "UpdateServiceSpecificCredential", { ...it, Status: "Inactive" });
  const off = { ...known, Status: "Inactive" };
  assert.deepEqual(await list(), { ServiceSpecificCredentials: [off] });
  const { ServiceSpecificCredential: reset } = await call("iam", "ResetServiceSpecificCredential", it);
  assert.notEqual(reset.ServicePassword, ServicePassword);
  assert.deepEqual(reset, { ...off, ServicePassword: reset.ServicePassword });
  await assert.rejects(call("iam", "UpdateServiceSpecificCredential", { ...it, Status: "Expired" }), {
    code: "InvalidInput",
  });

  const second = await create(CODECOMMIT);
  assert.equal(second.ServiceUserName, `jane+1-at-${ACCOUNT}`);
  await assert.rejects(create(CODECOMMIT), { code: "LimitExceeded" });
  await create(CASSANDRA);
  await call("iam", "CreateUser", { UserName: "other" });
  const all = await call("iam", "ListServiceSpecificCredentials", {
    AllUsers: true,
    ServiceName: CODECOMMIT,
  });
  assert.equal(all.ServiceSpecificCredentials.length, 2);
  const wrong = { code: "NoSuchEntity", message: `No such credential ${ServiceSpecificCredentialId} exists` };
  await assert.rejects(call("iam", "DeleteServiceSpecificCredential", { ...it, UserName: "other" }), wrong);
  await call("iam", "UpdateUser", { UserName, NewUserName: "joan" });
  await assert.rejects(call("iam", "DeleteUser", { UserName: "joan" }), {
    code: "DeleteConflict",
    message: "Cannot delete entity, must remove referenced objects first.",
  });
  const { ServiceSpecificCredentials: left } = await list({ UserName: "joan" });
  assert.deepEqual(left.length, 3);
  for (const each of left) {
    await call("iam", "DeleteServiceSpecificCredential", {
      UserName: "joan",
      ServiceSpecificCredentialId: each.ServiceSpecificCredentialId,
    });
  }
  await call("iam", "DeleteUser", { UserName: "joan" });
});

test("only services that take them, and the user is looked for first", async (t) => {
  const { call } = await openHarness(t);
  const create = (UserName: string, ServiceName: string) =>
    call("iam", "CreateServiceSpecificCredential", { UserName, ServiceName });
  await assert.rejects(create("none", "nonsense"), {
    code: "NoSuchEntity",
    message: "The user with name none cannot be found.",
  });
  await call("iam", "CreateUser", { UserName: "jane" });
  for (const service of ["nonsense", "lambda.amazonaws.com"]) {
    const refusal = {
      code: "NoSuchEntity",
      message: `No such service ${service} is supported for Service Specific Credentials`,
    };
    await assert.rejects(create("jane", service), refusal);
    const list = { UserName: "jane", ServiceName: service };
    await assert.rejects(call("iam", "ListServiceSpecificCredentials", list), refusal);
  }
  await assert.rejects(create("jane", "bedrock.amazonaws.com"), { code: "NotImplemented" });
});
