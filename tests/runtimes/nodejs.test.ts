import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DISABLED_NODE_FEATURES } from "../../src/adapters/runtimes/node-packages.ts";
import { FrameType } from "../../src/lambda/runtime-api/frames.ts";
import type { InitMessage } from "../../src/lambda/runtime-api/frames.ts";
import { REQUEST_ID, startRuntime } from "./harness.ts";
import type { Runtime } from "./harness.ts";
import { hostInterpreters, nodeCommand } from "./interpreters.ts";

const { nodes } = await hostInterpreters();
const STAMP = "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z";

type Files = Readonly<Record<string, string>>;

interface InvokeCase {
  readonly what: string;
  readonly files: Files;
  readonly handler?: string;
  readonly payload?: unknown;
  readonly answer?: string;
  readonly error?: Readonly<Record<string, unknown>>;
  readonly logs?: readonly (string | RegExp)[];
  readonly init?: Partial<InitMessage>;
  /** Runtimes it holds for; all when absent. */
  readonly only?: readonly number[];
}

const syncHandler = (code: string): Files => ({
  "index.js": `exports.handler = (event, context) => { ${code} };\n`,
});
const asyncHandler = (code: string): Files => ({
  "index.js": `exports.handler = async (event, context) => { ${code} };\n`,
});
const callbackHandler = (code: string): Files => ({
  "index.js": `exports.handler = (event, context, callback) => { ${code} };\n`,
});
const OLD = [20, 22];
const NEW = [24];

