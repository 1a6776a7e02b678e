import assert from "node:assert/strict";
import { test } from "node:test";
import type { Permissions } from "../../lambda/control/permissions.ts";
import type { Tags } from "../../lambda/control/tags.ts";
import { lambdaAccess } from "./access.ts";

const SCOPE = { accountId: "123456789012", region: "eu-west-1" };
const ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f";
const { rules } = lambdaAccess({} as Permissions, {} as Tags);

test("a mapping's function is its ARN to policies, however the request names it", () => {
  for (const FunctionName of ["f", "function:f", "123456789012:function:f", ARN]) {
    for (const operation of ["CreateEventSourceMapping", "UpdateEventSourceMapping"]) {
      const conditions = rules[operation]?.conditions?.({ FunctionName }, SCOPE);
      assert.deepEqual(conditions, { "lambda:FunctionArn": ARN }, `${operation} ${FunctionName}`);
    }
  }
  const qualified = rules["CreateEventSourceMapping"]?.conditions?.({ FunctionName: "f:live" }, SCOPE);
  assert.deepEqual(qualified, { "lambda:FunctionArn": `${ARN}:live` });
  const none = rules["DeleteEventSourceMapping"]?.conditions?.({ UUID: "u" }, SCOPE);
  assert.deepEqual(none, { "lambda:FunctionArn": undefined });
});
