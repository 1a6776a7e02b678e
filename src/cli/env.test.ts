import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { which } from "./self.ts";
import { renderEnvironment, shellOf } from "./shells.ts";
import { environment, UNSET, writeAwsFiles } from "./env.ts";
import { Fault } from "./fault.ts";

/** Stands in for the command, whose first argument is `hints`. */
const SELF = ["printf", "→ it's %s%.0s%.0s"];
const TARGET = { endpoint: "http://127.0.0.1:4566", region: "eu-west-1", dataDir: "/home/a b/it's" };

test("the variables point at the endpoint with keys that open nothing real", () => {
  assert.deepEqual(environment(TARGET, {}), {
    AWS_ENDPOINT_URL: "http://127.0.0.1:4566",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
    AWS_REGION: "eu-west-1",
    AWS_DEFAULT_REGION: "eu-west-1",
    AWS_CONFIG_FILE: "/home/a b/it's/aws/config",
    AWS_SHARED_CREDENTIALS_FILE: "/home/a b/it's/aws/credentials",
    LAMBENT_DATA_DIR: "/home/a b/it's",
  });
});

test("where a proxy is set the endpoint goes past it, and earlier exceptions stay", () => {
  const variables = environment(TARGET, { HTTP_PROXY: "http://proxy:3128", NO_PROXY: "intranet" });
  assert.equal(variables["NO_PROXY"], "intranet,127.0.0.1");
  assert.equal(variables["no_proxy"], "intranet,127.0.0.1");
  assert.equal(environment(TARGET, { NO_PROXY: "intranet" })["NO_PROXY"], undefined);
});

test("a POSIX shell reads back exactly what was meant", () => {
  const variables = environment(TARGET, {});
  const script = `AWS_PROFILE=real; export AWS_PROFILE\n${renderEnvironment(variables, UNSET, "bash", SELF)}\nprintf '%s|%s|%s' "$AWS_CONFIG_FILE" "$AWS_ENDPOINT_URL" "\${AWS_PROFILE-none}"`;
  const output = execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" });
  assert.equal(output, "/home/a b/it's/aws/config|http://127.0.0.1:4566|none");
});

/** Shows its arguments, and fails when it is asked to. */
const AWS = `#!/bin/sh
case "$1" in --version) echo "aws-cli/$MAJOR.9.19"; exit;; esac
printf "<%s>" "$@"
case "$2" in fails) exit 254;; esac
`;

