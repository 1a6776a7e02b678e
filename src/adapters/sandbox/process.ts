import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, readdir, rm } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import type { Readable } from "node:stream";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type {
  Capabilities,
  ExitInfo,
  Mount,
  Sandbox,
  SandboxDriver,
  SandboxLimits,
  SandboxSpec,
} from "../../ports/sandbox-driver.ts";
import { makeFifos } from "./fifo.ts";
import { canRun, folderBytes, limited, processesAreLimited, startKeeper } from "./keeper.ts";
import { ownerIsDead, ownerName } from "./owner.ts";
import { comesFrom, comesFromUser, guardedListener } from "./peer.ts";
import {
  cpuNsOf,
  MARK,
  markedProcesses,
  memoryOf,
  processTable,
  recentTable,
  residentOf,
  signalProcess,
  treeOf,
} from "./process-tree.ts";
import { firstUser, USERS_PER_SERVER } from "./users.ts";

const WATCH_MS = 200;

export interface ProcessOptions {
  readonly dataDir: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** How often memory is looked at, in ms (default 200). */
  readonly watchMs?: number;
  /** How often the size of /tmp is looked at, in ms (default 1,000). */
  readonly tmpWatchMs?: number;
}

/** The same as what a mount would do to a path, for a program that sees the host's file system. */
export function rewritePath(mounts: readonly Mount[], target: string): string {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const inside = target === mount.target || target.startsWith(`${mount.target}/`);
    // The later of two mounts on one target is the one that is seen.
    if (inside && mount.target.length >= (best?.target.length ?? 0)) best = mount;
  }
  return best === undefined ? target : best.source + target.slice(best.target.length);
}

/** A variable's value: each part of a list of paths is rewritten. */
export function rewriteValue(mounts: readonly Mount[], value: string): string {
  return value
    .split(":")
    .map((part) => rewritePath(mounts, part))
    .join(":");
}

/**
 * Plain processes of the host, each in a session of its own: for macOS, Windows and containers that
 * allow no namespaces. It isolates nothing; as root every sandbox gets a user of its own.
 */
export async function createProcessDriver(options: ProcessOptions): Promise<SandboxDriver> {
  const folder = path.join(options.dataDir, "process-tmp");
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const linux = process.platform === "linux";
  const root = process.getuid?.() === 0;
  const owner = await ownerName();
  const users = firstUser("process", `${folder}-${owner}`);
  const live = new Set<Sandbox>();
  let next = 0;
  options.log.warn(
    { driver: "process" },
    "functions run as plain processes of this machine, without isolation",
  );
  const posix = process.platform !== "win32";
  const memory = linux ? "watchdog" : "none";
  const pids = root && posix && (await processesAreLimited(users)) ? "enforced" : memory;
  const keeper = posix ? startKeeper(owner) : undefined;
  const capabilities: Capabilities = {
    driver: "process",
    boundary: "none",
    rootfs: "none",
    processes: "none",
    network: "host",
    seccomp: "none",
    memory,
    cpu: "none",
    pids,
    tmpSize: "watchdog",
    freeze: process.platform === "win32" ? "none" : "signal",
    lateAttach: true,
    reasons: [
      "boundary: functions see the files, processes and network of this machine; Linux as root gives namespaces",
      "cpu: plain processes share all processors; Linux namespaces as root limit them",
      "tmpSize: the folder that stands for /tmp is looked at once a second and a function over its size is killed; a single file cannot pass it",
      ...(pids === "watchdog"
        ? ["pids: processes (not threads) are counted a few times a second; as root the kernel counts them"]
        : []),
      ...(pids === "none" ? ["pids: this system does not tell which processes a function has started"] : []),
      linux
        ? "memory: looked at a few times a second, so a quick allocation can pass the limit for a moment"
        : "memory: this system does not tell how much a process tree uses",
      ...(linux ? [] : ["network: any program of this machine can reach a function's Runtime API"]),
    ],
  };
  return {
    name: "process",
    capabilities,
    async create(spec) {
      const slot = next++ % USERS_PER_SERVER;
      const user = root ? users + slot : undefined;
      const tmp = path.join(folder, `tmp-${randomBytes(6).toString("hex")}-${owner}`);
      await mkdir(tmp, { mode: 0o700 });
      try {
        if (user !== undefined) await chown(tmp, user, user);
        const sandbox = await start(spec, tmp, user, options, memory === "watchdog");
        live.add(sandbox);
        keeper?.add(sandbox.pid);
        void sandbox.exited.then(() => {
          live.delete(sandbox);
          keeper?.gone(sandbox.pid);
        });
        return sandbox;
      } catch (error) {
        await rm(tmp, { recursive: true, force: true });
        throw error;
      }
    },
    async sweep() {
      const swept: string[] = [];
      for (const name of await readdir(folder)) {
        if (!(await ownerIsDead(name))) continue;
        for (const pid of await markedProcesses(name)) signalProcess(pid, "SIGKILL");
        await rm(path.join(folder, name), { recursive: true, force: true });
        swept.push(name);
      }
      return swept;
    },
    async close() {
      await Promise.all([...live].map((sandbox) => sandbox.kill()));
      keeper?.close();
    },
  };
}

