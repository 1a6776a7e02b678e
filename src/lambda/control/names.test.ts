import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceError } from "../../kernel/errors.ts";
import { nameForCreation, parseFunctionName, qualifierKind, targetArn, targetOf } from "./names.ts";

const scope = { accountId: "000000000000", region: "us-east-1" };
const ARN = "arn:aws:lambda:us-east-1:000000000000:function";

test("every form of a function name is read", () => {
  const cases: [string, string, string | undefined][] = [
    ["f", "f", undefined],
    ["f:live", "f", "live"],
    ["f:$LATEST", "f", "$LATEST"],
    ["function:f", "f", undefined],
    ["function:f:7", "f", "7"],
    ["000000000000:function:f", "f", undefined],
    ["000000000000:f:1", "f", "1"],
    ["us-east-1:000000000000:function:f", "f", undefined],
    [`${ARN}:f`, "f", undefined],
    [`${ARN}:f:live`, "f", "live"],
    [`${ARN}:f:$LATEST`, "f", "$LATEST"],
    [`${ARN}:function`, "function", undefined],
    [ARN, "function", undefined],
    ["arn:aws-us-gov:lambda:us-gov-west-1:000000000000:function:f", "f", undefined],
  ];
  for (const [text, name, qualifier] of cases) {
    const parsed = parseFunctionName(text);
    assert.deepEqual([parsed?.name, parsed?.qualifier], [name, qualifier], text);
  }
});

test("what is no function name is not read as one", () => {
  for (const text of [
    "*",
    "my-function!",
    "invalid-account:function:f",
    "arn:aws:lambda:invalid-region:000000000000:function:f",
    "arn:aws:ec2:us-east-1:000000000000:instance:i-1",
    `${ARN}:f:1:2`,
    "function:f:$LATEST:extra",
    "arn:aws:lambda::000000000000:function:f",
    `${ARN}:f:$LATES`,
    `${ARN}:f:$latest`,
  ]) {
    assert.equal(parseFunctionName(text), undefined, text);
  }
});

test("name and qualifier of one request must agree", () => {
  assert.equal(targetArn(targetOf(scope, "f:1", "1")), `${ARN}:f:1`);
  assert.equal(targetArn(targetOf(scope, "f")), `${ARN}:f`);
  assert.equal(targetArn(targetOf(scope, `${ARN}:f`, "$latest")), `${ARN}:f:$latest`);
  for (const [name, qualifier] of [
    ["f:1", "2"],
    ["f:$LATEST", "1"],
    [`${ARN}:f:live`, "$LATEST"],
  ] as const) {
    assert.throws(
      () => targetOf(scope, name, qualifier),
      (error: ServiceError) =>
        error.code === "InvalidParameterValueException" &&
        error.message ===
          "The derived qualifier from the function name does not match the specified qualifier." &&
        error.members["Type"] === "User",
    );
  }
});

test("another region's function is not reachable, another account's is that account's", () => {
  assert.throws(
    () => targetOf(scope, "arn:aws:lambda:eu-west-1:000000000000:function:f"),
    (error: ServiceError) =>
      error.code === "ResourceNotFoundException" &&
      error.message === "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
  );
  assert.equal(targetOf(scope, "111111111111:function:f").scope.accountId, "111111111111");
});

test("a new function's name is at most 64 characters, whatever form it came in", () => {
  const long = "a".repeat(65);
  for (const name of [long, `${ARN}:${long}`]) {
    assert.throws(
      () => nameForCreation(scope, name),
      (error: ServiceError) =>
        error.code === "InvalidParameterValueException" &&
        error.message ===
          `1 validation error detected: Value '${long}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64`,
    );
  }
  assert.equal(nameForCreation(scope, `my-function:${long}`).name, "my-function");
  assert.equal(nameForCreation(scope, "a".repeat(64)).name.length, 64);
});

test("nothing is created in another account", () => {
  assert.throws(() => nameForCreation(scope, "111111111111:function:f"), { name: "AccessDeniedException" });
});

test("a qualifier's spelling tells its kind", () => {
  assert.deepEqual(["$LATEST", "12", "live-1", "2024-01-02", "$latest"].map(qualifierKind), [
    "latest",
    "version",
    "alias",
    "alias",
    "other",
  ]);
});
