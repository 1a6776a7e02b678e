/**
 * The settings of the server as data: each is a flag of `lambent start`, an environment variable and a
 * key of the config file, in that order of precedence.
 */
import { isIPv4 } from "node:net";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { ServerConfig } from "../app/config-types.ts";
import { Fault, userError } from "./fault.ts";

export interface Flag {
  /** Key of ServerConfig and of the config file. */
  readonly key: keyof ServerConfig;
  readonly flag: string;
  readonly env: string;
  /** How commander shows the value; undefined for a switch. */
  readonly value: string | undefined;
  readonly help: string;
  /** Throws a Fault whose message starts with where the value came from. */
  parse(text: string, origin: string): unknown;
}

function oneOf(...allowed: readonly string[]): Flag["parse"] {
  return (text, origin) => {
    if (!allowed.includes(text)) throw userError(`${origin}: "${text}" is not one of ${allowed.join(", ")}.`);
    return text;
  };
}

function matching(pattern: RegExp, meaning: string): Flag["parse"] {
  return (text, origin) => {
    if (!pattern.test(text)) throw userError(`${origin}: "${text}" is not ${meaning}.`);
    return text;
  };
}

function port(text: string, origin: string): number {
  const value = Number(text);
  if (!/^\d{1,5}$/.test(text) || value > 65_535) {
    throw userError(`${origin}: "${text}" is not a port (0 to 65535).`);
  }
  return value;
}

function count(text: string, origin: string): number {
  if (!/^\d{1,2}$/.test(text)) throw userError(`${origin}: "${text}" is not a number from 0 to 99.`);
  return Number(text);
}

function boolean(text: string, origin: string): boolean {
  if (["true", "1", "yes", "on"].includes(text)) return true;
  if (["false", "0", "no", "off", ""].includes(text)) return false;
  throw userError(`${origin}: "${text}" is neither true nor false.`);
}

const LOOPBACK = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

function address(text: string, origin: string): string {
  if (text === "localhost") return "127.0.0.1";
  if (isIPv4(text)) return text;
  throw userError(
    `${origin}: "${text}" is not an IPv4 address of this machine.`,
    "use 127.0.0.1 (the default), or 0.0.0.0 together with --iam enforce",
  );
}

/** Whoever reaches the port could run code: beyond this machine every request needs a known key. */
function checkHost({ host, iam }: ServerConfig): void {
  if (LOOPBACK.test(host) || iam === "enforce") return;
  throw userError(
    `--host ${host} is not a loopback address. Listening beyond this machine needs "--iam enforce": anybody who reaches the port could run code.`,
    "add --iam enforce, or leave --host out and forward the port yourself, for example with ssh -L 4566:127.0.0.1:4566",
  );
}

