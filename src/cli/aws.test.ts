import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { namesBinaryFormat, parseAwsVersion, readsEndpointVariable, rewriteAwsArguments } from "./aws.ts";
import { awsVerdict } from "./doctor.ts";
import { typed, typedName, which } from "./self.ts";

const ENDPOINT = "http://127.0.0.1:4566";

const VERSIONS: readonly (readonly [string, number, string, boolean])[] = [
  ["aws-cli/2.9.19 Python/3.11.2 Linux/6.1 source/x86_64.debian.12 prompt/off", 2, "2.9.19", false],
  ["aws-cli/2.13.0 Python/3.11.4 Linux/5.15 exe/x86_64", 2, "2.13.0", true],
  ["aws-cli/2.31.4 Python/3.13.7", 2, "2.31.4", true],
  ["aws-cli/1.28.9 Python/3.9.1 Linux botocore/1.31.9", 1, "1.28.9", false],
  ["aws-cli/1.46.2 Python/3.12.1 Linux botocore/1.40.0", 1, "1.46.2", true],
];

for (const [output, major, text, reads] of VERSIONS) {
  test(`the version in "${output.slice(0, 24)}…"`, () => {
    const version = parseAwsVersion(output);
    assert.ok(version !== undefined);
    assert.equal(version.major, major);
    assert.equal(version.text, text);
    assert.equal(readsEndpointVariable(version), reads);
    assert.equal(awsVerdict("/usr/bin/aws", version).result, reads ? "ok" : "warn");
  });
}

test("what is not the AWS CLI has no version", () => {
  assert.equal(parseAwsVersion("aws 1.2.3"), undefined);
  assert.equal(awsVerdict("/usr/bin/aws", undefined).result, "warn");
});

const FRONT = ["--endpoint-url", ENDPOINT];
const REWRITES: readonly (readonly [string, readonly string[], number | undefined, readonly string[]])[] = [
  ["the endpoint comes first", ["s3", "ls"], undefined, [...FRONT, "s3", "ls"]],
  [
    "v1 loses the format and its value",
    ["lambda", "invoke", "--cli-binary-format", "raw-in-base64-out", "out.json"],
    1,
    [...FRONT, "lambda", "invoke", "out.json"],
  ],
  [
    "v1 loses the format written with =",
    ["lambda", "invoke", "--cli-binary-format=raw-in-base64-out", "out.json"],
    1,
    [...FRONT, "lambda", "invoke", "out.json"],
  ],
  [
    "v2 keeps it",
    ["lambda", "invoke", "--cli-binary-format", "raw-in-base64-out", "out.json"],
    2,
    [...FRONT, "lambda", "invoke", "--cli-binary-format", "raw-in-base64-out", "out.json"],
  ],
  [
    "an endpoint of the user's stays the only one",
    ["--endpoint-url=http://127.0.0.1:9", "s3", "ls"],
    2,
    ["--endpoint-url=http://127.0.0.1:9", "s3", "ls"],
  ],
  [
    "what v1 cannot do is for v1 to refuse",
    ["lambda", "invoke", "--cli-binary-format", "base64", "out.json"],
    1,
    [...FRONT, "lambda", "invoke", "--cli-binary-format", "base64", "out.json"],
  ],
  ["payloads are not touched", ["--payload", '{"a": "b c"}'], 1, [...FRONT, "--payload", '{"a": "b c"}']],
];

for (const [name, args, major, expected] of REWRITES) {
  test(`arguments: ${name}`, () => {
    assert.deepEqual(rewriteAwsArguments(args, ENDPOINT, major), expected);
  });
}

test("the version is asked for only where it matters", () => {
  assert.equal(namesBinaryFormat(["lambda", "list-functions"]), false);
  assert.equal(namesBinaryFormat(["lambda", "invoke", "--cli-binary-format", "base64"]), true);
});

test("which takes the first executable file of the path", () => {
  const folder = mkdtempSync(join(tmpdir(), "lambent-which-"));
  try {
    for (const name of ["a", "b", "c"]) mkdirSync(join(folder, name));
    mkdirSync(join(folder, "a", "tool"));
    writeFileSync(join(folder, "b", "tool"), "");
    chmodSync(join(folder, "b", "tool"), 0o644);
    writeFileSync(join(folder, "c", "tool"), "#!/bin/sh\n");
    chmodSync(join(folder, "c", "tool"), 0o755);
    const path = ["a", "b", "c"].map((name) => join(folder, name)).join(delimiter);
    assert.equal(which("tool", path), join(folder, "c", "tool"));
    assert.equal(which("other", path), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("commands are shown as they are typed where they are read", () => {
  const folder = mkdtempSync(join(tmpdir(), "lambent-typed-"));
  try {
    assert.equal(typedName({ PATH: folder }), "npx lambent");
    assert.equal(typedName({ PATH: folder, LAMBENT_TYPED: "lambent" }), "lambent");
    writeFileSync(join(folder, "lambent"), "#!/bin/sh\n", { mode: 0o755 });
    assert.equal(typedName({ PATH: folder }), "lambent");
    assert.equal(typedName({ PATH: folder, npm_execpath: "/npm" }), "npx lambent", "npx made that PATH");
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.equal(
    typed('eval "$(lambent env)", then lambent stop (or npx lambent stop): a Lambent', "npx lambent"),
    'eval "$(npx lambent env)", then npx lambent stop (or npx lambent stop): a Lambent',
  );
});
