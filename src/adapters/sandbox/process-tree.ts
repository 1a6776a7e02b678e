import { readdir, readFile } from "node:fs/promises";

/** One process as /proc shows it. */
export interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** R running, S sleeping, T stopped, … */
  readonly state: string;
}

/** Environment variable by which processes that left their parent and session are still known. */
export const MARK = "LAMBENT_SANDBOX_ID";

/** All processes of this machine that are not dead. */
export async function processTable(): Promise<readonly Row[]> {
  const names = await readdir("/proc").catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
        const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return {
          pid: Number(name),
          parent: Number(fields[1]),
          session: Number(fields[3]),
          state: fields[0] ?? "",
        };
      }),
  );
  return found.filter((row) => row.state !== "Z" && row.state !== "X" && row.state !== "");
}

async function isMarked(pid: number, mark: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
  return environment.split("\0").includes(`${MARK}=${mark}`);
}

/** Processes that carry this mark, whoever their parent is by now. */
export async function markedProcesses(mark: string): Promise<readonly number[]> {
  const all = await processTable();
  const marks = await Promise.all(all.map((row) => isMarked(row.pid, mark)));
  return all.filter((_row, index) => marks[index] === true).map((row) => row.pid);
}

/**
 * Everything that descends from `leader`, is in its session, or carries its mark. Empty where there
 * is no /proc (macOS, Windows): then the process group is all that is known.
 */
export async function treeOf(leader: number, mark: string): Promise<number[]> {
  const all = await processTable();
  const tree = new Set([leader]);
  for (let size = 0; size !== tree.size;) {
    size = tree.size;
    for (const row of all) if (tree.has(row.parent) || row.session === leader) tree.add(row.pid);
  }
  const others = all.filter((row) => !tree.has(row.pid) && row.pid > 1);
  const marks = await Promise.all(others.map((row) => isMarked(row.pid, mark)));
  others.forEach((row, index) => {
    if (marks[index] === true) tree.add(row.pid);
  });
  const alive = new Set(all.map((row) => row.pid));
  return [...tree].filter((pid) => alive.has(pid));
}

/** What descends from `leader`, without itself: all of a sandbox below its process 1. */
export function descendants(table: readonly Row[], leader: number): readonly number[] {
  const children = Map.groupBy(table, (row) => row.parent);
  const found: number[] = [];
  const visit = (pid: number): void => {
    for (const row of children.get(pid) ?? []) {
      found.push(row.pid);
      visit(row.pid);
    }
  };
  visit(leader);
  return found;
}

/** Resident memory in bytes; pages shared by several processes are counted for each. */
export async function residentOf(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
      return Number(/^VmRSS:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Proportional memory in bytes: pages shared by several processes are counted once. */
export async function memoryOf(pids: readonly number[]): Promise<number> {
  const sizes = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/smaps_rollup`, "latin1").catch(() => "");
      return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0) * 1024;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Processor time used by these processes so far. */
export async function cpuNsOf(pids: readonly number[]): Promise<number> {
  const times = await Promise.all(
    pids.map(async (pid) => {
      const text = await readFile(`/proc/${pid}/schedstat`, "latin1").catch(() => "0");
      return Number(text.split(" ")[0]);
    }),
  );
  return times.reduce((sum, time) => sum + time, 0);
}

export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone already.
  }
}
