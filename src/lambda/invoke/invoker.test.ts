import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { ServiceError } from "../../kernel/errors.ts";
import { fakeClock, settle, type FakeClock } from "../../testing/fake-clock.ts";
import { fakeDriver, type FakeDriver, type FakeScript } from "../../testing/fake-driver.ts";
import { dataPlane, type Fixture } from "../../testing/data-plane.ts";

let open: Fixture[] = [];
afterEach(async () => {
  for (const fixture of open) await fixture.close();
  open = [];
});

function start(
  script: FakeScript = {},
  options: Parameters<typeof dataPlane>[2] = {},
): Fixture & { clock: FakeClock; driver: FakeDriver } {
  const clock = fakeClock();
  const driver = fakeDriver(script, options.capabilities);
  const fixture = dataPlane(driver, clock, options);
  open.push(fixture);
  return { ...fixture, clock, driver };
}

const text = (payload: Uint8Array): string => Buffer.from(payload).toString();

test("an invocation gets its answer, and the next one meets the same environment", async () => {
  const { invoke, driver, lines } = start();
  const first = await invoke('{"a":1}');
  assert.equal(first.kind, "success");
  assert.equal(text(first.payload), '{"a":1}');
  assert.equal(first.executedVersion, "$LATEST");
  assert.equal(first.coldStart, true);
  const second = await invoke("2");
  assert.equal(second.coldStart, false);
  assert.equal(driver.sandboxes.length, 1);
  const id = first.requestId;
  assert.match(
    lines()[0] as string,
    /^INIT_START Runtime Version: nodejs:22\.v1\tRuntime Version ARN: arn:aws:lambda:/,
  );
  assert.deepEqual(lines().slice(1, 4), [
    `START RequestId: ${id} Version: $LATEST\n`,
    `END RequestId: ${id}\n`,
    `REPORT RequestId: ${id}\tDuration: 0.00 ms\tBilled Duration: 0 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\tInit Duration: 0.00 ms\t\n`,
  ]);
  assert.doesNotMatch(lines()[6] as string, /Init Duration/);
});

test("a function error is a value; the environment lives on", async () => {
  const { invoke, driver } = start({
    invoke: (message, _payload, process) =>
      process.fail(message.requestId, { errorType: "Error", errorMessage: "no" }),
  });
  const outcome = await invoke("{}");
  assert.equal(outcome.kind, "function-error");
  assert.equal(outcome.kind === "function-error" && outcome.errorType, "Unhandled");
  assert.deepEqual(JSON.parse(text(outcome.payload)), { errorType: "Error", errorMessage: "no" });
  await invoke("{}");
  assert.equal(driver.sandboxes.length, 1);
});

test("a timeout kills the tree, tells Sandbox.Timedout, and the next invocation starts anew", async () => {
  const { invoke, driver, clock, lines } = start({ invoke: () => undefined });
  const pending = invoke("{}");
  await clock.advanceAsync(2999);
  assert.equal(driver.sandboxes[0]?.alive, true);
  await clock.advanceAsync(2);
  const outcome = await pending;
  assert.deepEqual(JSON.parse(text(outcome.payload)), {
    errorType: "Sandbox.Timedout",
    errorMessage: `RequestId: ${outcome.requestId} Error: Task timed out after 3.00 seconds`,
  });
  assert.equal(driver.sandboxes[0]?.alive, false);
  assert.match(
    lines().at(-3) as string,
    /^2026-01-02T03:04:08\.\d{3}Z \S+ Task timed out after 3\.00 seconds\n\n$/,
  );
  assert.match(lines().at(-1) as string, /\tStatus: timeout\n$/);
  driver.script = {};
  assert.equal((await invoke("{}")).kind, "success");
  assert.equal(driver.sandboxes.length, 2);
});

