import type { Server as HttpServer } from "node:http";
import type { Server, Socket } from "node:net";
import { http } from "../../kernel/built-in.ts";
import type { HttpRuntime } from "./http-runtime.ts";

/** A runtime and its extensions need one connection each; what one sandbox opens costs the server memory. */
const CONNECTIONS_MAX = 128;

/**
 * One HTTP server for the Runtime APIs of all sandboxes. It listens nowhere: each sandbox's listener
 * hands it its connections, and a connection is known by the sandbox that accepted it.
 */
export class RuntimeApiServer {
  readonly #http: HttpServer;
  readonly #owners = new WeakMap<Socket, HttpRuntime>();

  constructor() {
    this.#http = http.createServer((request, response) => {
      const owner = this.#owners.get(request.socket);
      if (owner === undefined) response.destroy();
      else void owner.handle(request, response);
    });
    // A runtime waits in `next` for as long as nobody calls it.
    this.#http.keepAliveTimeout = 0;
    this.#http.requestTimeout = 0;
    this.#http.headersTimeout = 0;
    this.#http.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      if (!socket.writable) return void socket.destroy();
      const status =
        error.code === "HPE_HEADER_OVERFLOW" ? "431 Request Header Fields Too Large" : "400 Bad Request";
      socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    });
  }

  attach(listener: Server, owner: HttpRuntime): void {
    listener.maxConnections = CONNECTIONS_MAX;
    listener.on("connection", (socket) => {
      this.#owners.set(socket, owner);
      this.#http.emit("connection", socket);
    });
  }
}
