/** A driver for tests of the data plane alone: plain child processes, no isolation, real runtimes. */
import { spawn } from "node:child_process";
import { createServer, type Socket } from "node:net";
import type { ExitInfo, Mount, Sandbox, SandboxDriver, SandboxSpec } from "../../src/ports/sandbox-driver.ts";

export function hostProcessDriver(): SandboxDriver & { readonly alive: () => number } {
  const running = new Set<Sandbox>();
  return {
    name: "host-process",
    capabilities: {
      driver: "host-process",
      boundary: "none",
      rootfs: "none",
      processes: "none",
      network: "host",
      seccomp: "none",
      memory: "none",
      cpu: "none",
      pids: "none",
      tmpSize: "none",
      freeze: "signal",
      lateAttach: true,
      reasons: [],
    },
    alive: () => running.size,
    async create(spec) {
      const sandbox = await start(spec);
      running.add(sandbox);
      void sandbox.exited.then(() => running.delete(sandbox));
      return sandbox;
    },
    sweep: async () => [],
    async close() {
      await Promise.all([...running].map((sandbox) => sandbox.kill()));
    },
  };
}

async function start(spec: SandboxSpec): Promise<Sandbox> {
  const mounts: Mount[] = [...spec.mounts];
  const path = (target: string): string => {
    const mount = mounts.find((one) => target === one.target || target.startsWith(`${one.target}/`));
    return mount === undefined ? target : mount.source + target.slice(mount.target.length);
  };
  const runtimeApi = createServer();
  await new Promise<void>((resolve) => runtimeApi.listen(0, "127.0.0.1", resolve));
  const runtimeApiAddress = `127.0.0.1:${String((runtimeApi.address() as { port: number }).port)}`;
  const [file = "", ...args] = spec.argv.map(path);
  const child = spawn(file, args, {
    cwd: spec.cwd === "/var/task" ? path(spec.cwd) : "/",
    env: { ...spec.env, AWS_LAMBDA_RUNTIME_API: runtimeApiAddress, LAMBDA_TASK_ROOT: path("/var/task") },
    stdio: ["ignore", "pipe", "pipe", spec.channel ? "pipe" : "ignore"],
    detached: true,
  });
  const exited = new Promise<ExitInfo>((resolve) => {
    child.on("error", () => resolve({ code: 127, signal: undefined, oomKilled: false }));
    child.on("exit", (code, signal) =>
      resolve({ code: code ?? undefined, signal: signal ?? undefined, oomKilled: false }),
    );
  });
  const signalTree = (signal: NodeJS.Signals): void => {
    try {
      process.kill(-(child.pid as number), signal);
    } catch {
      // It is gone already.
    }
  };
  const note = (signal: NodeJS.Signals) => async (): Promise<void> => signalTree(signal);
  return {
    id: spec.id,
    pid: child.pid ?? 0,
    runtimeApi,
    endpoint: undefined,
    runtimeApiAddress,
    endpointUrl: `http://127.0.0.1:${String(spec.endpointPort)}`,
    channel: spec.channel ? (child.stdio[3] as Socket) : undefined,
    stdout: child.stdout as NonNullable<typeof child.stdout>,
    stderr: child.stderr as NonNullable<typeof child.stderr>,
    path,
    attach: async (more) => void mounts.push(...more),
    setLimits: async () => undefined,
    freeze: note("SIGSTOP"),
    thaw: note("SIGCONT"),
    stats: async () => ({ memoryBytes: 1, peakMemoryBytes: 40_000_000, cpuNs: 0, pids: 1, tmpBytes: 0 }),
    async stop(graceMs) {
      signalTree("SIGTERM");
      const timer = setTimeout(() => signalTree("SIGKILL"), graceMs);
      const exit = await exited;
      clearTimeout(timer);
      return exit;
    },
    async kill() {
      signalTree("SIGKILL");
      return await exited;
    },
    exited,
  };
}