const INVOKES: readonly InvokeCase[] = [
  {
    what: "echoes",
    files: asyncHandler("return event;"),
    payload: { é: [1, null] },
    answer: '{"é":[1,null]}',
  },
  {
    what: "has gc(), as Lambda's Node is started with --expose-gc",
    files: asyncHandler(
      "const made = new WeakRef({}); await new Promise(setImmediate); gc(); await new Promise(setImmediate); global.gc();" +
        "return [made.deref() === undefined, typeof globalThis.gc, Object.keys(globalThis).includes('gc'), process.execArgv.includes('--expose-gc')];",
    ),
    answer: '[true,"function",true,true]',
  },
  {
    what: "lets a function put its own gc in place",
    files: asyncHandler("globalThis.gc = 1; return gc;"),
    answer: "1",
  },
  { what: "answers null for nothing", files: asyncHandler(""), answer: "null" },
  { what: "loads .cjs", files: { "index.cjs": "exports.handler = async () => 1;" }, answer: "1" },
  {
    what: "loads .mjs with a top-level await",
    files: { "index.mjs": "const n = await Promise.resolve(2); export const handler = async () => n;" },
    answer: "2",
  },
  {
    what: "loads .js of a module package",
    files: {
      "package.json": '{"type":"module"}',
      "index.js": "import fs from 'node:fs'; export const handler = async () => typeof fs.statSync;",
    },
    answer: '"function"',
  },
  {
    what: "takes folders and nested names",
    files: { "a/b.js": "exports.x = { y: async () => 3 };" },
    handler: "a/b.x.y",
    answer: "3",
  },
  {
    what: "finds the default export of a module",
    files: { "index.mjs": "export default { handler: async () => 4 };" },
    answer: "4",
    only: NEW,
  },
  {
    what: "detects module syntax",
    files: { "index.js": "import 'node:fs'; export const handler = async () => await 6;" },
    answer: "6",
    only: NEW,
  },
  {
    what: "detects module syntax with a top-level await",
    files: { "index.js": "const n = await 7; export const handler = async () => n;" },
    answer: "7",
    only: NEW,
  },
  {
    what: "gives the context of Lambda",
    files: asyncHandler(
      "return [JSON.parse(JSON.stringify({ ...context, callbackWaitsForEmptyEventLoop: 1 })), context.getRemainingTimeInMillis() > 0, typeof context.memoryLimitInMB];",
    ),
    answer: JSON.stringify([
      {
        functionVersion: "$LATEST",
        functionName: "hello",
        memoryLimitInMB: "128",
        logGroupName: "/aws/lambda/hello",
        logStreamName: "2026/11/21/[$LATEST]0123456789abcdef",
        invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:hello",
        awsRequestId: REQUEST_ID,
        callbackWaitsForEmptyEventLoop: 1,
      },
      true,
      "string",
    ]),
    only: NEW,
  },
  {
    what: "has done, succeed and fail",
    files: syncHandler(
      "context.succeed([typeof context.done, typeof context.fail, context.callbackWaitsForEmptyEventLoop])",
    ),
    answer: '["function","function",true]',
    only: OLD,
  },
  {
    what: "has no done, succeed and fail",
    files: asyncHandler(
      "return [typeof context.done, typeof context.fail, 'callbackWaitsForEmptyEventLoop' in context];",
    ),
    answer: '["undefined","undefined",false]',
    only: NEW,
  },
  {
    what: "has the environment of the function and nothing else",
    files: asyncHandler(
      "return [process.env.SECRET_OF_SERVER, process.env.AWS_REGION, new Date(0).getHours(), process.cwd() === process.env.LAMBDA_TASK_ROOT];",
    ),
    answer: '[null,"us-east-1",0,true]',
  },
  {
    what: "answers a callback",
    files: callbackHandler("setTimeout(() => callback(null, { ok: 1 }), 5);"),
    answer: '{"ok":1}',
    only: OLD,
  },
  {
    what: "answers a callback after the event loop is empty",
    files: callbackHandler("callback(null, 1); setTimeout(() => console.log('late'), 20);"),
    answer: "1",
    logs: [/\tINFO\tlate\n$/],
    only: OLD,
  },
  {
    what: "answers a callback at once when told to",
    files: callbackHandler(
      "context.callbackWaitsForEmptyEventLoop = false; callback(null, 1); setTimeout(() => console.log('late'), 50);",
    ),
    answer: "1",
    logs: [],
    only: OLD,
  },
  {
    what: "answers null when nobody calls back",
    files: callbackHandler("setTimeout(() => {}, 5);"),
    answer: "null",
    only: OLD,
  },
  {
    what: "answers null for a promise that never settles",
    files: asyncHandler("await new Promise(() => {});"),
    answer: "null",
    only: OLD,
  },
  {
    what: "reports an error given to the callback",
    files: callbackHandler("callback(new TypeError('t'));"),
    error: { errorType: "TypeError", errorMessage: "t" },
    only: OLD,
  },
  {
    what: "answers what is returned without a promise",
    files: syncHandler("return 5;"),
    answer: "5",
    only: NEW,
  },
  {
    what: "does not answer what is returned without a promise",
    files: syncHandler("return 5;"),
    answer: "null",
    only: OLD,
  },
  {
    what: "reports an error",
    files: asyncHandler("throw new RangeError('some_error_msg');"),
    error: { errorType: "RangeError", errorMessage: "some_error_msg" },
    logs: [
      new RegExp(
        `^${STAMP}\\t${REQUEST_ID}\\tERROR\\tInvoke Error \\t{"errorType":"RangeError","errorMessage":"some_error_msg","stack":\\["RangeError: some_error_msg","    at .*\\]}\\n$`,
      ),
    ],
  },
  {
    what: "reports a thrown text",
    files: asyncHandler("throw 'text';"),
    error: { errorType: "string", errorMessage: "text", trace: [] },
  },
  {
    what: "reports an error of a class",
    files: {
      "index.js":
        "class MyError extends Error { constructor(m) { super(m); this.name = 'MyError'; this.extra = 1; } }\nexports.handler = async () => { throw new MyError('m'); };",
    },
    error: { errorType: "MyError", errorMessage: "m" },
    logs: [/"errorMessage":"m","name":"MyError","extra":1,"stack":\[/],
  },
  {
    what: "reports what cannot be JSON",
    files: asyncHandler("return 1n;"),
    error: { errorType: "Error", errorMessage: "Unable to stringify response body" },
    only: OLD,
  },
  {
    what: "reports what cannot be JSON by its name",
    files: asyncHandler("const a = {}; a.a = a; return a;"),
    error: { errorType: "Runtime.JSONStringifyError", errorMessage: "Unable to stringify response body" },
    only: NEW,
  },
  {
    what: "refuses a response of over 6 MB",
    files: asyncHandler("return 'x'.repeat(6291556);"),
    error: {
      errorType: "Function.ResponseSizeTooLarge",
      errorMessage:
        "Response payload size (6291558 bytes) exceeded maximum allowed payload size (6291556 bytes).",
    },
  },
  {
    what: "logs console calls in format Text",
    files: asyncHandler(
      "console.log('a %d', 1, { b: 2 }); console.warn('two\\nlines'); console.error(new Error('e').message); console.debug('d');",
    ),
    answer: "null",
    logs: [
      new RegExp(`^${STAMP}\\t${REQUEST_ID}\\tINFO\\ta 1 { b: 2 }\\n$`),
      new RegExp(`^${STAMP}\\t${REQUEST_ID}\\tWARN\\ttwo\\nlines\\n$`),
      /\tERROR\te\n$/,
      /\tDEBUG\td\n$/,
    ],
  },
  {
    what: "logs console calls in format JSON, from the level up",
    files: asyncHandler(
      "console.debug('no'); console.info({ a: 1 }); console.warn('x', 1); console.error('bad', new TypeError('t')); console.error(new RangeError('r'));",
    ),
    init: { logFormat: "JSON", logLevel: "INFO" },
    answer: "null",
    logs: [
      new RegExp(`^{"timestamp":"${STAMP}","level":"INFO","requestId":"${REQUEST_ID}","message":{"a":1}}$`),
      /"level":"WARN","requestId":"[^"]+","message":"x 1"}$/,
      /"level":"ERROR","requestId":"[^"]+","message":"bad TypeError: t\\n.*","errorType":"TypeError","errorMessage":"t","stackTrace":\["TypeError: t",.*\]}$/,
      /"level":"ERROR","requestId":"[^"]+","message":{"errorType":"RangeError","errorMessage":"r","stackTrace":\[.*\]}}$/,
    ],
  },
  {
    what: "streams into one answer",
    files: {
      "index.mjs":
        "export const handler = awslambda.streamifyResponse(async (event, stream, context) => { stream.setContentType('text/plain'); stream.write('a'); await new Promise((r) => setTimeout(r, 2)); stream.write({ b: 1 }); stream.end('c'); });",
    },
    answer: 'a{"b":1}c',
  },
  {
    what: "puts the HTTP prelude before a stream",
    files: {
      "index.mjs":
        "export const handler = awslambda.streamifyResponse(async (event, stream) => { const s = awslambda.HttpResponseStream.from(stream, { statusCode: 201 }); s.write('x'); s.end(); });",
    },
    answer: `{"statusCode":201}${"\0".repeat(8)}x`,
  },
  {
    what: "reports a failing stream",
    files: {
      "index.mjs":
        "export const handler = awslambda.streamifyResponse(async (event, stream) => { throw new Error('s'); });",
    },
    error: { errorType: "Error", errorMessage: "s" },
  },
  {
    what: "reports a stream that does not end",
    files: {
      "index.mjs":
        "export const handler = awslambda.streamifyResponse(async (event, stream) => { stream.write('x'); });",
    },
    error: { errorType: "Error", errorMessage: "Response stream is not finished." },
  },
  {
    what: "runs child processes that cannot reach the channel",
    files: asyncHandler(
      "return require('node:child_process').spawnSync('/bin/sh', ['-c', '[ -e /proc/self/fd/3 ] && echo open || echo closed']).stdout.toString().trim();",
    ),
    answer: '"closed"',
  },
];

