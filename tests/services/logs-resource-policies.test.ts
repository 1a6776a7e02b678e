import assert from "node:assert/strict";
import { test } from "node:test";
import { openHarness, type Output } from "./harness.ts";

const policy = (service: unknown): string =>
  JSON.stringify({
    Version: "2012-10-17",
    Statement: [
      { Effect: "Allow", Principal: { Service: service }, Action: "logs:PutLogEvents", Resource: "*" },
    ],
  });

test("resource policies: put answers what was given, describe shows single principals, all of it persists", async (t) => {
  const first = await openHarness(t);
  const policyDocument = policy(["route53.amazonaws.com"]);
  const put = await first.call("logs", "PutResourcePolicy", { policyName: "p", policyDocument });
  assert.deepEqual(Object.keys(put.resourcePolicy).toSorted(), [
    "lastUpdatedTime",
    "policyDocument",
    "policyName",
    "policyScope",
  ]);
  assert.equal(put.resourcePolicy.policyDocument, policyDocument);
  assert.equal(put.resourcePolicy.policyScope, "ACCOUNT");
  await first.close();
  const second = await openHarness(t, { folder: first.folder });
  const { resourcePolicies } = await second.call("logs", "DescribeResourcePolicies");
  assert.equal(resourcePolicies.length, 1);
  assert.equal(resourcePolicies[0].policyDocument, policy("route53.amazonaws.com"));
  assert.equal(resourcePolicies[0].policyName, "p");
  await second.call("logs", "DeleteResourcePolicy", { policyName: "p" });
  assert.deepEqual((await second.call("logs", "DescribeResourcePolicies")).resourcePolicies, []);
  await assert.rejects(second.call("logs", "DeleteResourcePolicy", { policyName: "p" }), {
    code: "ResourceNotFoundException",
  });
});

test("ten policies at most; one of the ten may still be changed; pages", async (t) => {
  const { call } = await openHarness(t);
  const policyDocument = policy("a.amazonaws.com");
  for (let index = 0; index < 10; index += 1) {
    await call("logs", "PutResourcePolicy", { policyName: `p${String(index)}`, policyDocument });
  }
  await assert.rejects(call("logs", "PutResourcePolicy", { policyName: "p10", policyDocument }), {
    code: "LimitExceededException",
    message: "Resource limit exceeded.",
  });
  const changed = policy("b.amazonaws.com");
  const put = await call("logs", "PutResourcePolicy", { policyName: "p1", policyDocument: changed });
  assert.equal(put.resourcePolicy.policyDocument, changed);
  const names = (answer: Output): string[] =>
    answer.resourcePolicies.map((one: { policyName: string }) => one.policyName);
  const page = await call("logs", "DescribeResourcePolicies", { limit: 7 });
  const rest = await call("logs", "DescribeResourcePolicies", { limit: 7, nextToken: page.nextToken });
  assert.deepEqual([names(page).length, names(rest)], [7, ["p7", "p8", "p9"]]);
  assert.equal(rest.nextToken, undefined);
});

test("what is no policy, and policies of single groups, are refused", async (t) => {
  const { call } = await openHarness(t);
  const put = (input: object): Promise<Output> => call("logs", "PutResourcePolicy", input);
  const policyDocument = policy("a.amazonaws.com");
  await assert.rejects(put({ policyName: "p", policyDocument: "{" }), { code: "InvalidParameterException" });
  await assert.rejects(put({ policyDocument }), { code: "InvalidParameterException" });
  for (const input of [{}, { policyName: "" }, { policyName: "p", resourceArn: "arn:x" }]) {
    await assert.rejects(call("logs", "DeleteResourcePolicy", input), { code: "InvalidParameterException" });
  }
  await assert.rejects(put({ policyName: "p", policyDocument, resourceArn: "arn:x" }), /resourceArn is not/);
  assert.deepEqual((await call("logs", "DescribeResourcePolicies")).resourcePolicies, []);
});
