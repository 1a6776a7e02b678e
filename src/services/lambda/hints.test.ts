import assert from "node:assert/strict";
import { test } from "node:test";
import { ServiceError } from "../../kernel/errors.ts";
import { hintForRefusal } from "./hints.ts";

const scope = { accountId: "000000000000", region: "us-east-1" };
const refusal = (member: string): ServiceError =>
  new ServiceError(
    "ValidationException",
    400,
    `1 validation error detected: Value 'x' at '${member}' failed`,
  );

test("a placeholder role is answered with the role ARN to use", () => {
  const Role = "arn:aws:iam::YOUR_ACCOUNT_ID:role/LambdaBasicRole";
  assert.match(
    hintForRefusal({ Role }, refusal("role"), scope) ?? "",
    /arn:aws:iam::000000000000:role\/LambdaBasicRole/,
  );
});

test("other members have their own words, or none", () => {
  assert.match(hintForRefusal({}, refusal("functionName"), scope) ?? "", /function name/);
  assert.equal(hintForRefusal({}, refusal("description"), scope), undefined);
  assert.equal(
    hintForRefusal({}, new ServiceError("ResourceNotFoundException", 404, "at 'role'"), scope),
    undefined,
  );
});
