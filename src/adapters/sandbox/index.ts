import { createHash } from "node:crypto";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Capabilities, SandboxDriver } from "../../ports/sandbox-driver.ts";
import { createNamespacesDriver } from "./namespaces.ts";
import { createProcessDriver } from "./process.ts";

export { createNamespacesDriver } from "./namespaces.ts";
export type { NamespacesOptions } from "./namespaces.ts";
export { createProcessDriver } from "./process.ts";
export type { ProcessOptions } from "./process.ts";

export type DriverPreference = "auto" | "namespaces" | "process";

export interface DriverOptions {
  readonly dataDir: string;
  /** Kept between starts and shared by servers; nothing of it is needed. */
  readonly cacheDir?: string;
  readonly log: Logger;
  readonly clock: Clock;
}

/**
 * The driver the user asked for, or the strongest this machine can run. Errors: Error saying what
 * is missing, when a driver was asked for by name.
 */
export async function selectDriver(
  preference: DriverPreference,
  options: DriverOptions,
): Promise<SandboxDriver> {
  const { dataDir, log, clock } = options;
  if (preference === "process") return createProcessDriver({ dataDir, log, clock });
  const instanceId = createHash("sha256").update(dataDir).digest("hex").slice(0, 12);
  try {
    return await createNamespacesDriver({ dataDir, instanceId, log, clock });
  } catch (error) {
    if (preference === "namespaces") throw error;
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ reason }, "no namespaces on this machine");
    const driver = await createProcessDriver({ dataDir, log, clock });
    const capabilities = {
      ...driver.capabilities,
      reasons: [`driver: ${reason}`, ...driver.capabilities.reasons],
    };
    return { ...driver, capabilities };
  }
}

/** Lines for people: each property, how far it holds, and why not further. */
export function describeCapabilities(capabilities: Capabilities): readonly string[] {
  const { reasons, ...properties } = capabilities;
  const lines = Object.entries(properties).map(([name, value]) => `${name}: ${String(value)}`);
  return [...lines, ...reasons];
}
