/** The command line with a real server and real functions, as somebody at a terminal uses it. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { zip } from "../../src/testing/zip.ts";

const LAUNCHER = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), "bin/lambent.js");
const FUNCTION = `export const handler = async (event) => {
  console.log("greeting " + event.name);
  if (event.name === "nobody") throw new Error("nobody to greet");
  return { hello: event.name };
};
`;

const work = mkdtempSync(join(tmpdir(), "lambent-cli-"));
const dataDir = join(work, "data");
const env = { ...process.env, LAMBENT_DATA_DIR: dataDir, NO_COLOR: "1" };

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function lambent(args: readonly string[], path?: string): Promise<Result> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [LAUNCHER, ...args], {
      env: path === undefined ? env : { ...env, PATH: path },
      cwd: work,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let out = "";
    let err = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.once("close", (code) => resolve({ code, out, err }));
  });
}

const PATIENCE_MS = 20_000;

/** Resolves once the child's output holds the text; rejects when it ends before, or says nothing of the kind. */
function saying(child: ChildProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = "";
    const late = AbortSignal.timeout(PATIENCE_MS);
    late.addEventListener("abort", () => reject(new Error(`it never said "${text}":\n${seen}`)));
    child.stdout?.on("data", (chunk: Buffer) => {
      seen += chunk.toString();
      if (seen.includes(text)) resolve(seen);
    });
    child.once("close", () => reject(new Error(`it ended without "${text}":\n${seen}`)));
  });
}

/** Programs called `aws` that run, one per version. */
function awsPrograms(): { folder: string; version: string }[] {
  const found = new Map<string, string>();
  for (const folder of (process.env["PATH"] ?? "").split(":")) {
    if (folder === "" || !existsSync(join(folder, "aws"))) continue;
    const run = spawnSync(join(folder, "aws"), ["--version"], { encoding: "utf8" });
    const version = /aws-cli\/(\S+)/.exec(`${run.stdout}${run.stderr}`)?.[1];
    if (version !== undefined && !found.has(version)) found.set(version, folder);
  }
  return [...found].map(([version, folder]) => ({ version, folder }));
}

before(async () => {
  const started = await lambent(["start", "--detach", "--port", "0"]);
  assert.equal(started.code, 0, started.err);
  assert.match(started.out, /^running at http:\/\/127\.0\.0\.1:\d+, process \d+/);
  writeFileSync(join(work, "function.zip"), await zip({ "app.mjs": FUNCTION }));
});

after(async () => {
  const stopped = await lambent(["stop"]);
  rmSync(work, { recursive: true, force: true });
  assert.equal(stopped.code, 0, stopped.err);
});

/** The tests below call `greet`; it is made by the first AWS CLI there is. */
const programs = awsPrograms();
const skip = programs.length === 0 ? "no AWS CLI on PATH" : false;

test(
  "the seeds' commands run after `lambent aws` with every AWS CLI there is",
  { skip, concurrency: true },
  async (t) => {
    const each = programs.map(({ version, folder }, at) =>
      t.test(`aws-cli ${version}`, () => seeds(at === 0 ? "greet" : `greet-${String(at)}`, folder)),
    );
    await Promise.all(each);
  },
);

async function seeds(name: string, folder: string): Promise<void> {
  const path = `${folder}:${process.env["PATH"] ?? ""}`;
  const created = await lambent(
    `aws lambda create-function --function-name ${name} --runtime nodejs24.x
     --role arn:aws:iam::123456789012:role/lambda-execution-role
     --handler app.handler --zip-file fileb://function.zip`.split(/\s+/),
    path,
  );
  assert.equal(created.code, 0, created.err);
  assert.equal((JSON.parse(created.out) as { Version: string }).Version, "$LATEST");
  const file = `${name}.json`;
  for (const extra of [[], ["--cli-binary-format", "raw-in-base64-out"]]) {
    const payload = ["--payload", '{"name": "Alice"}', ...extra, file];
    const invoked = await lambent(["aws", "lambda", "invoke", "--function-name", name, ...payload], path);
    assert.equal(invoked.code, 0, invoked.err);
    assert.equal(readFileSync(join(work, file), "utf8"), '{"hello":"Alice"}');
  }
  const group = `/aws/lambda/${name}`;
  const groups = await lambent(
    ["aws", "logs", "describe-log-groups", "--log-group-name-prefix", group],
    path,
  );
  assert.ok(groups.out.includes(`"logGroupName": "${group}"`), groups.out + groups.err);
  const missing = await lambent(["aws", "lambda", "get-function", "--function-name", "none"], path);
  assert.notEqual(missing.code, 0);
}

