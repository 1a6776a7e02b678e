/**
 * What a function may rely on, held equal on every driver and both runtime interfaces. Real processes,
 * real runtimes; nothing of the wire, the control plane or storage belongs here.
 */
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import { createRuntimeCatalog } from "../../src/adapters/runtimes/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import type { RuntimeLaunch } from "../../src/ports/runtime-catalog.ts";
import { dataPlane, type Fixture } from "../../src/testing/data-plane.ts";
import { DRIVERS, type DriverUnderTest } from "./drivers.ts";

/** One handler in three guises; `do` says what it is to do. */
const NODE_HANDLER = `
let count = 0, ticks = 0, timer;
exports.handler = async (event, context) => {
  switch (event.do) {
    case "count": return ++count;
    case "throw": throw new TypeError("thrown");
    case "exit": process.exit(event.code);
    case "hang": return new Promise(() => setInterval(() => {}, 1000));
    case "env": return process.env;
    case "print": console.log("printed"); return null;
    case "tick": timer ??= setInterval(() => ticks++, 1); return ticks;
    case "large": return "x".repeat(event.bytes);
    case "context": return { id: context.awsRequestId, arn: context.invokedFunctionArn, left: context.getRemainingTimeInMillis() };
    default: return event;
  }
};
`;
const PYTHON_HANDLER = `
import os, threading, time
count = 0
ticks = 0
started = False
def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.001)
def handler(event, context):
    global count, started
    do = event.get("do") if isinstance(event, dict) else None
    if do == "count":
        count += 1
        return count
    if do == "throw": raise TypeError("thrown")
    if do == "exit": os._exit(event["code"])
    if do == "hang": time.sleep(1000)
    if do == "env": return dict(os.environ)
    if do == "print":
        print("printed")
        return None
    if do == "tick":
        if not started:
            started = True
            threading.Thread(target=tick, daemon=True).start()
        return ticks
    if do == "large": return "x" * event["bytes"]
    if do == "context":
        return {"id": context.aws_request_id, "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis()}
    return event
`;
/** A custom runtime over HTTP, as small as one can be. */
const BOOTSTRAP = `#!/bin/sh
':' //; for node in /var/test-node ${process.execPath}; do [ -x "$node" ] && exec "$node" "$0" "$@"; done; exit 127
const http = require("node:http");
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true });
const call = (method, path, body) => new Promise((resolve, reject) => {
  const request = http.request({ host, port, method, path: "/2018-06-01/runtime/" + path, agent }, (response) => {
    const chunks = [];
    response.on("data", (chunk) => chunks.push(chunk));
    response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
  });
  request.on("error", reject);
  request.end(body);
});
(async () => {
  let handler;
  try { handler = require(process.env.LAMBDA_TASK_ROOT + "/index.js").handler; }
  catch (error) {
    await call("POST", "init/error", JSON.stringify({ errorType: error.name, errorMessage: error.message }));
    process.exit(1);
  }
  for (;;) {
    const event = await call("GET", "invocation/next");
    const id = event.headers["lambda-runtime-aws-request-id"];
    const context = {
      awsRequestId: id,
      invokedFunctionArn: event.headers["lambda-runtime-invoked-function-arn"],
      getRemainingTimeInMillis: () => Number(event.headers["lambda-runtime-deadline-ms"]) - Date.now(),
    };
    try {
      await call("POST", "invocation/" + id + "/response", JSON.stringify(await handler(JSON.parse(event.body), context)));
    } catch (error) {
      await call("POST", "invocation/" + id + "/error", JSON.stringify({ errorType: error.name, errorMessage: error.message }));
    }
  }
})();
`;

const RUNTIMES = ["nodejs24.x", "python3.12", "provided.al2023"] as const;

// Not at its own path: that may lie below /tmp, where a sandbox mounts nothing.
const NODE = { source: process.execPath, target: "/var/test-node" };

const folder = await mkdtemp(join(tmpdir(), "lambent-semantics-"));
const catalog = createRuntimeCatalog({
  runtimesFolder: join(import.meta.dirname, "../../runtimes"),
  dataDir: join(folder, "data"),
  log: silentLogger,
  strict: false,
  searchPath: process.env["PATH"] ?? "",
  homeFolder: homedir(),
  packageManagerEnv: {},
  installSdkWhenMissing: false,
});
const launches = new Map<string, RuntimeLaunch | Error>();
for (const runtime of RUNTIMES) {
  launches.set(
    runtime,
    await catalog.launch(runtime).then(
      // The bootstrap of the tests is a Node program, and Lambda's own custom runtimes have no Node.
      (launch) => (launch.interface === "http" ? { ...launch, mounts: [...launch.mounts, NODE] } : launch),
      (error: unknown) => error as Error,
    ),
  );
}
let open: Fixture | undefined;

/** Why a runtime cannot be tried on a driver here; false when it can. */
function skipReason(driver: DriverUnderTest, runtime: string): string | false {
  if (driver.skip !== undefined) return driver.skip;
  const launch = launches.get(runtime);
  if (launch instanceof Error) return launch.message;
  const hidden = launch?.mounts.some((mount) => mount.source.startsWith("/root/")) === true;
  return hidden && driver.hidesRootFiles
    ? "the interpreter lies under /root, where this driver's user cannot read"
    : false;
}

