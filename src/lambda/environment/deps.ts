import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { CodeCache } from "../../ports/code-cache.ts";
import type { CredentialIssuer } from "../../ports/credentials.ts";
import type { LogSink } from "../../ports/log-sink.ts";
import type { RuntimeCatalog } from "../../ports/runtime-catalog.ts";
import type { SandboxDriver } from "../../ports/sandbox-driver.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { HostCpu, HostMemory } from "./admission.ts";
import type { EndpointConnectionHandler } from "./environment-deps.ts";
import type { FreshProcess } from "./launch.ts";

export interface EnvironmentsOptions {
  /** Port of the endpoint as functions see it. */
  readonly endpointPort: number;
  /** Environments of all functions together. */
  readonly environmentsMax: number;
  /** Environments being started at one time. */
  readonly startsMax: number;
  readonly poolSize: number;
  readonly poolMax: number;
  readonly idleReapMs: number;
  readonly freezeAfterMs: number;
  readonly initMs: number;
  /** How long an invocation waits for room on a full host. */
  readonly saturatedWaitMs: number;
  readonly saturatedWaitersMax: number;
  /** Environments of one quick function that run at one time while they get on (awake.ts): the number of CPUs. */
  readonly awakeMax: number;
  /** The event loop may stay awake for answers (vigil.ts): with one CPU that would keep functions from running. */
  readonly staysAwake: boolean;
  /**
   * Invocations after which an environment is replaced. Each has a trace of its own in the variable
   * _X_AMZN_TRACE_ID, and the C library keeps every value that a variable ever had: 150 bytes an
   * invocation, which would fill a small function in the end.
   */
  readonly servedMax: number;
  readonly network: "egress" | "none";
}

export interface EnvironmentsDeps extends FreshProcess {
  readonly driver: SandboxDriver;
  readonly catalog: RuntimeCatalog;
  readonly codeCache: CodeCache;
  readonly credentials: CredentialIssuer;
  readonly logs: LogSink;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly options: EnvironmentsOptions;
  readonly hostMemory: () => HostMemory;
  /** Share of the host's CPU time that was idle lately, and how many CPUs there are. */
  readonly hostCpu: () => HostCpu;
  readonly onEndpointConnection: EndpointConnectionHandler | undefined;
  /** Counts a new environment; throws TooManyRequestsException over the scaling rate. */
  readonly countStart: (functionArn: string, nowMs: number) => void;
}