const EXITS: readonly (readonly [string, object, string, string])[] = [
  ["status 1", { code: 1 }, "Runtime.ExitError", "Runtime exited with error: exit status 1"],
  ["status 0", { code: 0 }, "Runtime.ExitError", "Runtime exited without providing a reason"],
  [
    "a signal",
    { signal: "SIGSEGV" },
    "Runtime.ExitError",
    "Runtime exited with error: signal: segmentation fault",
  ],
  ["a shell's 137", { code: 137 }, "Runtime.ExitError", "Runtime exited with error: signal: killed"],
  [
    "the OOM killer",
    { signal: "SIGKILL", oomKilled: true },
    "Runtime.OutOfMemory",
    "Runtime exited with error: signal: killed",
  ],
];
for (const [name, exit, errorType, message] of EXITS) {
  test(`a process that ends with ${name} is told as Lambda tells it`, async () => {
    const { invoke, lines } = start({ invoke: (_message, _payload, process) => process.exit(exit) });
    const outcome = await invoke("{}");
    assert.deepEqual(JSON.parse(text(outcome.payload)), {
      errorType,
      errorMessage: `RequestId: ${outcome.requestId} Error: ${message}`,
    });
    assert.ok(lines().includes(`RequestId: ${outcome.requestId} Error: ${message}\n${errorType}\n`));
    assert.ok((lines().at(-1) as string).endsWith(`\tStatus: error\tError Type: ${errorType}\n`));
  });
}

test("an error the process does not survive is the answer, and the environment is gone", async () => {
  const { invoke, driver } = start({
    invoke: (message, _payload, process) =>
      process.fatal(message.requestId, { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: "x" }),
  });
  const outcome = await invoke("{}");
  assert.equal(
    (JSON.parse(text(outcome.payload)) as { errorType: string }).errorType,
    "Runtime.UnhandledPromiseRejection",
  );
  assert.equal(driver.sandboxes[0]?.alive, false);
});

test("an init error is tried again within the invoke, then told as the runtime told it", async () => {
  let inits = 0;
  const { invoke, driver, lines } = start({
    init: (_message, process) => {
      inits += 1;
      process.initError({ errorType: "Runtime.ImportModuleError", errorMessage: "nope", requestId: "" });
    },
  });
  const outcome = await invoke("{}");
  assert.equal(inits, 2);
  assert.deepEqual(JSON.parse(text(outcome.payload)), {
    errorType: "Runtime.ImportModuleError",
    errorMessage: "nope",
    requestId: "",
  });
  assert.equal(driver.sandboxes.filter((sandbox) => sandbox.alive).length, 0);
  assert.deepEqual(
    lines().slice(1, 3),
    ["init", "invoke"].map(
      (phase) =>
        `INIT_REPORT Init Duration: 0.00 ms\tPhase: ${phase}\tStatus: error\tError Type: Runtime.ImportModuleError\n`,
    ),
  );
});

test("an init that takes over 10 s is tried again with the function's own timeout", async () => {
  const { invoke, driver, clock, lines } = start({ init: () => undefined });
  const pending = invoke("{}");
  await clock.advanceAsync(10_001);
  assert.equal(driver.sandboxes[0]?.alive, false);
  assert.equal(driver.sandboxes.length, 2);
  assert.ok(lines().some((line) => line.endsWith("Phase: init\tStatus: timeout\n")));
  await clock.advanceAsync(3001);
  const outcome = await pending;
  assert.equal((JSON.parse(text(outcome.payload)) as { errorType: string }).errorType, "Sandbox.Timedout");
  assert.equal(driver.sandboxes[1]?.alive, false);
});

test("an init that works the second time serves the invocation, without an Init Duration", async () => {
  let inits = 0;
  const { invoke, lines } = start({
    init: (_message, process) => (++inits === 1 ? process.exit({ code: 1 }) : process.ready()),
  });
  const outcome = await invoke("7", { logTail: true });
  assert.equal(text(outcome.payload), "7");
  assert.match(lines().at(-1) as string, /^REPORT /);
  assert.doesNotMatch(lines().at(-1) as string, /Init Duration/);
});

test("environments are leased last in, first out", async () => {
  const held = new Map<string, () => void>();
  const { invoke, driver } = start({
    invoke: (message, payload, process) => {
      if (payload.toString() === "go") process.respond(message.requestId, process.sandbox.id);
      else held.set(payload.toString(), () => process.respond(message.requestId, process.sandbox.id));
    },
  });
  const first = invoke("a");
  const second = invoke("b");
  while (held.size < 2) await settle();
  held.get("a")?.();
  const idA = text((await first).payload);
  held.get("b")?.();
  const idB = text((await second).payload);
  assert.notEqual(idA, idB);
  await settle();
  assert.equal(text((await invoke("go")).payload), idB);
  assert.equal(text((await invoke("go")).payload), idB);
  assert.equal(driver.sandboxes.length, 2);
});

