/**
 * One machine, nothing to set up: the order in which a server comes up and goes down.
 *
 *   1. data folder (lock, token, root key)      2. listener, so that the port is known; health answers 503
 *   3. sandbox driver, runtimes found lazily    4. core: storage, services, data plane, queue
 *   5. ready: server.json is written, runtimes of existing functions are booted in the background
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import process from "node:process";
import { openDataDir, type DataDir } from "../adapters/embedded/index.ts";
import { createRuntimeCatalog } from "../adapters/runtimes/index.ts";
import { selectDriver } from "../adapters/sandbox/index.ts";
import { createGateway } from "../aws/gateway/gateway.ts";
import { machineNow } from "../kernel/clock.ts";
import { systemRandom } from "../kernel/random.ts";
import { createAdminRoutes, type AdminRoutes } from "./admin-routes.ts";
import { DATA_FILES, type RunningServer, type ServerConfig, type ServerFile } from "./config-types.ts";
import { openCore, runtimesFolder, type Core } from "./core.ts";
import { createFrontDoor, type Current } from "./front-door.ts";
import { openClock } from "./kept-clock.ts";
import { openPlatformLog } from "./platform-log.ts";
import { followed } from "./followed.ts";
import { describeDriver, serverDoctor, statusReport } from "./reports.ts";
import { OperationRecord } from "./operation-record.ts";
import { RecentHints } from "./recent-hints.ts";
import { eraseState } from "./storage.ts";
import { VERSION } from "./version.ts";

const DRAIN_MS = 10_000;
/** Boots of runtimes ahead of the first call wait this long, so that they do not compete with it. */
const WARM_AFTER_MS = 50;

