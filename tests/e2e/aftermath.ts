/** What an environment leaves on the machine: processes, control groups, mounts. Read from /proc and /sys. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Each server has a block of user ids; a sandbox's place in it is its number, which names its control group. */
const FIRST_UID = 1_900_000_000;
const USERS_PER_SERVER = 60_000;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
}

function processes(): Process[] {
  const found: Process[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const status = readFileSync(`/proc/${name}/status`, "latin1");
      found.push({
        pid: Number(name),
        parent: Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]),
        uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1]),
      });
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** Process ids below the server that run as this sandbox's user. */
export function processesOf(serverPid: number, uid: number): number[] {
  const all = processes();
  const family = new Set([serverPid]);
  for (let size = 0; size !== family.size;) {
    size = family.size;
    for (const one of all) if (family.has(one.parent)) family.add(one.pid);
  }
  return all.filter((one) => one.uid === uid && family.has(one.pid)).map((one) => one.pid);
}

/** Control group folders of the sandbox with this user, over all hierarchies. */
export function groupsOf(serverPid: number, uid: number): string[] {
  const root = "/sys/fs/cgroup";
  const hierarchies = [root, ...readdirSync(root).map((name) => join(root, name))];
  const found = new Set<string>();
  for (const hierarchy of hierarchies) {
    for (const group of foldersIn(hierarchy)) {
      if (!group.includes("lambent") || !group.split("-").includes(String(serverPid))) continue;
      const folder = join(hierarchy, group, String((uid - FIRST_UID) % USERS_PER_SERVER));
      if (existsSync(folder)) found.add(folder);
    }
  }
  return [...found];
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Mounts the server itself sees; those of a sandbox are in a namespace that dies with it. */
export function mountsOf(serverPid: number): number {
  return readFileSync(`/proc/${String(serverPid)}/mountinfo`, "latin1").split("\n").length;
}

/** Most memory the server ever used, in MB. */
export function peakMemoryMb(serverPid: number): number {
  const status = readFileSync(`/proc/${String(serverPid)}/status`, "latin1");
  return Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1]) / 1024;
}
