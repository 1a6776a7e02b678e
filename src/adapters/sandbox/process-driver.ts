/**
 * Plain processes, for systems without namespaces (macOS, Windows, locked-down containers). It separates
 * nothing: a function can read and reach whatever its user can. It still keeps the promises it can keep:
 * the whole tree is killed, memory is watched, and a process of root's becomes somebody else's.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdir, readdir, readFile, rm, chown } from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import type { Clock, Timer } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type {
  Capabilities,
  ExitInfo,
  Mount,
  Sandbox,
  SandboxDriver,
  SandboxLimits,
  SandboxSpec,
  SandboxStats,
} from "../../ports/sandbox-driver.ts";

/** `nobody`: what a process of a root server becomes. */
const NOBODY = 65_534;
const WATCH_MS = 250;

export interface ProcessDriverOptions {
  readonly dataDir: string;
  readonly endpointUrl: (port: number) => string;
  readonly log: Logger;
  readonly clock: Clock;
}

export function createProcessDriver(options: ProcessDriverOptions): SandboxDriver {
  const linux = process.platform === "linux";
  const alive = new Set<ProcessSandbox>();
  const scratch = join(options.dataDir, "tmp");
  return {
    name: "process",
    capabilities: {
      driver: "process",
      boundary: "none",
      rootfs: "none",
      processes: "none",
      network: "host",
      seccomp: "none",
      memory: linux ? "watchdog" : "none",
      cpu: "none",
      pids: "none",
      tmpSize: "none",
      freeze: process.platform === "win32" ? "none" : "signal",
      lateAttach: false,
      reasons: [
        "the process driver separates nothing; run on Linux with --sandbox namespaces for real sandboxes",
      ],
    } satisfies Capabilities,
    async create(spec) {
      const tmp = join(scratch, spec.id);
      await mkdir(tmp, { recursive: true, mode: 0o700 });
      const root = process.getuid?.() === 0;
      if (root) await chown(tmp, NOBODY, NOBODY);
      const runtimeApi = await listen();
      const sandbox = new ProcessSandbox(spec, tmp, runtimeApi, root, options);
      alive.add(sandbox);
      void sandbox.exited.then(() => alive.delete(sandbox));
      await sandbox.started;
      return sandbox;
    },
    async sweep() {
      const left = await readdir(scratch).catch(() => []);
      await rm(scratch, { recursive: true, force: true });
      return left;
    },
    async close() {
      await Promise.all([...alive].map((sandbox) => sandbox.kill()));
    },
  };
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer({ noDelay: true });
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => resolve(server));
  });
}

/** `/var/task/x` becomes `<source>/x`; a list separated by colons is rewritten part by part. */
export function rewriteTargets(text: string, mounts: readonly Mount[]): string {
  const longestFirst = mounts.toSorted((a, b) => b.target.length - a.target.length);
  const one = (part: string): string => {
    const mount = longestFirst.find(({ target }) => part === target || part.startsWith(`${target}/`));
    return mount === undefined ? part : mount.source + part.slice(mount.target.length);
  };
  return text.split(":").map(one).join(":");
}

class ProcessSandbox implements Sandbox {
  readonly id: string;
  readonly pid: number;
  readonly runtimeApi: Server;
  readonly endpoint = undefined;
  readonly runtimeApiAddress: string;
  readonly endpointUrl: string;
  readonly channel: Socket | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ExitInfo>;
  readonly started: Promise<void>;
  readonly #child: ChildProcess;
  readonly #mounts: Mount[];
  #limits: SandboxLimits;
  #watch: Timer | undefined;
  #oomKilled = false;
  #gone = false;
  #peakBytes = 0;
  readonly #clock: Clock;

