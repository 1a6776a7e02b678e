import assert from "node:assert/strict";
import { test } from "node:test";
import { isAwsManagedKey, keyNotFound } from "./kms-key.ts";

const SCOPE = { accountId: "123456789012", region: "eu-west-1" };
const ID = "1234abcd-12ab-34cd-56ef-1234567890ab";
const ARN = "arn:aws:kms:eu-west-1:123456789012";

test("the key AWS manages for a service, as alias or ARN", () => {
  const managed: Readonly<Record<string, boolean>> = {
    "alias/aws/sns": true,
    [`${ARN}:alias/aws/sns`]: true,
    "alias/aws/sqs": false,
    "alias/mine/alias/aws/sns": false,
    "alias/aws/snss": false,
    [`${ARN}:key/${ID}`]: false,
    "": false,
  };
  for (const [key, expected] of Object.entries(managed))
    assert.equal(isAwsManagedKey(key, "sns"), expected, key);
});

test("what KMS says of a key that is not there", () => {
  const sentences: Readonly<Record<string, string>> = {
    "alias/mine": `Alias ${ARN}:alias/mine is not found.`,
    [`${ARN}:alias/mine`]: `Alias ${ARN}:alias/mine is not found.`,
    [ID]: `Key '${ARN}:key/${ID}' does not exist`,
    [`${ARN}:key/${ID}`]: `Key '${ARN}:key/${ID}' does not exist`,
    testKeyId: "Invalid keyId testKeyId",
  };
  for (const [key, sentence] of Object.entries(sentences)) assert.equal(keyNotFound(key, SCOPE), sentence);
});
