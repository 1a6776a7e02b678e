import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const NOBODY = "65534";
const AS_NOBODY = ["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups", "--inh-caps=-all"];

/** Why this cannot be tried on this machine; false where it can. */
async function whyNotAsNobody(): Promise<string | false> {
  if (process.getuid?.() !== 0) return "the tests run without root already";
  return run("setpriv", [...AS_NOBODY, process.execPath, "--version"]).then(
    () => false,
    (error: unknown) => `setpriv (package util-linux) and a readable Node are needed: ${String(error)}`,
  );
}

/** Suites and the part of them that says something new without root. */
const SUITES: Readonly<Record<string, string>> = {
  "contract/sandbox-driver.test.ts": "namespaces",
  "security/escape.test.ts": "namespaces",
  "contract/sandbox-process.test.ts": ".",
};
const reason = await whyNotAsNobody();

for (const [suite, part] of Object.entries(SUITES)) {
  test(`without root: ${suite}`, { skip: reason, timeout: 180_000 }, async (t) => {
    const file = path.join(import.meta.dirname, "..", suite);
    const { stdout } = await run(
      "setpriv",
      [...AS_NOBODY, process.execPath, "--test", "--test-reporter=tap", `--test-name-pattern=${part}`, file],
      { cwd: "/", env: { PATH: process.env["PATH"] }, maxBuffer: 16 * 1024 * 1024 },
    ).catch((error: { stdout: string }) => assert.fail(error.stdout));
    const skipped = /^ok .*# SKIP .*$/m.exec(stdout);
    if (skipped !== null) return t.skip(skipped[0]);
    assert.match(stdout, /^ *ok \d+ - /m, "tests of the suite ran");
    assert.match(stdout, /^# fail 0$/m);
  });
}