test("idle environments are frozen after 5 ms and thawed for the next invocation", async () => {
  const { invoke, driver, clock } = start();
  await invoke("1");
  await settle();
  const sandbox = driver.sandboxes[0];
  await clock.advanceAsync(4);
  assert.ok(!sandbox?.calls.includes("freeze"));
  await clock.advanceAsync(7);
  assert.equal(sandbox?.calls.at(-1), "freeze");
  assert.equal(text((await invoke("2")).payload), "2");
  assert.deepEqual(sandbox?.calls.slice(-2), ["freeze", "thaw"]);
});

test("an invocation that comes while its environment is being frozen waits for that", async () => {
  const { invoke, driver, clock } = start();
  await invoke("1");
  await settle();
  clock.advance(12);
  assert.equal(text((await invoke("2")).payload), "2");
  assert.deepEqual(driver.sandboxes[0]?.calls.slice(-2), ["freeze", "thaw"]);
});

test("environments idle for ten minutes are ended", async () => {
  const { invoke, driver, clock } = start();
  await invoke("1");
  await clock.advanceAsync(9 * 60_000);
  assert.equal(driver.sandboxes[0]?.alive, true);
  await clock.advanceAsync(2 * 60_000);
  assert.equal(driver.sandboxes[0]?.alive, false);
});

test("a changed function never meets an old environment", async () => {
  const { invoke, driver, plane, version } = start();
  await invoke("1");
  plane.onFunctionChange({
    scope: version.scope,
    functionName: version.name,
    retiredEnvironmentIds: [version.environmentId],
  });
  await settle();
  assert.equal(driver.sandboxes[0]?.alive, false);
});

test("reserved concurrency throttles with AWS's Reason, and gives its permits back", async () => {
  const { invoke, resolved, driver } = start({ invoke: () => undefined });
  resolved.reservedConcurrency = 1;
  const pending = invoke("{}");
  await settle();
  await assert.rejects(invoke("{}"), (error) => {
    assert.ok(error instanceof ServiceError);
    assert.equal(error.code, "TooManyRequestsException");
    assert.equal(error.status, 429);
    assert.equal(error.message, "Rate Exceeded.");
    assert.deepEqual(error.members, {
      Reason: "ReservedFunctionConcurrentInvocationLimitExceeded",
      Type: "User",
    });
    return true;
  });
  while (driver.sandboxes.length === 0) await settle();
  await settle();
  driver.sandboxes[0]?.process.exit({ code: 1 });
  await pending;
  driver.script = {};
  assert.equal((await invoke("{}")).kind, "success");
});

test("the log tail holds START to REPORT of this invocation", async () => {
  const { invoke } = start({
    invoke: (message, _payload, process) => {
      process.log("hello\n");
      process.respond(message.requestId, "null");
    },
  });
  await invoke("{}");
  const outcome = await invoke("{}", { logTail: true });
  const lines = outcome.logTail.split("\n");
  assert.match(lines[0] as string, /^START /);
  assert.equal(lines[1], "hello");
  assert.match(lines[3] as string, /^REPORT /);
});

test("a runtime that answers another request id loses its environment", async () => {
  const { invoke, driver } = start({
    invoke: (_message, _payload, process) => process.respond("other", "1"),
  });
  const outcome = await invoke("{}");
  assert.equal(outcome.kind, "function-error");
  assert.equal(driver.sandboxes[0]?.alive, false);
});

test("a driver that cannot make a sandbox is a platform failure", async () => {
  const { invoke, driver } = start();
  driver.refuse = new Error("no namespaces here");
  await assert.rejects(
    invoke("{}"),
    (error) =>
      error instanceof ServiceError &&
      error.code === "ServiceException" &&
      error.hint?.includes("no namespaces here") === true,
  );
  driver.refuse = undefined;
  assert.equal((await invoke("{}")).kind, "success");
});

