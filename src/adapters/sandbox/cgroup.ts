import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SandboxLimits } from "../../ports/sandbox-driver.ts";
import { groupFolders, keyedValue, limitSettings } from "./cgroups.ts";
import type { CgroupLayout, Controller } from "./cgroups.ts";

const READS_MAX = 200;
const QUICK_READS = 5;

export interface CgroupUse {
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number;
  readonly cpuNs: number;
  readonly pids: number;
}

/** What limits and measures one sandbox: its control groups, or what stands in for them. Files of cgroupfs answer in microseconds, so they are read and written in place: the way through the thread pool costs ten times as much. */
export interface Cgroup {
  /** The cgroup.procs files its first process joins. */
  readonly procs: readonly string[];
  /** The sandbox has a process 1 now. */
  adopt(pid: number): void;
  setLimits(limits: SandboxLimits): void;
  freeze(): Promise<void>;
  thaw(): void;
  use(): Promise<CgroupUse>;
  oomKills(): number;
  remove(): Promise<void>;
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** Makes the group `name` (a path below each hierarchy's root). Throws where it cannot be made. */
export function makeCgroup(layout: CgroupLayout, name: string): Cgroup {
  const folders = groupFolders(layout, name);
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const file = (controller: Controller, leaf: string): string => path.join(controller.root, name, leaf);
  const { memory, cpuacct, pids, freezer } = layout;
  let memoryLimit = Number.MAX_SAFE_INTEGER;
  let peakSeen = 0;
  /** A pooled sandbox that gets its function is told mostly what it has been told before. */
  const written = new Map<string, string>();

  function setFrozen(frozen: boolean): void {
    if (freezer === undefined) return;
    if (freezer.version === 2) writeFileSync(file(freezer, "cgroup.freeze"), frozen ? "1" : "0");
    else writeFileSync(file(freezer, "freezer.state"), frozen ? "FROZEN" : "THAWED");
  }

  const stateFile = (of: Controller): string =>
    file(of, of.version === 2 ? "cgroup.events" : "freezer.state");
  const saysFrozen = (text: string): boolean =>
    freezer?.version === 2 ? keyedValue(text, "frozen") === 1 : text.trim() === "FROZEN";

  return {
    procs: folders.map((folder) => path.join(folder, "cgroup.procs")),
    adopt: () => undefined,
    setLimits(limits) {
      for (const setting of limitSettings(layout, name, limits, memoryLimit)) {
        if (written.get(setting.file) === setting.value) continue;
        try {
          writeFileSync(setting.file, setting.value);
          written.set(setting.file, setting.value);
        } catch (error) {
          if (setting.optional !== true) throw error;
        }
      }
      memoryLimit = limits.memoryMb * 1024 * 1024;
    },
    async freeze() {
      if (freezer === undefined) return;
      setFrozen(true);
      // Tasks stop at their next return to user space: nearly always before the first look. On a busy
      // host that takes until they have their turn, which looks without a pause would only delay.
      for (let reads = 0; reads < READS_MAX; reads++) {
        const text =
          reads < QUICK_READS
            ? read(stateFile(freezer))
            : await readFile(stateFile(freezer), "latin1").catch(() => "");
        if (saysFrozen(text)) return;
        if (reads < QUICK_READS) await new Promise((resolve) => setImmediate(resolve));
      }
    },
    thaw() {
      setFrozen(false);
    },
    async use() {
      const text = (controller: Controller | undefined, leaf: string): string =>
        controller === undefined ? "" : read(file(controller, leaf));
      const v2 = memory?.version === 2;
      const current = text(memory, v2 ? "memory.current" : "memory.usage_in_bytes");
      const peak = text(memory, v2 ? "memory.peak" : "memory.max_usage_in_bytes");
      const stat = text(memory, "memory.stat");
      const cpu = text(cpuacct, cpuacct?.version === 2 ? "cpu.stat" : "cpuacct.usage");
      const count = text(pids, "pids.current");
      // Files read and written are kept as long as there is room; they are not the function's need.
      const cache = v2
        ? keyedValue(stat, "active_file") + keyedValue(stat, "inactive_file")
        : keyedValue(stat, "total_active_file") + keyedValue(stat, "total_inactive_file");
      const memoryBytes = Math.max(0, Number(current) - cache);
      peakSeen = Math.max(peakSeen, memoryBytes, Number(peak) - cache);
      return {
        memoryBytes,
        peakMemoryBytes: peakSeen,
        cpuNs: cpuacct?.version === 2 ? keyedValue(cpu, "usage_usec") * 1000 : Number(cpu),
        pids: Math.max(0, Number(count) - 1),
      };
    },
    oomKills() {
      if (memory === undefined) return 0;
      return keyedValue(
        read(file(memory, memory.version === 2 ? "memory.events" : "memory.oom_control")),
        "oom_kill",
      );
    },
    async remove() {
      for (const folder of folders) await removeFolder(folder);
    },
  };
}

/** A group can be removed only when the kernel has let go of its last process: a moment after its end. */
async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 0; attempt < READS_MAX; attempt++) {
    try {
      await rmdir(folder);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY") return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Kills whatever is in a group left by a dead server, then removes it. */
export async function destroyGroup(layout: CgroupLayout, name: string): Promise<void> {
  const folders = groupFolders(layout, name);
  for (const folder of folders) {
    await writeFile(path.join(folder, "cgroup.kill"), "1").catch(() => undefined);
    await writeFile(path.join(folder, "cgroup.freeze"), "0").catch(() => undefined);
    await writeFile(path.join(folder, "freezer.state"), "THAWED").catch(() => undefined);
    const procs = await readFile(path.join(folder, "cgroup.procs"), "latin1").catch(() => "");
    for (const pid of procs.split("\n").filter((line) => line !== "")) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // Gone already, with its process 1.
      }
    }
  }
  for (const folder of folders) await removeFolder(folder);
}

/** Names of the groups below `parent` ("" for the roots) in any hierarchy. */
export async function listGroups(layout: CgroupLayout, parent: string): Promise<string[]> {
  const names = new Set<string>();
  for (const folder of groupFolders(layout, parent)) {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) names.add(entry.name);
  }
  return [...names];
}
