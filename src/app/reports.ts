/** What status, doctor and the banner say of a running server. */
import { statfs } from "node:fs/promises";
import process from "node:process";
import type { EnvironmentState } from "../lambda/environment/state.ts";
import type { SandboxDriver } from "../ports/sandbox-driver.ts";
import type { DoctorCheck, ServerDoctor, StatusReport } from "./admin-routes.ts";
import type { ServerConfig, ServerSummary } from "./config-types.ts";
import type { Core } from "./core.ts";
import { VERSION } from "./version.ts";

const COUNTED: Readonly<Record<string, string>> = {
  functions: "SELECT count(*) AS n FROM lambda_functions",
  versions: "SELECT count(*) AS n FROM lambda_versions WHERE version <> '$LATEST'",
  aliases: "SELECT count(*) AS n FROM lambda_aliases",
  "log groups": "SELECT count(*) AS n FROM log_groups",
  roles: "SELECT count(*) AS n FROM iam_entities WHERE kind = 'role'",
  users: "SELECT count(*) AS n FROM iam_entities WHERE kind = 'user'",
  mappings: "SELECT count(*) AS n FROM event_source_mapping WHERE wanted <> 'deleted'",
  buckets: "SELECT count(*) AS n FROM s3_buckets",
  objects: "SELECT count(*) AS n FROM s3_versions WHERE is_latest = 1 AND is_marker = 0",
  topics: "SELECT count(*) AS n FROM sns_topics",
  rules: "SELECT count(*) AS n FROM events_rules",
  "pending deliveries": "SELECT count(*) AS n FROM outbox",
};

export async function statusReport(
  core: Core,
  startedAt: number,
  clockAheadMs: number,
): Promise<StatusReport> {
  const counts: Record<string, number> = {};
  for (const [name, sql] of Object.entries(COUNTED)) {
    const rows = await core.database.read<{ n: number }>(sql);
    counts[name] = Number(rows[0]?.n ?? 0);
  }
  Object.assign(counts, await core.counts());
  const queue = await core.queue.gauges();
  return {
    version: VERSION,
    pid: process.pid,
    startedAt,
    clockAheadMs,
    rssBytes: process.memoryUsage.rss(),
    counts,
    environments: shownEnvironments(core.dataPlane.environments.countByState()),
    queue: queue.map(({ functionName, depth, oldestAgeMs }) => ({ functionName, depth, oldestAgeMs })),
  };
}

/** What each state of an environment is to a user; what is on its way out is nothing any more. */
const SHOWN_AS: Readonly<Record<EnvironmentState, keyof StatusReport["environments"] | undefined>> = {
  creating: "busy",
  booting: "busy",
  pooled: "pooled",
  initialising: "busy",
  idle: "idle",
  freezing: "idle",
  frozen: "idle",
  thawing: "busy",
  busy: "busy",
  finishing: "busy",
  stopping: undefined,
  stopped: undefined,
};

export function shownEnvironments(
  counts: ReadonlyMap<EnvironmentState, number>,
): StatusReport["environments"] {
  const shown = { busy: 0, idle: 0, pooled: 0 };
  for (const [state, count] of counts) {
    const name = SHOWN_AS[state];
    if (name !== undefined) shown[name] += count;
  }
  return shown;
}

export function describeDriver(driver: SandboxDriver): Pick<ServerSummary, "sandbox" | "warnings"> {
  const { capabilities } = driver;
  const enforced = (["memory", "cpu", "pids", "tmpSize", "seccomp"] as const).filter(
    (name) => capabilities[name] === "enforced",
  );
  const sandbox = `${driver.name}${enforced.length === 0 ? "" : ` (enforced: ${enforced.join(", ")})`}, network ${capabilities.network}`;
  const warnings =
    capabilities.boundary === "none"
      ? [
          "functions run as plain processes: they can read and reach what this user can",
          ...capabilities.reasons,
        ]
      : capabilities.reasons;
  return { sandbox, warnings };
}

const IAM_MODES: Readonly<Record<ServerConfig["iam"], string>> = {
  off: "off: policies are not looked at",
  warn: "warn: what AWS would refuse is allowed, with a hint and a line in server.log",
  enforce: "enforce: what policies do not allow is refused, and requests need a key of this server",
};

const DISK_LOW_BYTES = 1024 ** 3;

export async function serverDoctor(
  driver: SandboxDriver,
  config: ServerConfig,
  clockAheadMs: number,
): Promise<ServerDoctor> {
  const checks: DoctorCheck[] = [];
  const disk = await statfs(config.dataDir);
  const freeBytes = disk.bavail * disk.bsize;
  const detail = `${(freeBytes / 1024 ** 3).toFixed(1)} GB free for ${config.dataDir}`;
  checks.push(
    freeBytes < DISK_LOW_BYTES
      ? { name: "disk", result: "warn", detail, next: "free some space, or choose another --data-dir" }
      : { name: "disk", result: "ok", detail },
  );
  checks.push({ name: "iam", result: config.iam === "off" ? "warn" : "ok", detail: IAM_MODES[config.iam] });
  if (clockAheadMs > 0) {
    checks.push({
      name: "clock",
      result: "warn",
      detail: `${(clockAheadMs / 3_600_000).toFixed(1)} h ahead of the machine's, moved by hand`,
      next: "lambent reset (deletes everything: time never goes back under what is stored)",
    });
  }
  return { capabilities: driver.capabilities, checks };
}