test("a full host queues, makes room by ending what is idle, and refuses after a second", async () => {
  const memory = { availableBytes: 8e9, totalBytes: 16e9 };
  const { invoke, clock, driver, plane } = start({}, { hostMemory: () => memory });
  memory.availableBytes = 1e8;
  const refused = invoke("{}");
  refused.catch(() => undefined);
  await clock.advanceAsync(1100);
  await assert.rejects(
    refused,
    (error) => error instanceof ServiceError && error.code === "ServiceException" && error.status === 500,
  );
  assert.equal(plane.metrics.saturated, 1);
  assert.equal(driver.sandboxes.length, 0);
  const served = invoke("5");
  await clock.advanceAsync(100);
  memory.availableBytes = 8e9;
  await clock.advanceAsync(100);
  assert.equal(text((await served).payload), "5");
});

test("a full host ends as many idle environments as it needs, and no more while their room is on its way", async () => {
  const memory = { availableBytes: 8e9, totalBytes: 16e9 };
  const { invoke, clock, driver, resolved, version } = start({}, { hostMemory: () => memory });
  const ended = (): number => driver.sandboxes.filter(({ alive }) => !alive).length;
  for (let n = 0; n < 6; n += 1) {
    resolved.version = { ...version, environmentId: `idle-${String(n)}` };
    await invoke("1");
  }
  await settle();
  // A fake one has 30 MiB, a new one is expected to need 48; 6 % of the host stay free.
  memory.availableBytes = 0.96e9 + 20 * 1_048_576;
  resolved.version = { ...version, environmentId: "new" };
  const served = invoke("7");
  await clock.advanceAsync(90);
  assert.equal(ended(), 1);
  // It gave back less than was thought: that is known by the next reading.
  await clock.advanceAsync(100);
  assert.equal(ended(), 2);
  memory.availableBytes += 30 * 1_048_576;
  await clock.advanceAsync(25);
  assert.equal(text((await served).payload), "7");
  assert.equal(ended(), 2);
});

test("a host without idle CPU starts no more environments of a function that keeps up", async () => {
  const cpu = { cores: 1, idle: 1, serverIdle: 1 };
  const held: (() => void)[] = [];
  const { invoke, clock, driver, plane } = start(
    {
      invoke: (message, payload, process) => {
        const answer = (): void => process.respond(message.requestId, "1");
        if (payload.toString() === "hold") held.push(answer);
        else answer();
      },
    },
    { hostCpu: () => cpu, version: { timeoutMs: 900_000 } },
  );
  const holding = Array.from({ length: 4 }, () => invoke("hold"));
  while (held.length < 4) await settle();
  for (const answer of held.splice(0)) answer();
  await Promise.all(holding);
  while (plane.environments.countByState().get("idle") !== 4) await settle();
  for (let round = 0; round < 10; round += 1) await invoke("go");
  const again = Array.from({ length: 4 }, () => invoke("hold"));
  while (held.length < 4) await settle();
  cpu.idle = 0;
  const waiting = invoke("go");
  await clock.advanceAsync(100);
  assert.equal(driver.sandboxes.length, 4);
  await clock.advanceAsync(500);
  assert.equal(driver.sandboxes.length, 5, "nobody waits for long");
  assert.equal(text((await waiting).payload), "1");
  for (const answer of held) answer();
  await Promise.all(again);
});

test("init has a whole CPU, invocations have the function's share", async () => {
  const { invoke, driver } = start({
    init: (_message, process) => {
      assert.equal(process.sandbox.limits.cpus, 1);
      process.ready();
    },
  });
  await invoke("1");
  assert.equal(driver.sandboxes[0]?.limits.cpus, 128 / 1769);
});