  constructor(
    spec: SandboxSpec,
    tmp: string,
    runtimeApi: Server,
    dropUser: boolean,
    options: ProcessDriverOptions,
  ) {
    this.id = spec.id;
    this.runtimeApi = runtimeApi;
    this.runtimeApiAddress = `127.0.0.1:${String((runtimeApi.address() as AddressInfo).port)}`;
    this.endpointUrl = options.endpointUrl(spec.endpointPort);
    this.#limits = spec.limits;
    this.#clock = options.clock;
    this.#mounts = [...spec.mounts, { source: tmp, target: "/tmp" }];
    const env: Record<string, string> = { TMPDIR: tmp, TMP: tmp, TEMP: tmp };
    for (const [name, value] of Object.entries(spec.env)) env[name] = this.path(value);
    env["AWS_LAMBDA_RUNTIME_API"] = this.runtimeApiAddress;
    const [command = "", ...args] = spec.argv.map((part) => this.path(part));
    this.#child = spawn(command, args, {
      cwd: this.path(spec.cwd),
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe", ...(spec.channel ? (["pipe"] as const) : [])],
      ...(dropUser ? { uid: NOBODY, gid: NOBODY } : {}),
    });
    this.pid = this.#child.pid ?? 0;
    this.stdout = this.#child.stdout as Readable;
    this.stderr = this.#child.stderr as Readable;
    this.channel = spec.channel ? (this.#child.stdio[3] as unknown as Socket) : undefined;
    this.started = new Promise((resolve, reject) => {
      this.#child.once("spawn", resolve);
      this.#child.once("error", (error) => reject(new Error(`cannot start ${command}: ${error.message}`)));
    });
    this.started.catch(() => undefined);
    this.exited = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null): void => {
        if (this.#gone) return;
        this.#gone = true;
        this.#watch?.cancel();
        this.#signal("SIGKILL");
        runtimeApi.close();
        void rm(tmp, { recursive: true, force: true }).finally(() =>
          resolve({ code: code ?? undefined, signal: signal ?? undefined, oomKilled: this.#oomKilled }),
        );
      };
      this.#child.once("exit", end);
      this.#child.once("error", () => end(null, null));
    });
    if (process.platform === "linux") this.#armWatch();
  }

  path(target: string): string {
    return rewriteTargets(target, this.#mounts);
  }

  attach(): Promise<void> {
    return Promise.reject(new Error("the process driver cannot attach folders to a running process"));
  }

  setLimits(limits: SandboxLimits): Promise<void> {
    this.#limits = limits;
    return Promise.resolve();
  }

  freeze(): Promise<void> {
    this.#signal("SIGSTOP");
    return Promise.resolve();
  }

  thaw(): Promise<void> {
    this.#signal("SIGCONT");
    return Promise.resolve();
  }

  async stats(): Promise<SandboxStats> {
    const memoryBytes = this.#gone ? 0 : await groupMemory(this.pid);
    this.#peakBytes = Math.max(this.#peakBytes, memoryBytes);
    return { memoryBytes, peakMemoryBytes: this.#peakBytes, cpuNs: 0, pids: 0, tmpBytes: 0 };
  }

  async stop(graceMs: number): Promise<ExitInfo> {
    if (!this.#gone) {
      this.#signal("SIGCONT");
      this.#child.kill("SIGTERM");
      const timer = this.#clock.timer(graceMs, () => this.#signal("SIGKILL"));
      await this.exited;
      timer.cancel();
    }
    return this.exited;
  }

  kill(): Promise<ExitInfo> {
    if (!this.#gone) this.#signal("SIGKILL");
    return this.exited;
  }

  /** To the whole process group. */
  #signal(signal: NodeJS.Signals): void {
    if (this.pid === 0) return;
    try {
      process.kill(-this.pid, signal);
    } catch {
      // Nobody is left.
    }
  }

  #armWatch(): void {
    this.#watch = this.#clock.timer(WATCH_MS, () => {
      void groupMemory(this.pid).then((bytes) => {
        if (this.#gone) return;
        this.#peakBytes = Math.max(this.#peakBytes, bytes);
        if (bytes > this.#limits.memoryMb * 1024 * 1024) {
          this.#oomKilled = true;
          this.#signal("SIGKILL");
        } else this.#armWatch();
      });
    });
  }
}

/** Resident memory of all processes in the group, shared pages counted once for each. */
async function groupMemory(group: number): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = await readFile(`/proc/${entry}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(fields[2]) !== group) continue;
      const rollup = await readFile(`/proc/${entry}/smaps_rollup`, "latin1");
      bytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
    } catch {
      // Gone meanwhile.
    }
  }
  return bytes;
}
