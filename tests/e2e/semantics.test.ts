/** How functions run, as their authors see it: journeys J7, J24 to J26, J28, J31 to J33, J37 and J44, through the SDK. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  CreateAliasCommand,
  PublishVersionCommand,
  PutFunctionConcurrencyCommand,
  UpdateFunctionCodeCommand,
  UpdateFunctionConfigurationCommand,
} from "@aws-sdk/client-lambda";
import { clients, refusal, type Clients } from "./client.ts";
import { startServer, until, type RunningServer } from "./server.ts";
import { zip } from "../../src/testing/zip.ts";

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

const PYTHON = { Runtime: "python3.12", Handler: "app.handler" } as const;
const NODE = { Runtime: "nodejs24.x", Handler: "index.handler" } as const;

interface FunctionErrorBody {
  errorType: string;
  errorMessage: string;
  stackTrace?: unknown;
  trace?: unknown;
}

describe("errors of a function", () => {
  test("a module that is not there (J7)", async () => {
    await aws.create("wrong-file", { "other.py": "def handler(e, c): return 1\n" }, PYTHON);
    const answer = await aws.invoke("wrong-file");
    assert.equal(answer.functionError, "Unhandled");
    const body = answer.payload as FunctionErrorBody;
    assert.equal(body.errorType, "Runtime.ImportModuleError");
    assert.equal(body.errorMessage, "Unable to import module 'app': No module named 'app'");
  });

  test("a handler that is not there (J7), and setting it right", async () => {
    await aws.create("wrong-name", { "app.py": "def main(e, c): return 'found'\n" }, PYTHON);
    const answer = await aws.invoke("wrong-name");
    assert.equal((answer.payload as FunctionErrorBody).errorType, "Runtime.HandlerNotFound");
    await aws.lambda.send(
      new UpdateFunctionConfigurationCommand({ FunctionName: "wrong-name", Handler: "app.main" }),
    );
    await until("the new handler runs", async () => (await aws.invoke("wrong-name")).payload === "found");
  });

  test("raise and throw keep type, message and trace", async () => {
    await aws.create(
      "raises",
      { "app.py": "def handler(e, c):\n    raise ValueError('no ' + e['what'])\n" },
      PYTHON,
    );
    const python = (await aws.invoke("raises", { what: "luck" })).payload as FunctionErrorBody;
    assert.equal(python.errorType, "ValueError");
    assert.equal(python.errorMessage, "no luck");
    assert.match(JSON.stringify(python.stackTrace), /app\.py/);
    await aws.create(
      "throws",
      { "index.js": "exports.handler = async () => { throw new RangeError('too far'); };\n" },
      NODE,
    );
    const node = (await aws.invoke("throws")).payload as FunctionErrorBody;
    assert.equal(node.errorType, "RangeError");
    assert.equal(node.errorMessage, "too far");
    assert.ok(Array.isArray(node.trace));
  });

  test("a process that exits is replaced for the next call", async () => {
    await aws.create(
      "exits",
      { "app.py": "import os\ndef handler(e, c):\n    if e.get('die'): os._exit(3)\n    return 'alive'\n" },
      PYTHON,
    );
    const dead = await aws.invoke("exits", { die: true });
    assert.equal(dead.functionError, "Unhandled");
    const body = dead.payload as FunctionErrorBody;
    assert.equal(body.errorType, "Runtime.ExitError");
    assert.match(
      body.errorMessage,
      /^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3$/,
    );
    assert.equal((await aws.invoke("exits")).payload, "alive");
  });

  test("allocating over the memory limit is ended, and the next call works", async () => {
    await aws.create(
      "greedy",
      {
        "app.py":
          "def handler(e, c):\n    if e.get('eat'):\n        x = bytearray(400 * 1024 * 1024)\n        for i in range(0, len(x), 4096): x[i] = 1\n    return 'fine'\n",
      },
      { ...PYTHON, Timeout: 20 },
    );
    const killed = await aws.invoke("greedy", { eat: true });
    assert.equal(killed.functionError, "Unhandled");
    assert.match((killed.payload as FunctionErrorBody).errorType, /^Runtime\.(ExitError|OutOfMemory)$/);
    assert.match(killed.log, /Memory Size: 128 MB\tMax Memory Used: 12\d MB/);
    assert.equal((await aws.invoke("greedy")).payload, "fine");
  });
});

describe("time", () => {
  test("the default timeout of 3 seconds ends a function and its environment (J24)", async () => {
    await aws.create(
      "sleeper",
      {
        "app.py":
          "import time\nCOUNT = [0]\ndef handler(e, c):\n    COUNT[0] += 1\n    time.sleep(e.get('seconds', 0))\n    return COUNT[0]\n",
      },
      PYTHON,
    );
    assert.equal((await aws.invoke("sleeper")).payload, 1);
    const answer = await aws.invoke("sleeper", { seconds: 5 });
    assert.equal(answer.functionError, "Unhandled");
    assert.match((answer.payload as FunctionErrorBody).errorMessage, /Task timed out after 3\.00 seconds$/);
    assert.match(answer.log, /Status: timeout/);
    assert.equal((await aws.invoke("sleeper")).payload, 1, "a new environment starts counting again");
  });

  test("the remaining time counts down from the timeout", async () => {
    await aws.create(
      "clock",
      { "app.py": "def handler(e, c): return c.get_remaining_time_in_millis()\n" },
      { ...PYTHON, Timeout: 10 },
    );
    const left = (await aws.invoke("clock")).payload as number;
    assert.ok(left > 5_000 && left <= 10_000, String(left));
  });
});

describe("environments", () => {
  test("module state and /tmp survive warm calls, new code starts afresh (J26)", async () => {
    const code = (tag: string): string =>
      `import os\nCOUNT = 0\ndef handler(e, c):\n    global COUNT\n    COUNT += 1\n    seen = os.path.exists('/tmp/mark')\n    open('/tmp/mark', 'w').close()\n    return ['${tag}', COUNT, seen]\n`;
    await aws.create("warm", { "app.py": code("one") }, PYTHON);
    const first = await aws.invoke("warm");
    assert.deepEqual(first.payload, ["one", 1, false]);
    assert.match(first.log, /Init Duration: [\d.]+ ms/);
    const second = await aws.invoke("warm");
    assert.deepEqual(second.payload, ["one", 2, true]);
    assert.doesNotMatch(second.log, /Init Duration/);
    await aws.lambda.send(
      new UpdateFunctionCodeCommand({ FunctionName: "warm", ZipFile: await zip({ "app.py": code("two") }) }),
    );
    await until("the new code answers", async () => (await aws.invoke("warm")).executedVersion === "$LATEST");
    const changed = (await aws.invoke("warm")).payload as [string, number, boolean];
    assert.equal(changed[0], "two");
  });

  test("/tmp has the size that was asked for (J33)", async () => {
    const code = `import os
def handler(e, c):
    written = 0
    try:
        with open('/tmp/fill', 'wb') as f:
            while written < e['mb']:
                f.write(b'x' * (1024 * 1024)); f.flush(); written += 1
    except OSError as error:
        return [error.errno, written]
    finally:
        os.unlink('/tmp/fill')
    return ['fits', written]
`;
    await aws.create("scratch", { "app.py": code }, { ...PYTHON, Timeout: 60, MemorySize: 256 });
    assert.deepEqual((await aws.invoke("scratch", { mb: 400 })).payload, ["fits", 400]);
    const full = (await aws.invoke("scratch", { mb: 700 })).payload as [number, number];
    assert.equal(full[0], 28, "ENOSPC");
    assert.ok(full[1] >= 400 && full[1] <= 530, String(full[1]));
  });

  test("environment variables change with the configuration", async () => {
    await aws.create(
      "variables",
      {
        "app.py":
          "import os\ndef handler(e, c): return [os.environ.get('STAGE'), os.environ['AWS_LAMBDA_FUNCTION_NAME'], os.environ['AWS_REGION']]\n",
      },
      { ...PYTHON, Environment: { Variables: { STAGE: "dev" } } },
    );
    assert.deepEqual((await aws.invoke("variables")).payload, ["dev", "variables", "us-east-1"]);
    await aws.lambda.send(
      new UpdateFunctionConfigurationCommand({
        FunctionName: "variables",
        Environment: { Variables: { STAGE: "prod" } },
      }),
    );
    await until(
      "STAGE is prod",
      async () => ((await aws.invoke("variables")).payload as string[])[0] === "prod",
    );
  });

  test("the role's credentials are there without any key in the code (J44)", async () => {
    await aws.create(
      "identity",
      {
        "index.mjs":
          "export const handler = async () => ({ key: process.env.AWS_ACCESS_KEY_ID, token: process.env.AWS_SESSION_TOKEN !== undefined, endpoint: process.env.AWS_ENDPOINT_URL });\n",
      },
      NODE,
    );
    const seen = (await aws.invoke("identity")).payload as { key: string; token: boolean; endpoint: string };
    assert.match(seen.key, /^ASIA[A-Z0-9]{16}$/);
    assert.equal(seen.token, true);
    assert.equal(seen.endpoint, server.endpoint);
  });

  test("a function calls another through the endpoint", async () => {
    await aws.create("callee", { "app.py": "def handler(e, c): return {'from': e['from']}\n" }, PYTHON);
    const caller = `import json, os, urllib.request, datetime, hashlib, hmac
def handler(e, c):
    url = os.environ['AWS_ENDPOINT_URL'] + '/2015-03-31/functions/callee/invocations'
    request = urllib.request.Request(url, data=json.dumps({'from': c.function_name}).encode(), method='POST')
    return json.loads(urllib.request.urlopen(request, timeout=10).read())
`;
    await aws.create("caller", { "app.py": caller }, { ...PYTHON, Timeout: 20 });
    const answer = await aws.invoke("caller");
    assert.deepEqual(answer.payload, { from: "caller" }, answer.log);
  });
});

describe("concurrency", () => {
  test("0 reserved throttles every call, none of them is lost in silence (J28)", async () => {
    await aws.create("closed", { "app.py": "def handler(e, c): return 1\n" }, PYTHON);
    await aws.lambda.send(
      new PutFunctionConcurrencyCommand({ FunctionName: "closed", ReservedConcurrentExecutions: 0 }),
    );
    const error = await refusal(aws.invoke("closed"));
    assert.equal(error.name, "TooManyRequestsException");
    assert.equal(error["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
  });

  test("never more than the reservation at once; each environment runs one call at a time", async () => {
    await aws.create(
      "two",
      {
        "app.py":
          "import time, uuid\nME = str(uuid.uuid4())\nBUSY = False\ndef handler(e, c):\n    global BUSY\n    if BUSY: return 'shared'\n    BUSY = True\n    time.sleep(1)\n    BUSY = False\n    return ME\n",
      },
      PYTHON,
    );
    await aws.lambda.send(
      new PutFunctionConcurrencyCommand({ FunctionName: "two", ReservedConcurrentExecutions: 2 }),
    );
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => aws.invoke("two")));
    const served = results
      .filter((result) => result.status === "fulfilled")
      .map((result) => result.value.payload);
    assert.equal(served.length, 2, JSON.stringify(results));
    assert.equal(new Set(served).size, 2);
    assert.ok(!served.includes("shared"));
    for (const result of results) {
      if (result.status === "rejected")
        assert.equal((result.reason as Error).name, "TooManyRequestsException");
    }
  });
});

describe("versions and aliases (J31)", () => {
  test("a published version keeps its code; an alias splits and repoints", async () => {
    await aws.create("versioned", { "app.py": "def handler(e, c): return 'v1'\n" }, PYTHON);
    const one = await aws.lambda.send(new PublishVersionCommand({ FunctionName: "versioned" }));
    await aws.lambda.send(
      new UpdateFunctionCodeCommand({
        FunctionName: "versioned",
        ZipFile: await zip({ "app.py": "def handler(e, c): return c.invoked_function_arn\n" }),
      }),
    );
    let two = one;
    await until("version 2 is published", async () => {
      two = await aws.lambda.send(new PublishVersionCommand({ FunctionName: "versioned" }));
      return two.Version === "2";
    });
    assert.equal((await aws.invoke("versioned", {}, { Qualifier: "1" })).payload, "v1");
    await aws.lambda.send(
      new CreateAliasCommand({
        FunctionName: "versioned",
        Name: "live",
        FunctionVersion: "1",
        RoutingConfig: { AdditionalVersionWeights: { "2": 0.5 } },
      }),
    );
    const seen = new Set<string | undefined>();
    for (let i = 0; i < 40; i += 1)
      seen.add((await aws.invoke("versioned", {}, { Qualifier: "live" })).executedVersion);
    assert.deepEqual([...seen].toSorted(), ["1", "2"]);
    assert.match(
      String((await aws.invoke("versioned", {}, { Qualifier: "2" })).payload),
      /:function:versioned:2$/,
    );
  });
});

describe("payload limits (J32)", () => {
  test("6 MB synchronous, 1 MB asynchronous", async () => {
    await aws.create(
      "big",
      { "app.py": "def handler(e, c): return len(e['x'])\n" },
      { ...PYTHON, MemorySize: 512, Timeout: 20 },
    );
    const sized = (bytes: number): { x: string } => ({ x: "a".repeat(bytes - '{"x":""}'.length) });
    assert.equal((await aws.invoke("big", sized(6_291_456))).payload, 6_291_456 - 8);
    assert.equal((await refusal(aws.invoke("big", sized(6_291_457)))).name, "RequestEntityTooLargeException");
    const accepted = await aws.invoke("big", sized(1_048_576), { InvocationType: "Event", LogType: "None" });
    assert.equal(accepted.status, 202);
    const refused = await refusal(
      aws.invoke("big", sized(1_048_577), { InvocationType: "Event", LogType: "None" }),
    );
    assert.equal(refused.name, "RequestEntityTooLargeException");
  });
});

describe("custom runtime (J37)", () => {
  const BOOTSTRAP = `#!/bin/sh
set -eu
while true; do
  HEADERS=/tmp/headers
  EVENT=$(python3 - <<'P'
import os, urllib.request
api = os.environ['AWS_LAMBDA_RUNTIME_API']
answer = urllib.request.urlopen('http://' + api + '/2018-06-01/runtime/invocation/next')
request_id = answer.headers['Lambda-Runtime-Aws-Request-Id']
body = answer.read()
urllib.request.urlopen(urllib.request.Request('http://' + api + '/2018-06-01/runtime/invocation/' + request_id + '/response', data=b'{"echo":' + body + b'}', method='POST')).read()
P
)
done
`;
  test("any executable named bootstrap", async () => {
    await aws.create(
      "own",
      { bootstrap: { text: BOOTSTRAP, mode: 0o755 } },
      { Runtime: "provided.al2023", Handler: "any", Timeout: 20 },
    );
    const answer = await aws.invoke("own", { n: 1 });
    assert.deepEqual(answer.payload, { echo: { n: 1 } }, answer.log);
    assert.deepEqual((await aws.invoke("own", { n: 2 })).payload, { echo: { n: 2 } });
  });

  test("without the run bit, and without the file, the error names the entry point", async () => {
    await aws.create(
      "no-bit",
      { bootstrap: { text: BOOTSTRAP, mode: 0o644 } },
      { Runtime: "provided.al2023", Handler: "any" },
    );
    assert.equal(
      ((await aws.invoke("no-bit")).payload as FunctionErrorBody).errorType,
      "Runtime.InvalidEntrypoint",
    );
    await aws.create("no-file", { "other.txt": "x" }, { Runtime: "provided.al2023", Handler: "any" });
    assert.equal(
      ((await aws.invoke("no-file")).payload as FunctionErrorBody).errorType,
      "Runtime.InvalidEntrypoint",
    );
  });
});
