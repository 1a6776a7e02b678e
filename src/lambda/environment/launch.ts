/** How a function version becomes a sandbox: specification, limits, and what is bound to it. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { Random } from "../../kernel/random.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import type { CredentialIssuer } from "../../ports/credentials.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type { Sandbox, SandboxLimits, SandboxSpec } from "../../ports/sandbox-driver.ts";
import type { FunctionVersion } from "../model/function.ts";
import { runtimeVersionArn } from "../model/runtime-version.ts";
import { FunctionLog, logStreamName } from "../observe/function-log.ts";
import { platformLines } from "../observe/platform-lines.ts";
import type { Binding } from "./binding.ts";
import { type InitResult, initLimits } from "./init.ts";
import { entrypointFault, faultPayload, type Fault } from "./fault.ts";
import { functionVariables } from "./variables.ts";

const TASK_ROOT = "/var/task";
const BOOTSTRAP = `${TASK_ROOT}/bootstrap`;
const RUNTIME_DIR = "/var/runtime";
const RUNTIME_API = "127.0.0.1:9001";
/** Lambda's sessions of execution roles last this long; an environment is retired before its own ends. */
const CREDENTIALS_SECONDS = 12 * 3600;
/** What a pooled interpreter may use before it has a function; never less than booting takes. */
const POOLED_MEMORY_MB = 512;

export interface LaunchOptions {
  readonly endpointPort: number;
  readonly network: "egress" | "none";
}

export interface LaunchDeps {
  readonly codeCache: CodeCache;
  readonly credentials: CredentialIssuer;
  readonly logs: LogSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly options: LaunchOptions;
}

/** Memory of Lambda's virtual machine that is not the function's. */
const SYSTEM_MB = 57.5;
const PROCESSES_PER_MB = 4;

/**
 * Lambda's quota is 1,024 processes and threads, but a kernel with little memory allows itself fewer:
 * one per 256 KB, which is the 742 that a function of 128 MB finds with `ulimit -u`.
 */
export function processesOf(memoryMb: number): number {
  return Math.min(LIMITS.processes, Math.floor((memoryMb + SYSTEM_MB) * PROCESSES_PER_MB));
}

export function limitsOf(version: FunctionVersion): SandboxLimits {
  return {
    memoryMb: version.memoryMb,
    cpus: version.memoryMb / LIMITS.memoryMbPerVcpu,
    pids: processesOf(version.memoryMb),
    tmpMb: version.tmpMb,
    openFiles: LIMITS.openFiles,
  };
}

/** STS wants two characters at least, so Lambda lengthens the name of a function of one. */
export function sessionNameOf(functionName: string): string {
  return functionName.length < 2 ? `${functionName}@lambda_function` : functionName;
}

/** An archive was sound when it was stored; https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html */
function invalidZipFile(hint: string | undefined): ServiceError {
  return new ServiceError("InvalidZipFileException", 502, "Lambda could not unzip the deployment package.", {
    hint: `The stored archive is damaged${hint === undefined ? "" : ` (${hint})`}: upload the code again.`,
    members: { Type: "User" },
  });
}

/** Errors: InvalidZipFileException for an archive that cannot be unpacked any more. */
export async function makeBinding(
  deps: LaunchDeps,
  version: FunctionVersion,
  launch: RuntimeLaunch,
): Promise<Binding> {
  const codeDir = await deps.codeCache.prepare(version.code.blob).catch((error: unknown) => {
    throw error instanceof ServiceError ? invalidZipFile(error.hint) : error;
  });
  const credentials = deps.credentials.issueForRole(
    version.scope,
    version.role,
    sessionNameOf(version.name),
    CREDENTIALS_SECONDS,
  );
  const stream = logStreamName(version, deps.clock.now(), deps.random);
  return {
    version,
    codeDir,
    log: new FunctionLog(deps.logs, deps.clock, version, stream),
    lines: platformLines(version.logging, version.name, version.version, () => deps.clock.now()),
    limits: limitsOf(version),
    credentialsGoodUntilMs: credentials.expirationMs - version.timeoutMs - 60_000,
    variables: (sandbox: Pick<Sandbox, "path" | "runtimeApiAddress" | "endpointUrl">) =>
      functionVariables({
        version,
        launch,
        credentials,
        logStream: stream,
        taskRoot: sandbox.path(TASK_ROOT),
        optRoot: sandbox.path("/opt"),
        runtimeDir: RUNTIME_DIR,
        runtimeApiAddress: sandbox.runtimeApiAddress,
        endpointUrl: sandbox.endpointUrl,
      }),
  };
}

/**
 * A sandbox made for one function from the start. The process of a framed runtime gets the function's
 * variables with INIT, as a pooled one does, unless they must be there when it starts.
 */
