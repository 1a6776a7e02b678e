/** `lambent doctor`: what this machine, its tools and the running server can and cannot do. */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync, statfsSync } from "node:fs";
import { createServer } from "node:net";
import { dirname } from "node:path";
import process from "node:process";
import type { DoctorCheck, ServerDoctor } from "../app/admin-routes.ts";
import type { Capabilities } from "../ports/sandbox-driver.ts";
import { awsVersion, readsEndpointVariable, type AwsCliVersion } from "./aws.ts";
import { admin, dataFolder, findServer, type Connection } from "./connection.ts";
import { EXIT } from "./fault.ts";
import { defaultConfig } from "./flags.ts";
import { json, megabytes, paint, say, withProgress } from "./output.ts";
import { typed, which } from "./self.ts";
import type { CommonOptions } from "./status.ts";

const DISK_LOW_BYTES = 1024 * 1024 * 1024;

export async function doctorCommand(options: CommonOptions): Promise<number> {
  const checks = await withProgress("looking around", () => examine(options.dataDir));
  if (options.json === true) json(checks);
  else for (const check of checks) say(line(check));
  return checks.some((check) => check.result === "fail") ? EXIT.environment : EXIT.ok;
}

function line({ result, name, detail, next }: DoctorCheck): string {
  const mark = { ok: paint("green", "✓"), warn: paint("yellow", "!"), fail: paint("red", "✗") }[result];
  return ` ${mark} ${name}  ${paint("dim", detail)}${next === undefined ? "" : `  → ${typed(next)}`}`;
}

async function examine(flag: string | undefined): Promise<DoctorCheck[]> {
  const server = findServer(flag);
  const { dataDir } = dataFolder(flag);
  const [port, aws, serverless, fromServer] = await Promise.all([
    portCheck(server),
    awsCheck(),
    serverlessCheck(),
    server === undefined ? Promise.resolve(hostChecks()) : serverChecks(server),
  ]);
  return [
    { name: `Node ${process.versions.node}`, result: "ok", detail: process.execPath },
    port,
    ...fromServer,
    ...(server === undefined ? diskChecks(dataDir) : []),
    aws,
    ...serverless,
    ...proxyChecks(process.env),
  ];
}

