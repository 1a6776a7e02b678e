import { createServer, type Server } from "node:http";

import type { Gateway } from "./gateway.ts";

/** Largest header block: a session token and a client context fit, a flood does not. */
const HEADER_BYTES = 32_768;
const HEADERS_MS = 20_000;
/** Time to send a whole request; answers may take as long as they need. */
const REQUEST_MS = 300_000;
const KEEP_ALIVE_MS = 75_000;

/** The listener of the endpoint, with bounds on what a connection may cost before it says anything. */
export function createHttpServer(gateway: Gateway): Server {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: HEADERS_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 5000,
      noDelay: true,
    },
    (request, response) => gateway.handle(request, response, USER),
  );
  server.maxHeadersCount = 200;
  return server;
}

const USER = { fromSandbox: false } as const;
