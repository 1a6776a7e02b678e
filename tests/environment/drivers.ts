import type { SandboxDriver } from "../../src/ports/sandbox-driver.ts";
import { hostProcessDriver } from "./host-process-driver.ts";

export interface DriverUnderTest {
  readonly name: string;
  /** Printed when this machine cannot run it. */
  readonly skip?: string;
  open(): Promise<SandboxDriver>;
}

/** Every driver the semantic suite runs on. */
export const DRIVERS: readonly DriverUnderTest[] = [
  { name: "host processes", open: async () => hostProcessDriver() },
];
