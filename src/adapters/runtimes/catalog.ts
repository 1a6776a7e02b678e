import path from "node:path";
import { ServiceError } from "../../kernel/errors.ts";
import type { Logger } from "../../kernel/log.ts";
import type { RuntimeCatalog, RuntimeInfo, RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type { Mount } from "../../ports/sandbox-driver.ts";
import { compiledBootstrap } from "./compiled-bootstrap.ts";
import { findNodes, findPythons, isReadableByAll } from "./interpreters.ts";
import type { Interpreter, SearchOptions } from "./interpreters.ts";
import { installPython } from "./python-install.ts";
import { nearest, parseRuntime, RUNTIMES } from "./names.ts";
import type { RuntimeName } from "./names.ts";
import {
  DISABLED_NODE_FEATURES,
  nodeInstallFolder,
  nodePackage,
  NODE_VERSIONS,
  packagedNodes,
} from "./node-packages.ts";
import { compileSdk, installSdk, intoPlace, npmInstall, sdkFolder, sdkInstalled } from "./sdk.ts";
import type { InstallOptions, SdkKind } from "./sdk.ts";

/** Where things are inside a sandbox. */
const BOOTSTRAP_TARGET = "/var/lambent";
const LANGUAGE_TARGET = "/var/lang";
const SDK_TARGET = "/var/runtime";

/** The places of a custom runtime's program, in the order Lambda tries them. */
export const PROVIDED_BOOTSTRAPS: readonly string[] = ["/var/task/bootstrap", "/opt/bootstrap"];

export interface RuntimeCatalogOptions {
  /** The folder `runtimes/` of the package: the bootstraps. */
  readonly runtimesFolder: string;
  readonly dataDir: string;
  readonly log: Logger;
  /** Refuse a runtime whose exact version is not there, instead of taking the nearest. */
  readonly strict: boolean;
  /** PATH and HOME of the user who started the server. */
  readonly searchPath: string;
  readonly homeFolder: string;
  /** Handed to npm and pip (proxy, registry, certificates); nothing of it reaches a function. */
  readonly packageManagerEnv: Readonly<Record<string, string>>;
  /** Install boto3 and the AWS SDK in the background at the first launch that could use them. */
  readonly installSdkWhenMissing: boolean;
  /**
   * Take only interpreters that every user may run: the process driver as root runs functions as
   * another user, who cannot enter root's home. Default false.
   */
  readonly readableByAll?: boolean;
}

export interface InstallableRuntimeCatalog extends RuntimeCatalog {
  /**
   * `lambent runtimes add`: a Node version (`nodejs22.x`), a Python version where uv or pyenv is on this
   * machine, `sdk-python` or `sdk-nodejs`.
   * Errors: Error whose message says what went wrong and what to do.
   */
  install(what: string, onProgress: (line: string) => void): Promise<void>;
  installSdk(kind: SdkKind, onProgress: (line: string) => void): Promise<void>;
  /** Resolves when nothing is under way in the background (installs, compiling). */
  settled(): Promise<void>;
}

/** Nothing is looked for before the first call, so that a server starts without waiting for it. */
export function createRuntimeCatalog(options: RuntimeCatalogOptions): InstallableRuntimeCatalog {
  const { dataDir, log } = options;
  const search: SearchOptions = {
    searchPath: options.searchPath,
    homeFolder: options.homeFolder,
    cacheFolder: path.join(dataDir, "runtimes"),
    log,
  };
  let pythons: Promise<readonly Interpreter[]> | undefined;
  let nodes: Promise<readonly Interpreter[]> | undefined;
  const launches = new Map<string, Promise<RuntimeLaunch>>();
  const started = new Set<SdkKind>();
  const underWay = new Set<Promise<void>>();

  const findAll = {
    python: (): Promise<readonly Interpreter[]> => (pythons ??= findPythons(search)),
    node: (): Promise<readonly Interpreter[]> => (nodes ??= findNodes(search, packagedNodes(dataDir))),
  };

  async function installOptions(onProgress: (line: string) => void): Promise<InstallOptions> {
    const found = await findAll.python();
    return {
      dataDir,
      searchPath: options.searchPath,
      homeFolder: options.homeFolder,
      env: options.packageManagerEnv,
      pythons: found.filter((one) => one.number >= 10).map((one) => one.executable),
      onProgress,
    };
  }

  async function addSdk(kind: SdkKind, onProgress: (line: string) => void): Promise<void> {
    await installSdk(kind, await installOptions(onProgress));
    launches.clear();
  }

  async function addPython(
    name: Extract<RuntimeName, { kind: "python" }>,
    onProgress: (line: string) => void,
  ): Promise<void> {
    if ((await pick(name)).exact) return onProgress(`${name.runtime} is on this machine`);
    await installPython(name.minor, await installOptions(onProgress));
    pythons = undefined;
    launches.clear();
    const { exact, hint } = await pick(name);
    if (!exact) throw new Error(`It was installed, but cannot be used: ${hint ?? "it does not run"}`);
  }

  function background(work: Promise<void>): void {
    const entry = work
      .catch((error: unknown) => log.warn({ error: String(error) }, "work on runtimes failed"))
      .finally(() => underWay.delete(entry));
    underWay.add(entry);
  }

  /** Starts the install once per server; the launch that noticed does not wait for it. */
  function startSdkInstall(kind: SdkKind): void {
    if (!options.installSdkWhenMissing || started.has(kind)) return;
    started.add(kind);
    const name = kind === "python" ? "boto3" : "the AWS SDK for JavaScript";
    log.info({ sdk: kind }, `${name} is being installed in the background for functions to import`);
    const work = addSdk(kind, (line) => log.debug({ sdk: kind, line }, "installing")).then(
      () => log.info({ sdk: kind }, `${name} is installed; new environments find it`),
      (error: unknown) => log.warn({ sdk: kind }, (error as Error).message),
    );
    background(work);
  }

  async function pick(name: Exclude<RuntimeName, { kind: "provided" }>): Promise<Choice> {
    const asked = name.kind === "python" ? name.minor : name.major;
    const all = await findAll[name.kind]();
    const candidates = all.filter((one) => options.readableByAll !== true || one.readableByAll);
    const chosen = nearest(asked, candidates, (one) => one.number);
    const exact = chosen?.number === asked;
    const unreadable = all.find((one) => one.number === asked);
    if (exact) return { chosen, exact, hint: undefined };
    const hint =
      unreadable === undefined
        ? adviceFor(name)
        : `${unreadable.executable} is the exact version, but only its owner may run it, and functions run as another user: install it where everybody may.`;
    return { chosen, exact, hint };
  }

  const reachable = async (file: string): Promise<boolean> =>
    options.readableByAll !== true || (await isReadableByAll(file));

  async function launchOf(runtime: string): Promise<RuntimeLaunch> {
    const name = parseRuntime(runtime);
    if (name === undefined) {
      throw cannotRun(runtime, `Lambent runs ${RUNTIMES.join(", ")}.`);
    }
    if (name.kind === "provided") {
      return {
        runtime,
        actual: runtime,
        interface: "http",
        argv: [PROVIDED_BOOTSTRAPS[0] as string],
        env: {},
        mounts: [],
      };
    }
    const { chosen, exact, hint } = await pick(name);
    if (chosen === undefined || (options.strict && !exact)) throw cannotRun(runtime, hint ?? "");
    const kind: SdkKind = name.kind === "python" ? "python" : "nodejs";
    const installed = await sdkInstalled(dataDir, kind);
    const sdk = installed && (await reachable(sdkFolder(dataDir, kind)));
    if (!installed) startSdkInstall(kind);
    else if (name.kind === "python") {
      background(compileSdk(dataDir, chosen.executable, chosen.version));
    }
    const actual = `${name.kind === "python" ? "Python" : "Node.js"} ${chosen.version}`;
    const mounts: Mount[] = sdk ? [{ source: sdkFolder(dataDir, kind), target: SDK_TARGET }] : [];
    const launch =
      name.kind === "python"
        ? await pythonLaunch(chosen, options, mounts)
        : nodeLaunch(name, chosen, options, mounts);
    const warning = `${runtime} runs on ${actual}: ${hint ?? ""}`;
    return { runtime, actual, interface: "framed", ...launch, ...(exact ? {} : { warning }) };
  }

  return {
    launch(runtime) {
      let launch = launches.get(runtime);
      if (launch === undefined) {
        launch = launchOf(runtime);
        launches.set(runtime, launch);
        // A failure is looked for again next time: something may have been installed.
        launch.catch(() => {
          launches.delete(runtime);
          pythons = undefined;
          nodes = undefined;
        });
      }
      return launch;
    },
    async list() {
      const infos: RuntimeInfo[] = [];
      for (const runtime of RUNTIMES) {
        const name = parseRuntime(runtime) as RuntimeName;
        if (name.kind === "provided") {
          infos.push(describe(runtime, "your own bootstrap", true, undefined, false, undefined));
          continue;
        }
        const { chosen, exact, hint } = await pick(name);
        const sdk = await sdkInstalled(dataDir, name.kind === "python" ? "python" : "nodejs");
        const language = name.kind === "python" ? "Python" : "Node.js";
        const actual = chosen === undefined ? undefined : `${language} ${chosen.version}`;
        infos.push(describe(runtime, actual, exact, chosen?.executable, sdk, hint));
      }
      return infos;
    },
    installSdk: addSdk,
    async install(what, onProgress) {
      if (what === "sdk-python" || what === "sdk-nodejs") {
        return addSdk(what === "sdk-python" ? "python" : "nodejs", onProgress);
      }
      const name = parseRuntime(what);
      if (name?.kind === "python") return addPython(name, onProgress);
      if (name?.kind !== "node") {
        throw new Error(
          name === undefined
            ? `There is nothing to install for ${what}. Known: ${RUNTIMES.join(", ")}, sdk-python, sdk-nodejs.`
            : `${what} is your own bootstrap: there is nothing to install.`,
        );
      }
      const version = NODE_VERSIONS[name.major];
      if (version === undefined) throw new Error(`Lambent has no pinned Node for ${what}.`);
      const settings = await installOptions(onProgress);
      await intoPlace(nodeInstallFolder(dataDir, name.major), (folder) =>
        npmInstall(folder, [`${nodePackage()}@${version}`], settings).catch((error: unknown) => {
          throw new Error(
            `Node ${version} could not be installed: ${(error as Error).message}. Check the network, or put a node ${name.major} on the PATH.`,
          );
        }),
      );
      nodes = undefined;
      launches.clear();
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
  };
}

interface Choice {
  readonly chosen: Interpreter | undefined;
  readonly exact: boolean;
  readonly hint: string | undefined;
}

type Launched = Pick<RuntimeLaunch, "argv" | "env" | "mounts">;

/** -S: without `site`, which costs a third of the start; the bootstrap adds what functions see of it. */
async function pythonLaunch(
  python: Interpreter,
  options: RuntimeCatalogOptions,
  sdk: readonly Mount[],
): Promise<Launched> {
  const original = path.join(options.runtimesFolder, "python");
  const compiled = await compiledBootstrap(
    original,
    path.join(options.dataDir, "runtimes", "bootstrap"),
    python,
    options.log,
  );
  const usable = options.readableByAll !== true || (await isReadableByAll(compiled));
  const source = usable ? compiled : original;
  const target = `${BOOTSTRAP_TARGET}/python`;
  const language = languageMount(python);
  return {
    argv: [language.executable, "-S", `${target}/bootstrap.py`, SDK_TARGET],
    env: language.mounts.length === 0 ? {} : { LD_LIBRARY_PATH: LIBRARY_PATH },
    mounts: [{ source, target }, ...language.mounts, ...sdk],
  };
}

/** Lambda's own value; the first folder is where libpython is. */
const LIBRARY_PATH =
  "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:/var/task/lib:/opt/lib";

/**
 * A pooled process starts before its function's memory is known, and V8 fixes its largest heap at the
 * start: it is set to Lambda's largest function, and the sandbox's own limit is the one that holds. The
 * young generation stays small, or a function of 128 MB would be killed before it is collected.
 */
const NODE_FLAGS: readonly string[] = [
  "--max-http-header-size=81920",
  "--max-old-space-size=10240",
  "--max-semi-space-size=16",
];

function nodeLaunch(
  name: { readonly runtime: string; readonly major: number },
  node: Interpreter,
  options: RuntimeCatalogOptions,
  sdk: readonly Mount[],
): Launched {
  const target = `${BOOTSTRAP_TARGET}/nodejs`;
  const language = languageMount(node);
  const flags = DISABLED_NODE_FEATURES[name.major] ?? [];
  return {
    argv: [language.executable, ...NODE_FLAGS, ...flags, `${target}/bootstrap.cjs`, name.runtime, SDK_TARGET],
    env: {},
    mounts: [{ source: path.join(options.runtimesFolder, "nodejs"), target }, ...language.mounts, ...sdk],
  };
}

/**
 * An interpreter below /usr is in every sandbox, because its root is the host's /usr. Any other is
 * mounted at /var/lang, where Lambda has its own: a Node as one file (its folder may be a package or
 * a user's home), a Python with its whole prefix, which it finds by its own path.
 */
function languageMount(one: Interpreter): { executable: string; mounts: readonly Mount[] } {
  if (one.executable.startsWith("/usr/") && one.prefix.startsWith("/usr")) {
    return { executable: one.executable, mounts: [] };
  }
  if (one.language === "node") {
    const executable = `${LANGUAGE_TARGET}/bin/node`;
    return { executable, mounts: [{ source: one.executable, target: executable }] };
  }
  const inside = path.relative(one.prefix, one.executable);
  return {
    executable: path.posix.join(LANGUAGE_TARGET, inside),
    mounts: [{ source: one.prefix, target: LANGUAGE_TARGET }],
  };
}

function describe(
  runtime: string,
  actual: string | undefined,
  exact: boolean,
  file: string | undefined,
  sdk: boolean,
  hint: string | undefined,
): RuntimeInfo {
  return { runtime, available: actual !== undefined, actual, exact, path: file, sdk, hint };
}

/** The command that brings the exact version. */
function adviceFor(name: RuntimeName): string {
  if (name.kind === "node") {
    return NODE_VERSIONS[name.major] === undefined
      ? `put a node ${name.major} on the PATH.`
      : `run \`lambent runtimes add ${name.runtime}\` for the exact version.`;
  }
  if (name.kind === "python") {
    return `run \`lambent runtimes add ${name.runtime}\` for the exact version (it uses uv or pyenv).`;
  }
  return "";
}

function cannotRun(runtime: string, hint: string): ServiceError {
  return new ServiceError(
    "InvalidRuntimeException",
    502,
    "The runtime or runtime version specified is not supported.",
    { hint: `Nothing here can run ${runtime}: ${hint}`, members: { Type: "Server" } },
  );
}
