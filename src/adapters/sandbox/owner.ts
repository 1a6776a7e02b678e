import { readFile, readlink } from "node:fs/promises";

/**
 * Names whose something is, so that a later server can tell whether its maker still lives: process
 * ids are reused, their start times are not, and ids of another pid namespace mean nothing here.
 * [0-9]+-[0-9]+-[0-9]+
 */
export async function ownerName(): Promise<string> {
  const pid = String(process.pid);
  return `${await pidNamespace()}-${pid}-${await startTime(pid)}`;
}

/** `name` ends with an owner's name. False also when that cannot be judged from here. */
export async function ownerIsDead(name: string): Promise<boolean> {
  const [started = "", pid = "", namespace = ""] = name.split("-").toReversed();
  if (namespace !== (await pidNamespace()) || !/^\d+$/.test(pid)) return false;
  if (started !== "0") return (await startTime(pid)) !== started;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}

/** In clock ticks since boot; "0" where there is no /proc or no such process. */
async function startTime(pid: string): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "0";
}

async function pidNamespace(): Promise<string> {
  const link = await readlink("/proc/self/ns/pid").catch(() => "0");
  return link.replace(/\D/g, "");
}
