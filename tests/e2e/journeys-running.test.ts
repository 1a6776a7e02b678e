/**
 * What runs, as a user meets it: every runtime of this host (J8), processor and /tmp by configuration
 * (J25, J33), a thousand calls at once (J27), bootstraps (J37), the role's session through the SDKs (J44).
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  GetAccountSettingsCommand,
  LambdaClient,
  InvokeCommand,
  PutFunctionConcurrencyCommand,
  type Runtime,
} from "@aws-sdk/client-lambda";
import { clients, refusal, ROLE, type Clients } from "./client.ts";
import { findTool, lambent, SDK_CONFIG, startServer, type RunningServer } from "./server.ts";

let server: RunningServer;
let aws: Clients;

before(async () => {
  server = await startServer({ env: { LAMBENT_SDK: "auto" } });
  aws = clients(server);
});
after(async () => {
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
});

interface RuntimeRow {
  readonly runtime: string;
  readonly available: boolean;
}

describe("runtimes (J8)", () => {
  const HELLO: Readonly<Record<string, { file: string; code: string; handler: string }>> = {
    nodejs: {
      file: "index.mjs",
      code: "export const handler = async (event) => ({ hello: event.name, by: process.env.AWS_EXECUTION_ENV });\n",
      handler: "index.handler",
    },
    python: {
      file: "lambda_function.py",
      code: "import os\ndef lambda_handler(event, context):\n    return {'hello': event['name'], 'by': os.environ['AWS_EXECUTION_ENV']}\n",
      handler: "lambda_function.lambda_handler",
    },
  };

  test("each one of Node and Python says hello and leaves a REPORT", async (t) => {
    const listed = await lambent(server, ["runtimes", "--json"]);
    assert.equal(listed.code, 0, listed.stderr);
    const rows = JSON.parse(listed.stdout) as RuntimeRow[];
    for (const name of ["nodejs24.x", "nodejs22.x", "nodejs20.x", "python3.13", "python3.12", "python3.11"]) {
      assert.ok(
        rows.some((row) => row.runtime === name),
        `${name} is not listed:\n${listed.stdout}`,
      );
    }
    for (const { runtime, available } of rows) {
      const sample = HELLO[/^[a-z]+/.exec(runtime)?.[0] ?? ""];
      if (sample === undefined) continue;
      await t.test(runtime, { skip: available ? false : "no interpreter is installed" }, async () => {
        const name = `hello-${runtime.replaceAll(".", "-")}`;
        await aws.create(
          name,
          { [sample.file]: sample.code },
          { Runtime: runtime as Runtime, Handler: sample.handler, Timeout: 10 },
        );
        const answer = await aws.invoke(name, { name: "Alice" });
        assert.deepEqual(answer.payload, { hello: "Alice", by: `AWS_Lambda_${runtime}` }, answer.log);
        assert.match(answer.log, /REPORT RequestId: .*Init Duration: [\d.]+ ms/);
      });
    }
  });

  test("a language that cannot run here is refused by name, with the next step", async () => {
    for (const runtime of ["java21", "ruby3.3", "dotnet8"] as Runtime[]) {
      const error = await refusal(
        aws.create("absent", { "a.txt": "a" }, { Runtime: runtime, Handler: "a.b", Role: ROLE }),
      );
      assert.equal(error.name, "InvalidParameterValueException");
      assert.equal(error.message, `Runtime ${runtime} is not implemented by Lambent yet.`);
    }
  });

  test("a bootstrap of nothing but a shell and curl (J37)", { skip: noCurl() }, async () => {
    const bootstrap = `#!/bin/sh
set -eu
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while true; do
  EVENT=$(curl -sS -D /tmp/headers "$API/invocation/next")
  ID=$(grep -i '^lambda-runtime-aws-request-id:' /tmp/headers | tr -d '\\r' | cut -d' ' -f2)
  curl -sS -o /dev/null -d "{\\"handler\\": \\"$_HANDLER\\", \\"event\\": $EVENT}" "$API/invocation/$ID/response"
done
`;
    for (const runtime of ["provided.al2023", "provided.al2"] as Runtime[]) {
      const name = `shell-${runtime.replace(".", "-")}`;
      await aws.create(
        name,
        { bootstrap: { text: bootstrap, mode: 0o755 } },
        { Runtime: runtime, Handler: "my.handler", Timeout: 10 },
      );
      const answer = await aws.invoke(name, { name: "Alice" });
      assert.deepEqual(answer.payload, { handler: "my.handler", event: { name: "Alice" } }, answer.log);
    }
  });
});

function noCurl(): string | false {
  return findTool("/usr/bin/curl") === undefined ? "/usr/bin/curl is not installed" : false;
}

describe("what a configuration buys", () => {
  test("processor time grows with memory (J25)", async (t) => {
    const status = await lambent(server, ["doctor", "--json"]);
    if (!/cpu/.test(status.stdout)) return t.skip("the sandbox driver limits no processor time");
    // The share of one processor that a busy loop got: no duration is compared with a clock.
    const code = `import time
def handler(event, context):
    wall, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < 1.5: pass
    return (time.process_time() - cpu) / (time.perf_counter() - wall)
`;
    const share = async (MemorySize: number): Promise<number> => {
      const name = `spin-${String(MemorySize)}`;
      await aws.create(name, { "app.py": code }, { MemorySize, Timeout: 20 });
      return (await aws.invoke(name)).payload as number;
    };
    const small = await share(128);
    const large = await share(1769);
    assert.ok(small < 0.2, `128 MB got ${String(small)} of a processor; 0.07 is its due`);
    assert.ok(large > 2 * small, `1769 MB got ${String(large)}, 128 MB ${String(small)}`);
  });

  test("2,048 MB of /tmp hold what 512 MB do not (J33)", async () => {
    const code = `import os
def handler(event, context):
    try:
        fd = os.open('/tmp/fill', os.O_CREAT | os.O_WRONLY)
        os.posix_fallocate(fd, 0, event['mb'] << 20)
        return 'fits'
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)
        os.unlink('/tmp/fill')
`;
    for (const [Size, mb, expected] of [
      [512, 700, 28],
      [2048, 700, "fits"],
      [2048, 2100, 28],
    ] as const) {
      const name = `tmp-${String(Size)}-${String(mb)}`;
      await aws.create(name, { "app.py": code }, { EphemeralStorage: { Size }, Timeout: 30 });
      assert.equal((await aws.invoke(name, { mb })).payload, expected, name);
    }
  });
});

test("a thousand calls at once: never more than the quota run, the rest are told why (J27, J28)", async () => {
  const quota = await aws.lambda.send(new GetAccountSettingsCommand({}));
  assert.equal(quota.AccountLimit?.ConcurrentExecutions, 1000);
  await aws.create(
    "busy",
    {
      "app.py":
        "import time\ndef handler(event, context):\n    time.sleep(0.5)\n    return context.log_stream_name\n",
    },
    { Timeout: 20 },
  );
  await aws.lambda.send(
    new PutFunctionConcurrencyCommand({ FunctionName: "busy", ReservedConcurrentExecutions: 8 }),
  );
  const lambda = new LambdaClient({
    ...SDK_CONFIG,
    endpoint: server.endpoint,
    maxAttempts: 1,
    requestHandler: { httpAgent: { maxSockets: 250 }, socketAcquisitionWarningTimeout: 60_000 },
  });
  const calls = Array.from({ length: 1000 }, () => lambda.send(new InvokeCommand({ FunctionName: "busy" })));
  const results = await Promise.allSettled(calls);
  lambda.destroy();
  const streams = new Set<string>();
  const reasons = new Map<string, number>();
  let served = 0;
  for (const result of results) {
    if (result.status === "fulfilled") {
      served++;
      assert.equal(result.value.FunctionError, undefined);
      streams.add(Buffer.from(result.value.Payload ?? []).toString());
      continue;
    }
    const error = result.reason as Error & { Reason?: string; $metadata: { httpStatusCode?: number } };
    const key = `${String(error.$metadata.httpStatusCode)} ${error.name} ${error.Reason ?? ""}`;
    reasons.set(key, (reasons.get(key) ?? 0) + 1);
  }
  assert.ok(served >= 8, `${String(served)} were served: ${JSON.stringify([...reasons])}`);
  assert.ok(streams.size <= 8, `${String(streams.size)} environments ran`);
  assert.deepEqual(
    [...reasons],
    [["429 TooManyRequestsException ReservedFunctionConcurrentInvocationLimitExceeded", 1000 - served]],
  );
  const metrics = await (await fetch(`${server.endpoint}/metrics`)).text();
  assert.equal(Number(/^lambent_throttles_total (\d+)$/m.exec(metrics)?.[1]), 1000 - served);
});

describe("no key in the code (J44)", () => {
  test("boto3", async (t) => {
    await aws.create(
      "who-python",
      {
        "app.py":
          "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()['Arn']\n",
      },
      { Timeout: 60, MemorySize: 512 },
    );
    const answer = await aws.invoke("who-python");
    if (/No module named 'boto3'/.test(JSON.stringify(answer.payload)))
      return t.skip("boto3 could not be installed");
    assert.equal(answer.payload, "arn:aws:sts::000000000000:assumed-role/test/who-python", answer.log);
  });

  test("the AWS SDK for JavaScript", async (t) => {
    await aws.create(
      "who-node",
      {
        "index.mjs":
          "import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';\nexport const handler = async () => (await new STSClient({}).send(new GetCallerIdentityCommand({}))).Arn;\n",
      },
      { Runtime: "nodejs24.x", Handler: "index.handler", Timeout: 60, MemorySize: 512 },
    );
    const answer = await aws.invoke("who-node");
    if (/Cannot find package '@aws-sdk/.test(JSON.stringify(answer.payload)))
      return t.skip("the AWS SDK for JavaScript could not be installed");
    assert.equal(answer.payload, "arn:aws:sts::000000000000:assumed-role/test/who-node", answer.log);
  });
});
