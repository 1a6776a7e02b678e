import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Server, Http2ServerRequest, Http2ServerResponse, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import process from "node:process";

import { http2 } from "../../kernel/built-in.ts";

/** What every connection of HTTP/2 begins with. https://www.rfc-editor.org/rfc/rfc9113#section-3.4 */
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** No method of HTTP/1 that is served begins like it. */
const TOLD_BY = "PRI ";
const STREAMS_MAX = 256;
/**
 * Answers that wait to be read. Node's own 10 MB are one answer of Kinesis's GetRecords: all else that came
 * meanwhile would be refused.
 */
const SESSION_MB_MAX = 128;

export interface Http2Limits {
  readonly headerBytes: number;
  readonly headersCount: number;
  /** Between two pieces of a request; answers may take as long as they need. */
  readonly pieceMs: number;
  /** Without any request for so long, a session is closed. */
  readonly idleMs: number;
}

/**
 * HTTP/2 with prior knowledge, on the port of HTTP/1: how the AWS SDK for JavaScript talks to services
 * with event streams (Kinesis). The handler is the same for both; requests look alike to it.
 */
export class Http2Sessions {
  readonly #sessions = new Map<ServerHttp2Session, { readonly socket: Socket; streams: number }>();
  readonly #handler: (request: IncomingMessage, response: ServerResponse) => void;
  readonly #limits: Http2Limits;
  /** Made for the first session. */
  #server: Http2Server | undefined;

  constructor(handler: (request: IncomingMessage, response: ServerResponse) => void, limits: Http2Limits) {
    this.#handler = handler;
    this.#limits = limits;
  }

  #open(): Http2Server {
    const { headerBytes, headersCount, pieceMs } = this.#limits;
    const { constants, createServer } = http2();
    const settings = { maxConcurrentStreams: STREAMS_MAX, maxHeaderListSize: headerBytes };
    const bounds = { settings, maxHeaderListPairs: headersCount, maxSessionMemory: SESSION_MB_MAX };
    return createServer(bounds, (request, response) => {
      const { stream } = request;
      const session = this.#sessions.get(stream.session as ServerHttp2Session);
      if (session === undefined) return void stream.close(constants.NGHTTP2_REFUSED_STREAM);
      session.streams += 1;
      stream.once("close", () => (session.streams -= 1));
      stream.setTimeout(pieceMs, () => stream.close(constants.NGHTTP2_CANCEL));
      request.once("end", () => stream.setTimeout(0));
      this.#handler(...asHttp1(request, response, session.socket));
    });
  }

  #connect(socket: Socket): void {
    const remember = (session: ServerHttp2Session): void => {
      const state = { socket, streams: 0 };
      this.#sessions.set(session, state);
      session.once("close", () => this.#sessions.delete(session));
      session.on("error", () => session.destroy());
      session.setTimeout(this.#limits.idleMs, () => {
        if (state.streams === 0) session.close();
      });
    };
    // Nobody sends half a conversation over HTTP/2; node:http's sockets would stay open for it.
    socket.allowHalfOpen = false;
    this.#server ??= this.#open();
    this.#server.once("session", remember);
    this.#server.emit("connection", socket);
  }

  /**
   * Takes a connection that began with the preface, which lies in the socket's buffer again. Not within
   * the read that brought it: a full buffer ends reading when that returns, and node:http2, which reads
   * below the stream, would wait for ever.
   */
  take(socket: Socket): void {
    process.nextTick(() => {
      if (!socket.destroyed) this.#connect(socket);
    });
  }

  /** Sessions end when their requests are answered. */
  close(): void {
    for (const session of this.#sessions.keys()) session.close();
  }

  destroy(): void {
    for (const session of this.#sessions.keys()) session.destroy();
  }
}

/** Whether a connection whose first bytes these are speaks HTTP/2. */
export function beginsHttp2(first: Uint8Array): boolean {
  const start = Buffer.from(first.buffer, first.byteOffset, first.byteLength).toString(
    "latin1",
    0,
    PREFACE.length,
  );
  return start.startsWith(TOLD_BY) && PREFACE.startsWith(start);
}

/**
 * As HTTP/1 would have it: the authority is the Host that guard, routes and signatures look at, a body of
 * unstated length is one in chunks, and the socket is the connection itself.
 */
function asHttp1(
  request: Http2ServerRequest,
  response: Http2ServerResponse,
  socket: Socket,
): [IncomingMessage, ServerResponse] {
  const { headers } = request;
  headers.host ??= request.authority;
  if (headers["content-length"] === undefined && !request.stream.endAfterHeaders)
    headers["transfer-encoding"] = "chunked";
  Object.defineProperty(request, "socket", { value: socket });
  return [request as unknown as IncomingMessage, response as unknown as ServerResponse];
}
