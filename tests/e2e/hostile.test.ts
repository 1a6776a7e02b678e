/**
 * Functions that do their worst. After each of them a neighbour still answers, the server is well, and
 * nothing is left of what had to die. All of it is bounded: few forks, an alarm in every child.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { groupsOf, mountsOf, peakMemoryMb, processesOf } from "./aftermath.ts";
import { clients, type Clients, type Invoked } from "./client.ts";
import { HOSTILE_BOOTSTRAP, HOSTILE_NODE, HOSTILE_PYTHON } from "./hostile-functions.ts";
import { startServer, until, type RunningServer } from "./server.ts";

const PYTHON = { Runtime: "python3.12", Handler: "app.handler" } as const;
const NODE = { Runtime: "nodejs24.x", Handler: "index.handler" } as const;
const CUSTOM = { Runtime: "provided.al2023", Handler: "any" } as const;
/** The server's own needs and what it may hold for one bad neighbour. */
const SERVER_MEMORY_MB_MAX = 600;

let server: RunningServer;
let aws: Clients;
let mountsBefore = 0;
/** An import that never ends takes the whole init phase and the timeout: begun first, looked at last. */
let endless: Promise<Invoked>;

interface ErrorBody {
  readonly errorType: string;
  readonly errorMessage: string;
}

before(async () => {
  server = await startServer();
  aws = clients(server);
  await Promise.all([
    aws.create("neighbour", { "app.py": "def handler(e, c): return 'well'\n" }, PYTHON),
    aws.create("python", { "app.py": HOSTILE_PYTHON }, { ...PYTHON, MemorySize: 512 }),
    aws.create("slow-python", { "app.py": HOSTILE_PYTHON }, { ...PYTHON, MemorySize: 1769, Timeout: 60 }),
    aws.create("node", { "index.js": HOSTILE_NODE }, { ...NODE, MemorySize: 512, Timeout: 20 }),
    aws.create(
      "patient-custom",
      { bootstrap: { text: HOSTILE_BOOTSTRAP, mode: 0o755 } },
      { ...CUSTOM, MemorySize: 1769, Timeout: 60 },
    ),
    aws.create("custom", { bootstrap: { text: HOSTILE_BOOTSTRAP, mode: 0o755 } }, CUSTOM),
  ]);
  await aws.create("endless-import", { "app.py": "import time\nwhile True: time.sleep(1)\n" }, PYTHON);
  endless = aws.invoke("endless-import");
  endless.catch(() => undefined);
  await aws.invoke("neighbour");
  mountsBefore = mountsOf(server.pid);
});
after(async () => {
  aws?.destroy();
  await server?.[Symbol.asyncDispose]();
});

async function assertWell(): Promise<void> {
  assert.equal((await aws.invoke("neighbour")).payload, "well");
  assert.equal((await fetch(`${server.endpoint}/_lambent/health`)).status, 200);
  const peak = peakMemoryMb(server.pid);
  assert.ok(peak < SERVER_MEMORY_MB_MAX, `the server has held ${String(Math.round(peak))} MB`);
}

async function assertGone(uid: number): Promise<void> {
  await until("no process of the environment is left", () => processesOf(server.pid, uid).length === 0);
  await until("no control group of it is left", () => groupsOf(server.pid, uid).length === 0);
  assert.ok(mountsOf(server.pid) <= mountsBefore, "mounts of the host grew");
}

/** Its sandbox's user, told by an environment that is warm from then on. */
async function whoIs(name: string): Promise<number> {
  const uid = (await aws.invoke(name, { do: "who" })).payload as number;
  assert.ok(processesOf(server.pid, uid).length > 0, `user ${String(uid)} runs below the server`);
  assert.ok(groupsOf(server.pid, uid).length > 0, `user ${String(uid)} has control groups`);
  return uid;
}

/** Does it in a warm environment, and sees that the environment is gone after it. */
async function fatal(name: string, deed: string): Promise<Invoked & { readonly error: ErrorBody }> {
  const uid = await whoIs(name);
  const answer = await aws.invoke(name, { do: deed });
  assert.equal(answer.functionError, "Unhandled", JSON.stringify(answer.payload));
  await assertWell();
  await assertGone(uid);
  return { ...answer, error: answer.payload as ErrorBody };
}

