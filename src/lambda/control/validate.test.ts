import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceError } from "../../kernel/errors.ts";
import { checkArchitecture, checkEnvironment, checkRole, checkSizes, mergeLogging } from "./validate.ts";
import { checkRuntime, hashSetOrder } from "./runtimes.ts";

const thrown = (work: () => unknown): ServiceError => {
  try {
    work();
  } catch (error) {
    return error as ServiceError;
  }
  assert.fail("nothing was thrown");
};

test("reserved environment variables are named in AWS's sentence", () => {
  const error = thrown(() => checkEnvironment({ A: "1", AWS_REGION: "x", _HANDLER: "y" }));
  assert.equal(error.code, "InvalidParameterValueException");
  assert.match(error.message, /Reserved keys used in this request: AWS_REGION, _HANDLER$/);
  checkEnvironment({ TZ: "Europe/Berlin", PATH: "/opt/bin", LANG: "C" });
});

test("the environment may measure 4 KB as JSON, and not a byte more", () => {
  const shell = Buffer.byteLength(JSON.stringify({ A: "" }));
  checkEnvironment({ A: "x".repeat(4096 - shell) });
  const error = thrown(() => checkEnvironment({ A: "x".repeat(4097 - shell) }));
  assert.match(error.message, /exceeded the 4KB limit\. String measured: \{"A":"xxx/);
});

test("sizes outside Lambda's ranges", () => {
  checkSizes({ memoryMb: 128, timeoutSeconds: 1, tmpMb: 512 });
  checkSizes({ memoryMb: 10_240, timeoutSeconds: 900, tmpMb: 10_240 });
  assert.equal(thrown(() => checkSizes({ memoryMb: 10_241 })).code, "InvalidParameterValueException");
  assert.equal(
    thrown(() => checkSizes({ timeoutSeconds: 901 })).message,
    "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900",
  );
  assert.equal(thrown(() => checkSizes({ memoryMb: 127 })).code, "ValidationException");
  assert.equal(thrown(() => checkSizes({ tmpMb: 511 })).code, "ValidationException");
});

test("a malformed role says how it should be spelled", () => {
  checkRole("arn:aws:iam::123456789012:role/service-role/x", "000000000000");
  const error = thrown(() => checkRole("arn:aws:iam::YOUR_ACCOUNT_ID:role/LambdaBasicRole", "000000000000"));
  assert.equal(
    error.message,
    "1 validation error detected: Value 'arn:aws:iam::YOUR_ACCOUNT_ID:role/LambdaBasicRole' at 'role' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+",
  );
  assert.match(error.hint ?? "", /arn:aws:iam::000000000000:role\/LambdaBasicRole/);
});

test("a logging configuration is merged, its levels exist with JSON only", () => {
  const text = mergeLogging("f", undefined, undefined);
  assert.deepEqual(text, { logFormat: "Text", logGroup: "/aws/lambda/f" });
  const json = mergeLogging("f", text, { logFormat: "JSON", applicationLogLevel: "DEBUG" });
  assert.deepEqual(json, {
    logFormat: "JSON",
    applicationLogLevel: "DEBUG",
    systemLogLevel: "INFO",
    logGroup: "/aws/lambda/f",
  });
  assert.deepEqual(mergeLogging("f", json, { logGroup: "cool" }), { ...json, logGroup: "cool" });
  assert.deepEqual(mergeLogging("f", json, { logFormat: "Text" }), text);
  assert.equal(
    thrown(() => mergeLogging("f", text, { applicationLogLevel: "DEBUG" })).code,
    "InvalidParameterValueException",
  );
});

test("runtimes: what runs, what AWS has, what it had, what never was", () => {
  for (const runtime of ["nodejs24.x", "python3.10", "provided.al2"]) checkRuntime(runtime);
  const cases: [string, RegExp][] = [
    ["java21", /^Runtime java21 is not implemented by Lambent yet\.$/],
    ["nodejs12.x", /^The runtime parameter of nodejs12\.x is no longer supported for creating or updating/],
    ["PYTHON3.9", /^Value PYTHON3\.9 at 'runtime' failed to satisfy constraint: .* or be a valid ARN$/],
    ["non-existent-runtime", /^Value non-existent-runtime at 'runtime' failed/],
  ];
  for (const [runtime, sentence] of cases) {
    const error = thrown(() => checkRuntime(runtime));
    assert.equal(error.code, "InvalidParameterValueException");
    assert.match(error.message, sentence);
  }
});

test("the other architecture: interpreted code runs, machine code and strict mode refuse", () => {
  assert.equal(checkArchitecture("x86_64", false, "x86_64", true), "same");
  assert.equal(checkArchitecture("arm64", true, "x86_64", false), "runs-anyway");
  assert.throws(() => checkArchitecture("arm64", true, "x86_64", true), /strict mode/);
  assert.throws(() => checkArchitecture("arm64", false, "x86_64", false), /custom runtimes/);
});

test("runtimes are listed in the order of a Java hash set", () => {
  // AWS's own list of the time when there were eighteen (dotnet6 left out: it shares a bucket, where
  // the order is that of insertion).
  const seen = [
    ...["nodejs20.x", "provided.al2023", "python3.12", "java17", "nodejs16.x", "dotnet8", "python3.10"],
    ...["java11", "python3.11", "java21", "nodejs18.x", "provided.al2", "ruby3.3", "java8.al2"],
    ...["ruby3.2", "python3.8", "python3.9"],
  ];
  assert.deepEqual(hashSetOrder([...seen].sort()), seen);
});
