import assert from "node:assert/strict";
import { test } from "node:test";
import { AWS_MANAGED } from "./aws-managed/index.ts";
import { encodeDocument, parsePolicy, type PolicyUse } from "./policy-document.ts";

const S3 = { Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" };
const ASSUME = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: "lambda.amazonaws.com" } };

function document(statement: object | readonly object[], version: string | undefined = "2012-10-17"): string {
  return JSON.stringify({ ...(version === "" ? {} : { Version: version }), Statement: statement });
}

test("documents that are right", () => {
  const cases: readonly (readonly [PolicyUse, string])[] = [
    ["identity", document(S3)],
    [
      "identity",
      document([
        { ...S3, Sid: "a" },
        { ...S3, Sid: "b", Condition: { StringEquals: { "aws:x": "1" }, Null: { "aws:y": "true" } } },
        { ...S3, Condition: { "ForAllValues:StringLikeIfExists": { "aws:TagKeys": ["a"] } } },
      ]),
    ],
    ["identity", document({ Effect: "Deny", NotAction: ["iam:*"], NotResource: "*" })],
    ["identity", document({ ...S3, Action: "*", Resource: "*" })],
    ["identity", document({ ...S3, Resource: "arn:aws:apigateway:eu-west-1::/tags/arn%3Aaws" })],
    ["trust", document(ASSUME)],
    ["trust", document(ASSUME, "")],
    ["trust", document({ ...ASSUME, Principal: "*" })],
    [
      "trust",
      document({ ...ASSUME, Principal: { AWS: ["123456789012", "arn:aws:iam::123456789012:root"] } }),
    ],
    ["trust", document({ ...ASSUME, Action: ["sts:AssumeRole", "sts:TagSession"] })],
  ];
  for (const [use, text] of cases) assert.ok(parsePolicy(text, use).Statement.length > 0, text);
});

test("documents that are wrong, and what AWS says of them", () => {
  const cases: readonly (readonly [PolicyUse, string, RegExp])[] = [
    [
      "trust",
      '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",}]}',
      /^This policy contains invalid Json$/,
    ],
    ["identity", "[]", /^Syntax errors in policy\.$/],
    ["identity", "{}", /^Syntax errors in policy\.$/],
    ["identity", document([]), /^Syntax errors in policy\.$/],
    ["identity", document(S3, "2012"), /^Syntax errors in policy\.$/],
    ["identity", document(S3, ""), /version 2012-10-17 or greater/],
    ["identity", document({ ...S3, Effect: "Permit" }), /^Syntax errors/],
    ["identity", document({ ...S3, Extra: 1 }), /^Syntax errors/],
    ["identity", document({ Effect: "Allow", Resource: "*" }), /must contain actions/],
    ["identity", document({ Effect: "Allow", Action: "s3:*" }), /must contain resources/],
    ["identity", document({ ...S3, Action: "GetObject" }), /must be prefaced by a vendor/],
    [
      "identity",
      document({ ...S3, Resource: "bucket" }),
      /^Resource bucket must be in ARN format or "\*"\.$/,
    ],
    ["identity", document({ ...S3, Resource: "arn:azure:s3:::b" }), /^Partition "azure" is not valid/],
    ["identity", document({ ...S3, Principal: "*" }), /should not specify a principal/],
    [
      "identity",
      document([
        { ...S3, Sid: "a" },
        { ...S3, Sid: "a" },
      ]),
      /must be unique/,
    ],
    ["identity", document({ ...S3, Sid: "a b" }), /SID\) must be alpha-numeric/],
    ["identity", document({ ...S3, Condition: { Equals: { "aws:x": "1" } } }), /^Syntax errors/],
    ["identity", document({ ...S3, Condition: { constructor: { "aws:x": "1" } } }), /^Syntax errors/],
    ["identity", document({ ...S3, Condition: { Bool: { x: "1" } } }), /must be prefaced by a vendor/],
    ["trust", document({ Effect: "Allow", Action: "sts:AssumeRole" }), /^Missing required field Principal$/],
    ["trust", document({ ...ASSUME, Resource: "*" }), /^Has prohibited field Resource$/],
    [
      "trust",
      document({ ...ASSUME, Principal: { Service: "lambda" } }),
      /^Invalid principal in policy: "SERVICE":"lambda"$/,
    ],
    [
      "trust",
      document({ ...ASSUME, Principal: { AWS: "bob" } }),
      /^Invalid principal in policy: "AWS":"bob"$/,
    ],
    ["trust", document({ ...ASSUME, Action: "s3:GetObject" }), /STS AssumeRole actions/],
  ];
  for (const [use, text, message] of cases) {
    assert.throws(
      () => parsePolicy(text, use),
      { code: "MalformedPolicyDocument", status: 400, message },
      text,
    );
  }
});

test("AWS's managed policies are policies", () => {
  for (const policy of AWS_MANAGED.values()) assert.ok(parsePolicy(policy.document, "identity"), policy.name);
});

test("documents are encoded as RFC 3986 says", () => {
  assert.equal(encodeDocument(`{"a": "(*)!'"}`), "%7B%22a%22%3A%20%22%28%2A%29%21%27%22%7D");
});