after(() => rm(folder, { recursive: true, force: true }));
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function codeFolder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const dir = join(folder, name);
  await mkdir(dir, { recursive: true });
  await chmod(folder, 0o755);
  for (const [file, text] of Object.entries(files)) {
    await writeFile(join(dir, file), text);
    if (file === "bootstrap") await chmod(join(dir, file), 0o755);
  }
  return dir;
}

const text = (payload: Uint8Array): string => Buffer.from(payload).toString();

for (const driver of DRIVERS) {
  for (const runtime of RUNTIMES) {
    describe(`${runtime} on ${driver.name}`, { skip: skipReason(driver, runtime) }, () => {
      async function start(timeoutMs = 20_000, broken = false): Promise<Fixture> {
        const codeDir = await codeFolder(`${runtime}-${broken ? "broken" : "good"}`, {
          "index.js": broken ? "throw new RangeError('at init')" : NODE_HANDLER,
          "index.py": broken ? "raise ValueError('at init')" : PYTHON_HANDLER,
          bootstrap: BOOTSTRAP,
        });
        open = dataPlane(await driver.open(), systemClock(), {
          version: { runtime, timeoutMs, environment: { GREETING: "hei" }, memoryMb: 512 },
          launch: launches.get(runtime) as RuntimeLaunch,
          codeDir,
          options: { poolSize: 0 },
        });
        return open;
      }
      async function call(
        at: Fixture,
        event: object,
      ): Promise<{ payload: string; kind: string; logTail: string; requestId: string }> {
        const outcome = await at.invoke(JSON.stringify(event), { logTail: true });
        return {
          payload: text(outcome.payload),
          kind: outcome.kind,
          logTail: outcome.logTail,
          requestId: outcome.requestId,
        };
      }

      test("answers, keeps its state between calls, and knows its context", async () => {
        const at = await start();
        assert.deepEqual(JSON.parse((await call(at, { a: [1, "ü"] })).payload), { a: [1, "ü"] });
        assert.equal((await call(at, { do: "count" })).payload, "1");
        assert.equal((await call(at, { do: "count" })).payload, "2");
        const answer = await call(at, { do: "context" });
        const context = JSON.parse(answer.payload) as { id: string; arn: string; left: number };
        assert.equal(context.id, answer.requestId);
        assert.equal(context.arn, at.version.functionArn);
        assert.ok(context.left > 1000 && context.left <= 20_000, String(context.left));
      });

      test("finds Lambda's variables and its own", async () => {
        const at = await start();
        const env = JSON.parse((await call(at, { do: "env" })).payload) as Record<string, string>;
        const expected = {
          GREETING: "hei",
          AWS_REGION: "us-east-1",
          AWS_DEFAULT_REGION: "us-east-1",
          AWS_LAMBDA_FUNCTION_NAME: "demo",
          AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
          AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "512",
          AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
          AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/demo",
          AWS_ACCESS_KEY_ID: "ASIAFAKE",
          AWS_SESSION_TOKEN: "token",
          _HANDLER: "index.handler",
          TZ: ":UTC",
          LANG: "en_US.UTF-8",
        };
        for (const [key, value] of Object.entries(expected)) assert.equal(env[key], value, key);
        assert.match(env["AWS_ENDPOINT_URL"] ?? "", /^http:\/\/127\.0\.0\.1:4566$/);
        assert.match(
          env["AWS_LAMBDA_LOG_STREAM_NAME"] ?? "",
          /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/,
        );
        assert.equal(
          env["AWS_EXECUTION_ENV"],
          runtime.startsWith("provided") ? undefined : `AWS_Lambda_${runtime}`,
        );
        assert.equal(env["LAMBENT_KEEP_ENV"], undefined);
      });

      test("an exception is a function error, and the environment lives on", async () => {
        const at = await start();
        await call(at, { do: "count" });
        const failed = await call(at, { do: "throw" });
        assert.equal(failed.kind, "function-error");
        const error = JSON.parse(failed.payload) as { errorType: string; errorMessage: string };
        assert.deepEqual([error.errorType, error.errorMessage], ["TypeError", "thrown"]);
        assert.equal((await call(at, { do: "count" })).payload, "2");
      });

      for (const [code, message] of [
        [3, "Runtime exited with error: exit status 3"],
        [0, "Runtime exited without providing a reason"],
      ] as const) {
        test(`exit ${String(code)} is Runtime.ExitError, and the next call starts anew`, async () => {
          const at = await start();
          await call(at, { do: "count" });
          const failed = await call(at, { do: "exit", code });
          assert.deepEqual(JSON.parse(failed.payload), {
            errorType: "Runtime.ExitError",
            errorMessage: `RequestId: ${failed.requestId} Error: ${message}`,
          });
          assert.match(failed.logTail, /\tStatus: error\tError Type: Runtime\.ExitError\n$/);
          assert.equal((await call(at, { do: "count" })).payload, "1");
        });
      }

      test("a call that never answers is ended by its timeout", async () => {
        const at = await start(1000);
        const failed = await call(at, { do: "hang" });
        assert.deepEqual(JSON.parse(failed.payload), {
          errorType: "Sandbox.Timedout",
          errorMessage: `RequestId: ${failed.requestId} Error: Task timed out after 1.00 seconds`,
        });
        assert.match(failed.logTail, / Task timed out after 1\.00 seconds\n/);
        assert.equal((await call(at, { do: "count" })).payload, "1");
      });

      test("what it prints stands between START and END", async () => {
        const at = await start();
        for (let round = 0; round < 3; round += 1) {
          const { logTail } = await call(at, { do: "print" });
          assert.match(logTail, /^START [^\n]*\n(\S*\t\S*\tINFO\t)?printed\nEND [^\n]*\nREPORT /);
        }
      });

      test("an idle environment does not run", async () => {
        const at = await start();
        await call(at, { do: "tick" });
        while (at.plane.environments.countByState().get("frozen") !== 1)
          await new Promise((resolve) => setImmediate(resolve));
        const before = Number((await call(at, { do: "tick" })).payload);
        while (at.plane.environments.countByState().get("frozen") !== 1)
          await new Promise((resolve) => setImmediate(resolve));
        const clock = systemClock();
        await clock.sleep(500);
        const ticks = Number((await call(at, { do: "tick" })).payload) - before;
        assert.ok(ticks < 250, `${String(ticks)} ticks`);
      });

      test("payloads of megabytes pass both ways, a larger answer is refused", async () => {
        const at = await start();
        const event = { text: "y".repeat(5_000_000) };
        assert.deepEqual(JSON.parse((await call(at, event)).payload), event);
        const refused = await call(at, { do: "large", bytes: 6_300_000 });
        assert.equal(refused.kind, "function-error");
        const error = JSON.parse(refused.payload) as { errorType: string; errorMessage: string };
        assert.equal(error.errorType, "Function.ResponseSizeTooLarge");
        assert.equal((await call(at, { do: "count" })).payload, "1");
      });

      test("code that fails to load is tried twice and told as the runtime tells it", async () => {
        const at = await start(20_000, true);
        const failed = await call(at, {});
        assert.equal(failed.kind, "function-error");
        const error = JSON.parse(failed.payload) as { errorType: string; errorMessage: string };
        assert.match(error.errorMessage, /at init/);
        const reports = at.lines().filter((line) => line.startsWith("INIT_REPORT"));
        assert.deepEqual(
          reports.map((line) => /Phase: (\w+)\tStatus: (\w+)/.exec(line)?.slice(1)),
          [
            ["init", "error"],
            ["invoke", "error"],
          ],
        );
      });

      test("many calls at once each get their own answer", async () => {
        const at = await start();
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_none, n) =>
            call(at, { n }).then(({ payload }) => JSON.parse(payload) as { n: number }),
          ),
        );
        assert.deepEqual(
          answers.map((answer) => answer.n),
          Array.from({ length: 40 }, (_none, n) => n),
        );
      });
    });
  }
}