describe("a process that ends", { concurrency: true }, () => {
  for (const name of ["python", "node"] as const) describe(name, { concurrency: 1 }, () => ends(name));
});

function ends(name: "python" | "node"): void {
  test("exit", async () => {
    const { error } = await fatal(name, "exit");
    assert.equal(error.errorType, "Runtime.ExitError");
    assert.match(error.errorMessage, /exit status 7$/);
  });

  test("abort", async () => {
    const { error } = await fatal(name, "abort");
    assert.equal(error.errorType, "Runtime.ExitError");
    assert.match(error.errorMessage, /signal: aborted$/);
  });

  test("allocates without end", async () => {
    const { error, log } = await fatal(name, "eat");
    assert.match(error.errorType, /^Runtime\.(ExitError|OutOfMemory)$/);
    assert.match(log, /Max Memory Used: \d+ MB/);
  });

  test("ignores SIGTERM and runs into its timeout", async () => {
    const { error, log } = await fatal(name === "node" ? "custom" : name, "ignore-sigterm");
    assert.match(error.errorMessage, /Task timed out after 3\.00 seconds$/);
    assert.match(log, /Status: timeout/);
  });
}

describe("a process that takes too much", () => {
  test("forks without end: stopped at the limit of processes, ended with the environment", async () => {
    const uid = await whoIs("slow-python");
    const forked = (await aws.invoke("slow-python", { do: "fork" })).payload as number;
    assert.ok(forked > 100 && forked < 1024, `${String(forked)} forks`);
    await assertWell();
    assert.ok(processesOf(server.pid, uid).length >= forked, "its children may live on with it");
    await aws.invoke("slow-python", { do: "exit" });
    await assertGone(uid);
  });

  test("fills /tmp: gets ENOSPC, and the next environment an empty one", async () => {
    const answer = await aws.invoke("slow-python", { do: "fill-tmp" });
    assert.equal(answer.payload, "ENOSPC");
    await assertWell();
    const uid = await whoIs("slow-python");
    await aws.invoke("slow-python", { do: "exit" });
    await assertGone(uid);
    assert.deepEqual((await aws.invoke("slow-python", { do: "list-tmp" })).payload, []);
  });

  for (const deed of ["flood-raw", "flood-print", "one-long-line"]) {
    test(`floods its output: ${deed}`, async () => {
      const flooding = aws.invoke("slow-python", { do: deed });
      const progress = { over: false };
      void flooding.finally(() => (progress.over = true)).catch(() => undefined);
      do await assertWell();
      while (!progress.over);
      const answer = await flooding;
      assert.equal(answer.payload, "flooded", JSON.stringify(answer.payload).slice(0, 200));
      assert.match(answer.log, /REPORT RequestId/);
      await assertWell();
    });
  }

  test("a response over 6 MB is refused, and the environment lives on", async () => {
    const uid = await whoIs("python");
    const answer = await aws.invoke("python", { do: "huge" });
    assert.equal(answer.functionError, "Unhandled");
    assert.equal((answer.payload as ErrorBody).errorType, "Function.ResponseSizeTooLarge");
    await assertWell();
    assert.equal(await whoIs("python"), uid);
  });

  test("what cannot be written as JSON is the function's error", async () => {
    for (const name of ["python", "node"]) {
      const answer = await aws.invoke(name, { do: "not-json" });
      assert.equal(answer.functionError, name === "python" ? "Unhandled" : "Unhandled");
      assert.match((answer.payload as ErrorBody).errorType, /MarshalError|TypeError|Runtime\./);
    }
    await assertWell();
  });
});

