import type { Logger } from "../../kernel/log.ts";
import type { Capabilities, Enforcement, SandboxDriver } from "../../ports/sandbox-driver.ts";
import type { Host } from "./host.ts";

/** What the host gives this driver. */
export async function probe(
  _create: SandboxDriver["create"],
  host: Host,
  _log: Logger,
): Promise<Capabilities> {
  const { layout } = host;
  const has = (controller: unknown): Enforcement => (controller === undefined ? "none" : "enforced");
  return {
    driver: "namespaces",
    boundary: "shared-kernel",
    rootfs: "enforced",
    processes: "enforced",
    network: "isolated",
    seccomp: "enforced",
    memory: has(layout.memory),
    cpu: has(layout.cpu),
    pids: has(layout.pids),
    tmpSize: "enforced",
    freeze: layout.freezer === undefined ? "none" : "cgroup",
    lateAttach: true,
    reasons: [...host.reasons, "network: a way out of the sandbox is not built yet"],
  };
}
