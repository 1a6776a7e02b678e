import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";

/** One process as /proc shows it. */
export interface Row {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** R running, S sleeping, T stopped, … */
  readonly state: string;
  /** Of the sandbox it belongs to, as its environment names it; inherited by whatever it starts. */
  readonly mark: string | undefined;
}

/** Environment variable by which processes that left their parent and session are still known. */
export const MARK = "LAMBENT_SANDBOX_ID";

/** Read at once before others have their turn. */
const AT_ONCE = 128;

let scanning: Promise<readonly Row[]> | undefined;
let following: Promise<readonly Row[]> | undefined;
let latest: { readonly rows: readonly Row[]; readonly atMs: number } | undefined;
/** By process and its start: an environment is read once. */
let marks = new Map<string, string | undefined>();

/**
 * All processes of this machine that are not dead, as they are after the call. Who asks while a scan
 * runs gets the next one, together with all others who ask meanwhile: a hundred sandboxes cost what
 * one does.
 */
export function processTable(): Promise<readonly Row[]> {
  if (scanning === undefined) return begin();
  following ??= scanning.then(begin, begin);
  return following;
}

/** The same, as it was at most `ageMs` ago. */
export function recentTable(ageMs: number): Promise<readonly Row[]> {
  if (latest !== undefined && performance.now() - latest.atMs <= ageMs) return Promise.resolve(latest.rows);
  return scanning ?? begin();
}

function begin(): Promise<readonly Row[]> {
  following = undefined;
  const atMs = performance.now();
  scanning = scan().then((rows) => {
    latest = { rows, atMs };
    return rows;
  });
  void scanning.finally(() => (scanning = undefined));
  return scanning;
}

async function scan(): Promise<readonly Row[]> {
  const names = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name));
  const rows: Row[] = [];
  const known = new Map<string, string | undefined>();
  for (const [index, name] of names.entries()) {
    // These files are made in memory: the thread pool would cost ten times the read.
    if (index % AT_ONCE === AT_ONCE - 1) await setImmediate();
    const stat = readNow(`/proc/${name}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state = "", parent, , session] = fields;
    if (state === "" || state === "Z" || state === "X") continue;
    const key = `${name} ${fields[19] ?? ""}`;
    const mark = marks.has(key) ? marks.get(key) : markOf(name);
    known.set(key, mark);
    rows.push({ pid: Number(name), parent: Number(parent), session: Number(session), state, mark });
  }
  marks = known;
  return rows;
}

function readNow(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

function markOf(pid: string): string | undefined {
  const entry = readNow(`/proc/${pid}/environ`)
    .split("\0")
    .find((one) => one.startsWith(`${MARK}=`));
  return entry?.slice(MARK.length + 1);
}

/** Processes that carry this mark, whoever their parent is by now. */
export async function markedProcesses(mark: string): Promise<readonly number[]> {
  return (await processTable()).filter((row) => row.mark === mark).map((row) => row.pid);
}

/**
 * Everything in the table that descends from `leader`, is in its session, or carries its mark. Empty
 * where there is no /proc (macOS, Windows): then the process group is all that is known.
 */
export function treeOf(table: readonly Row[], leader: number, mark: string): number[] {
  const tree = new Set([leader]);
  for (const row of table) if (row.mark === mark || row.session === leader) tree.add(row.pid);
  for (let size = 0; size !== tree.size;) {
    size = tree.size;
    for (const row of table) if (tree.has(row.parent)) tree.add(row.pid);
  }
  const alive = new Set(table.map((row) => row.pid));
  return [...tree].filter((pid) => alive.has(pid) && pid > 1);
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
