import assert from "node:assert/strict";
import { test } from "node:test";
import { openHarness } from "./harness.ts";

const Password = "Correct-horse-1";

test("a login profile is made, shown, changed and deleted; its user cannot be deleted before", async (t) => {
  const { call } = await openHarness(t);
  const user = { UserName: "jane" };
  await call("iam", "CreateUser", user);
  const { LoginProfile: made } = await call("iam", "CreateLoginProfile", { ...user, Password });
  assert.deepEqual(made, { ...user, CreateDate: made.CreateDate, PasswordResetRequired: false });
  assert.deepEqual(await call("iam", "GetLoginProfile", user), { LoginProfile: made });
  await assert.rejects(call("iam", "CreateLoginProfile", { ...user, Password }), {
    code: "EntityAlreadyExists",
    message: "Login Profile for user jane already exists.",
  });

  await call("iam", "UpdateLoginProfile", { ...user, PasswordResetRequired: true });
  await call("iam", "UpdateLoginProfile", { ...user, Password: `${Password}2` });
  assert.deepEqual(await call("iam", "GetLoginProfile", user), {
    LoginProfile: { ...made, PasswordResetRequired: true },
  });

  await call("iam", "UpdateUser", { ...user, NewUserName: "joan" });
  const renamed = { UserName: "joan" };
  await assert.rejects(call("iam", "DeleteUser", renamed), {
    code: "DeleteConflict",
    message: "Cannot delete entity, must delete login profile first.",
  });
  await call("iam", "DeleteLoginProfile", renamed);
  const gone = { code: "NoSuchEntity", message: "Login Profile for User joan cannot be found." };
  await assert.rejects(call("iam", "GetLoginProfile", renamed), gone);
  await assert.rejects(call("iam", "UpdateLoginProfile", { ...renamed, Password }), gone);
  await assert.rejects(call("iam", "DeleteLoginProfile", renamed), gone);
  await call("iam", "DeleteUser", renamed);
});

test("weak passwords and users that do not exist are refused in AWS's words", async (t) => {
  const { call } = await openHarness(t);
  const user = { UserName: "jane" };
  await call("iam", "CreateUser", user);
  const short = { code: "PasswordPolicyViolation", message: "Password should have a minimum length of 8" };
  await assert.rejects(call("iam", "CreateLoginProfile", { ...user, Password: "Short1!" }), short);
  await assert.rejects(call("iam", "CreateLoginProfile", user), { code: "ValidationError" });
  await call("iam", "CreateLoginProfile", { ...user, Password });
  await assert.rejects(call("iam", "UpdateLoginProfile", { ...user, Password: "Short1!" }), short);

  const nobody = { UserName: "nobody" };
  const missing = { code: "NoSuchEntity", message: "The user with name nobody cannot be found." };
  await assert.rejects(call("iam", "CreateLoginProfile", { ...nobody, Password }), missing);
  await assert.rejects(call("iam", "GetLoginProfile", nobody), missing);
  await assert.rejects(call("iam", "DeleteLoginProfile", nobody), missing);
  await assert.rejects(call("iam", "GetLoginProfile", {}), {
    code: "NoSuchEntity",
    message: "Login Profile for User null cannot be found.",
  });
});

test("of two who give a user a password at once one is told that there is one", async (t) => {
  const { call } = await openHarness(t);
  const user = { UserName: "jane" };
  await call("iam", "CreateUser", user);
  const both = await Promise.allSettled([
    call("iam", "CreateLoginProfile", { ...user, Password }),
    call("iam", "CreateLoginProfile", { ...user, Password }),
  ]);
  const refused = both.flatMap((each) =>
    each.status === "rejected" ? [each.reason as { code: string }] : [],
  );
  assert.deepEqual(
    refused.map(({ code }) => code),
    ["EntityAlreadyExists"],
  );
});
