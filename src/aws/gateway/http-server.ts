import type { Server } from "node:http";
import type { Socket } from "node:net";

import { http } from "../../kernel/built-in.ts";
import { beginsHttp2, Http2Sessions } from "./http2.ts";
import type { Gateway } from "./options.ts";
import { ShortConnection, type ShortWay } from "./short-way.ts";

/** Largest header block: a session token and a client context fit, a flood does not. */
const HEADER_BYTES = 32_768;
const HEADERS_MS = 20_000;
/** Time to send a whole request; answers may take as long as they need. */
const REQUEST_MS = 300_000;
const KEEP_ALIVE_MS = 75_000;

const HEADERS_MAX = 200;

const USER = { fromSandbox: false } as const;
const NOTHING_SHORT: ShortWay = { takes: () => false, handle: () => undefined, nowMs: () => 0 };

/** node:http's server, which gets what neither comes the short way nor speaks HTTP/2. */
class EndpointServer extends http.Server {
  readonly #short = new Set<ShortConnection>();
  readonly #http2: Http2Sessions;

  constructor(handler: Pick<Gateway, "handle">, way: ShortWay) {
    super(
      {
        maxHeaderSize: HEADER_BYTES,
        headersTimeout: HEADERS_MS,
        requestTimeout: REQUEST_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        connectionsCheckingInterval: 5000,
        noDelay: true,
      },
      (request, response) => handler.handle(request, response, USER),
    );
    this.maxHeadersCount = HEADERS_MAX;
    this.#http2 = new Http2Sessions((request, response) => handler.handle(request, response, USER), {
      headerBytes: HEADER_BYTES,
      headersCount: HEADERS_MAX,
      pieceMs: REQUEST_MS,
      idleMs: KEEP_ALIVE_MS,
    });
    const [ordinary] = this.listeners("connection") as ((socket: Socket) => void)[];
    const leave = (connection: ShortConnection, read: Buffer | undefined): void => {
      const { socket } = connection;
      if (!this.#short.delete(connection) || socket.destroyed) return;
      if (read !== undefined && beginsHttp2(read)) return this.#http2.take(socket);
      ordinary?.call(this, socket);
      socket.resume();
    };
    this.removeAllListeners("connection");
    this.on("connection", (socket: Socket) => {
      this.#short.add(
        new ShortConnection(socket, way, { firstMs: HEADERS_MS, idleMs: KEEP_ALIVE_MS }, leave),
      );
    });
  }

  override closeIdleConnections(): void {
    super.closeIdleConnections();
    this.#http2.close();
    for (const connection of this.#short) if (!connection.busy) connection.socket.destroy();
  }

  override closeAllConnections(): void {
    super.closeAllConnections();
    this.#http2.destroy();
    for (const { socket } of this.#short) socket.destroy();
  }
}

/** The listener of the endpoint, with bounds on what a connection may cost before it says anything. */
export function createHttpServer(gateway: Pick<Gateway, "handle"> & Partial<Gateway>): Server {
  return new EndpointServer(gateway, gateway.shortWay ?? NOTHING_SHORT);
}