for (const driver of DRIVERS) {
  describe(`custom runtimes on ${driver.name}`, { skip: driver.skip ?? false }, () => {
    test("a bootstrap whose interpreter is not there is Runtime.InvalidEntrypoint or exit 127", async () => {
      const codeDir = await codeFolder("no-interpreter", { bootstrap: "#!/nowhere/interpreter\n" });
      open = dataPlane(await driver.open(), systemClock(), {
        version: { runtime: "provided.al2023" },
        launch: await catalog.launch("provided.al2023"),
        codeDir,
      });
      const { errorType } = JSON.parse(text((await open.invoke("{}")).payload)) as { errorType: string };
      assert.match(errorType, /^Runtime\.(InvalidEntrypoint|ExitError)$/);
    });

    for (const [what, files, message] of [
      [
        "no bootstrap",
        { "other.txt": "" },
        "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
      ],
      [
        "a bootstrap without its run bit",
        { BOOTSTRAP: "" },
        "fork/exec /var/task/bootstrap: permission denied",
      ],
    ] as const) {
      test(`${what} is Runtime.InvalidEntrypoint`, async () => {
        const codeDir = await codeFolder(what.replaceAll(" ", "-"), files);
        if ("BOOTSTRAP" in files) await writeFile(join(codeDir, "bootstrap"), "#!/bin/sh\n", { mode: 0o644 });
        open = dataPlane(await driver.open(), systemClock(), {
          version: { runtime: "provided.al2023" },
          launch: await catalog.launch("provided.al2023"),
          codeDir,
        });
        const outcome = await open.invoke("{}");
        assert.deepEqual(JSON.parse(text(outcome.payload)), {
          errorType: "Runtime.InvalidEntrypoint",
          errorMessage: `RequestId: ${outcome.requestId} Error: ${message}`,
        });
      });
    }
  });
}
