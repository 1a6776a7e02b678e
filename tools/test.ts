/**
 * Runs the tests: `npm test`, or `npm test -- tests/e2e` for a part. One process per file (node:test),
 * few files at a time, since many of them start servers with real sandboxes. Ends with the line
 * `N passed, N failed, N skipped`. `--compatibility` also writes COMPATIBILITY.md.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { glob } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const PATTERNS = ["src/**/*.test.ts", "tests/**/*.test.ts"];
/** A file that runs longer than this hangs: it is ended and counted as failed. */
const FILE_SECONDS_MAX = 600;

const wanted = process.argv.slice(2).filter((arg) => !arg.startsWith("--"));
/** Servers under test tell here what they were asked and what they answered. */
const record = join(mkdtempSync(join(tmpdir(), "lambent-test-")), "operations.txt");
const files: string[] = [];
for await (const file of glob(PATTERNS)) {
  if (wanted.length === 0 || wanted.some((part) => file.includes(part))) files.push(file);
}
// Long ones first, so that no lane is left alone with one of them at the end.
files.sort((a, b) => Number(b.startsWith("tests/")) - Number(a.startsWith("tests/")) || (a < b ? -1 : 1));

const counts = { passed: 0, failed: 0, skipped: 0 };
const failures: string[] = [];
const skips: string[] = [];

function runFile(file: string): Promise<void> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", "--test", "--test-reporter=tap", file],
      {
        stdio: ["ignore", "pipe", "pipe"],
        env: { ...process.env, NODE_TEST_CONTEXT: undefined, LAMBENT_RECORD_OPERATIONS: record },
      },
    );
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    const alarm = setTimeout(() => child.kill("SIGKILL"), FILE_SECONDS_MAX * 1000);
    child.on("close", (code) => {
      clearTimeout(alarm);
      const count = (name: string): number =>
        Number(new RegExp(`^# ${name} (\\d+)$`, "m").exec(out)?.[1] ?? 0);
      const failed = count("fail") + count("cancelled");
      counts.passed += count("pass");
      counts.skipped += count("skipped") + count("todo");
      counts.failed += failed === 0 && code !== 0 ? 1 : failed;
      for (const skip of out.matchAll(/^\s*ok \d+ - (.*) # SKIP ?(.*)$/gm)) {
        skips.push(`${file}: ${skip[1] ?? ""}: ${skip[2] ?? ""}`);
      }
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const mark = code === 0 ? "ok  " : "FAIL";
      process.stdout.write(`${mark} ${file} (${String(count("pass"))} passed, ${seconds} s)\n`);
      if (code !== 0) {
        failures.push(file);
        process.stdout.write(`${failureText(out)}\n${err.slice(-4000)}\n`);
      }
      resolve();
    });
  });
}

/** The failing points of a TAP report with their diagnostics; everything else is left out. */
function failureText(tap: string): string {
  const kept: string[] = [];
  let inside = false;
  for (const line of tap.split("\n")) {
    if (/^\s*not ok /.test(line)) inside = true;
    else if (/^\s*(ok \d|# Subtest)/.test(line)) inside = false;
    if (inside) kept.push(line);
  }
  return kept.slice(0, 200).join("\n");
}

const queue = [...files];
const lanes = Math.max(1, Math.min(2, availableParallelism()));
await Promise.all(
  Array.from({ length: lanes }, async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runFile(file);
  }),
);

if (process.argv.includes("--compatibility")) {
  spawnSync(process.execPath, ["--disable-warning=ExperimentalWarning", "tools/compatibility.ts", record], {
    stdio: "inherit",
  });
}
for (const skip of skips) process.stdout.write(`skipped ${skip}\n`);
if (process.env["CI"] === "true" && process.env["LAMBENT_CI_COMPLETE"] === "1") {
  // Everything was installed beforehand: a tool that is missing all the same is a failure.
  const missing = skips.filter((skip) => /not (found|installed)|missing/i.test(skip));
  counts.failed += missing.length;
  for (const skip of missing) process.stdout.write(`FAIL a tool should have been installed: ${skip}\n`);
}
for (const file of failures) process.stdout.write(`failed ${file}\n`);
process.stdout.write(
  `${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} skipped\n`,
);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
