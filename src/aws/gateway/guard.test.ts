import assert from "node:assert/strict";
import { test } from "node:test";
import { createGuard } from "./guard.ts";

const EVERYWHERE = createGuard({ publicSuffix: undefined, allowedOrigins: [], anyHost: true });
const AT_HOME = createGuard({ publicSuffix: undefined, allowedOrigins: [] });

test("beyond loopback any name of the endpoint will do, and foreign pages still will not", () => {
  const cases: readonly (readonly [Record<string, string>, boolean])[] = [
    [{ host: "192.0.2.7:4566" }, true],
    [{ host: "lambent.internal:4566" }, true],
    [{}, false],
    [{ host: "lambent.internal:4566", origin: "http://lambent.internal:4566" }, true],
    [{ host: "lambent.internal:4566", origin: "http://evil.example" }, false],
    [{ host: "lambent.internal:4566", origin: "null" }, false],
    [{ host: "lambent.internal:4566", "sec-fetch-site": "cross-site" }, false],
  ];
  for (const [headers, passes] of cases) {
    assert.equal(EVERYWHERE.refusal(headers) === undefined, passes, JSON.stringify(headers));
  }
  assert.notEqual(AT_HOME.refusal({ host: "192.0.2.7:4566" }), undefined);
  assert.notEqual(AT_HOME.refusal({ host: "a.internal", origin: "http://a.internal" }), undefined);
});

test("a host names a bucket, or its website", () => {
  const cases: readonly (readonly [host: string, bucket: string | undefined, site: string | undefined])[] = [
    ["a.s3.localhost:4566", "a", undefined],
    ["a.b.s3.us-east-1.localhost", "a.b", undefined],
    ["a.s3.localhost.localstack.cloud", "a", undefined],
    ["a.s3-website.localhost:4566", undefined, "a"],
    ["a.b.s3-website.eu-central-1.localhost", undefined, "a.b"],
    ["A.s3-website-us-east-1.localhost.localstack.cloud:1", undefined, "a"],
    ["s3-website.localhost", undefined, undefined],
    ["a.s3-website.example.com", undefined, undefined],
    ["localhost", undefined, undefined],
  ];
  for (const [host, bucket, site] of cases) {
    assert.deepEqual([AT_HOME.bucketOf(host), AT_HOME.websiteOf(host)], [bucket, site], host);
  }
});

test("another site's page may link to a website, and do nothing else", () => {
  const from = { "sec-fetch-site": "cross-site" };
  assert.equal(AT_HOME.refusal({ host: "a.s3-website.localhost", ...from }), undefined);
  assert.notEqual(AT_HOME.refusal({ host: "a.s3.localhost", ...from }), undefined);
  const origin = "http://evil.example";
  assert.notEqual(AT_HOME.refusal({ host: "a.s3-website.localhost", origin, ...from }), undefined);
});
