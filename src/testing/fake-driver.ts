import { createServer, type Server, type Socket } from "node:net";
import { Duplex, PassThrough } from "node:stream";
import type {
  Capabilities,
  ExitInfo,
  Mount,
  Sandbox,
  SandboxDriver,
  SandboxLimits,
  SandboxSpec,
} from "../ports/sandbox-driver.ts";
import {
  decodeTagged,
  encodeFrame,
  encodeLog,
  encodeTagged,
  FrameParser,
} from "../lambda/runtime-api/frame-codec.ts";
import { FrameType, type InitMessage, type InvokeMessage } from "../lambda/runtime-api/frames.ts";

/** What the pretended process does. Whatever is left out is done well: boot, be ready, echo. */
export interface FakeScript {
  boot?(process: FakeProcess): void;
  init?(message: InitMessage, process: FakeProcess): void;
  invoke?(message: InvokeMessage, payload: Buffer, process: FakeProcess): void;
  shutdown?(process: FakeProcess): void;
}

/** The inside of a pretended sandbox, as the script sees it. */
export interface FakeProcess {
  readonly sandbox: FakeSandbox;
  booted(): void;
  ready(): void;
  initError(error: object): void;
  respond(requestId: string, payload: string): void;
  fail(requestId: string, error: object): void;
  fatal(requestId: string, error: object): void;
  log(text: string, timestamp?: number): void;
  write(text: string): void;
  send(bytes: Buffer): void;
  exit(exit: Partial<ExitInfo>): void;
}

export interface FakeSandbox extends Sandbox {
  readonly spec: SandboxSpec;
  readonly process: FakeProcess;
  readonly calls: string[];
  readonly attached: readonly Mount[];
  readonly limits: SandboxLimits;
  readonly alive: boolean;
}

export interface FakeDriver extends SandboxDriver {
  readonly sandboxes: readonly FakeSandbox[];
  script: FakeScript;
  /** The next creations fail with this. */
  refuse: Error | undefined;
  memoryBytes: number;
}

const CAPABILITIES: Capabilities = {
  driver: "fake",
  boundary: "none",
  rootfs: "none",
  processes: "none",
  network: "host",
  seccomp: "none",
  memory: "none",
  cpu: "none",
  pids: "none",
  tmpSize: "none",
  freeze: "cgroup",
  lateAttach: false,
  reasons: [],
};

/** Sandboxes without processes: the framed channel is a pair of streams, the HTTP listener a real one on loopback. */
export function fakeDriver(script: FakeScript = {}, capabilities: Partial<Capabilities> = {}): FakeDriver {
  const sandboxes: FakeSandbox[] = [];
  const driver: FakeDriver = {
    name: "fake",
    capabilities: { ...CAPABILITIES, ...capabilities },
    sandboxes,
    script,
    refuse: undefined,
    memoryBytes: 30 * 1024 * 1024,
    async create(spec) {
      if (driver.refuse !== undefined) throw driver.refuse;
      const runtimeApi = createServer();
      if (!spec.channel) await listen(runtimeApi);
      const sandbox = makeSandbox(driver, spec, runtimeApi);
      sandboxes.push(sandbox);
      return sandbox;
    },
    sweep: async () => [],
    async close() {
      await Promise.all(sandboxes.map((sandbox) => sandbox.kill()));
    },
  };
  return driver;
}