async function start(
  spec: SandboxSpec,
  tmp: string,
  user: number | undefined,
  options: ProcessOptions,
  watched: boolean,
): Promise<Sandbox> {
  const mounts: Mount[] = [...spec.mounts, { source: tmp, target: "/tmp" }];
  const rewrite = (value: string): string => rewriteValue(mounts, value);
  const mark = path.basename(tmp);
  const argv = spec.argv.map((one) => rewritePath(mounts, one));
  const program = argv[0] ?? "";
  if (process.platform !== "win32" && !(await canRun(program, user))) {
    const who = user === undefined ? "" : ` as user ${user}`;
    throw new Error(`sandbox: starting ${program}${who}: there is no such program, or it may not be run`);
  }
  let pid = 0;
  const tree = async (): Promise<number[]> => treeOf(await processTable(), pid, mark);
  // Every process of the machine can connect; only this sandbox's may speak. A token in the address
  // would do it everywhere, but official clients take it apart as host and port.
  const { server: runtimeApi, port } = await guardedListener(async (socket) => {
    if (process.platform !== "linux") return true;
    if (user !== undefined) return comesFromUser(socket, user);
    return comesFrom(socket, await tree());
  });
  const runtimeApiAddress = `127.0.0.1:${port}`;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(spec.env)) env[name] = rewrite(value);
  if (env["AWS_LAMBDA_RUNTIME_API"] !== undefined) env["AWS_LAMBDA_RUNTIME_API"] = runtimeApiAddress;
  const [file = "", ...args] =
    process.platform === "win32" ? argv : limited(argv, spec.limits, user !== undefined);
  const cwd = rewritePath(mounts, spec.cwd);
  const [out, err] = await makeFifos([`${tmp}/.stdout`, `${tmp}/.stderr`], user).catch(() => []);
  const child = spawn(file, args, {
    // A pooled environment has no /var/task yet.
    cwd: cwd === spec.cwd && cwd.startsWith("/var/") ? tmp : cwd,
    env: { ...env, TMPDIR: tmp, [MARK]: mark },
    stdio: ["ignore", out?.writer ?? "pipe", err?.writer ?? "pipe", spec.channel ? "pipe" : "ignore"],
    detached: true,
    ...(user === undefined ? {} : { uid: user, gid: user }),
  });
  out?.release();
  err?.release();
  pid = child.pid ?? 0;
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => {
      runtimeApi.close();
      out?.reader.destroy();
      err?.reader.destroy();
      reject(
        new Error(
          `sandbox: starting ${file}${user === undefined ? "" : ` as user ${user}`}: ${error.message}`,
        ),
      );
    });
  });
  let limits: SandboxLimits = spec.limits;
  let peak = 0;
  let oomKilled = false;
  let alive = true;
  let watch = options.clock.timer(0, () => undefined);

  /** Until nothing is left: what forks while it is being killed is met in the next round. */
  async function signalTree(signal: NodeJS.Signals): Promise<void> {
    signalProcess(-pid, signal);
    for (const one of await tree()) signalProcess(one, signal);
  }

  async function killTree(): Promise<void> {
    signalProcess(-pid, "SIGKILL");
    for (let rounds = 0; rounds < 100; rounds++) {
      const left = await tree();
      if (left.length === 0) return;
      for (const one of left) signalProcess(one, "SIGKILL");
    }
  }

  const exited = new Promise<ExitInfo>((resolve) => {
    child.on("exit", (code, signal) => {
      alive = false;
      watch.cancel();
      tmpWatch.cancel();
      runtimeApi.close();
      void killTree()
        .then(() => rm(tmp, { recursive: true, force: true }))
        .catch((error: unknown) => options.log.warn({ error: String(error) }, "cleaning up after a process"))
        .then(() => resolve({ code: code ?? undefined, signal: signal ?? undefined, oomKilled }));
    });
  });

  const watchMs = options.watchMs ?? WATCH_MS;
  let residentPeak = 0;
  async function look(): Promise<void> {
    // One look at the machine's processes serves all sandboxes.
    const members = treeOf(await recentTable(watchMs / 2), pid, mark);
    // Resident pages bound the proportional ones from above, and cost a tenth to ask for.
    const resident = await residentOf(members);
    if (resident > residentPeak) {
      residentPeak = resident;
      peak = Math.max(peak, await memoryOf(members));
    }
    const limit = limits.memoryMb * 1024 * 1024;
    if (resident > limit && (await memoryOf(members)) > limit && alive) {
      oomKilled = true;
      await killTree();
    } else if (members.length > limits.pids && alive) {
      options.log.warn({ sandbox: spec.id, processes: members.length }, "killed: too many processes");
      await killTree();
    }
    if (alive) watch = options.clock.timer(watchMs, () => void look());
  }
  if (watched) void look();

  async function lookAtTmp(): Promise<void> {
    const used = await folderBytes(tmp);
    if (used > limits.tmpMb * 1024 * 1024 && alive) {
      options.log.warn({ sandbox: spec.id, bytes: used }, "killed: more in /tmp than fits");
      await killTree();
    }
    if (alive) tmpWatch = options.clock.timer(options.tmpWatchMs ?? 1_000, () => void lookAtTmp());
  }
  let tmpWatch = options.clock.timer(options.tmpWatchMs ?? 1_000, () => void lookAtTmp());

  async function kill(): Promise<ExitInfo> {
    if (alive) await killTree();
    return exited;
  }

  return {
    id: spec.id,
    pid,
    runtimeApi,
    endpoint: undefined,
    runtimeApiAddress,
    endpointUrl: `http://127.0.0.1:${spec.endpointPort}`,
    channel: spec.channel ? ((child.stdio as readonly unknown[])[3] as Socket) : undefined,
    stdout: out?.reader ?? (child.stdout as Readable),
    stderr: err?.reader ?? (child.stderr as Readable),
    path: (target) => rewritePath(mounts, target),
    attach: async (more) => void mounts.push(...more),
    setLimits: async (wanted) => void (limits = wanted),
    freeze: async () => (alive ? signalTree("SIGSTOP") : undefined),
    thaw: async () => (alive ? signalTree("SIGCONT") : undefined),
    async stats() {
      const pids = alive ? await tree() : [];
      const [memoryBytes, cpuNs] = await Promise.all([memoryOf(pids), cpuNsOf(pids)]);
      peak = Math.max(peak, memoryBytes);
      return {
        memoryBytes,
        peakMemoryBytes: peak,
        cpuNs,
        pids: pids.length,
        tmpBytes: await folderBytes(tmp),
      };
    },
    stop(graceMs) {
      signalProcess(pid, "SIGCONT");
      signalProcess(pid, "SIGTERM");
      const patience = options.clock.timer(graceMs, () => void kill());
      return exited.finally(() => patience.cancel());
    },
    kill,
    exited,
  };
}
