import type { Socket } from "node:net";
import { assert } from "../../kernel/assert.ts";
import type { Clock } from "../../kernel/clock.ts";
import { LIMITS } from "../../kernel/limits.ts";
import type { RuntimeLaunch } from "../../ports/runtime-catalog.ts";
import type { Sandbox } from "../../ports/sandbox-driver.ts";
import type { Extensions } from "../runtime-api/extensions.ts";
import { FramedRuntime } from "../runtime-api/framed-runtime.ts";
import { HttpRuntime } from "../runtime-api/http-runtime.ts";
import type { RuntimeApiServer } from "../runtime-api/http-server.ts";
import type { RuntimeEvents, RuntimeLink } from "../runtime-api/link.ts";
import { OutputPipes } from "./output.ts";

/**
 * A descriptor here for each, whatever number of processes holds the other ends: as many as Lambda lets one
 * environment have open in all.
 */
const ENDPOINT_CONNECTIONS_MAX = LIMITS.openFiles;

/** Who hears what comes out of a sandbox. */
export interface Listeners {
  readonly events: RuntimeEvents;
  readonly extensions: Extensions;
  onLine(line: string): void;
  onEndpointConnection(socket: Socket): void;
}

/**
 * A sandbox and all that is connected to it: the way its runtime speaks, the Runtime API, the
 * endpoint inside, its output.
 */
export class Wiring {
  readonly sandbox: Sandbox;
  readonly link: RuntimeLink;
  readonly output: OutputPipes;
  /** Its runtime speaks in frames, not over HTTP. */
  readonly framed: boolean;
  readonly #http: HttpRuntime;

  /** In the turn in which the sandbox was made: what connects to it must find a listener. */
  constructor(
    sandbox: Sandbox,
    launch: RuntimeLaunch,
    api: RuntimeApiServer,
    clock: Clock,
    listeners: Listeners,
  ) {
    const { events, extensions } = listeners;
    this.sandbox = sandbox;
    this.framed = launch.interface === "framed";
    this.#http = new HttpRuntime(events, extensions, !this.framed);
    api.attach(sandbox.runtimeApi, this.#http);
    if (this.framed) {
      assert(sandbox.channel, "a framed runtime needs the sandbox's channel");
      this.link = new FramedRuntime(sandbox.channel, events);
    } else {
      this.link = this.#http;
    }
    if (sandbox.endpoint !== undefined) {
      sandbox.endpoint.maxConnections = ENDPOINT_CONNECTIONS_MAX;
      sandbox.endpoint.on("connection", (socket) => listeners.onEndpointConnection(socket));
    }
    this.output = new OutputPipes(sandbox, clock, (line) => listeners.onLine(line));
  }

  /** The runtime waits for the next event; a framed one does so with its answer. */
  get runtimeWaits(): boolean {
    return this.framed || this.#http.waiting;
  }

  close(): void {
    this.link.close();
    this.#http.close();
    this.sandbox.runtimeApi.close();
    this.sandbox.endpoint?.close();
  }
}
