/**
 * Looking at what a function did: its lines as they come with `aws logs tail --follow` and in both log
 * formats (J46), and asynchronous failures on their way to a destination with the AWS CLI (J23).
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { after, before, describe, test } from "node:test";
import { UpdateFunctionConfigurationCommand, waitUntilFunctionUpdatedV2 } from "@aws-sdk/client-lambda";
import { zip } from "../../src/testing/zip.ts";
import { AWS_CLIS, words } from "./aws-cli.ts";
import { clients, type Clients } from "./client.ts";
import { AWS_V2, clientEnv, lambent, startServer, until, type RunningServer } from "./server.ts";

const TALKER = `import logging, os, sys
logger = logging.getLogger()
if os.environ.get('AWS_LAMBDA_LOG_FORMAT') != 'JSON': logger.setLevel(logging.INFO)
def lambda_handler(event, context):
    print('printed', event['n'])
    print('to stderr', event['n'], file=sys.stderr)
    logger.info('logged %s', event['n'])
    logger.debug('unheard %s', event['n'])
`;

let server: RunningServer;
let aws: Clients;
let folder: string;

before(async () => {
  server = await startServer();
  aws = clients(server);
  folder = mkdtempSync(join(tmpdir(), "lambent-journeys-logs-"));
  await aws.create("talker", { "lambda_function.py": TALKER }, { Handler: "lambda_function.lambda_handler" });
});
after(async () => {
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

describe("log lines (J46)", () => {
  test(
    "aws logs tail --follow shows them as they come",
    { skip: AWS_V2 === undefined ? "/usr/bin/aws (v2) is not installed" : false },
    async () => {
      await aws.invoke("talker", { n: "before" });
      const tail = spawn(
        AWS_V2 ?? "",
        [...words("logs tail /aws/lambda/talker --follow --since 1m --endpoint-url"), server.endpoint],
        {
          env: { ...process.env, ...clientEnv(server), PYTHONUNBUFFERED: "1" },
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      let shown = "";
      tail.stdout.on("data", (chunk: Buffer) => (shown += chunk.toString()));
      tail.stderr.on("data", (chunk: Buffer) => (shown += chunk.toString()));
      try {
        await until("the lines of before are shown", () => /printed before[^]*REPORT/.test(shown));
        await aws.invoke("talker", { n: "after" });
        await until("the lines of after are shown", () => /printed after[^]*REPORT/.test(shown), 40);
      } catch (error) {
        throw new Error(`${String(error)}\n${shown}`, { cause: error });
      } finally {
        tail.kill("SIGTERM");
      }
      assert.match(shown, /^\S+ \d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32} printed after$/m);
      assert.match(shown, /to stderr after/);
      assert.match(shown, /\[INFO\]\t\S+Z\t[0-9a-f-]{36}\tlogged after/);
      assert.doesNotMatch(shown, /unheard/);
    },
  );

  test("the JSON format, with levels for the application and the platform", async () => {
    await aws.lambda.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: "talker",
        LoggingConfig: { LogFormat: "JSON", ApplicationLogLevel: "WARN", SystemLogLevel: "INFO" },
      }),
    );
    await waitUntilFunctionUpdatedV2({ client: aws.lambda, maxWaitTime: 20 }, { FunctionName: "talker" });
    const { log } = await aws.invoke("talker", { n: "quiet" });
    assert.doesNotMatch(log, /logged quiet/, "INFO is below WARN");
    const records = log
      .trim()
      .split("\n")
      .flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Record<string, unknown>] : []));
    const types = records.map((record) => record["type"]);
    assert.ok(types.includes("platform.start") && types.includes("platform.report"), log);
    await aws.lambda.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: "talker",
        LoggingConfig: { LogFormat: "JSON", ApplicationLogLevel: "INFO" },
      }),
    );
    await waitUntilFunctionUpdatedV2({ client: aws.lambda, maxWaitTime: 20 }, { FunctionName: "talker" });
    const loud = (await aws.invoke("talker", { n: "loud" })).log;
    const line = loud.split("\n").find((text) => text.includes("logged loud")) ?? "{}";
    const record = JSON.parse(line) as Record<string, unknown>;
    assert.equal(record["level"], "INFO");
    assert.equal(record["message"], "logged loud");
    assert.match(String(record["requestId"]), /^[0-9a-f-]{36}$/);
    assert.match(String(record["timestamp"]), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.equal(record["logger"], "root");
  });
});

for (const cli of AWS_CLIS) {
  test(
    `an event that fails three times reaches the destination, with ${cli.name} (J23)`,
    { skip: cli.skip },
    async () => {
      const ok = async (command: string, ...more: string[]): Promise<string> => {
        const ran = await cli.run(server, folder, [...words(command), ...more]);
        assert.equal(ran.code, 0, `${command}\n${ran.stderr}${ran.stdout}`);
        return ran.stdout;
      };
      const failing = `failing-${cli.suffix}`;
      const sink = `sink-${cli.suffix}`;
      await aws.create(sink, {
        "app.py": "import json\ndef handler(event, context): print('got ' + json.dumps(event))\n",
      });
      const archive = zip({ "app.py": "def handler(event, context): raise ValueError('attempt failed')\n" });
      writeFileSync(join(folder, "failing.zip"), archive);
      await ok(
        `lambda create-function --function-name ${failing} --runtime python3.12 --handler app.handler
         --role arn:aws:iam::000000000000:role/r --zip-file fileb://failing.zip`,
      );
      await ok(
        `lambda put-function-event-invoke-config --function-name ${failing} --maximum-retry-attempts 2
         --maximum-event-age-in-seconds 3600 --destination-config`,
        JSON.stringify({
          OnFailure: { Destination: `arn:aws:lambda:us-east-1:000000000000:function:${sink}` },
        }),
      );
      const accepted = await ok(
        `lambda invoke --function-name ${failing} --invocation-type Event --payload`,
        '{"order": 7}',
        "accepted.json",
      );
      assert.equal((JSON.parse(accepted) as { StatusCode: number }).StatusCode, 202);
      const attempts = async (): Promise<number> => (await aws.lines(failing, '"REPORT RequestId"')).length;
      for (const [made, minutes] of [
        [1, "1m"],
        [2, "2m"],
      ] as const) {
        await until(`${String(made)} attempts`, async () => (await attempts()) === made);
        // The retry is in the queue a moment after the REPORT line is in the log: the clock is moved until it runs.
        await until(`attempt ${String(made + 1)}`, async () => {
          await lambent(server, ["clock", "advance", minutes]);
          return (await attempts()) > made;
        });
      }
      let record: Record<string, Record<string, unknown>> = {};
      await until("the destination got the record", async () => {
        const [line] = await aws.lines(sink, '"got "');
        if (line === undefined) return false;
        record = JSON.parse(line.slice(line.indexOf("{"))) as typeof record;
        return true;
      });
      assert.equal(record["requestContext"]?.["condition"], "RetriesExhausted");
      assert.equal(record["requestContext"]?.["approximateInvokeCount"], 3);
      assert.deepEqual(record["requestPayload"], { order: 7 });
      assert.equal(record["responseContext"]?.["functionError"], "Unhandled");
      assert.equal(record["responsePayload"]?.["errorMessage"], "attempt failed");
    },
  );
}
