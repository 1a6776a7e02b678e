import assert from "node:assert/strict";
import { test } from "node:test";
import { logsAccess } from "./access.ts";

const SCOPE = { accountId: "123456789012", region: "eu-west-1" };
const ARN = "arn:aws:logs:eu-west-1:123456789012:log-group:/a";
const { rules } = logsAccess({ policiesOf: () => Promise.resolve([]), tagsOf: () => Promise.resolve({}) });

test("a group is asked for as the operation reads it, whatever ARN names it", () => {
  const elsewhere = "arn:aws:logs:us-east-1:210987654321:log-group:/a";
  for (const logGroupIdentifier of ["/a", ARN, `${ARN}:*`, elsewhere]) {
    const resources = rules["FilterLogEvents"]?.resources({ logGroupIdentifier }, SCOPE);
    assert.deepEqual(resources, [`${ARN}:log-stream:`], logGroupIdentifier);
  }
});
