import type { Server, Socket } from "node:net";
import type { Readable } from "node:stream";

/**
 * How far a limit holds. `enforced`: the kernel does it, and a self-test at start-up saw it happen.
 * `watchdog`: we poll and kill. `none`: it does not hold; `reasons` says why.
 */
export type Enforcement = "enforced" | "watchdog" | "none";

export interface Capabilities {
  readonly driver: string;
  readonly boundary: "none" | "shared-kernel" | "user-space-kernel" | "hardware-vm";
  readonly rootfs: Enforcement;
  readonly processes: Enforcement;
  readonly network: "isolated+egress" | "isolated" | "host";
  readonly seccomp: Enforcement;
  readonly memory: Enforcement;
  readonly cpu: Enforcement;
  readonly pids: Enforcement;
  readonly tmpSize: Enforcement;
  readonly freeze: "cgroup" | "signal" | "none";
  readonly lateAttach: boolean;
  /** One line per property that is less than it could be: what is missing and what would give it. */
  readonly reasons: readonly string[];
}

export interface SandboxLimits {
  readonly memoryMb: number;
  /** vCPUs: memoryMb / 1769. */
  readonly cpus: number;
  readonly pids: number;
  readonly tmpMb: number;
  readonly openFiles: number;
}

/** A folder (or file) of the host made visible inside, read-only, without setuid and devices. */
export interface Mount {
  readonly source: string;
  readonly target: string;
}

export interface SandboxSpec {
  /** Unique while the server lives; names its cgroups, so that a sweep can find it. [a-z0-9-]{1,64} */
  readonly id: string;
  /** argv[0] is a path inside the sandbox. */
  readonly argv: readonly string[];
  /** The whole environment of the first process; nothing of the server's leaks in. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly mounts: readonly Mount[];
  readonly limits: SandboxLimits;
  readonly network: "egress" | "none";
  /** Hands the first process a connected stream socket as file descriptor 3 (framed runtimes). */
  readonly channel: boolean;
  /** Port of the endpoint that must answer on 127.0.0.1 inside, served by `endpoint`. */
  readonly endpointPort: number;
}

export interface ExitInfo {
  readonly code: number | undefined;
  readonly signal: string | undefined;
  /** The kernel's OOM killer took a process of the sandbox (not necessarily the first one). */
  readonly oomKilled: boolean;
}

export interface SandboxStats {
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number;
  readonly cpuNs: number;
  readonly pids: number;
  readonly tmpBytes: number;
}

/**
 * One running sandbox. It knows processes, not invocations. Every method may be called after the
 * end and then does nothing; `exited` never rejects.
 */
export interface Sandbox {
  readonly id: string;
  /** Host process id of the sandbox's first process, for diagnosis only. */
  readonly pid: number;
  /**
   * What connects to 127.0.0.1:9001 inside. A connection accepted here IS this sandbox: no identity
   * is taken from the wire. It is listening from the start; attach a handler to 'connection'
   * (`httpServer.emit("connection", socket)`) in the turn in which `create` resolved.
   */
  readonly runtimeApi: Server;
  /** What connects to 127.0.0.1:<endpointPort> inside. Undefined where inside and outside are one network. */
  readonly endpoint: Server | undefined;
  /** Value of AWS_LAMBDA_RUNTIME_API inside: `127.0.0.1:9001` where the sandbox has its own network. */
  readonly runtimeApiAddress: string;
  /** Base URL of the endpoint as the payload must spell it. */
  readonly endpointUrl: string;
  readonly channel: Socket | undefined;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * Where a path of a mount target is for the payload: itself in a real sandbox, the source's path
   * under the process driver. Use it for everything that goes into an init message.
   */
  path(target: string): string;
  /** Mounts into the running sandbox (a pooled environment gets its code). Throws without lateAttach. */
  attach(mounts: readonly Mount[]): Promise<void>;
  /** Changes the limits of the running sandbox (a pooled environment gets its function's size). */
  setLimits(limits: SandboxLimits): Promise<void>;
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  stats(): Promise<SandboxStats>;
  /** SIGTERM to the first process; the tree is killed after `graceMs`. Resolves when all is gone. */
  stop(graceMs: number): Promise<ExitInfo>;
  /** SIGKILL to the whole tree. Resolves when all is gone. */
  kill(): Promise<ExitInfo>;
  readonly exited: Promise<ExitInfo>;
}

export interface SandboxDriver {
  readonly name: string;
  /** Found out by doing, once, at start-up. */
  readonly capabilities: Capabilities;
  /** Resolves when the first process runs. Throws ServiceError-free Error with a readable reason. */
  create(spec: SandboxSpec): Promise<Sandbox>;
  /** After a crash of the server: finds and destroys what an earlier one left. Returns the ids. */
  sweep(): Promise<readonly string[]>;
  close(): Promise<void>;
}