interface InitCase {
  readonly what: string;
  readonly files: Files;
  readonly handler?: string;
  readonly type: string;
  readonly message: string | RegExp;
  readonly only?: readonly number[];
}

const INITS: readonly InitCase[] = [
  {
    what: "a file that is not there",
    files: {},
    type: "Runtime.ImportModuleError",
    message: "Error: Cannot find module 'index'\nRequire stack:\n- /var/runtime/index.mjs",
  },
  {
    what: "a module that is not there",
    files: { "index.js": "require('not-there');" },
    type: "Runtime.ImportModuleError",
    message:
      "Error: Cannot find module 'not-there'\nRequire stack:\n- ROOT/index.js\n- /var/runtime/index.mjs",
  },
  {
    what: "an import that is not there",
    files: { "index.mjs": "import 'not-there';" },
    type: "Error",
    message: "Cannot find package 'not-there' imported from ROOT/index.mjs",
  },
  {
    what: "a function that is not there",
    files: { "index.js": "exports.other = 1;" },
    type: "Runtime.HandlerNotFound",
    message: "index.handler is undefined or not exported",
  },
  {
    what: "something that is not a function",
    files: { "index.js": "exports.handler = 'x';" },
    type: "Runtime.HandlerNotFound",
    message: "index.handler is not a function",
  },
  {
    what: "a handler without a dot",
    files: {},
    handler: "index",
    type: "Runtime.MalformedHandlerName",
    message: "Bad handler",
  },
  {
    what: "a handler outside",
    files: {},
    handler: "../index.handler",
    type: "Runtime.MalformedHandlerName",
    message:
      "'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names.",
  },
  {
    what: "a syntax error",
    files: { "index.js": "exports.handler = (" },
    type: "Runtime.UserCodeSyntaxError",
    message: /^SyntaxError: /,
  },
  {
    what: "module syntax in a file that nothing declares a module",
    files: { "index.js": "import 'node:fs'; export const handler = async () => 1;" },
    type: "Runtime.UserCodeSyntaxError",
    message: "SyntaxError: Cannot use import statement outside a module",
    only: OLD,
  },
  {
    what: "an exception",
    files: { "index.js": "throw new TypeError('Runtime startup fails');" },
    type: "TypeError",
    message: "Runtime startup fails",
  },
  {
    what: "a rejection",
    files: {
      "index.mjs":
        "Promise.reject(new Error('r')); await new Promise((r) => setTimeout(r, 1000)); export const handler = 1;",
    },
    type: "Runtime.UnhandledPromiseRejection",
    message: "Error: r",
  },
  {
    what: "a top-level await that never settles",
    files: { "index.mjs": "await new Promise(() => {}); export const handler = async () => 1;" },
    type: "Runtime.NodeJsExit",
    message: /^The Lambda runtime client detected an unexpected Node\.js exit code\./,
  },
  {
    what: "a callback handler",
    files: callbackHandler("callback();"),
    type: "Runtime.CallbackHandlerDeprecated",
    message:
      /^ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node\.js 24\. /,
    only: NEW,
  },
];

