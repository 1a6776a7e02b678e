/**
 * The environment variables a function finds. Pure.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
 */
import type { SessionCredentials } from "../../ports/credentials.ts";
import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type { FunctionVersion } from "../model/function.ts";

export interface VariablesInput {
  readonly version: FunctionVersion;
  readonly launch: RuntimeLaunch;
  readonly credentials: SessionCredentials;
  readonly logStream: string;
  /** Where /var/task, /opt and /var/runtime are for the payload. */
  readonly taskRoot: string;
  readonly optRoot: string;
  readonly runtimeDir: string;
  readonly runtimeApiAddress: string;
  readonly endpointUrl: string;
}

const XRAY_HOST = "169.254.100.1";
/** The first Python on Amazon Linux 2023, which lacks the locale of LANG: Python falls back on C.UTF-8. */
const AL2023_PYTHON_MINOR = 12;
const XRAY_PORT = "2000";

/**
 * Lambda's defaults, then what the runtime needs to start, then the function's own variables, then the
 * names that Lambda reserves: later ones win.
 */
export function functionVariables(input: VariablesInput): Record<string, string> {
  const { version, taskRoot, optRoot, runtimeDir } = input;
  // Lambda's Amazon Linux 2 without a language has no /var/lang on its paths; every other system has.
  const isBare = version.runtime === "provided.al2";
  return {
    PATH: `${isBare ? "" : "/var/lang/bin:"}/usr/local/bin:/usr/bin/:/bin:${optRoot}/bin`,
    LD_LIBRARY_PATH: `${isBare ? "" : "/var/lang/lib:"}/lib64:/usr/lib64:${runtimeDir}:${runtimeDir}/lib:${taskRoot}:${taskRoot}/lib:${optRoot}/lib`,
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    ...languageVariables(version.runtime, taskRoot, optRoot, runtimeDir),
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    AWS_XRAY_DAEMON_ADDRESS: `${XRAY_HOST}:${XRAY_PORT}`,
    _AWS_XRAY_DAEMON_ADDRESS: XRAY_HOST,
    _AWS_XRAY_DAEMON_PORT: XRAY_PORT,
    AWS_ENDPOINT_URL: input.endpointUrl,
    ...input.launch.env,
    ...version.environment,
    ...reserved(input),
  };
}

function languageVariables(
  runtime: string,
  taskRoot: string,
  optRoot: string,
  runtimeDir: string,
): Record<string, string> {
  // Lambda starts these languages from a shell script, which leaves its own two variables behind.
  const shell = { PWD: taskRoot, SHLVL: "0" };
  const node = /^nodejs(\d+)\.x$/.exec(runtime);
  if (node !== null) {
    return {
      ...shell,
      NODE_PATH: `${optRoot}/nodejs/node${node[1] as string}/node_modules:${optRoot}/nodejs/node_modules:${runtimeDir}/node_modules:${runtimeDir}:${taskRoot}`,
    };
  }
  const python = /^python3\.(\d+)$/.exec(runtime);
  if (python === null) return {};
  const locale = Number(python[1]) < AL2023_PYTHON_MINOR ? {} : { LC_CTYPE: "C.UTF-8" };
  return { ...shell, PYTHONPATH: runtimeDir, ...locale };
}

function reserved(input: VariablesInput): Record<string, string> {
  const { version, credentials } = input;
  const { logging } = version;
  const variables: Record<string, string> = {
    _HANDLER: version.handler,
    AWS_REGION: version.scope.region,
    AWS_DEFAULT_REGION: version.scope.region,
    AWS_LAMBDA_FUNCTION_NAME: version.name,
    AWS_LAMBDA_FUNCTION_VERSION: version.version,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(version.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: logging.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: input.logStream,
    AWS_LAMBDA_RUNTIME_API: input.runtimeApiAddress,
    LAMBDA_TASK_ROOT: input.taskRoot,
    LAMBDA_RUNTIME_DIR: input.runtimeDir,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_SESSION_TOKEN: credentials.sessionToken,
  };
  if (!version.runtime.startsWith("provided"))
    variables["AWS_EXECUTION_ENV"] = `AWS_Lambda_${version.runtime}`;
  if (logging.logFormat === "JSON") {
    variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON";
    variables["AWS_LAMBDA_LOG_LEVEL"] = logging.applicationLogLevel ?? "INFO";
  }
  return variables;
}