for (const [shell, quoted] of [
  ["sh", true],
  ["sh", false],
  ["bash", true],
  ["bash", false],
  ["zsh", true],
  ["zsh", false],
] as const) {
  const skip = which(shell) === undefined ? `no ${shell} here` : false;
  const how = quoted ? "" : ", eval without quotes";
  test(`aws is sent to the endpoint until the settings are taken back (${shell}${how})`, { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), "lambent-env-"));
    try {
      writeFileSync(join(folder, "aws"), AWS, { mode: 0o755 });
      const evaluate = (commands: string): string => {
        writeFileSync(join(folder, "commands"), commands);
        return `eval ${quoted ? '"$(cat commands)"' : "$(cat commands)"}`;
      };
      const variables = environment(TARGET, {});
      const runs = (script: string, major = 2): string =>
        execFileSync(which(shell) ?? shell, ["-euc", script], {
          cwd: folder,
          encoding: "utf8",
          stdio: ["ignore", "pipe", "inherit"],
          env: { PATH: `${folder}:/usr/bin:/bin`, MAJOR: String(major) },
        });
      const settings = evaluate(renderEnvironment(variables, UNSET, "bash", SELF));
      const front = "<--endpoint-url=http://127.0.0.1:4566>";
      assert.equal(runs(`${settings}; aws sqs "list queues"`), `${front}<sqs><list queues>`);
      for (const flag of ["--cli-binary-format raw-in-base64-out", "--cli-binary-format=raw-in-base64-out"]) {
        const invoke = `${settings}; aws invoke --payload '{"a": "b  c"}' ${flag} out`;
        assert.equal(runs(invoke, 1), `${front}<invoke><--payload><{"a": "b  c"}><out>`);
        assert.match(runs(invoke, 2), /<--cli-binary-format/);
      }
      assert.match(runs(`${settings}; aws invoke --cli-binary-format base64`, 1), /<base64>$/);
      assert.equal(
        runs(`${settings}; aws fails 2>&1 || printf ' %s' $?`),
        `${front}<fails>→ it's hints 254`,
        "the hint is printed, and the code stays the AWS CLI's",
      );
      assert.equal(
        runs(
          `aws() { false; }; ${evaluate(renderEnvironment({}, ["AWS_PROFILE"], "bash", []))}; aws --version`,
        ),
        "aws-cli/2.9.19\n",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

test("fish: aws is sent to the endpoint until the settings are taken back", (t) => {
  const fish = which("fish");
  if (fish === undefined) return t.skip("no fish here");
  const folder = mkdtempSync(join(tmpdir(), "lambent-env-"));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "aws"), AWS, { mode: 0o755 });
  const runs = (script: string, major = 2): string => {
    const settings = renderEnvironment(environment(TARGET, {}), UNSET, "fish", SELF);
    return execFileSync(fish, ["--no-config", "-c", `${settings}\n${script}`], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
      env: { PATH: `${folder}:/usr/bin:/bin`, MAJOR: String(major), HOME: folder },
    });
  };
  const front = "<--endpoint-url=http://127.0.0.1:4566>";
  assert.equal(runs('aws sqs "list queues"'), `${front}<sqs><list queues>`);
  const invoke = `aws invoke --payload '{"a": "b  c"}' --cli-binary-format raw-in-base64-out out`;
  assert.equal(runs(invoke, 1), `${front}<invoke><--payload><{"a": "b  c"}><out>`);
  assert.match(runs(invoke, 2), /<--cli-binary-format>/);
  assert.equal(runs("aws fails 2>&1; or printf ' %s' $status"), `${front}<fails>→ it's hints 254`);
  const back = renderEnvironment({}, ["AWS_ENDPOINT_URL"], "fish", []);
  assert.equal(runs(`${back}\naws --version`), "aws-cli/2.9.19\n");
});

test("fish and PowerShell have their own commands and quotes", () => {
  const variables = { A: String.raw`it's C:\x` };
  const fish = renderEnvironment(variables, ["B"], "fish", SELF).split("\n");
  assert.deepEqual(fish.slice(0, 2), [String.raw`set -gx A 'it\'s C:\\x'`, "set -e B"]);
  assert.equal(
    renderEnvironment(variables, ["B"], "powershell", SELF),
    [
      String.raw`$Env:A = 'it''s C:\x'`,
      "Remove-Item -ErrorAction SilentlyContinue Env:B",
      "function aws { & (Get-Command aws -CommandType Application -TotalCount 1).Source --endpoint-url=$Env:AWS_ENDPOINT_URL @args }",
    ].join("\n"),
  );
});

test("the shell is the one named, or the login shell, or bash", () => {
  assert.equal(shellOf("fish", "/bin/zsh"), "fish");
  assert.equal(shellOf(undefined, "/usr/bin/zsh"), "zsh");
  assert.equal(shellOf(undefined, "/bin/dash"), "bash");
  assert.throws(() => shellOf("csh", undefined), Fault);
});

test("the AWS files are private, make v2 take payloads as typed, and page nothing", () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-env-"));
  try {
    writeAwsFiles({ ...TARGET, dataDir });
    const path = join(dataDir, "aws/config");
    const config = readFileSync(path, "utf8");
    assert.match(config, /^\[default\]$/m);
    assert.match(config, /^cli_binary_format = raw-in-base64-out$/m);
    assert.match(config, /^cli_pager =$/m);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    const before = statSync(path).mtimeMs;
    writeAwsFiles({ ...TARGET, dataDir });
    assert.equal(statSync(path).mtimeMs, before, "an unchanged file is left alone");
    writeAwsFiles({ ...TARGET, endpoint: "http://127.0.0.1:5000", dataDir });
    assert.match(readFileSync(path, "utf8"), /127\.0\.0\.1:5000/);
  } finally {
    rmSync(dataDir, { recursive: true });
  }
});