/** Errors: an Error with a sentence for people (port taken: its `code` is EADDRINUSE). */
export async function startServer(config: ServerConfig): Promise<RunningServer> {
  const startedMs = performance.now();
  const random = systemRandom();
  const dataDir = await openDataDir(config.dataDir);
  const kept = await openClock(dataDir).catch((error: unknown) => {
    dataDir.release();
    throw error;
  });
  const { clock } = kept;
  await mkdir(config.cacheDir, { recursive: true });
  const log = openPlatformLog(dataDir.path, config.logLevel, (line) => process.stderr.write(`${line}\n`));
  let state: "starting" | "ready" | "stopping" = "starting";
  let current: Current | undefined;
  let admin: AdminRoutes | undefined;
  const record = OperationRecord.fromEnvironment();
  const hints = new RecentHints(clock);

  const anyHost = !config.host.startsWith("127.");
  const door = createFrontDoor({
    clock,
    anyHost,
    token: dataDir.token,
    current: () => current,
    admin: () => admin,
  });
  const port = await door.listen(config.port, config.host).catch((error: unknown) => {
    dataDir.release();
    log.close();
    throw error;
  });
  const endpoint = `http://${config.host === "0.0.0.0" ? "127.0.0.1" : config.host}:${String(port)}`;
  const driver = await selectDriver(config.sandbox, {
    dataDir: dataDir.path,
    cacheDir: config.cacheDir,
    log,
    clock,
  });
  const swept = await driver.sweep();
  if (swept.length > 0) log.info({ sandboxes: swept.length }, "removed what an earlier server left behind");
  const catalog = createRuntimeCatalog({
    runtimesFolder: runtimesFolder(),
    dataDir: config.cacheDir,
    log,
    strict: config.strictRuntimes,
    searchPath: process.env["PATH"] ?? "",
    homeFolder: homedir(),
    packageManagerEnv: packageManagerEnv(),
    installSdkWhenMissing: config.sdk === "auto",
    // What a root server's plain processes become cannot enter the homes of users.
    readableByAll: driver.name === "process" && process.getuid?.() === 0,
  });

  async function open(): Promise<Current> {
    const core = await openCore({
      config,
      dataDir,
      driver,
      catalog,
      clock,
      random,
      log,
      endpointPort: port,
      endpoint,
      onEndpointConnection(socket, source) {
        door.enter(socket, {
          fromSandbox: true,
          ...(source.version === undefined ? {} : { functionArn: source.version.functionArn }),
        });
      },
    });
    const gateway = createGateway({
      services: core.services,
      keys: core.keys,
      clock,
      random,
      log,
      defaultAccountId: config.accountId,
      defaultRegion: config.region,
      endpoint: (host) => (anyHost && host !== undefined ? `http://${host}` : endpoint),
      anyHost,
      internalRoutes: (request, response, origin) => admin?.(request, response, origin) ?? false,
      requireKnownKeys: config.iam === "enforce",
      authorize: core.authorize,
      onRequest(request) {
        record?.note(request);
        hints.note(request);
      },
    });
    await gateway.warm("lambda");
    return { core, gateway };
  }

  const closed = Promise.withResolvers<void>();
  let stopping: Promise<void> | undefined;
  function stop(drainMs = DRAIN_MS): Promise<void> {
    stopping ??= (async () => {
      state = "stopping";
      const ended = new Promise<void>((resolve) => door.server.close(() => resolve()));
      door.server.closeIdleConnections();
      await current?.core.close(drainMs);
      door.server.closeAllConnections();
      await ended;
      await driver.close();
      await rm(dataDir.file(DATA_FILES.server), { force: true });
      dataDir.release();
      log.close();
      closed.resolve();
    })();
    return stopping;
  }

  let resetting: Promise<void> | undefined;
  /** Who asks while one is under way gets that one: two would open the same files. */
  function reset(): Promise<void> {
    resetting ??= (async () => {
      const before = current;
      current = undefined;
      await before?.core.close(0);
      await eraseState(dataDir);
      await kept.reset();
      current = await open();
      log.info({}, "the state was emptied");
    })().finally(() => (resetting = undefined));
    return resetting;
  }

  const startedAt = machineNow(clock);
  admin = createAdminRoutes({
    token: dataDir.token,
    version: VERSION,
    clock,
    hints,
    advance: (ms) => kept.advance(ms),
    log,
    services: () => (current?.core.services ?? []).map(({ name }) => name).toSorted(),
    state: () => (current === undefined && state === "ready" ? "starting" : state),
    status: () => statusReport(coreOf(current), startedAt, clock.offsetMs),
    runtimes: () => catalog.list(),
    mails: (limit) => coreOf(current).mails(limit),
    async addRuntime(runtime, progress) {
      await catalog.install(runtime, progress);
      const found = (await catalog.list()).find((info) => info.runtime === runtime);
      return (
        found ?? {
          runtime,
          available: true,
          actual: runtime,
          exact: true,
          path: undefined,
          sdk: true,
          hint: undefined,
        }
      );
    },
    doctor: () => serverDoctor(driver, config, clock.offsetMs),
    reset,
    tail: (matches, emit) => followed(coreOf(current), config, matches, emit),
    stop: () => void stop(),
  });

  try {
    current = await open();
  } catch (error) {
    await stop(0);
    throw error;
  }
  const { iam } = config;
  await writeServerFile(dataDir, { pid: process.pid, port, endpoint, startedAt, version: VERSION, iam });
  state = "ready";
  const readyMs = clock.monotonic() - startedMs;
  log.info({ endpoint, driver: driver.name, readyMs: Math.round(readyMs) }, "ready");
  clock.timer(WARM_AFTER_MS, () => void warm(current));

  async function warm(running: Current | undefined): Promise<void> {
    if (running === undefined || config.pool === 0) return;
    try {
      await running.core.dataPlane.warm(await running.core.control.runtimesInUse());
    } catch (error) {
      log.info({ error: String(error) }, "no runtime was booted ahead");
    }
  }

  return {
    endpoint,
    port,
    readyMs,
    summary: { version: VERSION, clockAheadMs: clock.offsetMs, ...describeDriver(driver) },
    stop,
    closed: closed.promise,
  };
}

function coreOf(current: Current | undefined): Core {
  if (current === undefined) throw new Error("the server is being reset; try again in a moment");
  return current.core;
}

async function writeServerFile(dataDir: DataDir, file: ServerFile): Promise<void> {
  await writeFile(dataDir.file(DATA_FILES.server), `${JSON.stringify(file)}\n`, { mode: 0o600 });
}

/** What npm and pip need to find their registries; nothing of it reaches a function. */
function packageManagerEnv(): Record<string, string> {
  const wanted =
    /^(npm_config_|pip_|https?_proxy$|no_proxy$|ssl_cert|node_extra_ca|requests_ca|home$|path$|lang$)/i;
  const entries = Object.entries(process.env).filter(
    ([name, value]) => wanted.test(name) && value !== undefined,
  );
  return Object.fromEntries(entries) as Record<string, string>;
}