async function listen(server: Server): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function makeSandbox(driver: FakeDriver, spec: SandboxSpec, runtimeApi: Server): FakeSandbox {
  const [ours, theirs] = streamPair();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const exited = Promise.withResolvers<ExitInfo>();
  const calls: string[] = [];
  const attached: Mount[] = [...spec.mounts];
  let limits = spec.limits;
  let alive = true;

  function exit(how: Partial<ExitInfo>): void {
    if (!alive) return;
    alive = false;
    stdout.end();
    stderr.end();
    theirs.destroy();
    runtimeApi.close();
    exited.resolve({ code: how.code, signal: how.signal, oomKilled: how.oomKilled ?? false });
  }
  async function end(call: string, how: Partial<ExitInfo>): Promise<ExitInfo> {
    calls.push(call);
    exit(how);
    return await exited.promise;
  }
  const note = (call: string) => async (): Promise<void> => {
    calls.push(call);
  };
  const address = runtimeApi.address();
  const process: FakeProcess = {
    get sandbox() {
      return sandbox;
    },
    booted: () => process.send(encodeFrame(FrameType.booted, Buffer.from('{"version":"fake"}'))),
    ready: () => process.send(encodeFrame(FrameType.ready)),
    initError: (error) => process.send(encodeFrame(FrameType.initError, Buffer.from(JSON.stringify(error)))),
    respond: (id, payload) => process.send(encodeTagged(FrameType.response, id, Buffer.from(payload))),
    fail: (id, error) => process.send(encodeTagged(FrameType.error, id, Buffer.from(JSON.stringify(error)))),
    fatal: (id, error) => process.send(encodeTagged(FrameType.fatal, id, Buffer.from(JSON.stringify(error)))),
    log: (text, timestamp = 0) => process.send(encodeLog({ timestamp, level: 0, text })),
    write: (text) => void (alive && stdout.write(text)),
    send: (bytes) => void (alive && theirs.write(bytes)),
    exit,
  };
  const sandbox: FakeSandbox = {
    id: spec.id,
    pid: 1,
    spec,
    process,
    calls,
    get attached() {
      return attached;
    },
    get limits() {
      return limits;
    },
    get alive() {
      return alive;
    },
    runtimeApi,
    endpoint: createServer(),
    runtimeApiAddress:
      typeof address === "object" && address !== null
        ? `127.0.0.1:${String(address.port)}`
        : "127.0.0.1:9001",
    endpointUrl: `http://127.0.0.1:${String(spec.endpointPort)}`,
    channel: spec.channel ? (ours as unknown as Socket) : undefined,
    stdout,
    stderr,
    path: (target) => target,
    async attach(mounts) {
      calls.push("attach");
      attached.push(...mounts);
    },
    async setLimits(changed) {
      calls.push("setLimits");
      limits = changed;
    },
    freeze: note("freeze"),
    thaw: note("thaw"),
    stats: async () => ({
      memoryBytes: driver.memoryBytes,
      peakMemoryBytes: driver.memoryBytes,
      cpuNs: 0,
      pids: 1,
      tmpBytes: 0,
    }),
    stop: (graceMs) => end(`stop ${String(graceMs)}`, { signal: "SIGTERM" }),
    kill: () => end("kill", { signal: "SIGKILL" }),
    exited: exited.promise,
  };
  if (spec.channel) runScript(driver, process, theirs);
  return sandbox;
}

function runScript(driver: FakeDriver, process: FakeProcess, channel: Duplex): void {
  const parser = new FrameParser((type, body) => {
    const { script } = driver;
    if (type === FrameType.init) {
      const message = JSON.parse(body.toString()) as InitMessage;
      if (script.init === undefined) process.ready();
      else script.init(message, process);
    } else if (type === FrameType.invoke) {
      const { tag, rest } = decodeTagged(body);
      const message = JSON.parse(tag) as InvokeMessage;
      if (script.invoke === undefined) process.respond(message.requestId, rest.toString());
      else script.invoke(message, Buffer.from(rest), process);
    } else if (type === FrameType.shutdown) {
      script.shutdown?.(process);
    }
  });
  channel.on("data", (chunk: Buffer) => parser.push(chunk));
  channel.on("error", () => undefined);
  setImmediate(() => {
    if (driver.script.boot === undefined) process.booted();
    else driver.script.boot(process);
  });
}

/** Two streams, each of which reads what is written to the other. */
function streamPair(): [Duplex, Duplex] {
  const make = (): Duplex =>
    new Duplex({
      read: () => undefined,
      write(chunk, _encoding, done) {
        const other = this === one ? two : one;
        if (!other.destroyed) other.push(chunk);
        done();
      },
      final: (done) => done(),
    });
  const one: Duplex = make();
  const two: Duplex = make();
  return [one, two];
}
