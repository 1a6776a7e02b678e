import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createNamespacesDriver } from "../../src/adapters/sandbox/namespaces.ts";
import { createProcessDriver } from "../../src/adapters/sandbox/process.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { silentLogger } from "../../src/kernel/log.ts";
import type { SandboxDriver } from "../../src/ports/sandbox-driver.ts";
import { hostProcessDriver } from "./host-process-driver.ts";

export interface DriverUnderTest {
  readonly name: string;
  /** Printed when this machine cannot run it. */
  readonly skip?: string;
  /** Its processes cannot read what only root can, even when the tests are root's. */
  readonly hidesRootFiles: boolean;
  /** A new one; whoever opened it closes it. */
  open(): Promise<SandboxDriver>;
}

const isRoot = process.getuid?.() === 0;

async function processDriver(): Promise<SandboxDriver> {
  const folder = await mkdtemp(join(tmpdir(), "lambent-driver-"));
  const driver = await createProcessDriver({
    dataDir: folder,
    log: silentLogger,
    clock: systemClock(),
  });
  return closingWith(driver, folder);
}

async function namespacesDriver(): Promise<SandboxDriver> {
  const folder = await mkdtemp(join(tmpdir(), "lambent-driver-"));
  const driver = await createNamespacesDriver({
    dataDir: folder,
    instanceId: `test-${randomBytes(4).toString("hex")}`,
    log: silentLogger,
    clock: systemClock(),
  });
  return closingWith(driver, folder);
}

function closingWith(driver: SandboxDriver, folder: string): SandboxDriver {
  const close = driver.close.bind(driver);
  return Object.assign(driver, {
    async close() {
      await close();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

/** What keeps this machine from it, found out by doing. */
async function whyNot(open: () => Promise<SandboxDriver>): Promise<string | undefined> {
  try {
    await (await open()).close();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const namespacesFault = await whyNot(namespacesDriver);

/** Every driver the semantic suite runs on: a bare one with late attach everywhere, and the product's own. */
export const DRIVERS: readonly DriverUnderTest[] = [
  { name: "bare processes", hidesRootFiles: false, open: async () => hostProcessDriver() },
  { name: "the process driver", hidesRootFiles: isRoot, open: processDriver },
  {
    name: "the namespaces driver",
    hidesRootFiles: false,
    open: namespacesDriver,
    ...(namespacesFault === undefined ? {} : { skip: namespacesFault }),
  },
];