export function spec(
  deps: LaunchDeps & FreshProcess,
  id: string,
  launch: RuntimeLaunch,
  binding: Binding,
): SandboxSpec {
  const { options } = deps;
  const variables = binding.variables({
    // As they are in a sandbox with a network of its own; a driver without one puts its own in their place.
    path: (target) => target,
    runtimeApiAddress: RUNTIME_API,
    endpointUrl: `http://127.0.0.1:${String(options.endpointPort)}`,
  });
  const framed = launch.interface === "framed";
  const start = framed && isFresh(deps, binding.version) ? deps.freshLaunch(launch, variables) : launch;
  return {
    id,
    argv: start.argv,
    env: framed ? start.env : variables,
    cwd: TASK_ROOT,
    mounts: [...start.mounts, { source: binding.codeDir, target: TASK_ROOT }],
    limits: initLimits(binding.limits),
    network: options.network,
    channel: framed,
    endpointPort: options.endpointPort,
  };
}

/** Functions whose variables an interpreter reads only when it starts (NODE_OPTIONS, PYTHONUTF8, …). */
export interface FreshProcess {
  /** Names of such variables among these. */
  needsFreshProcess(runtime: string, environment: Readonly<Record<string, string>>): readonly string[];
  /** The launch of a process that starts with all of the function's variables. */
  freshLaunch(launch: RuntimeLaunch, environment: Readonly<Record<string, string>>): RuntimeLaunch;
}

export function isFresh(deps: FreshProcess, version: FunctionVersion): boolean {
  return (
    version.environment !== undefined &&
    deps.needsFreshProcess(version.runtime, version.environment).length > 0
  );
}

/** A sandbox for any function of a runtime: no code, no role, no variables but the runtime's own. */
export function poolSpec(deps: LaunchDeps, id: string, launch: RuntimeLaunch): SandboxSpec {
  return {
    id,
    argv: launch.argv,
    env: launch.env,
    cwd: "/",
    mounts: launch.mounts,
    limits: {
      memoryMb: POOLED_MEMORY_MB,
      cpus: 1,
      pids: LIMITS.processes,
      tmpMb: LIMITS.tmpMbDefault,
      openFiles: LIMITS.openFiles,
    },
    network: deps.options.network,
    channel: true,
    endpointPort: deps.options.endpointPort,
  };
}

/** `python:3.13.v1` and the ARN of GetFunctionConfiguration, for INIT_START. */
export function runtimeDescription(version: FunctionVersion): [string, string] {
  const match = /^([a-z]+)([\d.]*?)(\.x)?$/.exec(version.runtime);
  const name = match === null ? version.runtime : `${match[1] as string}:${match[2] as string}`;
  return [`${name}.v1`, runtimeVersionArn(version.scope.region, version.runtime)];
}

/** An init that failed before anything ran. */
export type EntrypointFailure = Omit<Extract<InitResult, { ok: false }>, "durationMs">;

/** A custom runtime without a bootstrap that can be run fails before anything is started. */
export async function findEntrypoint(
  launch: RuntimeLaunch,
  codeDir: string,
): Promise<EntrypointFailure | undefined> {
  if (launch.interface !== "http" || launch.argv[0] !== BOOTSTRAP) return undefined;
  const path = join(codeDir, "bootstrap");
  try {
    if (!(await stat(path)).isFile()) return failure(missing());
    await access(path, constants.X_OK);
    return undefined;
  } catch (error) {
    const denied = (error as NodeJS.ErrnoException).code === "EACCES";
    return failure(denied ? entrypointFault(`fork/exec ${BOOTSTRAP}: permission denied`) : missing());
  }
}

/**
 * A driver that could not start the bootstrap itself (an interpreter that is not there, a program for
 * another machine): that is the function's fault and told as Lambda tells it. Undefined for all else.
 */
export function entrypointError(launch: RuntimeLaunch, error: unknown): EntrypointFailure | undefined {
  if (launch.argv[0] !== BOOTSTRAP || !(error instanceof Error)) return undefined;
  const reason = /no such file or directory|exec format error|permission denied|ENOENT|ENOEXEC|EACCES/i.exec(
    error.message,
  )?.[0];
  if (reason === undefined || !error.message.includes("bootstrap")) return undefined;
  return failure(entrypointFault(`fork/exec ${BOOTSTRAP}: ${ERRNO_TEXT[reason] ?? reason.toLowerCase()}`));
}

const ERRNO_TEXT: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOEXEC: "exec format error",
  EACCES: "permission denied",
};

function missing(): Fault {
  return entrypointFault(`Couldn't find valid bootstrap(s): [${BOOTSTRAP} /opt/bootstrap]`);
}

function failure(fault: Fault): EntrypointFailure {
  return {
    ok: false,
    status: fault.status,
    errorType: fault.errorType,
    maxMemoryUsedMb: 1,
    fault,
    answer: (requestId) => faultPayload(fault, requestId),
  };
}
