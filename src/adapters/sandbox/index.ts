import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { SandboxDriver } from "../../ports/sandbox-driver.ts";
import { createProcessDriver } from "./process-driver.ts";

export interface DriverOptions {
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly log: Logger;
  readonly clock: Clock;
}

export async function selectDriver(
  _preference: "auto" | "namespaces" | "process",
  options: DriverOptions,
): Promise<SandboxDriver> {
  return createProcessDriver({ ...options, endpointUrl: (port) => `http://127.0.0.1:${String(port)}` });
}