test("a pooled runtime is bound to the function that comes first", async () => {
  const { invoke, driver, plane, clock } = start({}, { capabilities: { lateAttach: true } });
  await plane.warm(["nodejs22.x"]);
  await clock.advanceAsync(100);
  assert.equal(driver.sandboxes.length, 2);
  assert.equal(plane.environments.countByState().get("pooled"), 2);
  const [pooled] = driver.sandboxes;
  assert.equal(pooled?.spec.env["AWS_LAMBDA_FUNCTION_NAME"], undefined);
  const outcome = await invoke("1");
  assert.equal(outcome.coldStart, true);
  assert.equal(plane.metrics.poolHits, 1);
  assert.deepEqual(pooled?.calls.slice(0, 2), ["attach", "setLimits"]);
  assert.equal(pooled?.limits.memoryMb, 128);
  assert.equal(pooled?.attached.at(-1)?.target, "/var/task");
  await clock.advanceAsync(100);
  assert.equal(plane.environments.countByState().get("pooled"), 2);
});

test("a runtime that does not boot is left alone after three tries, and tried again minutes later", async () => {
  const { plane, driver, clock } = start(
    {},
    { capabilities: { lateAttach: true }, options: { poolSize: 1 } },
  );
  let tries = 0;
  const { create } = driver;
  driver.create = (spec) => {
    tries += 1;
    return create(spec);
  };
  driver.refuse = new Error("no memory");
  await plane.warm(["nodejs22.x"]);
  await clock.advanceAsync(60_000);
  assert.equal(tries, 3);
  driver.refuse = undefined;
  await clock.advanceAsync(5 * 60_000);
  assert.deepEqual([...plane.environments.pooledByRuntime()], [["nodejs22.x", 1]]);
});

test("a function whose variables the interpreter reads at its start gets a process of its own", async () => {
  const { invoke, plane, clock, driver } = start(
    {},
    {
      capabilities: { lateAttach: true },
      version: { environment: { NODE_OPTIONS: "--x" } },
      freshProcess: {
        needsFreshProcess: (_runtime, environment) => Object.keys(environment),
        freshLaunch: (launch, environment) => ({ ...launch, env: environment }),
      },
    },
  );
  await plane.warm(["nodejs22.x"]);
  await clock.advanceAsync(100);
  await invoke("1");
  assert.equal(plane.metrics.poolHits, 0);
  assert.equal(driver.sandboxes.at(-1)?.spec.env["NODE_OPTIONS"], "--x");
});

test("closing lets what runs end, and refuses what comes", async () => {
  const started = Promise.withResolvers<() => void>();
  const { invoke, plane, driver } = start({
    invoke: (message, _payload, process) => started.resolve(() => process.respond(message.requestId, "1")),
  });
  const pending = invoke("{}");
  const answer = await started.promise;
  const closing = plane.close(5000);
  await assert.rejects(
    invoke("{}"),
    (error) => error instanceof ServiceError && error.code === "ServiceException",
  );
  assert.equal(driver.sandboxes[0]?.alive, true);
  answer();
  assert.equal(text((await pending).payload), "1");
  await closing;
  assert.equal(driver.sandboxes[0]?.alive, false);
});

test("what does not end within the drain deadline is killed, and its caller told", async () => {
  const { invoke, plane, driver, clock } = start(
    { invoke: () => undefined },
    { version: { timeoutMs: 900_000 } },
  );
  const pending = invoke("{}");
  while (plane.environments.countByState().get("busy") !== 1) await settle();
  const closing = plane.close(5000);
  await clock.advanceAsync(5001);
  await closing;
  assert.equal((await pending).kind, "function-error");
  assert.equal(driver.sandboxes[0]?.alive, false);
});

test("closing leaves no environment behind that was about to be made", async () => {
  const asked = Promise.withResolvers<void>();
  const unpacked = Promise.withResolvers<string>();
  const codeCache = {
    prepare: () => (asked.resolve(), unpacked.promise),
    evict: async () => undefined,
  };
  const { invoke, plane, driver } = start({}, { codeCache, options: { poolSize: 0 } });
  const refused = assert.rejects(invoke("{}"), { code: "ServiceException" });
  await asked.promise;
  await plane.close(0);
  await refused;
  unpacked.resolve("/code");
  await settle();
  assert.deepEqual(
    driver.sandboxes.filter(({ alive }) => alive),
    [],
  );
});