describe("what outlives its call", () => {
  test("a daemon twice forked survives its invocation, and nothing survives a timeout", async () => {
    const uid = await whoIs("python");
    const daemon = (await aws.invoke("python", { do: "daemon" })).payload as boolean;
    assert.equal(daemon, true);
    assert.ok(processesOf(server.pid, uid).length >= 2, "the daemon is there");
    const answer = await aws.invoke("python", { do: "sleep" });
    assert.match((answer.payload as ErrorBody).errorMessage, /Task timed out/);
    await assertGone(uid);
    await assertWell();
  });

  test("a thread that answers again after the answer harms itself alone", async () => {
    const uid = await whoIs("python");
    const answer = await aws.invoke("python", { do: "answer-twice" });
    assert.equal(answer.payload, "first", "the first answer counts");
    await assertGone(uid);
    assert.notEqual(await whoIs("python"), uid);
    await assertWell();
  });
});

describe("the descriptor of the framed interface", () => {
  test("closed", async () => {
    const { error } = await fatal("python", "close-3");
    assert.match(error.errorType, /^(Runtime\.ExitError|Sandbox\.Timedout)$/);
  });

  for (const deed of [
    "frame-oversized",
    "frame-unknown",
    "frame-of-server",
    "frame-other-id",
    "frame-short",
  ]) {
    test(deed, async () => {
      const { error } = await fatal("python", deed);
      assert.equal(error.errorType, "Runtime.ExitError");
    });
  }

  test("log lines of impossible times are kept under the server's, and no neighbour's are held up", async () => {
    assert.equal((await aws.invoke("python", { do: "log-times" })).payload, "logged");
    const all = async (): Promise<number> => (await aws.lines("python", '"line of no day"')).length;
    await until("all of them are in the log", async () => (await all()) === 108);
    const days = readdirSync(join(server.dataDir, "logs")).filter((name) => name.endsWith(".db"));
    assert.ok(days.length <= 2, `files of days: ${days.join(" ")}`);
    await aws.create("late-neighbour", { "app.py": "def handler(e, c): print('heard')\n" }, PYTHON);
    await aws.invoke("late-neighbour");
    await until(
      "its line is in the log",
      async () => (await aws.lines("late-neighbour", "heard")).length === 1,
    );
    await assertWell();
  });

  test("a log line of 3 MB is cut as CloudWatch Logs takes events", async () => {
    assert.equal((await aws.invoke("python", { do: "log-long" })).payload, "logged");
    const lengths = async (): Promise<number[]> =>
      (await aws.lines("python", "LLLL")).map((line) => line.length);
    const total = async (): Promise<number> => (await lengths()).reduce((sum, length) => sum + length, 0);
    await until("all of it is in the log", async () => (await total()) >= 3 << 20);
    assert.ok(Math.max(...(await lengths())) <= 256 * 1024);
    await assertWell();
  });

  test("shut for writing, so that its end is seen before the process's", async () => {
    const { error } = await fatal("python", "shutdown-3");
    assert.match(error.errorType, /^(Runtime\.ExitError|Sandbox\.Timedout)$/);
  });
});

