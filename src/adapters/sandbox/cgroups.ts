import path from "node:path";
import type { SandboxLimits } from "../../ports/sandbox-driver.ts";

/** What one controller is mounted as. `v1` hierarchies are separate folders, `v2` is one for all. */
export interface CgroupLayout {
  readonly memory: Controller | undefined;
  readonly cpu: Controller | undefined;
  /** CPU time used; part of `cpu` in v2, a hierarchy of its own in v1. */
  readonly cpuacct: Controller | undefined;
  readonly pids: Controller | undefined;
  /** v2's freezer is preferred even where the limits are v1's: it is faster and can kill frozen tasks. */
  readonly freezer: Controller | undefined;
}

export interface Controller {
  readonly version: 1 | 2;
  /** Folder below which the groups of all servers are made. */
  readonly root: string;
}

/** A value for a file below a group's folder. `optional`: kernels without it are no worse off. */
export interface Setting {
  readonly file: string;
  readonly value: string;
  readonly optional?: boolean;
}

/** Short, so that a small share is not waited for long; what Linux allows down to 1 ms of quota. */
const CPU_PERIOD_US = 20_000;
const CPU_QUOTA_US_MIN = 1_000;

/**
 * Reads the text of /proc/self/mountinfo. `v2Controllers` is the content of cgroup.controllers at
 * the root of the unified hierarchy: in a hybrid host most of them are bound to v1 instead.
 */
export function parseLayout(mountinfo: string, v2Controllers: string): CgroupLayout {
  const v1 = new Map<string, Controller>();
  let unified: string | undefined;
  for (const line of mountinfo.split("\n")) {
    const [head = "", tail = ""] = line.split(" - ");
    const mountPoint = head.split(" ")[4];
    const [type, , options = ""] = tail.split(" ");
    if (mountPoint === undefined) continue;
    if (type === "cgroup2") unified ??= mountPoint;
    if (type !== "cgroup") continue;
    for (const name of options.split(",")) v1.set(name, { version: 1, root: mountPoint });
  }
  const available = new Set(v2Controllers.trim().split(/\s+/));
  const pick = (name: string): Controller | undefined =>
    unified !== undefined && available.has(name) ? { version: 2, root: unified } : v1.get(name);
  const cpu = pick("cpu");
  return {
    memory: pick("memory"),
    cpu,
    cpuacct: cpu?.version === 2 ? cpu : v1.get("cpuacct"),
    pids: pick("pids"),
    freezer: unified === undefined ? v1.get("freezer") : { version: 2, root: unified },
  };
}

/** Where the unified hierarchy is mounted; undefined where it is not. */
export function unifiedMount(mountinfo: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [head = "", tail = ""] = line.split(" - ");
    if (tail.startsWith("cgroup2 ")) return head.split(" ")[4];
  }
  return undefined;
}

/** The folders of one sandbox's group, without repetition: what is made, joined and removed. */
export function groupFolders(layout: CgroupLayout, group: string): string[] {
  const roots = [layout.memory, layout.cpu, layout.cpuacct, layout.pids, layout.freezer]
    .filter((one) => one !== undefined)
    .map((one) => one.root);
  return [...new Set(roots)].map((root) => path.join(root, group));
}

export function cpuQuotaUs(cpus: number): number {
  return Math.max(CPU_QUOTA_US_MIN, Math.round(cpus * CPU_PERIOD_US));
}

/**
 * What to write for these limits, in order. `currentMemoryBytes` is the limit in force: in v1 the
 * limit with swap may never be the smaller one, so raising and lowering go in opposite orders.
 */
export function limitSettings(
  layout: CgroupLayout,
  group: string,
  limits: SandboxLimits,
  currentMemoryBytes: number,
): Setting[] {
  const settings: Setting[] = [];
  const put = (controller: Controller, file: string, value: string, optional = false): void => {
    const setting = { file: path.join(controller.root, group, file), value };
    settings.push(optional ? { ...setting, optional } : setting);
  };
  const bytes = limits.memoryMb * 1024 * 1024;
  const { memory, cpu, pids } = layout;
  if (memory?.version === 2) {
    put(memory, "memory.max", String(bytes));
    put(memory, "memory.swap.max", "0", true);
  } else if (memory !== undefined) {
    const plain = (): void => put(memory, "memory.limit_in_bytes", String(bytes));
    const withSwap = (): void => put(memory, "memory.memsw.limit_in_bytes", String(bytes), true);
    if (bytes > currentMemoryBytes) withSwap();
    plain();
    if (bytes <= currentMemoryBytes) withSwap();
  }
  if (cpu?.version === 2) put(cpu, "cpu.max", `${cpuQuotaUs(limits.cpus)} ${CPU_PERIOD_US}`);
  else if (cpu !== undefined) {
    put(cpu, "cpu.cfs_period_us", String(CPU_PERIOD_US));
    put(cpu, "cpu.cfs_quota_us", String(cpuQuotaUs(limits.cpus)));
  }
  // Process 1 of the sandbox is ours and does not count as one of the function's.
  if (pids !== undefined) put(pids, "pids.max", String(limits.pids + 1));
  return settings;
}

/** `key value` lines, as in memory.stat, memory.events and cgroup.events. */
export function keyedValue(text: string, key: string): number {
  for (const line of text.split("\n")) {
    const [name, value] = line.split(" ");
    if (name === key) return Number(value);
  }
  return 0;
}
