import type { Mount } from "./sandbox-driver.ts";

/** How one Lambda runtime is started on this host. Paths in argv and env are paths inside the sandbox. */
export interface RuntimeLaunch {
  /** As asked for, e.g. `python3.12`. */
  readonly runtime: string;
  /** What runs it, e.g. `Python 3.11.7` when 3.12 is not there. */
  readonly actual: string;
  /** Set when `actual` is not the asked version: one line that names the fix. */
  readonly warning?: string;
  /** `framed`: our bootstrap on file descriptor 3; `http`: the Runtime API on 127.0.0.1:9001. */
  readonly interface: "framed" | "http";
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Interpreter, bootstrap and SDK folders; /var/task and /opt are not among them. */
  readonly mounts: readonly Mount[];
}

export interface RuntimeInfo {
  readonly runtime: string;
  readonly available: boolean;
  readonly actual: string | undefined;
  readonly exact: boolean;
  readonly path: string | undefined;
  /** Whether boto3 / the AWS SDK for JavaScript is there without packaging. */
  readonly sdk: boolean;
  /** What to do when it is missing or not exact. */
  readonly hint: string | undefined;
}

/**
 * Errors: ServiceError with code InvalidRuntimeException (502) and a hint when nothing on this host
 * can run the runtime, or when strict mode forbids the nearest version.
 */
export interface RuntimeCatalog {
  launch(runtime: string): Promise<RuntimeLaunch>;
  list(): Promise<readonly RuntimeInfo[]>;
}
