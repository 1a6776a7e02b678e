/**
 * A part of the cgroup v2 hierarchy that was given to this server: `systemd-run --user --scope -p
 * Delegate=yes lambent start`, a unit with Delegate=yes, a container whose own group is its root.
 *
 *   1. the server's own group is the one of /proc/self/cgroup, below the mount
 *   2. it must be writable, and have the controllers of memory, CPU and processes
 *   3. a group with processes cannot have limits for groups below it (the rule of "no internal
 *      processes"): the server, and whatever else runs there, moves into a leaf
 *   4. the controllers are switched on for the groups below
 * https://docs.kernel.org/admin-guide/cgroup-v2.html#delegation
 */
import { access, constants, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { unifiedMount } from "./cgroups.ts";
import type { CgroupLayout } from "./cgroups.ts";

const LEAF = "lambent-server";
const NEEDED = ["memory", "cpu", "pids"] as const;

/** The server's own group as a folder; undefined where there is no v2, or it is mounted elsewhere. */
export function ownGroup(mountinfo: string, selfCgroup: string): string | undefined {
  const mount = unifiedMount(mountinfo);
  const inside = /^0::(\/.*)$/m.exec(selfCgroup)?.[1];
  return mount === undefined || inside === undefined || inside.startsWith("/..")
    ? undefined
    : path.join(mount, inside);
}

/**
 * Takes the group over. Returns the layout with everything below it, or a sentence's end that says
 * what is missing; then nothing was changed.
 */
export async function takeOver(group: string): Promise<CgroupLayout | string> {
  // Restarted by a process in the leaf, or beside another server: the group above it is the one to use.
  if (path.basename(group) === LEAF) return takeOver(path.dirname(group));
  const file = (name: string): string => path.join(group, name);
  const text = (name: string): Promise<string> => readFile(file(name), "latin1").catch(() => "");
  const has = new Set((await text("cgroup.controllers")).trim().split(/\s+/));
  const missing = NEEDED.filter((name) => !has.has(name));
  if (missing.length > 0) return `the server's own control group has no ${missing.join(", ")} controller`;
  for (const name of ["", "cgroup.procs", "cgroup.subtree_control"]) {
    const writable = await access(file(name), constants.W_OK).then(
      () => true,
      () => false,
    );
    if (!writable) return "the server's own control group is not given to this user (systemd: Delegate=yes)";
  }
  try {
    await mkdir(file(LEAF), { recursive: true });
    for (const pid of (await text("cgroup.procs")).split("\n").filter((line) => line !== ""))
      await writeFile(file(`${LEAF}/cgroup.procs`), pid);
    await writeFile(file("cgroup.subtree_control"), NEEDED.map((name) => `+${name}`).join(" "));
  } catch (error) {
    return `the server's own control group cannot be divided: ${String(error)}`;
  }
  const controller = { version: 2, root: group } as const;
  return { memory: controller, cpu: controller, cpuacct: controller, pids: controller, freezer: controller };
}
