import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { FrameType } from "../../src/lambda/runtime-api/frames.ts";
import type { InitMessage } from "../../src/lambda/runtime-api/frames.ts";
import { REQUEST_ID, startRuntime } from "./harness.ts";
import type { Runtime } from "./harness.ts";
import { hostInterpreters, pythonCommand } from "./interpreters.ts";

const { pythons } = await hostInterpreters();

interface InvokeCase {
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  readonly handler?: string;
  readonly payload?: unknown;
  /** The exact text of the answer; a function for what differs per version. */
  readonly answer?: string | ((minor: number) => string);
  /** Fields the error JSON must have. */
  readonly error?: Readonly<Record<string, unknown>>;
  readonly logs?: readonly (string | RegExp)[];
  readonly init?: Partial<InitMessage>;
}

const body = (lines: string): Readonly<Record<string, string>> => ({
  "index.py": `def handler(event, context):\n    ${lines.split("\n").join("\n    ")}\n`,
});

const INVOKES: readonly InvokeCase[] = [
  {
    what: "echoes",
    files: body("return event"),
    payload: { a: [1, 2.5, null] },
    answer: '{"a": [1, 2.5, null]}',
  },
  { what: "answers null for nothing", files: body("pass"), answer: "null" },
  { what: "answers text as JSON", files: body("return 'a\\nb'"), answer: '"a\\nb"' },
  { what: "answers bytes as they are", files: body("return b'\\x00raw'"), answer: "\u0000raw" },
  {
    what: "escapes to ASCII up to 3.11 only",
    files: body("return {'é': '☃'}"),
    answer: (minor) => (minor < 12 ? '{"\\u00e9": "\\u2603"}' : '{"é": "☃"}'),
  },
  { what: "writes NaN", files: body("return [float('nan'), float('inf')]"), answer: "[NaN, Infinity]" },
  {
    what: "writes a Decimal as a number",
    files: {
      "index.py":
        "from decimal import Decimal as D\ndef handler(e, c):\n    return [D('1.10'), {'n': D('1E+3')}, D('NaN')]\n",
    },
    answer: '[1.10, {"n": 1E+3}, NaN]',
  },
  {
    what: "writes bytes in a response as text",
    files: body("return {b'k': [b'v', {b'k': None}]}"),
    answer: '{"k": ["v", {"k": null}]}',
  },
  {
    what: "writes a named tuple as an object",
    files: {
      "index.py":
        "from collections import namedtuple\nP = namedtuple('P', 'x y')\ndef handler(e, c):\n    return {'p': P(1, P(2, 3)), 't': (1, 2)}\n",
    },
    answer: '{"p": {"x": 1, "y": {"x": 2, "y": 3}}, "t": [1, 2]}',
  },
  {
    what: "takes a folder in the handler",
    handler: "a/b.handler",
    files: { "a/b.py": "def handler(e, c): return 1\n" },
    answer: "1",
  },
  {
    what: "takes a package in the handler",
    handler: "a.b.handler",
    files: { "a/b.py": "def handler(e, c): return 2\n" },
    answer: "2",
  },
  {
    what: "reports an exception",
    files: {
      "index.py":
        "class CustomException(Exception):\n    pass\n\ndef handler(event, context):\n    inner()\n\ndef inner():\n    raise CustomException('some error occurred')\n",
    },
    error: {
      errorMessage: "some error occurred",
      errorType: "CustomException",
      requestId: REQUEST_ID,
      stackTrace: [
        '  File "ROOT/index.py", line 5, in handler\n    inner()\n',
        "  File \"ROOT/index.py\", line 8, in inner\n    raise CustomException('some error occurred')\n",
      ],
    },
    logs: [
      '[ERROR] CustomException: some error occurred\nTraceback (most recent call last):\n\u00a0\u00a0File "ROOT/index.py", line 5, in handler\n\u00a0\u00a0\u00a0\u00a0inner()\n\u00a0\u00a0File "ROOT/index.py", line 8, in inner\n\u00a0\u00a0\u00a0\u00a0raise CustomException(\'some error occurred\')',
    ],
  },
  {
    what: "reports what cannot be JSON",
    files: body("return {'x': object}"),
    error: {
      errorType: "Runtime.MarshalError",
      errorMessage: "Unable to marshal response: Object of type type is not JSON serializable",
      requestId: REQUEST_ID,
      stackTrace: [],
    },
    logs: [
      "[ERROR] Runtime.MarshalError: Unable to marshal response: Object of type type is not JSON serializable\nTraceback (most recent call last):",
    ],
  },
  {
    what: "reports a datetime",
    files: { "index.py": "import datetime\ndef handler(e, c):\n    return datetime.datetime(2026, 1, 1)\n" },
    error: {
      errorType: "Runtime.MarshalError",
      errorMessage: "Unable to marshal response: Object of type datetime is not JSON serializable",
    },
  },
  {
    what: "reports a circle",
    files: body("a = []\na.append(a)\nreturn a"),
    error: {
      errorType: "Runtime.MarshalError",
      errorMessage: "Unable to marshal response: Circular reference detected",
    },
  },
  {
    what: "refuses a response of over 6 MB",
    files: body("return 'x' * 6291556"),
    error: {
      errorType: "Function.ResponseSizeTooLarge",
      errorMessage:
        "Response payload size (6291558 bytes) exceeded maximum allowed payload size (6291556 bytes).",
    },
  },
  {
    what: "logs print line by line",
    files: body("print('multi\\nline\\nstring')\nprint('another\\rline')\nprint('no end', end='')"),
    answer: "null",
    logs: ["multi\n", "line\n", "string\n", "another\rline\n", "no end"],
  },
  {
    what: "logs from a forked child, though another thread was writing when it was forked",
    files: {
      "index.py": `import logging, os, signal, sys
def handler(event, context):
    with sys.modules["lambent_runtime"]._write_lock:
        child = os.fork()
        if child == 0:
            signal.alarm(5)
            logging.getLogger().error("from the child")
            os._exit(0)
    return os.waitpid(child, 0)[1]
`,
    },
    answer: "0",
    logs: [/from the child/],
  },
  {
    what: "logs through logging in format Text",
    files: {
      "index.py":
        "import logging\nlog = logging.getLogger()\nlog.setLevel('INFO')\ndef handler(e, c):\n    log.debug('no')\n    log.info('hello %s', 'you')\n    logging.getLogger('x').error('two\\nlines')\n",
    },
    answer: "null",
    logs: [
      new RegExp(
        `^\\[INFO\\]\\t\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z\\t${REQUEST_ID}\\thello you\\n$`,
      ),
      new RegExp(`^\\[ERROR\\]\\t[^\\t]+Z\\t${REQUEST_ID}\\ttwo\\nlines\\n$`),
    ],
  },
  {
    what: "keeps Lambda's handler against basicConfig",
    files: {
      "index.py":
        "import logging\nlogging.basicConfig(level='DEBUG')\ndef handler(e, c):\n    return len(logging.getLogger().handlers)\n",
    },
    answer: "1",
  },
  {
    what: "logs through logging in format JSON",
    files: {
      "index.py":
        "import logging\ndef handler(e, c):\n    logging.info('no')\n    logging.warning('w', extra={'k': 1})\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        logging.exception('bad')\n",
    },
    init: { logFormat: "JSON", logLevel: "WARN" },
    answer: "null",
    logs: [
      new RegExp(
        `^{"timestamp": "[^"]+Z", "level": "WARNING", "message": "w", "logger": "root", "requestId": "${REQUEST_ID}", "k": 1}\\n$`,
      ),
      /^{"timestamp": "[^"]+Z", "level": "ERROR", "message": "bad", "logger": "root", "stackTrace": \[" {2}File [^\]]+\], "errorType": "ZeroDivisionError", "errorMessage": "division by zero", "requestId": "[^"]+", "location": "ROOT\/index.py:handler:8"}\n$/,
    ],
  },
  {
    what: "logs a failure in format JSON",
    files: body("raise ValueError('v')"),
    init: { logFormat: "JSON", logLevel: "INFO" },
    error: { errorType: "ValueError", errorMessage: "v" },
    logs: [
      /^{"timestamp": "[^"]+Z", "level": "ERROR", "errorMessage": "v", "errorType": "ValueError", "requestId": "[^"]+", "stackTrace": \[/,
    ],
  },
  {
    what: "gives the context of Lambda",
    files: body(
      "c = context\nreturn [c.aws_request_id, c.log_group_name, c.log_stream_name, c.function_name, c.memory_limit_in_mb, c.function_version, c.invoked_function_arn, c.client_context, c.identity.cognito_identity_id, c.tenant_id, 0 < c.get_remaining_time_in_millis() <= 3000]",
    ),
    answer: `["${REQUEST_ID}", "/aws/lambda/hello", "2026/11/21/[$LATEST]0123456789abcdef", "hello", "128", "$LATEST", "arn:aws:lambda:us-east-1:000000000000:function:hello", null, null, null, true]`,
  },
  {
    what: "has the environment of the function and nothing else",
    files: {
      "index.py":
        "import os, time\ndef handler(e, c):\n    return [os.environ.get('SECRET_OF_SERVER'), os.environ['AWS_REGION'], time.tzname[0], os.getcwd() == os.environ['LAMBDA_TASK_ROOT']]\n",
    },
    answer: '[null, "us-east-1", "UTC", true]',
  },
  {
    what: "knows exit and quit",
    files: body("return [callable(exit), callable(quit)]"),
    answer: "[true, true]",
  },
  {
    what: "runs child processes that cannot reach the channel",
    files: {
      "index.py":
        "import subprocess, sys\ndef handler(e, c):\n    return subprocess.run([sys.executable, '-S', '-c', 'import os\\ntry: os.fstat(3); print(1)\\nexcept OSError: print(0)'], capture_output=True, text=True).stdout.strip()\n",
    },
    answer: '"0"',
  },
];

interface InitCase {
  readonly what: string;
  readonly files: Readonly<Record<string, string>>;
  readonly handler?: string;
  readonly type: string;
  readonly message: string | RegExp;
  readonly trace?: readonly (string | RegExp)[];
}

const INITS: readonly InitCase[] = [
  {
    what: "a module that is not there",
    files: {},
    type: "Runtime.ImportModuleError",
    message: "Unable to import module 'index': No module named 'index'",
    trace: [],
  },
  {
    what: "an import that is not there",
    files: { "index.py": "import requests_xyz\n" },
    type: "Runtime.ImportModuleError",
    message: "Unable to import module 'index': No module named 'requests_xyz'",
    trace: [],
  },
  {
    what: "a function that is not there",
    files: { "index.py": "x = 1\n" },
    type: "Runtime.HandlerNotFound",
    message: "Handler 'handler' missing on module 'index'",
    trace: [],
  },
  {
    what: "a handler without a dot",
    files: {},
    handler: "index",
    type: "Runtime.MalformedHandlerName",
    message: "Bad handler 'index': not enough values to unpack (expected 2, got 1)",
  },
  {
    what: "a built-in module",
    files: {},
    handler: "sys.exit",
    type: "Runtime.BuiltInModuleConflict",
    message: "Cannot use built-in module sys as a handler module",
  },
  {
    what: "a syntax error",
    files: { "index.py": "def handler(e, c):\n    return (\n" },
    type: "Runtime.UserCodeSyntaxError",
    message: /^Syntax error in module 'index': '\(' was never closed \(index\.py, line 2\)$/,
    trace: ['  File "ROOT/index.py" Line 2\n        return (\n'],
  },
  {
    what: "an exception",
    files: { "index.py": "raise Exception('Runtime startup fails')\n" },
    type: "Exception",
    message: "Runtime startup fails",
    trace: [
      /importlib\/__init__\.py", line \d+, in import_module\n/,
      /_gcd_import\n$/,
      /_find_and_load\n$/,
      /_find_and_load_unlocked\n$/,
      /_load_unlocked\n$/,
      /exec_module\n$/,
      /_call_with_frames_removed\n$/,
      "  File \"ROOT/index.py\", line 1, in <module>\n    raise Exception('Runtime startup fails')\n",
    ],
  },
];

async function withRuntime(
  argv: readonly string[],
  minor: number,
  files: Readonly<Record<string, string>>,
  work: (runtime: Runtime, root: (text: string) => string) => Promise<void>,
): Promise<void> {
  const runtime = await startRuntime(argv, {
    runtime: `python3.${minor}`,
    files,
    env: { SECRET_OF_SERVER: "1", PYTHONDONTWRITEBYTECODE: "1" },
  });
  try {
    await work(runtime, (text) => text.replaceAll(runtime.taskRoot, "ROOT"));
  } finally {
    await runtime.stop();
  }
}

function assertLogs(actual: readonly string[], expected: readonly (string | RegExp)[]): void {
  assert.equal(actual.length, expected.length, actual.join("|"));
  for (const [index, text] of actual.entries()) {
    const wanted = expected[index] as string | RegExp;
    if (typeof wanted === "string") assert.equal(text, wanted);
    else assert.match(text, wanted);
  }
}

if (pythons.length === 0) {
  it("Python", { skip: "no Python 3.10 or newer on this host" }, () => undefined);
}

for (const python of pythons) {
  const argv = pythonCommand(python);
  const minor = python.number;
  describe(`Python ${python.version}`, () => {
    for (const one of INVOKES) {
      it(one.what, async () => {
        await withRuntime(argv, minor, one.files, async (runtime, root) => {
          const ready = await runtime.init({ ...one.init, handler: one.handler ?? "index.handler" });
          assert.equal(ready.type, FrameType.ready, ready.body.toString());
          const answer = await runtime.invoke(one.payload ?? {});
          assert.equal(answer.requestId, REQUEST_ID);
          if (one.error === undefined) {
            assert.equal(answer.type, FrameType.response, answer.text);
            const { answer: wanted } = one;
            assert.equal(answer.text, typeof wanted === "function" ? wanted(minor) : wanted);
          } else {
            assert.equal(answer.type, FrameType.error, answer.text);
            const report = JSON.parse(root(answer.text)) as Record<string, unknown>;
            for (const [name, value] of Object.entries(one.error)) assert.deepEqual(report[name], value);
          }
          if (one.logs !== undefined) {
            assertLogs(
              answer.logs.map((line) => root(line.text)),
              one.logs,
            );
          }
        });
      });
    }

    for (const one of INITS) {
      it(`fails to start with ${one.what}`, async () => {
        await withRuntime(argv, minor, one.files, async (runtime, root) => {
          const frame = await runtime.init({ handler: one.handler ?? "index.handler" });
          assert.equal(frame.type, FrameType.initError);
          const report = JSON.parse(root(frame.body.toString())) as Record<string, unknown>;
          assert.deepEqual(Object.keys(report), ["errorMessage", "errorType", "requestId", "stackTrace"]);
          assert.equal(report["errorType"], one.type);
          assert.equal(report["requestId"], "");
          if (typeof one.message === "string") assert.equal(report["errorMessage"], one.message);
          else assert.match(report["errorMessage"] as string, one.message);
          if (one.trace !== undefined) assertLogs(report["stackTrace"] as string[], one.trace);
          assert.match(runtime.logs()[0]?.text ?? "", /^\[ERROR\] /);
          assert.deepEqual(await runtime.exited, { code: 1, signal: null });
        });
      });
    }

    it("behaves the same after it waited in a pool", { skip: process.platform !== "linux" }, async () => {
      const files = {
        "index.py":
          "import logging\ndef handler(e, c):\n    logging.error('x')\n    return len(logging.getLogger().handlers)\n",
      };
      await withRuntime(argv, minor, files, async (runtime) => {
        const status = `/proc/${runtime.process.pid}/status`;
        const resident = async (): Promise<number> =>
          Number(/VmRSS:\s+(\d+)/.exec(await readFile(status, "utf8"))?.[1]);
        const booted = await resident();
        // The imports of the waiting process show in its memory.
        for (let i = 0; i < 3000 && (await resident()) < booted + 1500; i += 1) await setTimeout(1);
        await runtime.init();
        const answer = await runtime.invoke({});
        assert.equal(answer.text, "1");
        assert.match(
          answer.logs[0]?.text ?? "",
          new RegExp(`^\\[ERROR\\]\\t[^\\t]+Z\\t${REQUEST_ID}\\tx\\n$`),
        );
      });
    });

    it("keeps its state and sees the trace id of each invocation", async () => {
      const files = {
        "index.py":
          "import os\nn = 0\ndef handler(e, c):\n    global n\n    n += 1\n    return [n, os.environ.get('_X_AMZN_TRACE_ID')]\n",
      };
      await withRuntime(argv, minor, files, async (runtime) => {
        await runtime.init();
        assert.equal((await runtime.invoke({}, { traceId: "Root=1" })).text, '[1, "Root=1"]');
        assert.equal((await runtime.invoke({})).text, "[2, null]");
      });
    });

    it("goes on after a failure", async () => {
      await withRuntime(argv, minor, body("return 1 / event"), async (runtime) => {
        await runtime.init();
        assert.equal((await runtime.invoke(0)).type, FrameType.error);
        assert.equal((await runtime.invoke(1)).text, "1.0");
      });
    });

    it("hands over the client context", async () => {
      const files = body(
        "return [context.client_context.custom, context.client_context.client.app_title, context.client_context.env, context.identity.cognito_identity_id]",
      );
      await withRuntime(argv, minor, files, async (runtime) => {
        await runtime.init();
        const clientContext = JSON.stringify({ custom: { a: 1 }, client: { app_title: "t" }, env: { e: 2 } });
        const cognitoIdentity = JSON.stringify({ cognitoIdentityId: "i" });
        const answer = await runtime.invoke({}, { clientContext, cognitoIdentity });
        assert.equal(answer.text, '[{"a": 1}, "t", {"e": 2}, "i"]');
        const bad = await runtime.invoke({}, { clientContext: "{" });
        assert.match(bad.text, /"errorType": "Runtime.LambdaContextUnmarshalError"/);
      });
    });

    it("takes and gives payloads of 6 MB", async () => {
      await withRuntime(argv, minor, body("return event"), async (runtime) => {
        await runtime.init();
        const payload = { x: "y".repeat(6_000_000) };
        assert.deepEqual(JSON.parse((await runtime.invoke(payload)).text), payload);
      });
    });

    it("exits with the status that the handler asks for", async () => {
      await withRuntime(
        argv,
        minor,
        { "index.py": "import sys\ndef handler(e, c):\n    print('bye', end='')\n    sys.exit(3)\n" },
        async (runtime) => {
          await runtime.init();
          await assert.rejects(runtime.invoke({}), /exited \(3\)/);
          assert.deepEqual(
            runtime.logs().map((line) => line.text),
            ["bye"],
          );
        },
      );
    });

    it("ends on SHUTDOWN, on SIGTERM and with the channel", async () => {
      await withRuntime(argv, minor, body("pass"), async (runtime) => {
        await runtime.init();
        runtime.send(FrameType.shutdown, Buffer.alloc(0));
        assert.deepEqual(await runtime.exited, { code: 0, signal: null });
      });
      await withRuntime(argv, minor, body("pass"), async (runtime) => {
        runtime.process.kill("SIGTERM");
        assert.deepEqual(await runtime.exited, { code: 143, signal: null });
      });
      await withRuntime(argv, minor, body("pass"), async (runtime) => {
        const channel = runtime.process.stdio[3];
        assert.ok(channel !== null && channel !== undefined);
        channel.destroy();
        await once(runtime.process, "exit");
      });
    });
  });
}
