import process from "node:process";
import type { StatusReport } from "../app/admin-routes.ts";
import { admin, alive, connect, dataFolder, findServer } from "./connection.ts";
import { EXIT, Fault } from "./fault.ts";
import { clockLine, duration, json, megabytes, nextStep, paint, say, withProgress } from "./output.ts";

export interface CommonOptions {
  readonly dataDir?: string;
  readonly json?: boolean;
}

export async function statusCommand(options: CommonOptions): Promise<number> {
  const server = findServer(options.dataDir);
  if (server === undefined) {
    const { dataDir } = dataFolder(options.dataDir);
    if (options.json === true) json({ running: false, dataDir });
    else {
      say(`not running  ${paint("dim", `(data: ${dataDir})`)}`);
      nextStep("lambent start");
    }
    return EXIT.notRunning;
  }
  const report = await admin<StatusReport>(server, "GET", "/_lambent/status");
  if (options.json === true) {
    json({ running: true, endpoint: server.endpoint, dataDir: server.dataDir, ...report });
    return EXIT.ok;
  }
  // The wall clock of the machine: the server's own may have been moved.
  const upMs = Math.max(0, performance.timeOrigin + performance.now() - server.startedAt);
  const { busy, idle, pooled } = report.environments;
  const counts = Object.entries(report.counts).map(([name, count]) => `${name} ${count}`);
  const waiting = report.queue.reduce((sum, entry) => sum + entry.depth, 0);
  say(
    [
      paint("green", `running ${duration(upMs)}`),
      server.endpoint,
      `pid ${report.pid}`,
      `rss ${megabytes(report.rssBytes)}`,
      ...counts,
      `environments ${busy} busy, ${idle} idle, ${pooled} pooled`,
      `queued ${waiting}`,
      ...(report.clockAheadMs > 0 ? [`clock ${duration(report.clockAheadMs)} ahead`] : []),
    ].join("  "),
  );
  for (const { functionName, depth, oldestAgeMs } of report.queue) {
    say(`  ${functionName}: ${depth} queued, oldest ${duration(oldestAgeMs)}`);
  }
  return EXIT.ok;
}

const STOP_WAIT_MS = 60_000;

export async function stopCommand(options: CommonOptions): Promise<number> {
  const server = connect(options.dataDir);
  await admin(server, "POST", "/_lambent/stop");
  await withProgress("stopping: invocations under way may finish", async () => {
    const deadline = performance.now() + STOP_WAIT_MS;
    while (alive(server.pid)) {
      if (performance.now() > deadline) {
        throw new Fault(EXIT.environment, `Process ${server.pid} is still there.`, `kill ${server.pid}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  });
  if (options.json === true) json({ stopped: true, pid: server.pid });
  else say("stopped");
  return EXIT.ok;
}

export async function resetCommand(options: CommonOptions & { yes?: boolean }): Promise<number> {
  const server = connect(options.dataDir);
  if (options.yes !== true) {
    if (process.stdin.isTTY !== true) {
      throw new Fault(
        EXIT.userError,
        "reset deletes every function, role, log and event.",
        "lambent reset --yes",
      );
    }
    const { confirm } = await import("@clack/prompts");
    const sure = await confirm({
      message: `Delete every function, role, log and event in ${server.dataDir}?`,
      initialValue: false,
    });
    if (sure !== true) {
      say("nothing was deleted");
      return EXIT.ok;
    }
  }
  await withProgress("deleting", () => admin(server, "POST", "/_lambent/reset"));
  if (options.json === true) json({ reset: true });
  else say("the state is empty, the clock is the machine's");
  return EXIT.ok;
}

/** What `clock` and `clock advance` print. */
export async function clockCommand(advanceMs: number | undefined, options: CommonOptions): Promise<number> {
  const server = connect(options.dataDir);
  const report =
    advanceMs === undefined
      ? await admin<{ nowMs: number; offsetMs: number }>(server, "GET", "/_lambent/clock")
      : await admin<{ nowMs: number; offsetMs: number }>(server, "POST", "/_lambent/clock", {
          body: { advanceMs },
        });
  if (options.json === true) json(report);
  else {
    const ahead = report.offsetMs === 0 ? "the machine's time" : clockLine(report.offsetMs);
    say(`${new Date(report.nowMs).toISOString()}  ${paint("dim", `(${ahead})`)}`);
  }
  return EXIT.ok;
}
