/** What was answered with 2xx survives: restart, kill -9 in the middle of a thousand events, and the order of fsync and answer. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CreateLogGroupCommand, CreateLogStreamCommand } from "@aws-sdk/client-cloudwatch-logs";
import { spawn } from "node:child_process";
import {
  AddPermissionCommand,
  CreateAliasCommand,
  GetAliasCommand,
  GetFunctionCommand,
  GetPolicyCommand,
  InvokeCommand,
  ListVersionsByFunctionCommand,
  PublishVersionCommand,
  PutFunctionEventInvokeConfigCommand,
} from "@aws-sdk/client-lambda";
import { clients } from "./client.ts";
import { advanceClock, findTool, startServer, until } from "./server.ts";

const ECHO = "def handler(e, c):\n    print('ran ' + str(e.get('n')))\n    return e\n";

test("stop and start keep functions, versions, aliases, policies, logs and undelivered events", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-keep-"));
  let server = await startServer({ dataDir });
  try {
    let aws = clients(server);
    await aws.create(
      "keeper",
      { "app.py": ECHO },
      { Environment: { Variables: { SECRET: "kept-but-sealed" } } },
    );
    await aws.lambda.send(new PublishVersionCommand({ FunctionName: "keeper" }));
    await aws.lambda.send(
      new CreateAliasCommand({ FunctionName: "keeper", Name: "live", FunctionVersion: "1" }),
    );
    await aws.lambda.send(
      new AddPermissionCommand({
        FunctionName: "keeper",
        StatementId: "s1",
        Action: "lambda:InvokeFunction",
        Principal: "s3.amazonaws.com",
      }),
    );
    await aws.invoke("keeper", { n: "before" });
    await until(
      "the line is in the log",
      async () => (await aws.lines("keeper", '"ran before"')).length === 1,
    );
    // A function that always fails waits a minute for its first retry: the event is on disk meanwhile.
    await aws.create("failing", {
      "app.py": "def handler(e, c):\n    print('attempt')\n    raise Exception('no')\n",
    });
    await aws.invoke("failing", {}, { InvocationType: "Event", LogType: "None" });
    await until("the first attempt", async () => (await aws.lines("failing", "attempt")).length >= 1);
    aws.destroy();
    assert.equal(await server.stop(), 0);

    server = await startServer({ dataDir, port: server.port });
    aws = clients(server);
    const kept = await aws.lambda.send(new GetFunctionCommand({ FunctionName: "keeper" }));
    assert.equal(kept.Configuration?.Environment?.Variables?.["SECRET"], "kept-but-sealed");
    const versions = await aws.lambda.send(new ListVersionsByFunctionCommand({ FunctionName: "keeper" }));
    assert.deepEqual(
      versions.Versions?.map((version) => version.Version),
      ["$LATEST", "1"],
    );
    assert.equal(
      (await aws.lambda.send(new GetAliasCommand({ FunctionName: "keeper", Name: "live" }))).FunctionVersion,
      "1",
    );
    assert.match(
      (await aws.lambda.send(new GetPolicyCommand({ FunctionName: "keeper" }))).Policy ?? "",
      /s3\.amazonaws\.com/,
    );
    assert.equal((await aws.lines("keeper", '"ran before"')).length, 1);
    assert.deepEqual((await aws.invoke("keeper", { n: "after" }, { Qualifier: "live" })).payload, {
      n: "after",
    });

    // A retry is in the queue a moment after the attempt's line is in the log: the clock is moved until it runs.
    for (const [retry, waitMs] of [
      [1, 61_000],
      [2, 121_000],
    ] as const) {
      await until(`retry ${String(retry)} ran after the restart`, async () => {
        await advanceClock(server, waitMs);
        return (await aws.lines("failing", "attempt")).length > retry;
      });
    }
    assert.equal((await aws.lines("failing", "attempt")).length, 3);
    for (const file of ["state.db", "state.db-wal"]) {
      const bytes = await import("node:fs/promises").then((fs) =>
        fs.readFile(join(dataDir, file)).catch(() => Buffer.alloc(0)),
      );
      assert.ok(!bytes.includes("kept-but-sealed"), `${file} holds a variable in the clear`);
    }
    aws.destroy();
  } finally {
    await server[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

/**
 * Tells of each run by PutLogEvents, which is on disk when it is answered: a function's own log lines may
 * lose their last moment to a kill, and could not tell a lost event from a lost line.
 */
const WITNESS = `import json, os, time, urllib.request
def call(operation, body):
    request = urllib.request.Request(os.environ['AWS_ENDPOINT_URL'], method='POST', data=json.dumps(body).encode(),
        headers={'X-Amz-Target': 'Logs_20140328.' + operation, 'Content-Type': 'application/x-amz-json-1.1'})
    return urllib.request.urlopen(request, timeout=10).read()
def handler(e, c):
    call('PutLogEvents', {'logGroupName': 'witness', 'logStreamName': 'runs',
        'logEvents': [{'timestamp': int(time.time() * 1000), 'message': e['n']}]})
`;

