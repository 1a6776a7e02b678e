import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { readdir, readFile, rmdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SandboxLimits } from "../../ports/sandbox-driver.ts";
import { groupFolders, keyedValue, limitSettings } from "./cgroups.ts";
import type { CgroupLayout, Controller } from "./cgroups.ts";

const READS_MAX = 200;

export interface CgroupUse {
  readonly memoryBytes: number;
  readonly peakMemoryBytes: number;
  readonly cpuNs: number;
  readonly pids: number;
}

/** What limits and measures one sandbox: its control groups, or what stands in for them. Files of cgroupfs answer in microseconds, so they are written in place. */
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

  function setFrozen(frozen: boolean): void {
    if (freezer === undefined) return;
    if (freezer.version === 2) writeFileSync(file(freezer, "cgroup.freeze"), frozen ? "1" : "0");
    else writeFileSync(file(freezer, "freezer.state"), frozen ? "FROZEN" : "THAWED");
  }

  function isFrozen(): boolean {
    if (freezer === undefined) return false;
    return freezer.version === 2
      ? keyedValue(read(file(freezer, "cgroup.events")), "frozen") === 1
      : read(file(freezer, "freezer.state")).trim() === "FROZEN";
  }

  return {
    procs: folders.map((folder) => path.join(folder, "cgroup.procs")),
    adopt: () => undefined,
    setLimits(limits) {
      for (const setting of limitSettings(layout, name, limits, memoryLimit)) {
        try {
          writeFileSync(setting.file, setting.value);
        } catch (error) {
          if (setting.optional !== true) throw error;
        }
      }
      memoryLimit = limits.memoryMb * 1024 * 1024;
    },
    async freeze() {
      setFrozen(true);
      // Tasks stop at their next return to user space: nearly always before the first look.
      for (let reads = 0; reads < READS_MAX && !isFrozen(); reads++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    thaw() {
      setFrozen(false);
    },
    async use() {
      const text = async (controller: Controller | undefined, leaf: string): Promise<string> =>
        controller === undefined ? "" : readFile(file(controller, leaf), "latin1").catch(() => "");
      const v2 = memory?.version === 2;
      const [current, peak, stat, cpu, count] = await Promise.all([
        text(memory, v2 ? "memory.current" : "memory.usage_in_bytes"),
        text(memory, v2 ? "memory.peak" : "memory.max_usage_in_bytes"),
        text(memory, "memory.stat"),
        text(cpuacct, cpuacct?.version === 2 ? "cpu.stat" : "cpuacct.usage"),
        text(pids, "pids.current"),
      ]);
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
