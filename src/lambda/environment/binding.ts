import type { Sandbox, SandboxLimits } from "../../ports/sandbox-driver.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { FunctionLog } from "../observe/function-log.ts";
import type { PlatformLines } from "../observe/platform-lines.ts";

/** What turns a booted sandbox into the environment of one function version. */
export interface Binding {
  readonly version: FunctionVersion;
  readonly log: FunctionLog;
  readonly lines: PlatformLines;
  readonly codeDir: string;
  readonly limits: SandboxLimits;
  /** Epoch ms after which the credentials inside are no longer good for a whole invocation. */
  readonly credentialsGoodUntilMs: number;
  /** The variables, once it is known where things are for the payload. */
  variables(sandbox: Pick<Sandbox, "path" | "runtimeApiAddress" | "endpointUrl">): Record<string, string>;
}
