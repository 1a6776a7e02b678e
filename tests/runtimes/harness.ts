import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { FrameType } from "../../src/lambda/runtime-api/frames.ts";
import type { InitMessage, InvokeMessage } from "../../src/lambda/runtime-api/frames.ts";

/** The other end of a bootstrap's channel: a process under test without any sandbox around it. */
export interface Runtime {
  readonly process: ChildProcess;
  readonly taskRoot: string;
  init(overrides?: Partial<InitMessage>): Promise<Frame>;
  invoke(payload: unknown, overrides?: Partial<InvokeMessage>): Promise<Answer>;
  send(type: number, body: Uint8Array): void;
  next(): Promise<Frame>;
  /** LOG frames seen since the last call. */
  logs(): LogLine[];
  exited: Promise<{ code: number | null; signal: string | null }>;
  stdout(): string;
  stop(): Promise<void>;
}

export interface Frame {
  readonly type: number;
  readonly body: Buffer;
}

export interface LogLine {
  readonly level: number;
  readonly text: string;
  readonly at: number;
}

export interface Answer {
  readonly type: number;
  readonly requestId: string;
  readonly text: string;
  readonly bytes: Buffer;
  readonly logs: LogLine[];
}

export const REQUEST_ID = "8f507cfc-xmpl-4697-b07a-ac58fc914c95";
export const runtimesFolder: string = fileURLToPath(new URL("../../runtimes", import.meta.url));

/** A folder with the given files; the function's code. */
export async function codeFolder(files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), "lambent-runtime-"));
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(root, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
  }
  return root;
}

export function functionEnvironment(runtime: string, taskRoot: string): Record<string, string> {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    LAMBDA_TASK_ROOT: taskRoot,
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtime}`,
    AWS_REGION: "us-east-1",
    AWS_LAMBDA_FUNCTION_NAME: "hello",
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "128",
    AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/hello",
    AWS_LAMBDA_LOG_STREAM_NAME: "2026/11/21/[$LATEST]0123456789abcdef",
  };
}

/** Starts `argv` with a socket as file descriptor 3 and waits for BOOTED. */
export async function startRuntime(
  argv: readonly string[],
  options: {
    readonly runtime: string;
    readonly files: Readonly<Record<string, string>>;
    readonly env?: Readonly<Record<string, string>>;
  },
): Promise<Runtime> {
  const taskRoot = await codeFolder(options.files);
  const child = spawn(argv[0] as string, argv.slice(1), {
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: { ...options.env },
    cwd: "/",
  });
  const channel = child.stdio[3] as Duplex;
  const frames: Frame[] = [];
  const waiting: { resolve: (frame: Frame) => void; reject: (error: Error) => void }[] = [];
  let logs: LogLine[] = [];
  let held: Buffer = Buffer.alloc(0);
  let out = "";
  let ended = false;
  child.stdout?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (out += chunk.toString()));
  channel.on("error", () => undefined);
  channel.on("data", (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= 4 && held.length >= 4 + held.readUInt32BE(0)) {
      const end = 4 + held.readUInt32BE(0);
      const frame = { type: held[4] as number, body: Buffer.from(held.subarray(5, end)) };
      held = held.subarray(end);
      if (frame.type === FrameType.log) {
        const { body } = frame;
        logs.push({
          at: body.readDoubleBE(0),
          level: body[8] as number,
          text: body.toString("utf8", 9),
        });
      } else {
        const waiter = waiting.shift();
        if (waiter === undefined) frames.push(frame);
        else waiter.resolve(frame);
      }
    }
  });
  const exited = once(child, "close").then(([code, signal]) => {
    ended = true;
    for (const waiter of waiting) {
      waiter.reject(new Error(`the runtime exited (${code ?? signal}): ${out}`));
    }
    return { code: code as number | null, signal: signal as string | null };
  });

  const runtime: Runtime = {
    process: child,
    taskRoot,
    exited,
    stdout: () => out,
    logs() {
      const seen = logs;
      logs = [];
      return seen;
    },
    send(type, body) {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(body.length + 1, 0);
      head[4] = type;
      channel.write(Buffer.concat([head, body]));
    },
    next() {
      const frame = frames.shift();
      if (frame !== undefined) return Promise.resolve(frame);
      if (ended) return Promise.reject(new Error(`the runtime exited: ${out}`));
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    init(overrides = {}) {
      const message: InitMessage = {
        env: functionEnvironment(options.runtime, taskRoot),
        handler: "index.handler",
        taskRoot,
        optRoot: "/nonexistent",
        cwd: taskRoot,
        memoryMb: 128,
        timeoutMs: 3000,
        logFormat: "Text",
        functionName: "hello",
        functionVersion: "$LATEST",
        logGroup: "/aws/lambda/hello",
        logStream: "2026/11/21/[$LATEST]0123456789abcdef",
        ...overrides,
      };
      runtime.send(FrameType.init, Buffer.from(JSON.stringify(message)));
      return runtime.next();
    },
    async invoke(payload, overrides = {}) {
      const message: InvokeMessage = {
        requestId: REQUEST_ID,
        deadlineMs: Date.now() + 3000,
        invokedFunctionArn: "arn:aws:lambda:us-east-1:000000000000:function:hello",
        ...overrides,
      };
      const text = Buffer.from(JSON.stringify(message));
      const length = Buffer.alloc(4);
      length.writeUInt32BE(text.length);
      const body = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
      runtime.send(FrameType.invoke, Buffer.concat([length, text, body]));
      const frame = await runtime.next();
      const end = 4 + frame.body.readUInt32BE(0);
      return {
        type: frame.type,
        requestId: frame.body.toString("utf8", 4, end),
        bytes: frame.body.subarray(end),
        text: frame.body.toString("utf8", end),
        logs: runtime.logs(),
      };
    },
    async stop() {
      child.kill("SIGKILL");
      await exited;
      await rm(taskRoot, { recursive: true, force: true });
    },
  };
  const booted = await runtime.next();
  if (booted.type !== FrameType.booted) throw new Error(`BOOTED expected, got ${booted.type}`);
  return runtime;
}
