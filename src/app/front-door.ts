/**
 * Where requests come in: the listener, the connections of functions, and what the server itself answers
 * before the gateway is asked. The gateway changes with a reset; the door stays.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Gateway, RequestOrigin } from "../aws/gateway/gateway.ts";
import { createGuard } from "../aws/gateway/guard.ts";
import { createHttpServer } from "../aws/gateway/http-server.ts";
import type { Headers } from "../aws/protocol/types.ts";
import { machineNow, type Clock } from "../kernel/clock.ts";
import { CODE_DOWNLOAD_PATH } from "../lambda/control/code-downloads.ts";
import { CERTIFICATE_PATH } from "../services/index.ts";
import { hasToken, type AdminRoutes } from "./admin-routes.ts";
import { sendCode } from "./code-download.ts";
import type { Core } from "./core.ts";

/** What serves requests until the next reset. */
export interface Current {
  readonly core: Core;
  readonly gateway: Gateway;
}

export interface FrontDoorDeps {
  readonly clock: Clock;
  /**
   * Beyond loopback the endpoint has names that cannot be known; every request then needs a known key, and
   * the metrics the token.
   */
  readonly anyHost: boolean;
  readonly token: string;
  /** Undefined while the server starts or is being reset: everything but the admin's routes answers 503. */
  readonly current: () => Current | undefined;
  readonly admin: () => AdminRoutes | undefined;
}

export interface FrontDoor {
  readonly server: Server;
  /** Resolves with the port. Errors: as of `listen` (EADDRINUSE). */
  listen(port: number, host: string): Promise<number>;
  /** A function has connected to the endpoint. */
  enter(socket: Socket, origin: RequestOrigin): void;
}

export function createFrontDoor(deps: FrontDoorDeps): FrontDoor {
  const { anyHost, current } = deps;
  const guard = createGuard({ publicSuffix: undefined, allowedOrigins: [], anyHost });
  const server = createHttpServer({
    handle: route,
    shortWay: {
      takes: (...head) => current()?.gateway.shortWay.takes(...head) === true,
      handle: (request, response) => current()?.gateway.shortWay.handle(request, response),
      nowMs: () => machineNow(deps.clock),
    },
  });
  const origins = new WeakMap<Socket, RequestOrigin>();
  const inside = createHttpServer({
    handle: (request, response) =>
      route(request, response, origins.get(request.socket) ?? { fromSandbox: true }),
    warm: () => Promise.resolve(),
  });

  function route(request: IncomingMessage, response: ServerResponse, origin: RequestOrigin): void {
    const serving = current();
    if (serving === undefined) {
      if (!origin.fromSandbox && deps.admin()?.(request, response, origin) === true) return;
      response.writeHead(503, { "retry-after": "1" }).end();
      return;
    }
    const { core, gateway } = serving;
    // What the guard refuses is refused by the gateway, in its own words.
    if (guard.refusal(request.headers as Headers) !== undefined)
      return gateway.handle(request, response, origin);
    const url = request.url ?? "/";
    if (url.startsWith(CODE_DOWNLOAD_PATH)) return void sendCode(core.control.codeDownloads, url, response);
    if (url.startsWith(CERTIFICATE_PATH)) return void sendCertificate(core, url, response);
    const [path = "", query = ""] = url.split("?", 2);
    if (path === "/metrics" && !origin.fromSandbox) {
      // Open to this machine; whoever asks from elsewhere shows the token.
      if (!anyHost || hasToken(request, new URLSearchParams(query), deps.token)) {
        return void sendMetrics(core, response);
      }
      return void response.writeHead(401, { "www-authenticate": "Bearer" }).end();
    }
    gateway.handle(request, response, origin);
  }

  return {
    server,
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, host, backlog: 1024 }, () => {
          server.off("error", reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    enter(socket, origin) {
      origins.set(socket, origin);
      inside.emit("connection", socket);
    },
  };
}

/** What messages of SNS are verified with. */
async function sendCertificate(core: Core, path: string, response: ServerResponse): Promise<void> {
  try {
    const pem = await core.certificate(path);
    if (pem === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { "content-type": "application/x-pem-file" }).end(pem);
  } catch {
    response.writeHead(500).end();
  }
}

async function sendMetrics(core: Core, response: ServerResponse): Promise<void> {
  try {
    const text = await core.metricsText();
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text);
  } catch {
    response.writeHead(500).end();
  }
}
