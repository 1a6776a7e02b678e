import assert from "node:assert/strict";
import { test } from "node:test";
import type { RequestContext, Service } from "../../aws/service.ts";
import { needsOf } from "./needs.ts";

const service: Service = {
  name: "x",
  operations: {},
  access: { prefix: "x", rules: { Read: { resources: (input) => [String(input["Arn"])] } } },
};

function asked(Arn: string, region = "us-east-1"): readonly string[] {
  const scope = { accountId: "000000000000", region } as RequestContext;
  return needsOf(service, "Read", { Arn }, scope).map(({ resource }) => resource);
}

const REST = ":sqs:us-east-1:000000000000:q";

test("no spelling of the partition makes another resource of an ARN", () => {
  for (const partition of ["aws", "aws-cn", "AWS", ""]) {
    assert.deepEqual(asked(`arn:${partition}${REST}`), [`arn:aws${REST}`]);
  }
  assert.deepEqual(asked("arn:aws-cn:sqs:cn-north-1:000000000000:q", "cn-north-1"), [
    "arn:aws-cn:sqs:cn-north-1:000000000000:q",
  ]);
  assert.deepEqual(asked("arn:aws:s3:::b", "cn-north-1"), ["arn:aws:s3:::b"]);
  assert.deepEqual(asked("*"), ["*"]);
});

test("what is longer than any ARN is everything", () => {
  assert.deepEqual(asked(`arn:aws:sqs:::${"q".repeat(3000)}`), ["*"]);
});