describe("a custom runtime that breaks the rules of the Runtime API", () => {
  /** Statuses and error types it got for what it did around the call before. */
  const told = async (): Promise<string[]> =>
    (await aws.invoke("custom", { do: "tell" })).payload as string[];

  test("answers twice", async () => {
    assert.equal((await aws.invoke("custom", { do: "twice" })).payload, "first");
    assert.deepEqual(await told(), ["202", "403 InvalidStateTransition"]);
    await assertWell();
  });

  test("answers another request's id, then its own", async () => {
    assert.equal((await aws.invoke("custom", { do: "other-id" })).payload, "own");
    assert.deepEqual(await told(), ["400 InvalidRequestID", "202"]);
  });

  test("answers the call before once more, during this one", async () => {
    await aws.invoke("custom", { do: "echo" });
    assert.equal((await aws.invoke("custom", { do: "former-id" })).payload, "own");
    assert.deepEqual(await told(), ["400 InvalidRequestID", "202"]);
  });

  test("asks for the next call without answering this one", async () => {
    assert.equal((await aws.invoke("custom", { do: "next-unanswered" })).payload, "own");
    assert.deepEqual(await told(), ["403 InvalidStateTransition", "202"]);
  });

  test("says that init failed when it had not", async () => {
    assert.equal((await aws.invoke("custom", { do: "late-init-error" })).payload, "own");
    assert.deepEqual(await told(), ["403 InvalidStateTransition", "202"]);
  });

  test("answers more than 6 MB", async () => {
    const answer = await aws.invoke("custom", { do: "huge" });
    assert.equal((answer.payload as ErrorBody).errorType, "Function.ResponseSizeTooLarge");
    assert.deepEqual(await told(), ["413 RequestEntityTooLarge"]);
  });

  test("paths, methods and headers that are none", async () => {
    assert.equal((await aws.invoke("custom", { do: "nonsense" })).payload, "own");
    const answers = await told();
    assert.deepEqual(answers.slice(0, 3), ["404 NotFound", "405 MethodNotAllowed", "400"]);
    // The connection may be reset before the refusal is read.
    assert.match(answers[3] ?? "", /^(431|closed)$/);
    assert.equal(answers[4], "202");
  });

  describe("answers", { concurrency: true }, () => {
    for (const deed of ["never", "half-an-answer", "late"]) {
      test(deed, async () => {
        const name = `answers-${deed}`;
        await aws.create(name, { bootstrap: { text: HOSTILE_BOOTSTRAP, mode: 0o755 } }, CUSTOM);
        const { error } = await fatal(name, deed);
        assert.match(error.errorMessage, /Task timed out after 3\.00 seconds$/);
      });
    }
  });

  test("opens hundreds of answers of 6 MB at once: the server holds one", async () => {
    const before = peakMemoryMb(server.pid);
    const answer = await aws.invoke("patient-custom", { do: "many-answers" });
    assert.equal(answer.functionError, undefined, JSON.stringify(answer.payload));
    const grown = peakMemoryMb(server.pid) - before;
    assert.ok(grown < 150, `the server's memory grew by ${String(Math.round(grown))} MB`);
    await assertWell();
  });

  test("init error of its own words", async () => {
    const text = HOSTILE_BOOTSTRAP.replace("INIT_FAILS = False", "INIT_FAILS = True");
    await aws.create("init-error", { bootstrap: { text, mode: 0o755 } }, CUSTOM);
    const answer = await aws.invoke("init-error");
    assert.equal(answer.functionError, "Unhandled");
    assert.deepEqual(answer.payload, { errorType: "Own.Type", errorMessage: "own words" });
    await assertWell();
  });
});

describe("code that does not load", () => {
  const CASES = [
    {
      name: "syntax-python",
      files: { "app.py": "def handler(e, c:\n" },
      type: "Runtime.UserCodeSyntaxError",
      options: PYTHON,
    },
    {
      name: "syntax-node",
      files: { "index.js": "exports.handler = async ( => 1;\n" },
      type: "Runtime.UserCodeSyntaxError",
      options: NODE,
    },
    {
      name: "raises-python",
      files: { "app.py": "raise OSError('at import')\n" },
      type: "OSError",
      options: PYTHON,
    },
    {
      name: "throws-node",
      files: { "index.js": "throw new RangeError('at import');\n" },
      type: "RangeError",
      options: NODE,
    },
    {
      name: "exits-python",
      files: { "app.py": "import os\nos._exit(4)\n" },
      type: "Runtime.ExitError",
      options: PYTHON,
    },
    {
      name: "exits-node",
      files: { "index.js": "process.exit(4);\n" },
      type: "Runtime.ExitError",
      options: NODE,
    },
    {
      name: "nul-python",
      files: { "app.py": "x = 1\0\n" },
      type: "Runtime.UserCodeSyntaxError",
      options: PYTHON,
    },
  ] as const;
  for (const { name, files, type, options } of CASES) {
    test(name, async () => {
      await aws.create(name, files, options);
      const answer = await aws.invoke(name);
      assert.equal(answer.functionError, "Unhandled");
      assert.equal((answer.payload as ErrorBody).errorType, type, JSON.stringify(answer.payload));
      await assertWell();
    });
  }

  test("an import without end", async () => {
    const answer = await endless;
    assert.match((answer.payload as ErrorBody).errorMessage, /Task timed out after 3\.00 seconds$/);
    await assertWell();
  });
});
