import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import { parseRuntime } from "./names.ts";

/**
 * Environment variables that an interpreter reads once, when it starts. A function that sets one of
 * them cannot be given to an interpreter that is up already: it starts cold, with its variables in
 * the environment of the new process.
 */
const PYTHON_AT_START: ReadonlySet<string> = new Set([
  "PYTHONHOME",
  "PYTHONPLATLIBDIR",
  "PYTHONSAFEPATH",
  "PYTHONOPTIMIZE",
  "PYTHONDEBUG",
  "PYTHONVERBOSE",
  "PYTHONCASEOK",
  "PYTHONDONTWRITEBYTECODE",
  "PYTHONPYCACHEPREFIX",
  "PYTHONHASHSEED",
  "PYTHONINTMAXSTRDIGITS",
  "PYTHONIOENCODING",
  "PYTHONUNBUFFERED",
  "PYTHONWARNINGS",
  "PYTHONFAULTHANDLER",
  "PYTHONTRACEMALLOC",
  "PYTHONPROFILEIMPORTTIME",
  "PYTHONASYNCIODEBUG",
  "PYTHONMALLOC",
  "PYTHONMALLOCSTATS",
  "PYTHONCOERCECLOCALE",
  "PYTHONDEVMODE",
  "PYTHONUTF8",
  "PYTHONWARNDEFAULTENCODING",
  "PYTHONNODEBUGRANGES",
  "PYTHONPERFSUPPORT",
  "PYTHON_CPU_COUNT",
  "PYTHON_GIL",
  "PYTHON_JIT",
  "PYTHON_FROZEN_MODULES",
  "PYTHON_COLORS",
  "PYTHON_CONTEXT_AWARE_WARNINGS",
  "PYTHON_THREAD_INHERIT_CONTEXT",
]);

const NODE_AT_START: ReadonlySet<string> = new Set([
  "NODE_OPTIONS",
  "NODE_EXTRA_CA_CERTS",
  "NODE_ICU_DATA",
  "NODE_DEBUG",
  "NODE_DEBUG_NATIVE",
  "NODE_V8_COVERAGE",
  "NODE_NO_WARNINGS",
  "NODE_PENDING_DEPRECATION",
  "NODE_PRESERVE_SYMLINKS",
  "NODE_PRESERVE_SYMLINKS_MAIN",
  "NODE_REDIRECT_WARNINGS",
  "NODE_USE_SYSTEM_CA",
  "NODE_USE_ENV_PROXY",
  "NODE_COMPILE_CACHE",
  "NODE_DISABLE_COMPILE_CACHE",
  "NODE_TLS_REJECT_UNAUTHORIZED",
  "OPENSSL_CONF",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "UV_THREADPOOL_SIZE",
  "UV_USE_IO_URING",
]);

/** Read by the dynamic linker and the C library of any process when it starts. */
const ANY_AT_START: ReadonlySet<string> = new Set([
  "LD_PRELOAD",
  "LD_AUDIT",
  "LD_BIND_NOW",
  "LD_LIBRARY_PATH",
  "GLIBC_TUNABLES",
  "GCONV_PATH",
  "LOCPATH",
  "MALLOC_ARENA_MAX",
]);

/**
 * Names of the function's own variables (those of its configuration, not the ones Lambda adds) that
 * need a process started with them, sorted. Not empty: start cold with `env` merged into the
 * launch's, and not from the pool.
 */
export function needsFreshProcess(runtime: string, env: Readonly<Record<string, string>>): readonly string[] {
  const name = parseRuntime(runtime);
  if (name === undefined || name.kind === "provided") return [];
  const own = name.kind === "python" ? PYTHON_AT_START : NODE_AT_START;
  return Object.keys(env)
    .filter((key) => own.has(key) || ANY_AT_START.has(key) || key === "AWS_LAMBDA_EXEC_WRAPPER")
    .sort();
}

/** `--no-experimental-x` and `--experimental_x=1` are one option; words that are none have no name. */
function optionName(word: string): string {
  return /^--(?:no-)?([^=]+)/.exec(word.replaceAll("_", "-"))?.[1] ?? `:${word}`;
}

/**
 * The launch of a process that starts with the function's variables, for functions that
 * `needsFreshProcess` names. `env` is everything the function finds in its environment.
 * What NODE_OPTIONS says wins over the launch's own flags, and AWS_LAMBDA_EXEC_WRAPPER puts a
 * program before the runtime; a missing one ends with status 127, as in Lambda.
 */
export function freshLaunch(launch: RuntimeLaunch, env: Readonly<Record<string, string>>): RuntimeLaunch {
  const asked = new Set((env["NODE_OPTIONS"] ?? "").split(/\s+/).map(optionName));
  const argv = launch.argv.filter((word) => !word.startsWith("--") || !asked.has(optionName(word)));
  const wrapper = env["AWS_LAMBDA_EXEC_WRAPPER"];
  const wrapped =
    wrapper === undefined || wrapper === "" ? argv : ["/bin/sh", "-c", 'exec "$0" "$@"', wrapper, ...argv];
  return { ...launch, argv: wrapped, env: { ...launch.env, ...env, LAMBENT_KEEP_ENV: "1" } };
}