test("the endpoint inside a sandbox takes as many connections as Lambda allows open files, and no more", async () => {
  const taken: Socket[] = [];
  const { invoke, driver } = start({}, { onEndpointConnection: (socket) => void taken.push(socket) });
  await invoke("{}");
  const endpoint = driver.sandboxes[0]?.endpoint as Server;
  endpoint.listen(0, "127.0.0.1");
  await once(endpoint, "listening");
  const { port } = endpoint.address() as AddressInfo;
  const asking: Socket[] = [];
  const ask = (): void => void asking.push(connect(port, "127.0.0.1").on("error", () => undefined));
  // Fewer at a time than the kernel keeps for a listener: it forgets what is too many for it.
  while (taken.length < 1024) {
    for (let count = 0; count < 64; count += 1) ask();
    while (taken.length < asking.length) await new Promise((resolve) => setImmediate(resolve));
  }
  const dropped = once(endpoint, "drop");
  ask();
  await dropped;
  assert.equal(taken.length, 1024);
  for (const socket of [...asking, ...taken]) socket.destroy();
});

test("invocations of a quick function wait for what is awake, two milliseconds at most", async () => {
  const held: (() => void)[] = [];
  const { invoke, clock, driver } = start({}, { options: { awakeMax: 1 } });
  await invoke("{}");
  await settle();
  driver.script = {
    invoke: (message, _payload, process) => void held.push(() => process.respond(message.requestId, "1")),
  };
  const first = invoke("{}");
  const second = invoke("{}");
  await settle();
  assert.equal(driver.sandboxes.length, 1, "the second waits");
  held.shift()?.();
  await first;
  assert.equal(held.length, 1, "the environment goes on with the second");
  const third = invoke("{}");
  await clock.advanceAsync(1);
  assert.equal(driver.sandboxes.length, 1);
  await clock.advanceAsync(4);
  await settle();
  assert.equal(driver.sandboxes.length, 2, "the function is not quick any more: another is started");
  while (held.length < 2) await settle();
  for (const answer of held.splice(0)) answer();
  await Promise.all([second, third]);
});

test("an environment that has served its number is replaced, whether somebody waits or not", async () => {
  const { invoke, driver } = start({}, { options: { servedMax: 2, awakeMax: 1 } });
  const outcomes = [await invoke("1"), await invoke("2")];
  assert.equal(driver.sandboxes.length, 1);
  outcomes.push(await invoke("3"));
  assert.equal(driver.sandboxes.length, 2);
  assert.equal(driver.sandboxes[0]?.alive, false);
  outcomes.push(...(await Promise.all([invoke("4"), invoke("5"), invoke("6")])));
  assert.deepEqual(
    outcomes.map(({ payload }) => text(payload)),
    ["1", "2", "3", "4", "5", "6"],
  );
  assert.equal(outcomes[2]?.coldStart, true);
});

test("an invocation hands its chain of events on, and one too many of a loop is refused unless it may be", async () => {
  const seen: (string | undefined)[] = [];
  const { invoke, plane, resolved } = start({
    invoke: (message, _payload, process) => {
      seen.push(message.traceId);
      process.respond(message.requestId, "1");
    },
  });
  await invoke("{}");
  assert.match(
    seen[0] ?? "",
    /^Root=1-[\da-f]{8}-[\da-f]{24};Parent=[\da-f]{16};Sampled=0;Lineage=1:0123abcd:0$/,
  );
  const root = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1";
  await invoke("{}", { traceHeader: root });
  await invoke("{}", { traceHeader: `${root};Lineage=15:0123abcd:14` });
  assert.deepEqual(seen.slice(1), [`${root};Lineage=1:0123abcd:0`, `${root};Lineage=16:0123abcd:15`]);

  const traceHeader = `${root};Lineage=16:0123abcd:15`;
  await assert.rejects(invoke("{}", { traceHeader }), { code: "RecursiveInvocationException", status: 400 });
  assert.match(plane.renderPrometheus(), /^lambent_recursive_invocations_dropped_total 1$/m);
  resolved.isRecursionAllowed = true;
  assert.equal((await invoke("{}", { traceHeader })).kind, "success");
  assert.equal(seen.at(-1), `${root};Lineage=17:0123abcd:16`);
  assert.match(plane.renderPrometheus(), /^lambent_recursive_invocations_dropped_total 1$/m);
});
