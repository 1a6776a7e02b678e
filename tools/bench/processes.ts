/** Starting what is measured, and reading its CPU and memory from /proc. */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import process from "node:process";
import type { LoadPlan, LoadResult } from "./load.ts";

const started: ChildProcess[] = [];

export function start(
  command: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): ChildProcess {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
  });
  child.stdout?.resume();
  child.stderr?.resume();
  started.push(child);
  return child;
}

export async function stopAll(): Promise<void> {
  await Promise.all(started.map((child) => stop(child)));
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const alarm = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await gone;
  clearTimeout(alarm);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** Polls until `probe` is true; throws after `secondsMax`. */
export async function until(what: string, probe: () => Promise<boolean>, secondsMax = 60): Promise<void> {
  const deadline = performance.now() + secondsMax * 1000;
  while (performance.now() < deadline) {
    if (await probe().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`${what} did not happen within ${String(secondsMax)} s`);
}

export function load(plan: LoadPlan): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", new URL("load.ts", import.meta.url).pathname],
      {
        stdio: ["pipe", "pipe", "inherit"],
      },
    );
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.on("close", () => {
      try {
        resolve(JSON.parse(out) as LoadResult);
      } catch {
        reject(new Error(`the load generator printed: ${out}`));
      }
    });
    child.stdin.end(`${JSON.stringify(plan)}\n`);
  });
}

/** The process and all its descendants. */
export function tree(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, "latin1");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
    } catch {
      // Gone meanwhile.
    }
  }
  const all = [pid];
  for (let i = 0; i < all.length; i += 1) all.push(...(children.get(all[i] ?? -1) ?? []));
  return all;
}

/** CPU time of the tree so far, in microseconds (scheduler statistics: finer than clock ticks). */
export function cpuUs(pid: number): number {
  let nanoseconds = 0;
  for (const member of tree(pid)) {
    try {
      for (const task of readdirSync(`/proc/${String(member)}/task`)) {
        nanoseconds += Number(
          readFileSync(`/proc/${String(member)}/task/${task}/schedstat`, "latin1").split(" ")[0],
        );
      }
    } catch {
      // Gone meanwhile.
    }
  }
  return nanoseconds / 1000;
}

export function rssMb(pid: number): number {
  return (
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${String(pid)}/status`, "latin1"))?.[1] ?? 0) / 1024
  );
}

/** Proportional set size of one process. */
export function pssMb(pid: number): number {
  try {
    const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, "latin1");
    return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) / 1024;
  } catch {
    // Gone meanwhile.
    return 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
