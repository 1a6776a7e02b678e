import type { Capabilities, Enforcement, ExitInfo, SandboxDriver } from "../../ports/sandbox-driver.ts";
import type { Host } from "./host.ts";

const SELFTEST = "/var/lambent/selftest";
const TMP_MB = 512;
/** Less than the self-test allocates. */
const SMALL_MB = 32;

type Held = Readonly<Record<"memory" | "pids" | "tmpSize" | "seccomp" | "rootfs" | "processes", number>>;

/**
 * Runs the helper's self-test inside a small sandbox: it allocates, forks and writes over its limits
 * and tries what is denied. Only what was seen to hold counts as enforced. Errors: Error when no
 * sandbox can be made at all, or when a part of the isolation itself does not hold.
 */
export async function probe(
  create: SandboxDriver["create"],
  host: Host,
  executable: string,
  noEgress: readonly string[],
): Promise<Capabilities> {
  const run = async (what: string, memoryMb: number): Promise<{ output: string; exit: ExitInfo }> => {
    const sandbox = await create({
      id: "selftest",
      argv: [SELFTEST, what, String(TMP_MB)],
      env: {},
      cwd: "/",
      mounts: [{ source: executable, target: SELFTEST }],
      limits: { memoryMb, cpus: 1, pids: 16, tmpMb: TMP_MB, openFiles: 1024 },
      network: "none",
      channel: false,
      endpointPort: 4566,
    });
    let output = "";
    for await (const part of sandbox.stdout) output += String(part);
    return { output, exit: await sandbox.exited };
  };
  const isWatched = host.rootless && host.layout.memory === undefined;
  // A watchdog ends all of the sandbox, so it is tried apart from the rest.
  const { output, exit } = await run("selftest", isWatched ? 512 : SMALL_MB);
  const watchdog = isWatched && (await run("selftest-hoard", SMALL_MB)).exit.oomKilled;
  if (exit.code !== 0) throw new Error(`the sandbox's self-test ended with ${exit.signal ?? exit.code}`);
  const held = JSON.parse(output) as Held;
  const broken = (["seccomp", "rootfs", "processes"] as const).filter((name) => held[name] !== 1);
  if (broken.length > 0) throw new Error(`the sandbox does not isolate: ${broken.join(", ")}`);
  const reasons = [...host.reasons];
  const seen = (name: keyof Held): Enforcement => {
    if (held[name] === 1) return "enforced";
    reasons.push(`${name}: the self-test went over the limit and was not stopped`);
    return "none";
  };
  return {
    driver: "namespaces",
    boundary: "shared-kernel",
    rootfs: "enforced",
    processes: "enforced",
    network: noEgress.length === 0 ? "isolated+egress" : "isolated",
    seccomp: "enforced",
    memory: isWatched ? (watchdog ? "watchdog" : "none") : exit.oomKilled ? seen("memory") : "none",
    cpu: host.layout.cpu === undefined ? "none" : "enforced",
    pids: seen("pids"),
    tmpSize: seen("tmpSize"),
    freeze: isWatched ? "signal" : host.layout.freezer === undefined ? "none" : "cgroup",
    lateAttach: true,
    reasons: [...reasons, ...noEgress],
  };
}