export const FLAGS: readonly Flag[] = [
  {
    key: "port",
    flag: "--port",
    env: "LAMBENT_PORT",
    value: "<number>",
    help: "port of the endpoint (4566; 0 picks a free one)",
    parse: port,
  },
  {
    key: "dataDir",
    flag: "--data-dir",
    env: "LAMBENT_DATA_DIR",
    value: "<folder>",
    help: "where everything is kept (~/.lambent/default)",
    parse: (text) => resolve(text),
  },
  {
    key: "accountId",
    flag: "--account",
    env: "LAMBENT_ACCOUNT",
    value: "<id>",
    help: "account of keys that are not a 12-digit account id (000000000000)",
    parse: matching(/^\d{12}$/, "an account id (12 digits)"),
  },
  {
    key: "region",
    flag: "--region",
    env: "LAMBENT_REGION",
    value: "<name>",
    help: "region of requests that name none (us-east-1)",
    parse: matching(/^[a-z]{2}(-[a-z]+)+-\d$/, "a region, such as us-east-1"),
  },
  {
    key: "iam",
    flag: "--iam",
    env: "LAMBENT_IAM",
    value: "<mode>",
    help: "off, warn (say where AWS would refuse) or enforce (refuse; needs keys of this server) (warn)",
    parse: oneOf("off", "warn", "enforce"),
  },
  {
    key: "dynamodbThroughput",
    flag: "--dynamodb-throughput",
    env: "LAMBENT_DYNAMODB_THROUGHPUT",
    value: "<mode>",
    help: "warn (log where AWS would throttle a provisioned table) or enforce (throttle it) (warn)",
    parse: oneOf("warn", "enforce"),
  },
  {
    key: "strictRuntimes",
    flag: "--strict-runtimes",
    env: "LAMBENT_STRICT_RUNTIMES",
    value: undefined,
    help: "refuse a function whose exact runtime version is not on this machine",
    parse: boolean,
  },
  {
    key: "strictArchitectures",
    flag: "--strict-architectures",
    env: "LAMBENT_STRICT_ARCHITECTURES",
    value: undefined,
    help: "refuse a function of another architecture than this machine's, also an interpreted one",
    parse: boolean,
  },
  {
    key: "sandbox",
    flag: "--sandbox",
    env: "LAMBENT_SANDBOX",
    value: "<driver>",
    help: "auto, namespaces or process (auto)",
    parse: oneOf("auto", "namespaces", "process"),
  },
  {
    key: "cacheDir",
    flag: "--cache-dir",
    env: "LAMBENT_CACHE_DIR",
    value: "<folder>",
    help: "interpreters and SDKs installed once for all data folders (~/.lambent/cache)",
    parse: (text) => resolve(text),
  },
  {
    key: "sdk",
    flag: "--sdk",
    env: "LAMBENT_SDK",
    value: "<auto|off>",
    help: "install boto3 and the AWS SDK for JavaScript when a function could first use them (auto)",
    parse: oneOf("auto", "off"),
  },
  {
    key: "pool",
    flag: "--pool",
    env: "LAMBENT_POOL",
    value: "<number>",
    help: "booted runtimes kept waiting for a function, per runtime (2; 0 keeps none)",
    parse: count,
  },
  {
    key: "host",
    flag: "--host",
    env: "LAMBENT_HOST",
    value: "<address>",
    help: "address to listen on (127.0.0.1); others than loopback with --iam enforce only",
    parse: address,
  },
  {
    key: "logLevel",
    flag: "--log-level",
    env: "LAMBENT_LOG_LEVEL",
    value: "<level>",
    help: "what goes into server.log of the data folder: debug, info, warn, error (info)",
    parse: oneOf("debug", "info", "warn", "error"),
  },
];

const CONFIG_KEYS: ReadonlySet<string> = new Set(FLAGS.map((flag) => flag.key));

export function defaultConfig(home: string = homedir()): ServerConfig {
  return {
    host: "127.0.0.1",
    port: 4566,
    dataDir: join(home, ".lambent", "default"),
    accountId: "000000000000",
    region: "us-east-1",
    iam: "warn",
    dynamodbThroughput: "warn",
    strictRuntimes: false,
    strictArchitectures: false,
    sandbox: "auto",
    cacheDir: join(home, ".lambent", "cache"),
    sdk: "auto",
    pool: 2,
    logLevel: "info",
  };
}

/**
 * @param flags by ServerConfig key, as text (switches: "true"); absent ones undefined
 * @param file the parsed config file, or undefined without one
 * @throws Fault naming the flag, variable or key that is wrong
 */
export function resolveConfig(
  flags: Readonly<Partial<Record<keyof ServerConfig, string | undefined>>>,
  env: Readonly<Record<string, string | undefined>>,
  file: unknown,
  home?: string,
): ServerConfig {
  const keys = fileKeys(file);
  const values: Record<string, unknown> = { ...defaultConfig(home) };
  for (const flag of FLAGS) {
    const given = flags[flag.key];
    const variable = env[flag.env];
    const key = keys[flag.key];
    if (given !== undefined) values[flag.key] = flag.parse(given, flag.flag);
    else if (variable !== undefined) values[flag.key] = flag.parse(variable, flag.env);
    else if (key !== undefined) values[flag.key] = flag.parse(String(key), `config file, "${flag.key}"`);
  }
  const config = values as unknown as ServerConfig;
  checkHost(config);
  return config;
}

function fileKeys(file: unknown): Readonly<Record<string, unknown>> {
  if (file === undefined) return {};
  if (typeof file !== "object" || file === null || Array.isArray(file)) {
    throw userError("The config file must hold one JSON object.");
  }
  for (const key of Object.keys(file)) {
    if (!CONFIG_KEYS.has(key)) {
      throw userError(`config file: "${key}" is not a setting.`, `use ${[...CONFIG_KEYS].join(", ")}`);
    }
  }
  return file as Readonly<Record<string, unknown>>;
}

/** The config file's text as a value. `path` is for the message. */
export function parseConfigFile(text: string, path: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Fault(1, `${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
