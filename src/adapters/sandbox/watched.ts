import type { Clock, Timer } from "../../kernel/clock.ts";
import type { SandboxLimits } from "../../ports/sandbox-driver.ts";
import type { Cgroup } from "./cgroup.ts";
import { cpuNsOf, descendants, memoryOf, processTable, residentOf, signalProcess } from "./process-tree.ts";

const LOOK_MS = 50;
const ROUNDS_MAX = 200;

/** What stands in for control groups where there are none: looking, and signals. */
export interface Watch {
  /** For one sandbox to be. */
  make(): Cgroup;
  close(): void;
}

interface Watched {
  readonly pid: number;
  readonly bytesMax: number;
  readonly frozen: boolean;
  /** Told what the sandbox uses; kills it when that is too much. */
  measured(bytes: number): void;
}

/**
 * One look at the process table serves all sandboxes; none is taken while all of them are frozen.
 * Process 1 of a sandbox stops and continues the others on SIGUSR1 and SIGUSR2.
 */
export function watchProcesses(clock: Clock): Watch {
  const running = new Set<Watched>();
  let timer: Timer | undefined;

  async function look(): Promise<void> {
    const table = await processTable();
    for (const one of [...running].filter((candidate) => !candidate.frozen)) {
      const pids = descendants(table, one.pid);
      // Resident pages bound the proportional ones from above, and cost a tenth to ask for.
      if ((await residentOf(pids)) > one.bytesMax) one.measured(await memoryOf(pids));
    }
    timer = undefined;
    arm();
  }

  function arm(): void {
    if (timer !== undefined || ![...running].some((one) => !one.frozen)) return;
    timer = clock.timer(LOOK_MS, () => void look());
  }

  return {
    make: () => watchedSandbox(running, arm),
    close() {
      timer?.cancel();
      running.clear();
    },
  };
}

function watchedSandbox(running: Set<Watched>, arm: () => void): Cgroup {
  let pid = 0;
  let limits: SandboxLimits | undefined;
  let frozen = false;
  let peak = 0;
  let kills = 0;
  const watched: Watched = {
    get pid() {
      return pid;
    },
    get bytesMax() {
      return (limits?.memoryMb ?? Infinity) * 1024 * 1024;
    },
    get frozen() {
      return frozen;
    },
    measured(bytes) {
      peak = Math.max(peak, bytes);
      if (bytes <= watched.bytesMax || !running.has(watched)) return;
      kills++;
      signalProcess(pid, "SIGKILL");
    },
  };
  const members = async (): Promise<readonly number[]> =>
    pid === 0 ? [] : descendants(await processTable(), pid);

  return {
    procs: [],
    adopt(first) {
      pid = first;
      running.add(watched);
      arm();
    },
    setLimits: (wanted) => void (limits = wanted),
    async freeze() {
      frozen = true;
      const wanted = (): boolean => frozen && running.has(watched);
      for (let round = 0; round < ROUNDS_MAX && wanted(); round++) {
        // Again each round: a continuing signal sent shortly before may have overtaken it.
        signalProcess(pid, "SIGUSR1");
        const table = await processTable();
        const inside = new Set(descendants(table, pid));
        if (table.every((row) => !inside.has(row.pid) || row.state === "T" || row.state === "t")) return;
      }
    },
    thaw() {
      frozen = false;
      if (running.has(watched)) signalProcess(pid, "SIGUSR2");
      arm();
    },
    async use() {
      const pids = running.has(watched) ? await members() : [];
      const [memoryBytes, cpuNs] = await Promise.all([memoryOf(pids), cpuNsOf(pids)]);
      peak = Math.max(peak, memoryBytes);
      return { memoryBytes, peakMemoryBytes: peak, cpuNs, pids: pids.length };
    },
    oomKills: () => kills,
    remove: async () => void running.delete(watched),
  };
}
