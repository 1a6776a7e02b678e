import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selectDriver } from "../../src/adapters/sandbox/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import type { SandboxDriver } from "../../src/ports/sandbox-driver.ts";
import { hostProcessDriver } from "./host-process-driver.ts";

export interface DriverUnderTest {
  readonly name: string;
  /** Printed when this machine cannot run it. */
  readonly skip?: string;
  /** Its processes are not root's even when the tests are. */
  readonly dropsRoot: boolean;
  open(): Promise<SandboxDriver>;
}

/** Every driver the semantic suite runs on: a bare one for late attach everywhere, and the product's own. */
export const DRIVERS: readonly DriverUnderTest[] = [
  { name: "bare processes", dropsRoot: false, open: async () => hostProcessDriver() },
  { name: "the process driver", dropsRoot: process.getuid?.() === 0, open: () => real("process") },
];

async function real(preference: "process" | "namespaces"): Promise<SandboxDriver> {
  const folder = await mkdtemp(join(tmpdir(), "lambent-driver-"));
  const driver = await selectDriver(preference, {
    dataDir: folder,
    cacheDir: join(folder, "cache"),
    log: silentLogger,
    clock: systemClock(),
  });
  const close = driver.close.bind(driver);
  return Object.assign(driver, {
    async close() {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  });
}
