/** What stands beside AWS's answer when a function's code cannot be entered (J7, J37), and what a moved clock ages. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, before, test } from "node:test";
import { GetFunctionCommand, InvokeCommand, type Runtime } from "@aws-sdk/client-lambda";
import { CreateBucketCommand, PutBucketNotificationConfigurationCommand, S3Client } from "@aws-sdk/client-s3";
import { rawZip, zip } from "../../src/testing/zip.ts";
import { AWS_CLIS } from "./aws-cli.ts";
import { arnOf } from "./cli-session.ts";
import { clients, refusal, type Clients } from "./client.ts";
import { lambent, ROOT, run, SDK_CONFIG, startServer, until, type RunningServer } from "./server.ts";

let server: RunningServer;
let aws: Clients;

before(async () => {
  server = await startServer();
  aws = clients(server);
});
after(async () => {
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
});

type AnswerHeaders = Readonly<Record<string, string | undefined>>;

interface Broken {
  readonly runtime: Runtime;
  readonly handler: string;
  readonly archive: Uint8Array;
  readonly errorType: string;
  readonly hint: RegExp;
}

const BROKEN: Readonly<Record<string, Broken>> = {
  "python-file": {
    runtime: "python3.12",
    handler: "app.main",
    archive: zip({ "lambda_function.py": "def main(e, c): return 1\n", "notes.txt": "" }),
    errorType: "Runtime.ImportModuleError",
    hint: /^handler app\.main wants app\.py; the archive has lambda_function\.py, notes\.txt: set the handler to lambda_function\.main/,
  },
  "python-name": {
    runtime: "python3.12",
    handler: "app.main",
    archive: zip({ "app.py": "def handler(e, c): return 1\n" }),
    errorType: "Runtime.HandlerNotFound",
    hint: /^app\.py is in the archive, but defines no main/,
  },
  "python-import": {
    runtime: "python3.12",
    handler: "app.main",
    archive: zip({ "app.py": "import not_packed\n" }),
    errorType: "Runtime.ImportModuleError",
    hint: /^app\.py imports not_packed, .*pip install not_packed -t \./,
  },
  "node-folder": {
    runtime: "nodejs22.x",
    handler: "index.handler",
    archive: zip({ "dist/index.js": "exports.handler = async () => 1;" }),
    errorType: "Runtime.ImportModuleError",
    hint: /zip what is in dist\/ instead of the folder, or set the handler to dist\/index\.handler$/,
  },
  "own-run-bit": {
    runtime: "provided.al2023",
    handler: "any",
    archive: rawZip([{ name: "bootstrap", body: "#!/bin/sh\n", mode: 0o100644 }]),
    errorType: "Runtime.InvalidEntrypoint",
    hint: /^bootstrap may not be run: chmod \+x bootstrap/,
  },
};

for (const [name, { runtime, handler, archive, errorType, hint }] of Object.entries(BROKEN)) {
  test(`${name}: AWS's bytes in the body, the next step beside them`, async () => {
    await aws.create(name, {}, { Runtime: runtime, Handler: handler, Code: { ZipFile: archive } });
    for (const target of [name, `arn:aws:lambda:us-east-1:000000000000:function:${name}`]) {
      const response = await fetch(
        `${server.endpoint}/2015-03-31/functions/${encodeURIComponent(target)}/invocations`,
        { method: "POST", body: "{}" },
      );
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("x-amz-function-error"), "Unhandled");
      const body = (await response.json()) as Record<string, unknown>;
      assert.equal(body["errorType"], errorType);
      assert.deepEqual(
        Object.keys(body).filter(
          (key) => !["errorType", "errorMessage", "requestId", "stackTrace", "trace"].includes(key),
        ),
        [],
      );
      assert.match(response.headers.get("x-lambent-hint") ?? "(none)", hint);
    }
    assert.match(
      server
        .output()
        .split("\n")
        .filter((line) => line.includes(`function:${name}`))
        .join("\n"),
      new RegExp(hint.source.replaceAll(/^\^|\$$/g, "")),
    );
  });
}

test("`lambent invoke` tells it, also as JSON; an error of the function's own needs none", async () => {
  const ran = await lambent(server, ["invoke", "python-file", "{}"]);
  assert.equal(ran.code, 3);
  assert.match(ran.stderr, /→ next: handler app\.main wants app\.py/);
  const asJson = await lambent(server, ["invoke", "own-run-bit", "{}", "--json"]);
  assert.match((JSON.parse(asJson.stdout) as { hint: string }).hint, /chmod \+x bootstrap/);
  await aws.create("raises", { "app.py": "def handler(e, c): raise ValueError('no')\n" });
  const own = await lambent(server, ["invoke", "raises", "{}"]);
  assert.match(own.stderr, /→ next: (npx )?lambent logs raises/);
});

test("who calls with the AWS CLI is told beside its answer, and everybody can read it later", async (t) => {
  const [cli] = AWS_CLIS.filter((one) => one.skip === false);
  if (cli === undefined) return t.skip("no AWS CLI is installed");
  const invoke = ["aws", "lambda", "invoke", "--function-name", "python-file", "/dev/null"];
  const PATH = `${dirname(cli.program ?? "")}:${process.env["PATH"] ?? ""}`;
  const ran = await run(process.execPath, [join(ROOT, "bin/lambent.js"), ...invoke], {
    env: { LAMBENT_DATA_DIR: server.dataDir, PATH },
  });
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stderr, /^→ lambent: handler app\.main wants app\.py/m);
  const hints = await lambent(server, ["hints"]);
  assert.match(hints.stdout, /ago {2}Invoke\n {2}→ handler app\.main wants app\.py/);
});

test("a bucket that may not call its function is told how to let it", async (t) => {
  const s3 = new S3Client({ ...SDK_CONFIG, endpoint: server.endpoint, forcePathStyle: true });
  t.after(() => s3.destroy());
  await aws.create("called", { "app.py": "def handler(e, c): pass\n" });
  await s3.send(new CreateBucketCommand({ Bucket: "caller" }));
  await s3.send(
    new PutBucketNotificationConfigurationCommand({
      Bucket: "caller",
      NotificationConfiguration: {
        LambdaFunctionConfigurations: [
          { LambdaFunctionArn: arnOf.function("called"), Events: ["s3:ObjectCreated:*"] },
        ],
      },
    }),
  );
  const hints = await lambent(server, ["hints"]);
  assert.match(
    hints.stdout,
    /PutBucketNotificationConfiguration\n {2}→ .*aws lambda add-permission --function-name called .*--source-arn arn:aws:s3:::caller/,
  );
});

test("what ran before and cannot run any more is refused in AWS's words, with the way back", async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-e2e-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  const listed = await lambent(server, ["runtimes", "--json"]);
  const rows = JSON.parse(listed.stdout) as { runtime: Runtime; available: boolean; exact: boolean }[];
  const nearest = rows.find((row) => row.available && !row.exact && /^(node|python)/.test(row.runtime));
  const exact = rows.find((row) => row.available && row.exact && /^(node|python)/.test(row.runtime));
  if (exact === undefined) return t.skip("no runtime is here in its exact version");
  const source = {
    "index.js": "exports.handler = async () => 1;",
    "index.py": "def handler(e, c): return 1\n",
  };
  const before = await startServer({ dataDir });
  const theirs = clients(before);
  await theirs.create("damaged", source, { Runtime: exact.runtime, Handler: "index.handler" });
  if (nearest !== undefined) {
    const more = { ...source, "more.txt": "another archive" };
    await theirs.create("nearest", more, { Runtime: nearest.runtime, Handler: "index.handler" });
  }
  const { Configuration } = await theirs.lambda.send(new GetFunctionCommand({ FunctionName: "damaged" }));
  theirs.destroy();
  await before.stop();
  const sha256 = Buffer.from(Configuration?.CodeSha256 ?? "", "base64").toString("hex");
  truncateSync(join(dataDir, "blobs", sha256.slice(0, 2), sha256.slice(2)), 100);
  rmSync(join(dataDir, "code", sha256), { recursive: true });
  await using again = await startServer({ dataDir, flags: ["--strict-runtimes"] });
  const its = clients(again);
  t.after(() => its.destroy());
  const damaged = await refusal(its.invoke("damaged"));
  assert.equal(damaged.name, "InvalidZipFileException");
  assert.equal(damaged.message, "Lambda could not unzip the deployment package.");
  const { $response } = damaged as unknown as { $response: { statusCode: number; headers: AnswerHeaders } };
  assert.equal($response.statusCode, 502);
  assert.match($response.headers["x-lambent-hint"] ?? "", /damaged.*upload the code again/);
  if (nearest === undefined) return t.skip("every runtime here is exact, so that none is refused");
  const strict = await refusal(its.invoke("nearest"));
  assert.equal(strict.name, "InvalidRuntimeException");
});

test("`lambent clock advance` ages idle environments: they are given up as after a real wait", async () => {
  await aws.create("ages", {
    "app.py": "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n",
  });
  const answers = async (): Promise<unknown> => (await aws.invoke("ages")).payload;
  const kept = async (): Promise<number> => {
    const metrics = await (await fetch(`${server.endpoint}/metrics`)).text();
    const counts = [...metrics.matchAll(/lambent_environments\{state="(?:idle|frozen)"\} (\d+)/g)];
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  assert.deepEqual([await answers(), await answers()], [1, 2]);
  assert.equal((await lambent(server, ["clock", "advance", "2m"])).code, 0);
  assert.equal(await answers(), 3, "two minutes are not too long");
  assert.ok((await kept()) > 0);
  assert.equal((await lambent(server, ["clock", "advance", "2h"])).code, 0);
  await until("no environment is idle", async () => (await kept()) === 0);
  assert.equal(await answers(), 1, "a new environment");
});

test("what is still used after the clock was moved stays", async () => {
  await aws.create("stays", {
    "app.py": "n = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return n\n",
  });
  assert.equal((await aws.invoke("stays")).payload, 1);
  assert.equal((await lambent(server, ["clock", "advance", "1m"])).code, 0);
  assert.equal((await aws.invoke("stays")).payload, 2);
  await aws.lambda.send(new InvokeCommand({ FunctionName: "stays" }));
  assert.equal((await aws.invoke("stays")).payload, 4);
});
