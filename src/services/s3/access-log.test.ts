import assert from "node:assert/strict";
import { test } from "node:test";
import type { AnsweredRequest } from "../../aws/service.ts";
import { accessRecord, operationName } from "./access-log.ts";
import { logKey } from "./logging.ts";
import { type Bucket, canonicalId } from "./model.ts";

const BUCKET: Bucket = {
  name: "logged",
  accountId: "111111111111",
  region: "us-west-1",
  createdAt: 0,
  versioning: "Off",
  settings: {},
};

const GET: AnsweredRequest = {
  hostBucket: undefined,
  isWebsite: false,
  method: "GET",
  path: "/logged/a/b%20c",
  query: "",
  headers: { host: "127.0.0.1:4566", "user-agent": 'tests "1"' },
  signature: "SigV4",
  isPresigned: false,
  sourceIp: "127.0.0.1",
  accountId: "111111111111",
  caller: {
    accessKeyId: "K",
    kind: "user",
    arn: "arn:aws:iam::111111111111:user/ada",
    userId: "AIDA",
    verified: true,
  },
  requestId: "r-1",
  receivedMs: Date.UTC(2019, 1, 6, 0, 0, 38),
  ms: 7.4,
  status: 206,
  errorCode: undefined,
  answered: { "content-length": "3", "content-range": "bytes 0-2/10", "x-amz-version-id": "v1" },
};

test("operations are named by their method and sub-resource", () => {
  const table: readonly (readonly [Partial<AnsweredRequest>, string])[] = [
    [{}, "REST.GET.OBJECT"],
    [{ path: "/logged" }, "REST.GET.BUCKET"],
    [{ path: "/logged/" }, "REST.GET.BUCKET"],
    [{ hostBucket: "logged", path: "/" }, "REST.GET.BUCKET"],
    [{ hostBucket: "logged", path: "/a" }, "REST.GET.OBJECT"],
    [{ path: "/logged", query: "versioning" }, "REST.GET.VERSIONING"],
    [{ path: "/logged", query: "logging=" }, "REST.GET.LOGGING_STATUS"],
    [{ path: "/logged", query: "tagging" }, "REST.GET.TAGGING"],
    [{ query: "tagging" }, "REST.GET.OBJECT_TAGGING"],
    [{ query: "acl", method: "PUT" }, "REST.PUT.ACL"],
    [{ method: "POST", path: "/logged", query: "delete" }, "REST.POST.MULTI_OBJECT_DELETE"],
    [{ method: "POST", query: "uploads" }, "REST.POST.UPLOADS"],
    [{ method: "POST", query: "uploadId=1" }, "REST.POST.UPLOAD"],
    [{ method: "PUT", query: "partNumber=1&uploadId=1" }, "REST.PUT.PART"],
    [{ method: "PUT", headers: { "x-amz-copy-source": "a/b" } }, "REST.COPY.OBJECT"],
    [{ method: "GET", isWebsite: true }, "WEBSITE.GET.OBJECT"],
  ];
  for (const [more, expected] of table) {
    assert.equal(operationName({ ...GET, ...more }), expected, JSON.stringify(more));
  }
});

test("a record has AWS's fields in AWS's order", () => {
  const owner = canonicalId("111111111111");
  assert.equal(
    accessRecord(BUCKET, GET),
    `${owner} logged [06/Feb/2019:00:00:38 +0000] 127.0.0.1 arn:aws:iam::111111111111:user/ada r-1 ` +
      'REST.GET.OBJECT a/b%20c "GET /logged/a/b%20c HTTP/1.1" 206 - 3 10 7 7 "-" "tests %221%22" v1 r-1 ' +
      "SigV4 - AuthHeader 127.0.0.1:4566 - - - -\n",
  );
});

test("a link that opens something is not written down, and nobody has no name", () => {
  const line = accessRecord(BUCKET, {
    ...GET,
    query: "X-Amz-Date=1&X-Amz-Signature=abc&x=y",
    isPresigned: true,
    signature: undefined,
    caller: undefined,
    status: 403,
    errorCode: "AccessDenied",
  });
  assert.match(
    line,
    /"GET \/logged\/a\/b%20c\?X-Amz-Date=1&X-Amz-Signature=-&x=y HTTP\/1\.1" 403 AccessDenied 3 - /u,
  );
  assert.match(line, / 127\.0\.0\.1 - r-1 /u);
  assert.match(line, / r-1 - - - 127\.0\.0\.1:4566 /u);
});

test("log objects are named by a prefix, or by what they are of and when it was", () => {
  const times = { firstMs: Date.UTC(2024, 0, 31, 23, 59, 59), nowMs: Date.UTC(2024, 1, 1, 0, 0, 30) };
  const key = (PartitionDateSource?: string): string =>
    logKey(
      BUCKET,
      {
        TargetPrefix: "p/",
        ...(PartitionDateSource === undefined
          ? {}
          : { TargetObjectKeyFormat: { PartitionedPrefix: { PartitionDateSource } } }),
      },
      times,
      "U",
    );
  const place = "p/111111111111/us-west-1/logged";
  assert.equal(key(), "p/2024-02-01-00-00-30-U");
  assert.equal(key("DeliveryTime"), `${place}/2024/02/01/2024-02-01-00-00-30-U`);
  assert.equal(key("EventTime"), `${place}/2024/01/31/2024-01-31-00-00-00-U`);
});