async function portCheck(server: Connection | undefined): Promise<DoctorCheck> {
  if (server !== undefined) {
    return { name: "server", result: "ok", detail: `running at ${server.endpoint}, process ${server.pid}` };
  }
  const { port } = defaultConfig();
  const free = await new Promise<boolean>((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
  return free
    ? { name: `port ${port}`, result: "ok", detail: "free; no server runs", next: "lambent start" }
    : {
        name: `port ${port}`,
        result: "warn",
        detail: "taken by another program",
        next: "lambent start --port 4567",
      };
}

async function serverChecks(server: Connection): Promise<DoctorCheck[]> {
  try {
    const report = await admin<ServerDoctor>(server, "GET", "/_lambent/doctor");
    return [...capabilityChecks(report.capabilities), ...report.checks];
  } catch (error) {
    return [
      {
        name: "server",
        result: "fail",
        detail: error instanceof Error ? error.message : String(error),
        next: "lambent stop, then lambent start",
      },
    ];
  }
}

/** One line per property of the sandbox, as the start-up self-test saw it. */
export function capabilityChecks(capabilities: Capabilities): DoctorCheck[] {
  const { driver, boundary, network, freeze, reasons } = capabilities;
  const enforced = (["rootfs", "processes", "seccomp", "memory", "cpu", "pids", "tmpSize"] as const).map(
    (name) => ({ name, how: capabilities[name] }),
  );
  const listed = (how: string): string =>
    enforced
      .filter((property) => property.how === how)
      .map((property) => property.name)
      .join(", ");
  const checks: DoctorCheck[] = [
    {
      name: `sandbox ${driver}`,
      result: boundary === "none" ? "warn" : "ok",
      detail: `boundary ${boundary}, network ${network}, freeze ${freeze}`,
    },
  ];
  if (listed("enforced") !== "") checks.push({ name: "enforced", result: "ok", detail: listed("enforced") });
  if (listed("watchdog") !== "")
    checks.push({ name: "by watchdog", result: "warn", detail: listed("watchdog") });
  if (listed("none") !== "") checks.push({ name: "not enforced", result: "warn", detail: listed("none") });
  for (const reason of reasons) checks.push({ name: "because", result: "warn", detail: reason });
  return checks;
}

/** Without a server: what the kernel offers, untested. */
function hostChecks(): DoctorCheck[] {
  if (process.platform !== "linux") {
    return [
      {
        name: "sandbox",
        result: "warn",
        detail: `${process.platform} has no namespaces: functions run as plain processes, without isolation`,
      },
    ];
  }
  const checks: DoctorCheck[] = [];
  const root = process.getuid?.() === 0;
  const namespaces = Number(readText("/proc/sys/user/max_user_namespaces") ?? "0");
  const restricted = readText("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1";
  if (root || (namespaces > 0 && !restricted)) {
    checks.push({ name: "namespaces", result: "ok", detail: root ? "as root" : "user namespaces" });
  } else {
    checks.push({
      name: "namespaces",
      result: "warn",
      detail: restricted ? "restricted by AppArmor" : "user namespaces are switched off",
      next: restricted
        ? "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root"
        : "sysctl user.max_user_namespaces=10000, or run as root",
    });
  }
  const v2 = existsSync("/sys/fs/cgroup/cgroup.controllers");
  const v1 = existsSync("/sys/fs/cgroup/memory");
  checks.push(
    v2 || v1
      ? {
          name: `cgroups ${v2 ? "v2" : "v1"}`,
          result: "ok",
          detail: "what they enforce is tested at each start",
        }
      : { name: "cgroups", result: "warn", detail: "none found: memory is watched, not enforced" },
  );
  return checks;
}

function diskChecks(dataDir: string): DoctorCheck[] {
  let folder = dataDir;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const checks: DoctorCheck[] = [];
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    checks.push({
      name: "data folder",
      result: "fail",
      detail: `${dataDir} cannot be written`,
      next: "choose another with --data-dir",
    });
  }
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  checks.push({
    name: "disk",
    result: free < DISK_LOW_BYTES ? "warn" : "ok",
    detail: `${megabytes(free)} free for ${dataDir}`,
    ...(free < DISK_LOW_BYTES ? { next: "free some space, or choose another disk with --data-dir" } : {}),
  });
  return checks;
}

async function awsCheck(): Promise<DoctorCheck> {
  const program = which("aws");
  if (program === undefined) {
    return { name: "aws-cli", result: "warn", detail: "not on PATH", next: "pip install awscli" };
  }
  const version = await awsVersion(program);
  return awsVerdict(program, version);
}

export function awsVerdict(program: string, version: AwsCliVersion | undefined): DoctorCheck {
  if (version === undefined) {
    return { name: "aws-cli", result: "warn", detail: `${program} does not run`, next: "aws --version" };
  }
  if (!readsEndpointVariable(version)) {
    const since = version.major === 1 ? "1.29" : "2.13";
    return {
      name: `aws-cli ${version.text}`,
      result: "warn",
      detail: `ignores AWS_ENDPOINT_URL (needs ${since} or newer): by itself it would reach real AWS`,
      next: 'eval "$(lambent env)" puts the endpoint before each of its calls, and so does lambent aws',
    };
  }
  return { name: `aws-cli ${version.text}`, result: "ok", detail: program };
}

async function serverlessCheck(): Promise<DoctorCheck[]> {
  const program = which("serverless") ?? which("sls");
  if (program === undefined) return [];
  const text = await new Promise<string>((resolve) => {
    execFile(program, ["--version"], { timeout: 10_000 }, (_error, stdout) => resolve(stdout));
  });
  const major = Number(/(\d+)\.\d+\.\d+/.exec(text)?.[1] ?? "0");
  if (major !== 3 || text.includes("osls")) return [];
  return [
    {
      name: "serverless 3",
      result: "warn",
      detail: "ignores AWS_ENDPOINT_URL and would reach real AWS",
      next: "npm i -g osls",
    },
  ];
}

export function proxyChecks(env: Readonly<Record<string, string | undefined>>): DoctorCheck[] {
  const name = ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"].find((key) => env[key]);
  if (name === undefined) return [];
  const excepted = (env["NO_PROXY"] ?? env["no_proxy"] ?? "").split(",").map((host) => host.trim());
  if (excepted.some((host) => host === "*" || host === "127.0.0.1" || host === "127.0.0.0/8")) return [];
  return [
    {
      name: name,
      result: "warn",
      detail: "is set: requests to the endpoint would go to the proxy",
      next: "add 127.0.0.1 to NO_PROXY (lambent env does)",
    },
  ];
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
}
