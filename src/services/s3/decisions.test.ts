/** Ranges, names, encoded words, CORS rules and policies, as tables. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceError } from "../../kernel/errors.ts";
import { checkPolicy, isPublic } from "./bucket-policy.ts";
import { cut } from "./contents.ts";
import { type CorsRule, matchingRule } from "./cors.ts";
import { readMetadata, writeMetadata } from "./encoded-words.ts";
import { behind, bytesOf, startBehind, urlEncoded } from "./listing.ts";
import { isVersionId, newVersionId, seqOfVersionId } from "./model.ts";
import { isBucketName, parseCopySource } from "./names.ts";
import { eventKey, meansEvent } from "./notifications.ts";

test("bucket names", () => {
  for (const name of ["abc", "my-bucket", "my.bucket.1", "a".repeat(63), "123"]) {
    assert.equal(isBucketName(name), true, name);
  }
  for (const name of [
    "ab",
    "a".repeat(64),
    "Abc",
    "a_b",
    "-abc",
    "abc-",
    "a..b",
    "1.2.3.4",
    "xn--abc",
    "a-s3alias",
  ]) {
    assert.equal(isBucketName(name), false, name);
  }
});

test("copy sources", () => {
  assert.deepEqual(parseCopySource("/b/a%20b/c"), { bucket: "b", key: "a b/c", versionId: undefined });
  assert.deepEqual(parseCopySource("b/k?versionId=null"), { bucket: "b", key: "k", versionId: "null" });
  for (const wrong of ["b", "b/", "/", ""]) {
    assert.throws(
      () => parseCopySource(wrong),
      (error: ServiceError) => error.code === "InvalidArgument",
    );
  }
});

test("version ids know their place", () => {
  for (const seq of [1, 1_800_000_000_000_000]) {
    const id = newVersionId("0123456789abcdef0123456789abcdef", seq);
    assert.equal(isVersionId(id), true);
    assert.equal(seqOfVersionId(id), seq);
  }
  assert.equal(isVersionId("short"), false);
});

test("metadata that is no ASCII travels as encoded words", () => {
  const table = [
    ["plain", "plain"],
    ["ÄMÄZÕÑ S3", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="],
    ["\u0000\u0001\u0002\u0003", "=?UTF-8?B?AAECAw==?="],
  ] as const;
  for (const [text, header] of table) {
    assert.equal(writeMetadata(text), header);
    assert.equal(readMetadata(header), text);
  }
  assert.equal(readMetadata(Buffer.from("é—", "utf8").toString("latin1")), "é—");
  assert.equal(readMetadata("\u00e9"), "é");
});

test("event keys and events", () => {
  assert.equal(eventKey("a b/ü+(1)*~.txt"), "a+b/%C3%BC%2B%281%29*%7E.txt");
  assert.equal(urlEncoded("a b/ü"), "a+b/%C3%BC");
  assert.equal(meansEvent("s3:ObjectCreated:*", "ObjectCreated:Put"), true);
  assert.equal(meansEvent("s3:ObjectCreated:Put", "ObjectCreated:Post"), false);
});

test("where a page begins", () => {
  assert.deepEqual(behind(Buffer.from([1, 0xff, 0xff])), Buffer.from([2]));
  assert.equal(behind(Buffer.from([0xff])), undefined);
  const text = (marker: string, prefix: string, delimiter?: string): string =>
    Buffer.from(startBehind(marker, prefix, delimiter)?.key ?? []).toString();
  assert.equal(text("", "a"), "");
  assert.equal(text("a/b", ""), "a/b\0");
  assert.equal(text("a/b/c", "a/", "/"), "a/b0");
  assert.deepEqual(bytesOf("ü"), new Uint8Array([0xc3, 0xbc]));
});

test("ranges over parts", () => {
  const parts = [
    { blob: "a", bytes: 5 },
    { blob: "b", bytes: 5 },
    { blob: "c", bytes: 1 },
  ];
  assert.deepEqual(cut(parts, 0, 10).length, 3);
  assert.deepEqual(cut(parts, 3, 6), [
    { blob: "a", start: 3, end: 4 },
    { blob: "b", start: 0, end: 1 },
  ]);
  assert.deepEqual(cut(parts, 10, 10), [{ blob: "c", start: 0, end: 0 }]);
});

test("CORS rules", () => {
  const rules: readonly CorsRule[] = [
    { AllowedOrigins: ["https://*.example"], AllowedMethods: ["GET"], AllowedHeaders: ["x-amz-*"] },
    { AllowedOrigins: ["*"], AllowedMethods: ["PUT"] },
  ];
  const which = (origin: string, method: string, headers?: string[]): number =>
    rules.indexOf(
      matchingRule(rules, { origin, method, ...(headers === undefined ? {} : { headers }) }) ??
        ({} as CorsRule),
    );
  assert.equal(which("https://a.example", "GET", ["X-Amz-Date"]), 0);
  assert.equal(which("https://a.example", "GET", ["other"]), -1);
  assert.equal(which("https://a.other", "GET"), -1);
  assert.equal(which("https://a.other", "PUT"), 1);
  assert.equal(which("https://a.other", "PUT", ["x-amz-date"]), -1);
});

test("policies: what is refused, and what is public", () => {
  const statement = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/*" };
  const policy = (over: object): string =>
    JSON.stringify({ Version: "2012-10-17", Statement: [{ ...statement, ...over }] });
  checkPolicy(policy({}), "b");
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ Effect: "Maybe" }, /Invalid effect/u],
    [{ Principal: undefined }, /Missing required field Principal/u],
    [{ Action: "sqs:SendMessage" }, /Policy has invalid action/u],
    [{ Resource: "arn:aws:s3:::other/*" }, /Policy has invalid resource/u],
    [{ Principal: { AWS: "nobody" } }, /Invalid principal in policy/u],
    [{ Principal: { CanonicalUser: "nobody" } }, /Invalid principal in policy/u],
    [{ Resource: "arn:aws:s3:::b" }, /Action does not apply to any resource\(s\) in statement/u],
    [{ Action: ["s3:GetObject", "s3:ListBucket"] }, /Action does not apply to any resource\(s\)/u],
    [{ Action: "s3:GetBucketAcl" }, /Action does not apply to any resource\(s\)/u],
  ];
  for (const over of [
    { Action: "s3:*" },
    { Action: ["s3:Get*", "s3:PutObject"], Resource: "arn:aws:s3:::b*" },
    { Action: ["s3:GetObject", "s3:ListBucket"], Resource: ["arn:aws:s3:::b", "arn:aws:s3:::b/*"] },
    { Action: "s3:PutBucketObjectLockConfiguration", Resource: "arn:aws:s3:::b" },
    { Principal: { CanonicalUser: "a".repeat(64) } },
  ]) {
    checkPolicy(policy(over), "b");
  }
  for (const [over, message] of wrong) assert.throws(() => checkPolicy(policy(over), "b"), message);
  assert.throws(() => checkPolicy("[]", "b"), /must be valid JSON and the first byte must be/u);
  assert.equal(isPublic(policy({})), true);
  assert.equal(isPublic(policy({ Effect: "Deny" })), false);
  assert.equal(isPublic(policy({ Principal: { AWS: "111111111111" } })), false);
  assert.equal(isPublic(policy({ Condition: { StringEquals: { "aws:SourceAccount": "1" } } })), false);
});
