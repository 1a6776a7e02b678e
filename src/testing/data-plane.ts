import { silentLogger } from "../kernel/log.ts";
import type { Clock } from "../kernel/clock.ts";
import { systemRandom } from "../kernel/random.ts";
import type { LogEvent } from "../ports/log-sink.ts";
import type { Capabilities, SandboxDriver } from "../ports/sandbox-driver.ts";
import type { RuntimeLaunch } from "../ports/runtime-catalog.ts";
import type { ResolvedFunction } from "../lambda/control/types.ts";
import type { FunctionVersion } from "../lambda/model/function.ts";
import type { InvocationOutcome, InvokeRequest } from "../lambda/model/invocation.ts";
import { createInvoker, type DataPlane, type InvokerDeps } from "../lambda/invoke/invoker.ts";

export interface FixtureOptions {
  readonly version?: Partial<FunctionVersion>;
  readonly launch?: Partial<RuntimeLaunch>;
  readonly codeDir?: string;
  readonly codeCache?: InvokerDeps["codeCache"];
  readonly capabilities?: Partial<Capabilities>;
  readonly hostMemory?: InvokerDeps["hostMemory"];
  readonly hostCpu?: InvokerDeps["hostCpu"];
  readonly freshProcess?: InvokerDeps["freshProcess"];
  readonly options?: InvokerDeps["options"];
  readonly onEndpointConnection?: InvokerDeps["onEndpointConnection"];
}

export interface Fixture {
  readonly plane: DataPlane;
  readonly version: FunctionVersion;
  /** Change it to change what the resolver answers. */
  readonly resolved: { -readonly [K in keyof ResolvedFunction]: ResolvedFunction[K] };
  invoke(payload: string, more?: Partial<InvokeRequest>): Promise<InvocationOutcome>;
  /** Messages of all streams, in the order of their writing. */
  lines(): readonly string[];
  close(): Promise<void>;
}

export function functionVersion(more: Partial<FunctionVersion> = {}): FunctionVersion {
  const name = more.name ?? "demo";
  return {
    scope: { accountId: "000000000000", region: "us-east-1" },
    name,
    version: "$LATEST",
    functionArn: `arn:aws:lambda:us-east-1:000000000000:function:${name}`,
    functionId: "f-1",
    description: "",
    runtime: "nodejs22.x",
    handler: "index.handler",
    role: "arn:aws:iam::000000000000:role/demo",
    memoryMb: 128,
    timeoutMs: 3000,
    tmpMb: 512,
    architecture: "x86_64",
    logging: { logFormat: "Text", logGroup: `/aws/lambda/${name}` },
    tracingMode: "PassThrough",
    code: { blob: "0".repeat(64), codeSha256: "", codeSize: 0 },
    revisionId: "r-1",
    lastModifiedMs: 0,
    state: "Active",
    lastUpdateStatus: "Successful",
    environmentId: "environment-1",
    ...more,
  };
}

/** A data plane over any driver, with one function and everything around it in memory. */
export function dataPlane(driver: SandboxDriver, clock: Clock, options: FixtureOptions = {}): Fixture {
  const version = functionVersion(options.version);
  const launch: RuntimeLaunch = {
    runtime: version.runtime,
    actual: "fake",
    interface: "framed",
    argv: ["/runtime"],
    env: {},
    mounts: [],
    ...options.launch,
  };
  const resolved = {
    version,
    invokedFunctionArn: version.functionArn,
    alias: undefined as string | undefined,
    lineageResource: "0123abcd",
    isRecursionAllowed: false,
    reservedConcurrency: undefined as number | undefined,
    unreservedConcurrency: 1000,
  };
  const events: LogEvent[] = [];
  const plane = createInvoker({
    resolver: { resolve: () => ({ ...resolved }) },
    driver,
    catalog: { launch: async () => launch, list: async () => [] },
    codeCache: options.codeCache ?? {
      prepare: async () => options.codeDir ?? "/code",
      evict: async () => undefined,
    },
    credentials: {
      issueForRole: (_scope, _role, _session, seconds) => ({
        accessKeyId: "ASIAFAKE",
        secretAccessKey: "secret",
        sessionToken: "token",
        expirationMs: clock.now() + seconds * 1000,
      }),
    },
    logs: { append: (_scope, _group, _stream, more) => void events.push(...more) },
    clock,
    random: systemRandom(),
    log: silentLogger,
    endpointPort: 4566,
    hostMemory: options.hostMemory ?? (() => ({ availableBytes: 8e9, totalBytes: 16e9 })),
    hostCpu: options.hostCpu ?? (() => ({ cores: 2, idle: 1, serverIdle: 1 })),
    // Nobody waits for an environment that is awake, unless the test is about that.
    options: { awakeMax: Infinity, staysAwake: false, freezeAfterMs: 5, ...options.options },
    ...(options.freshProcess === undefined ? {} : { freshProcess: options.freshProcess }),
    ...(options.onEndpointConnection === undefined
      ? {}
      : { onEndpointConnection: options.onEndpointConnection }),
  });
  return {
    plane,
    version,
    resolved,
    invoke: (payload, more = {}) =>
      plane.invoke({
        scope: version.scope,
        functionName: version.name,
        qualifier: undefined,
        payload: Buffer.from(payload),
        ...more,
      }),
    lines: () => events.map((event) => event.message),
    async close() {
      await plane.close(0);
      await driver.close();
    },
  };
}
