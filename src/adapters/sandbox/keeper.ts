/**
 * What plain processes need around them where there is a POSIX shell: limits of their own, and an end
 * when the server is killed.
 */
import { execFile, spawn } from "node:child_process";
import { lstat, readdir } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import type { SandboxLimits } from "../../ports/sandbox-driver.ts";

const SHELL = "/bin/sh";

/**
 * Waits until the server is gone, which the kernel tells by the end of its input, and kills what
 * carries the server's mark: `$1` ends it. Where there is no /proc, the process groups it was told of.
 */
const KEEPER = `
groups=
while read -r verb group; do
  case $verb in
    add) groups="$groups $group " ;;
    gone) groups=$(printf '%s' "$groups" | sed "s/ $group / /") ;;
    done) exit 0 ;;
  esac
done
for group in $groups; do kill -9 -- "-$group" 2>/dev/null; done
for round in 1 2 3 4 5 6 7 8 9 10; do
  found=$(grep -laF -e "$1" /proc/[0-9]*/environ 2>/dev/null | sed 's|/proc/||; s|/environ||')
  [ -n "$found" ] || exit 0
  kill -9 $found 2>/dev/null
done`;

export interface Keeper {
  /** The leader of a process group, from its start to its end. */
  add(pid: number): void;
  gone(pid: number): void;
  close(): void;
}

/** One small process a server; it outlives a server that is killed by as long as the killing takes. */
export function startKeeper(owner: string): Keeper {
  const child = spawn(SHELL, ["-c", KEEPER, "lambent-keeper", `-${owner}`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    env: { PATH: "/usr/bin:/bin" },
    cwd: "/",
  });
  child.unref();
  // It lasts as long as the server, and keeps no server from ending.
  (child.stdin as Socket).unref();
  child.on("error", () => undefined);
  child.stdin.on("error", () => undefined);
  const tell = (line: string): void => void child.stdin.write(`${line}\n`);
  return {
    add: (pid) => tell(`add ${String(pid)}`),
    gone: (pid) => tell(`gone ${String(pid)}`),
    close: () => void child.stdin.end("done\n"),
  };
}

/**
 * A program with limits of the kernel's. Processes are counted per user, so only for one that has a
 * user of its own. dash spells that limit -p, other shells -u; both count blocks of 512 bytes.
 */
export function limited(argv: readonly string[], limits: SandboxLimits, ownUser: boolean): string[] {
  const set = [
    "ulimit -c 0",
    `ulimit -n ${String(limits.openFiles)}`,
    `ulimit -f ${String(limits.tmpMb * 2048)}`,
    ...(ownUser ? [`{ ulimit -u ${String(limits.pids)} || ulimit -p ${String(limits.pids)}; }`] : []),
  ].map((command) => `${command} 2>/dev/null`);
  return [SHELL, "-c", `${set.join("; ")}; exec "$@"`, SHELL, ...argv];
}

function succeeds(args: readonly string[], user: number | undefined): Promise<boolean> {
  const identity = user === undefined ? {} : { uid: user, gid: user };
  return new Promise((resolve) => {
    execFile(SHELL, args, { ...identity, cwd: "/", env: {} }, (error) => resolve(error === null));
  });
}

/** Whether this user may run it: a shell that cannot is found out only when it has become the process. */
export function canRun(file: string, user: number | undefined): Promise<boolean> {
  return succeeds(["-c", '[ -f "$0" ] && [ -x "$0" ]', file], user);
}

/** Tries to have one process more than allowed. */
export async function processesAreLimited(user: number): Promise<boolean> {
  const [, ...allowed] = limited([SHELL, "-c", "(exit 0); exit"], { ...NO_LIMITS, pids: 16 }, true);
  const [, ...refused] = limited([SHELL, "-c", "(exit 0); exit"], { ...NO_LIMITS, pids: 1 }, true);
  return (await succeeds(allowed, user)) && !(await succeeds(refused, user));
}

const NO_LIMITS: SandboxLimits = { memoryMb: 128, cpus: 1, pids: 1, tmpMb: 512, openFiles: 256 };

/** What a folder holds is looked at up to here; a function that makes more files is over any limit. */
const FILES_MAX = 131_072;

/** Bytes on disk of a folder and all below it, without following links. */
export async function folderBytes(folder: string): Promise<number> {
  let bytes = 0;
  let files = 0;
  const open = [folder];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const entry of await readdir(next, { withFileTypes: true }).catch(() => [])) {
      const name = path.join(next, entry.name);
      files += 1;
      if (files > FILES_MAX) return Number.MAX_SAFE_INTEGER;
      if (entry.isDirectory()) open.push(name);
      else bytes += ((await lstat(name).catch(() => undefined))?.blocks ?? 0) * 512;
    }
  }
  return bytes;
}
