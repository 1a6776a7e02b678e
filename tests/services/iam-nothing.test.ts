import assert from "node:assert/strict";
import { test } from "node:test";
import { openHarness } from "./harness.ts";

test("a user has no devices, keys or certificates: who takes it apart gets to its end", async (t) => {
  const { call } = await openHarness(t);
  const UserName = "jane";
  await call("iam", "CreateUser", { UserName });
  const user = { UserName };
  assert.deepEqual(await call("iam", "ListMFADevices", user), { MFADevices: [], IsTruncated: false });
  assert.deepEqual(await call("iam", "ListSSHPublicKeys", user), { SSHPublicKeys: [], IsTruncated: false });
  assert.deepEqual(await call("iam", "ListSigningCertificates", user), {
    Certificates: [],
    IsTruncated: false,
  });
  await call("iam", "DeleteUser", user);
});

test("a user that does not exist is told in AWS's words", async (t) => {
  const { call } = await openHarness(t);
  const user = { UserName: "nobody" };
  const missing = { code: "NoSuchEntity", message: "The user with name nobody cannot be found." };
  await assert.rejects(call("iam", "ListMFADevices", user), missing);
  await assert.rejects(call("iam", "ListSSHPublicKeys", user), missing);
  await assert.rejects(call("iam", "ListSigningCertificates", user), missing);
});

test("the account's root has nothing of its own, and the account no alias, certificate or provider", async (t) => {
  const { call } = await openHarness(t);
  assert.deepEqual(await call("iam", "ListMFADevices", {}), { MFADevices: [], IsTruncated: false });
  assert.deepEqual(await call("iam", "ListVirtualMFADevices", { AssignmentStatus: "Assigned" }), {
    VirtualMFADevices: [],
    IsTruncated: false,
  });
  assert.deepEqual(await call("iam", "ListAccountAliases", {}), { AccountAliases: [], IsTruncated: false });
  assert.deepEqual(await call("iam", "ListServerCertificates", {}), {
    ServerCertificateMetadataList: [],
    IsTruncated: false,
  });
  assert.deepEqual(await call("iam", "ListSAMLProviders", {}), { SAMLProviderList: [] });
  assert.deepEqual(await call("iam", "ListOpenIDConnectProviders", {}), { OpenIDConnectProviderList: [] });
});