test("kill -9 in the middle of a thousand asynchronous invocations loses none", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "lambent-kill-"));
  let server = await startServer({ dataDir });
  try {
    let aws = clients(server);
    await aws.create("counter", { "app.py": WITNESS }, { Timeout: 30 });
    await aws.logs.send(new CreateLogGroupCommand({ logGroupName: "witness" }));
    await aws.logs.send(new CreateLogStreamCommand({ logGroupName: "witness", logStreamName: "runs" }));
    const accepted: number[] = [];
    let killed: Promise<void> | undefined;
    const lanes = Array.from({ length: 32 }, async (_, lane) => {
      for (let n = lane; n < 1000; n += 32) {
        try {
          const answer = await aws.lambda.send(
            new InvokeCommand({
              FunctionName: "counter",
              InvocationType: "Event",
              Payload: JSON.stringify({ n: `<${String(n)}>` }),
            }),
          );
          if (answer.StatusCode === 202) accepted.push(n);
        } catch {
          return;
        }
        if (accepted.length >= 500) killed ??= server.kill();
      }
    });
    await Promise.all(lanes);
    await killed;
    assert.ok(accepted.length >= 500, String(accepted.length));
    aws.destroy();
    server = await startServer({ dataDir, port: server.port });
    aws = clients(server);
    const metric = async (): Promise<number> => {
      const text = await (await fetch(`${server.endpoint}/metrics`)).text();
      return Number(/^lambent_async_queue_depth(?:\{[^}]*\})? (\d+)/m.exec(text)?.[1] ?? Number.NaN);
    };
    await until("the queue has drained", async () => (await metric()) === 0, 90);
    const ran = new Set((await aws.linesOf("witness")).map((line) => Number(/<(\d+)>/.exec(line)?.[1])));
    const missing = accepted.filter((n) => !ran.has(n));
    assert.deepEqual(missing, [], "accepted events that never ran");
    aws.destroy();
  } finally {
    await server[Symbol.asyncDispose]();
    rmSync(dataDir, { recursive: true, force: true });
  }
});

const STRACE = findTool("strace");

test(
  "the disk comes before the answer",
  { skip: STRACE === undefined ? "strace is not installed" : false },
  async () => {
    await using server = await startServer();
    const aws = clients(server);
    const trace = join(server.dataDir, "..", `trace-${String(server.pid)}.txt`);
    const tracer = spawn(
      STRACE ?? "",
      [
        "-f",
        "-tt",
        "-y",
        "-s",
        "120",
        "-e",
        "trace=fsync,fdatasync,rename,renameat,renameat2,write,writev,sendmsg",
        "-p",
        String(server.pid),
        "-o",
        trace,
      ],
      { stdio: ["ignore", "ignore", "pipe"] },
    );
    await new Promise<void>((resolve) => tracer.stderr.once("data", () => resolve()));
    try {
      await aws.create("traced", { "app.py": ECHO });
      await aws.lambda.send(
        new InvokeCommand({ FunctionName: "traced", InvocationType: "Event", Payload: '{"n":1}' }),
      );
      await until("both answers are in the trace", () => {
        const text = readFileSync(trace, "latin1");
        return /HTTP\/1\.1 201/.test(text) && /HTTP\/1\.1 202/.test(text);
      });
    } finally {
      tracer.kill("SIGTERM");
      await new Promise((resolve) => tracer.once("exit", resolve));
    }
    const lines = readFileSync(trace, "latin1").split("\n");
    rmSync(trace);
    const created = lines.findIndex((line) => /HTTP\/1\.1 201/.test(line));
    const accepted = lines.findIndex((line) => /HTTP\/1\.1 202/.test(line));
    const before = lines.slice(0, created);
    const blobRename = before.findIndex((line) => /rename/.test(line) && /blobs/.test(line));
    assert.ok(blobRename > 0, "the blob is put in place before CreateFunction answers");
    assert.ok(
      before.slice(0, blobRename).some((line) => /f(data)?sync/.test(line) && /blobs/.test(line)),
      "its bytes are synced first",
    );
    assert.ok(
      before.slice(blobRename).some((line) => /fsync/.test(line) && /blobs/.test(line)),
      "its folder is synced after",
    );
    assert.ok(
      before.slice(blobRename).some((line) => /f(data)?sync/.test(line) && /state\.db/.test(line)),
      "the rows are synced before the answer",
    );
    const previous = lines.slice(0, accepted).findLastIndex((line) => /HTTP\/1\.1 2\d\d/.test(line));
    assert.ok(
      lines.slice(previous, accepted).some((line) => /f(data)?sync/.test(line) && /state\.db/.test(line)),
      "an asynchronous event is synced between its request and the 202",
    );
    aws.destroy();
  },
);

test("destinations of asynchronous invocations: another function gets AWS's record (J23)", async () => {
  await using server = await startServer();
  const aws = clients(server);
  await aws.create("receiver", {
    "app.py": "import json\ndef handler(e, c): print('got ' + json.dumps(e))\n",
  });
  await aws.create("source", {
    "app.py":
      "def handler(e, c):\n    if e.get('fail'): raise Exception('as asked')\n    return {'done': True}\n",
  });
  const receiver = "arn:aws:lambda:us-east-1:000000000000:function:receiver";
  await aws.lambda.send(
    new PutFunctionEventInvokeConfigCommand({
      FunctionName: "source",
      MaximumRetryAttempts: 0,
      DestinationConfig: { OnSuccess: { Destination: receiver }, OnFailure: { Destination: receiver } },
    }),
  );
  await aws.invoke("source", { fail: true }, { InvocationType: "Event", LogType: "None" });
  await aws.invoke("source", { fail: false }, { InvocationType: "Event", LogType: "None" });
  let records: Record<string, unknown>[] = [];
  await until("both records arrived", async () => {
    records = (await aws.lines("receiver", '"got "')).map(
      (line) => JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>,
    );
    return records.length === 2;
  });
  const conditions = records
    .map((record) => (record["requestContext"] as { condition: string }).condition)
    .toSorted();
  assert.deepEqual(conditions, ["RetriesExhausted", "Success"]);
  const failed = records.find(
    (record) => (record["responseContext"] as { functionError?: string }).functionError !== undefined,
  );
  assert.deepEqual(failed?.["requestPayload"], { fail: true });
  assert.equal(
    (failed?.["responsePayload"] as { errorMessage: string } | undefined)?.errorMessage,
    "as asked",
  );
  aws.destroy();
});