interface FatalCase {
  readonly what: string;
  readonly files: Files;
  readonly type: string;
  readonly message: string;
  readonly code: number;
  readonly log: RegExp;
  readonly only?: readonly number[];
}

const FATALS: readonly FatalCase[] = [
  {
    what: "an uncaught exception",
    files: asyncHandler(
      "setTimeout(() => { throw new Error('boom'); }, 1); await new Promise((r) => setTimeout(r, 1000));",
    ),
    type: "Error",
    message: "boom",
    code: 129,
    log: /\tERROR\tUncaught Exception \t{"errorType":"Error","errorMessage":"boom"/,
  },
  {
    what: "an unhandled rejection",
    files: asyncHandler("Promise.reject(new Error('boom')); await new Promise((r) => setTimeout(r, 1000));"),
    type: "Runtime.UnhandledPromiseRejection",
    message: "Error: boom",
    code: 128,
    log: /\tERROR\tUnhandled Promise Rejection \t{"errorType":"Runtime\.UnhandledPromiseRejection","errorMessage":"Error: boom","reason":{"errorType":"Error"/,
  },
  {
    what: "a promise that never settles",
    files: asyncHandler("await new Promise(() => {});"),
    type: "Runtime.NodeJsExit",
    message:
      "The Lambda runtime client detected an unexpected Node.js exit code. This is most likely caused by a Promise that was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes",
    code: 13,
    log: /Runtime\.NodeJsExit/,
    only: NEW,
  },
];

async function withRuntime(
  argv: readonly string[],
  major: number,
  files: Files,
  work: (runtime: Runtime, root: (text: string) => string) => Promise<void>,
): Promise<void> {
  const runtime = await startRuntime(argv, {
    runtime: `nodejs${major}.x`,
    files,
    env: { SECRET_OF_SERVER: "1" },
  });
  try {
    await work(runtime, (text) => text.replaceAll(runtime.taskRoot, "ROOT"));
  } finally {
    await runtime.stop();
  }
}

const holdsFor = (one: { readonly only?: readonly number[] }, major: number): boolean =>
  one.only === undefined || one.only.includes(major);

// Every runtime on the newest Node of the host, as the nearest-version rule has it, and each on its own.
const newest = nodes.toSorted((a, b) => b.number - a.number)[0];
const pairs = [20, 22, 24].flatMap((major) =>
  nodes.filter((node) => node.number === major || node === newest).map((node) => ({ major, node })),
);

for (const { major, node } of pairs) {
  const argv = nodeCommand(node, `nodejs${major}.x`, DISABLED_NODE_FEATURES[major]);
  describe(`nodejs${major}.x on Node ${node.version}`, () => {
    for (const one of INVOKES.filter((each) => holdsFor(each, major))) {
      it(one.what, async () => {
        await withRuntime(argv, major, one.files, async (runtime, root) => {
          const ready = await runtime.init({ ...one.init, handler: one.handler ?? "index.handler" });
          assert.equal(ready.type, FrameType.ready, ready.body.toString());
          const answer = await runtime.invoke(one.payload ?? {});
          assert.equal(answer.requestId, REQUEST_ID);
          if (one.error === undefined) {
            assert.equal(answer.type, FrameType.response, answer.text);
            const parsed = (text: string): unknown => (text.startsWith("[{") ? JSON.parse(text) : text);
            assert.deepEqual(parsed(answer.text), parsed(one.answer ?? ""));
          } else {
            assert.equal(answer.type, FrameType.error, answer.text);
            const report = JSON.parse(answer.text) as Record<string, unknown>;
            for (const [name, value] of Object.entries(one.error)) assert.deepEqual(report[name], value);
          }
          if (one.logs !== undefined) {
            const texts = answer.logs.map((line) => root(line.text));
            assert.equal(texts.length, one.logs.length, texts.join("|"));
            for (const [index, wanted] of one.logs.entries())
              assert.match(texts[index] as string, wanted as RegExp);
          }
        });
      });
    }

    for (const one of INITS.filter((each) => holdsFor(each, major))) {
      it(`fails to start with ${one.what}`, async () => {
        await withRuntime(argv, major, one.files, async (runtime, root) => {
          const frame = await runtime.init({ handler: one.handler ?? "index.handler" });
          assert.equal(frame.type, FrameType.initError);
          const report = JSON.parse(root(frame.body.toString())) as Record<string, unknown>;
          assert.equal(report["errorType"], one.type, JSON.stringify(report));
          if (typeof one.message === "string") assert.equal(report["errorMessage"], one.message);
          else assert.match(report["errorMessage"] as string, one.message);
          assert.ok(Array.isArray(report["trace"]));
          const text = runtime.logs().at(-1)?.text ?? "";
          assert.match(text, major >= 24 ? /\t-\tERROR\t/ : /\tundefined\tERROR\t/);
          assert.notEqual((await runtime.exited).code, 0);
        });
      });
    }

    for (const one of FATALS.filter((each) => holdsFor(each, major))) {
      it(`ends with ${one.what}`, async () => {
        await withRuntime(argv, major, one.files, async (runtime) => {
          await runtime.init();
          const answer = await runtime.invoke({});
          assert.equal(answer.type, FrameType.fatal);
          assert.equal(answer.requestId, REQUEST_ID);
          const report = JSON.parse(answer.text) as Record<string, unknown>;
          assert.equal(report["errorType"], one.type);
          assert.equal(report["errorMessage"], one.message);
          assert.match(answer.logs[0]?.text ?? "", one.log);
          assert.deepEqual(await runtime.exited, { code: one.code, signal: null });
        });
      });
    }

    it("keeps its state and sees the trace id of each invocation", async () => {
      const files = {
        "index.js": "let n = 0; exports.handler = async () => [++n, process.env._X_AMZN_TRACE_ID];",
      };
      await withRuntime(argv, major, files, async (runtime) => {
        await runtime.init();
        assert.equal((await runtime.invoke({}, { traceId: "Root=1" })).text, '[1,"Root=1"]');
        assert.equal((await runtime.invoke({})).text, "[2,null]");
      });
    });

    it("goes on after a failure", async () => {
      await withRuntime(
        argv,
        major,
        asyncHandler("if (event) throw new Error(); return 1;"),
        async (runtime) => {
          await runtime.init();
          assert.equal((await runtime.invoke(1)).type, FrameType.error);
          assert.equal((await runtime.invoke(0)).text, "1");
        },
      );
    });

    it("hands over the client context", async () => {
      await withRuntime(
        argv,
        major,
        asyncHandler("return [context.clientContext, context.identity];"),
        async (runtime) => {
          await runtime.init();
          const clientContext = JSON.stringify({ custom: { a: 1 } });
          const answer = await runtime.invoke(
            {},
            { clientContext, cognitoIdentity: '{"cognitoIdentityId":"i"}' },
          );
          assert.equal(answer.text, '[{"custom":{"a":1}},{"cognitoIdentityId":"i"}]');
        },
      );
    });

    it("takes and gives payloads of 6 MB", async () => {
      await withRuntime(argv, major, asyncHandler("return event;"), async (runtime) => {
        await runtime.init();
        const payload = { x: "y".repeat(6_000_000) };
        assert.deepEqual(JSON.parse((await runtime.invoke(payload)).text), payload);
        assert.equal((await runtime.invoke(1)).text, "1");
      });
    });

    it("keeps the order of a flood of lines and the answer", async () => {
      await withRuntime(
        argv,
        major,
        asyncHandler("for (let i = 0; i < 5000; i++) console.log(i, 'x'.repeat(200)); return 1;"),
        async (runtime) => {
          await runtime.init();
          const answer = await runtime.invoke({});
          assert.equal(answer.logs.length, 5000);
          assert.ok(answer.logs.every((line, index) => line.text.includes(`\tINFO\t${index} x`)));
        },
      );
    });

    it("sends nothing of an invocation after its answer", async () => {
      const files = syncHandler(
        "context.succeed?.(1); return { then(ok, bad) { ok(2); ok(3); setTimeout(() => bad(new Error('late')), 1); } };",
      );
      await withRuntime(argv, major, files, async (runtime) => {
        await runtime.init();
        assert.equal((await runtime.invoke({})).type, FrameType.response);
        const second = await runtime.invoke({}, { requestId: "00000000-0000-0000-0000-000000000002" });
        assert.equal(second.requestId, "00000000-0000-0000-0000-000000000002");
        assert.equal(second.type, FrameType.response);
      });
    });

    it("ends on SHUTDOWN, on SIGTERM and with the channel", async () => {
      await withRuntime(argv, major, asyncHandler(""), async (runtime) => {
        await runtime.init();
        runtime.send(FrameType.shutdown, Buffer.alloc(0));
        assert.deepEqual(await runtime.exited, { code: 0, signal: null });
      });
      await withRuntime(argv, major, asyncHandler(""), async (runtime) => {
        runtime.process.kill("SIGTERM");
        assert.deepEqual(await runtime.exited, { code: 143, signal: null });
      });
      await withRuntime(argv, major, asyncHandler(""), async (runtime) => {
        const channel = runtime.process.stdio[3];
        assert.ok(channel !== null && channel !== undefined);
        channel.destroy();
        await runtime.exited;
      });
    });

    it("lets the function handle SIGTERM", async () => {
      const files = {
        "index.js":
          "process.on('SIGTERM', () => { console.log('bye'); process.exit(7); }); exports.handler = async () => 1;",
      };
      await withRuntime(argv, major, files, async (runtime) => {
        await runtime.init();
        runtime.send(FrameType.shutdown, Buffer.alloc(0));
        runtime.process.kill("SIGTERM");
        assert.deepEqual(await runtime.exited, { code: 7, signal: null });
        assert.match(runtime.logs()[0]?.text ?? "", /bye/);
      });
    });
  });
}
