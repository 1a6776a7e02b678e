import assert from "node:assert/strict";
import { test } from "node:test";
import { arnParts, functionOfArn, scopeOfArn } from "./arn.ts";

const FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f";
const scope = { accountId: "000000000000", region: "us-east-1" };

test("an ARN's parts, also where it has few or none", () => {
  assert.deepEqual(arnParts("arn:aws:logs:eu-west-1:111111111111:log-group:/a:*"), {
    service: "logs",
    region: "eu-west-1",
    accountId: "111111111111",
    resource: "log-group:/a:*",
  });
  const nothing = { service: "", region: "", accountId: "", resource: "" };
  assert.deepEqual(arnParts("arn:aws:s3:::b"), { ...nothing, service: "s3", resource: "b" });
  for (const none of ["", "arn", "https://me:pw@host:1/a:b:c"]) assert.deepEqual(arnParts(none), nothing);
});

test("a bucket lives where its sender does", () => {
  assert.deepEqual(scopeOfArn("arn:aws:s3:::b", scope), scope);
  const there = { accountId: "111111111111", region: "eu-west-1" };
  assert.deepEqual(scopeOfArn("arn:aws:sqs:eu-west-1:111111111111:q", scope), there);
});

test("a function's name and qualifier, and of nothing else", () => {
  assert.deepEqual(functionOfArn(FUNCTION), { scope, functionName: "f", qualifier: undefined });
  assert.deepEqual(functionOfArn(`${FUNCTION}:live`), { scope, functionName: "f", qualifier: "live" });
  assert.equal(functionOfArn("arn:aws:sqs:us-east-1:000000000000:q"), undefined);
  assert.equal(functionOfArn("arn:aws:lambda:us-east-1:000000000000:layer:f"), undefined);
});
