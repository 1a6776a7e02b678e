/** Every sample, in each of its languages, through `lambent samples run`: it does what it says and leaves nothing. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import type { StatusReport } from "../../src/app/admin-routes.ts";
import { rawZip } from "../../src/testing/zip.ts";
import { AWS_CLIS, settings } from "./aws-cli.ts";
import { lambent, ROOT, run, startServer, until, type RunningServer } from "./server.ts";

interface Listed {
  readonly name: string;
  readonly title: string;
  readonly languages: readonly string[];
}

/** The AWS SDK of a runtime could not be installed: no fault of the sample. */
const NO_SDK = /No module named 'boto3'|Cannot find package '@aws-sdk/;
const NAMES = [
  "destinations",
  "dynamodb-stream",
  "eventbridge-cron",
  "eventbridge-rule",
  "hello",
  "s3-csv",
  "sns-fan-out",
  "sqs-dead-letter",
];

const LANGUAGES = ["python", "node"] as const;
const KINDS = [
  "functions",
  "queues",
  "buckets",
  "tables",
  "topics",
  "rules",
  "mappings",
  "roles",
  "log groups",
];
/** Version 2, which takes the flag that is shown with payloads. */
const CLI = AWS_CLIS[1];

let server: RunningServer;
before(async () => {
  server = await startServer({ env: { LAMBENT_SDK: "auto" } });
});
after(async () => server?.[Symbol.asyncDispose]());

async function counts(): Promise<StatusReport["counts"]> {
  return (JSON.parse((await lambent(server, ["status", "--json"])).stdout) as StatusReport).counts;
}

test("they are listed with their languages", async () => {
  const text = await lambent(server, ["samples"]);
  assert.match(text.stdout, /sqs-dead-letter +python, node +A poisoned message/);
  const listed = JSON.parse((await lambent(server, ["samples", "list", "--json"])).stdout) as Listed[];
  assert.deepEqual(
    listed.map(({ name }) => name),
    NAMES,
  );
  for (const { name, languages } of listed) assert.deepEqual(languages, ["python", "node"], name);
});

test("a name that is none is refused with the list", async () => {
  const ran = await lambent(server, ["samples", "run", "nothing"]);
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /There is no sample "nothing"\.\n→ next: (npx )?lambent samples list/);
});

/** Runs it, and reads what it said. `meanwhile` is done again and again until it is over. */
async function runs(
  t: TestContext,
  name: string,
  language: string,
  meanwhile: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  const running = lambent(server, ["samples", "run", name, "--language", language]);
  const over = { yet: false };
  void running.then(() => (over.yet = true));
  await until(
    "it is over",
    async () => {
      if (!over.yet) await meanwhile();
      return over.yet;
    },
    90,
  );
  const { code, stdout, stderr } = await running;
  if (code !== 0 && NO_SDK.test(stdout)) return t.skip("the SDK could not be installed");
  assert.equal(code, 0, `${stdout}\n${stderr}`);
  assert.equal(stderr.replaceAll(/^.*…\n/gm, ""), "");
  assert.match(stdout, /^\$ aws lambda create-function .*--zip-file fileb:\/\/function\.zip/m);
}

async function nothingIsLeft(kinds: readonly string[]): Promise<void> {
  for (const kind of kinds) {
    await until(`no ${kind} are left`, async () => ((await counts())[kind] ?? 0) === 0, 10);
  }
}

// Side by side: each gives its resources names of its own.
describe("each does what it says", { concurrency: 3 }, () => {
  for (const name of NAMES.filter((one) => one !== "eventbridge-cron")) {
    for (const language of LANGUAGES) {
      test(`${name}, ${language}`, (t) => runs(t, name, language));
    }
  }
});

test("none leaves anything", () => nothingIsLeft(KINDS));

describe("eventbridge-cron", () => {
  for (const language of LANGUAGES) {
    test(language, async (t) => {
      // The next full minute is brought here as often as it takes.
      await runs(t, "eventbridge-cron", language, () => lambent(server, ["clock", "advance", "60s"]));
      // Every minute that is brought here calls the function again, also while it is taken away.
      await nothingIsLeft(KINDS.filter((kind) => kind !== "log groups"));
    });
  }
});

describe("what is shown is what the AWS CLI takes", { skip: CLI?.skip ?? false, concurrency: true }, () => {
  for (const name of ["eventbridge-rule", "hello", "s3-csv"]) {
    test(name, async () => {
      const ran = await lambent(server, ["samples", "run", name, "--language", "python"]);
      if (NO_SDK.test(ran.stdout)) return;
      assert.equal(ran.code, 0, ran.stderr);
      const shown = ran.stdout.split("\n").filter((line) => line.startsWith("$ aws "));
      assert.ok(shown.length > 3, ran.stdout);
      const folder = mkdtempSync(join(tmpdir(), "lambent-shown-"));
      try {
        cpSync(join(ROOT, "samples", name), folder, { recursive: true });
        const body = readFileSync(join(folder, "python/app.py"));
        writeFileSync(join(folder, "function.zip"), rawZip([{ name: "app.py", body }]));
        const script = ["set -e", ...shown.map((line) => line.slice("$ ".length))].join("\n");
        const own = `aws() { "${CLI?.program ?? ""}" --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }`;
        const typed = await run("bash", ["-c", `${own}\n${script}`], {
          cwd: folder,
          env: await settings(server),
        });
        assert.equal(typed.code, 0, `${script}\n${typed.stderr}`);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});

test("--json tells it line by line", async () => {
  const ran = await lambent(server, ["samples", "run", "hello", "--json", "--language", "node"]);
  assert.equal(ran.code, 0, ran.stderr);
  const lines = ran.stdout.trimEnd().split("\n");
  const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(told.some(({ command }) => String(command).startsWith("aws lambda create-function ")));
  assert.ok(
    told.some(({ log }) => (log as { message?: string } | undefined)?.message?.includes("greeting Alice")),
  );
  assert.ok(told.some(({ result }) => result === '{"message":"Hello, Alice!"}'));
  assert.equal(told.at(-1)?.["ran"], "hello");
});

test("--keep leaves everything", async () => {
  const before = await counts();
  const ran = await lambent(server, ["samples", "run", "hello", "--keep"]);
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /everything it made is still there/);
  const now = await counts();
  for (const kind of ["functions", "roles"]) assert.equal((now[kind] ?? 0) - (before[kind] ?? 0), 1, kind);
});