test(
  "invoke: payload from the command line and from a file, answer on standard output",
  { skip },
  async () => {
    const direct = await lambent(["invoke", "greet", '{"name":"Bob"}']);
    assert.equal(direct.code, 0, direct.err);
    assert.equal(direct.out, '{"hello":"Bob"}\n');
    assert.match(direct.err, /200 .* request [0-9a-f-]{36}/);
    writeFileSync(join(work, "event.json"), '{"name":"Eve"}');
    const fromFile = JSON.parse((await lambent(["invoke", "greet", "-f", "event.json", "--json"])).out) as {
      statusCode: number;
      payload: unknown;
      log: string;
    };
    assert.equal(fromFile.statusCode, 200);
    assert.deepEqual(fromFile.payload, { hello: "Eve" });
    assert.match(fromFile.log, /greeting Eve[^]*REPORT RequestId/);
  },
);

test("a function that fails has exit code 3, shows its log, and says where to look", { skip }, async () => {
  const failed = await lambent(["invoke", "greet", '{"name":"nobody"}']);
  assert.equal(failed.code, 3);
  assert.match(failed.out, /"errorMessage":"nobody to greet"/);
  assert.match(failed.err, /REPORT RequestId[^]*→ next: (npx )?lambent logs greet/);
  const missing = await lambent(["invoke", "nosuch"]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /ResourceNotFoundException[^]*→ next: /);
});

test("logs follow; retries of an asynchronous event come when the clock is moved", { skip }, async () => {
  const follower = spawn(process.execPath, [LAUNCHER, "logs", "-f", "greet", "--since", "1s"], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await lambent(["invoke", "greet", '{"name":"marker"}']);
    await saying(follower, "greeting marker");
    const report = (): Promise<string> => saying(follower, "REPORT ");
    const first = report();
    const queued = await lambent(["invoke", "greet", "--async", '{"name":"nobody"}']);
    assert.match(queued.out, /^202/);
    await first;
    await broughtForward(report(), "1m");
    await broughtForward(report(), "2m");
  } finally {
    follower.kill("SIGTERM");
  }
  const ids = new Set<string>();
  const history = await lambent(["logs", "greet", "--since", "1h", "--filter", '"Invoke Error"', "--json"]);
  for (const line of history.out.trim().split("\n")) {
    const { message } = JSON.parse(line) as { message: string };
    const id = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(message)?.[0];
    if (id !== undefined) ids.add(id);
  }
  assert.equal(history.out.trim().split("\n").length, 4, "one synchronous failure and three attempts");
  assert.equal(ids.size, 2, "the retries keep the event's id");
});

/** A retry is in the queue a moment after the REPORT line is in the log: the clock is moved until it runs. */
async function broughtForward(event: Promise<unknown>, step: string): Promise<void> {
  const over = { yet: false };
  const seen = event.finally(() => (over.yet = true));
  while (!over.yet) {
    assert.equal((await lambent(["clock", "advance", step])).code, 0);
    await Promise.race([seen, new Promise((resolve) => setTimeout(resolve, 500))]);
  }
  await seen;
}

test("status counts, a second server on the folder is refused, doctor answers", { skip }, async () => {
  const status = JSON.parse((await lambent(["status", "--json"])).out) as {
    counts: Record<string, number>;
    pid: number;
  };
  assert.equal(status.counts["functions"], programs.length);
  const second = await lambent(["start", "--port", "0"]);
  assert.equal(second.code, 5);
  assert.match(second.err, /already runs on [^]*→ next: (npx )?lambent status/);
  const detached = await lambent(["start", "--detach", "--port", "0"]);
  assert.equal(detached.code, 5);
  assert.match(detached.err, /already runs on /);
  const doctor = JSON.parse((await lambent(["doctor", "--json"])).out) as { name: string }[];
  assert.ok(doctor.some(({ name }) => name.startsWith("sandbox ")));
});

test("reset empties everything", async () => {
  assert.equal((await lambent(["reset", "--yes"])).code, 0);
  const status = JSON.parse((await lambent(["status", "--json"])).out) as { counts: Record<string, number> };
  assert.equal(status.counts["functions"], 0);
});

test("demo: deploys, calls, shows the answer and its REPORT line, stays until Ctrl-C", async () => {
  const demo = spawn(process.execPath, [LAUNCHER, "demo", "--port", "0", "--data-dir", join(work, "demo")], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<number | null>((resolve) => demo.once("close", resolve));
  let errors = "";
  demo.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const text = await saying(demo, "lambent logs -f hello").catch(String);
  demo.kill("SIGINT");
  assert.match(text, /answered: .*Hello, Alice!/, errors);
  assert.match(text, /REPORT RequestId: .*Max Memory Used/);
  assert.equal(await ended, 0);
});
