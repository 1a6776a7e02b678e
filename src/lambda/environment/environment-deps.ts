import type { Socket } from "node:net";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { SandboxDriver } from "../../ports/sandbox-driver.ts";
import type { FunctionVersion } from "../model/function.ts";
import type { RuntimeApiServer } from "../runtime-api/http-server.ts";
import type { ExecutionEnvironment } from "./environment.ts";

export interface EnvironmentDeps {
  readonly driver: SandboxDriver;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly api: RuntimeApiServer;
  /** Told of every connection a function opens to the endpoint inside its sandbox. */
  readonly onEndpointConnection: EndpointConnectionHandler | undefined;
}

export type EndpointConnectionHandler = (
  socket: Socket,
  from: { readonly environmentId: string; readonly version: FunctionVersion | undefined },
) => void;

/** Tells the owner what happened; called in the turn in which it happened. */
export interface EnvironmentOwner {
  onIdle(environment: ExecutionEnvironment): void;
  /** Nothing of it is left. */
  onStopped(environment: ExecutionEnvironment): void;
}
