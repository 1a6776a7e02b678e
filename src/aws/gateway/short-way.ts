import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

import { http } from "../../kernel/built-in.ts";
import type { Headers } from "../protocol/types.ts";
import { readWhole } from "./whole-request.ts";

/**
 * The short way in, for requests that are answered by the thousand: reading them with a few lines of our
 * own costs a third of what node:http takes for one.
 *
 *   1. A piece of a connection that is exactly one whole request of a short path, or of an operation that
 *      answers in one piece, is handled here; the steps of the gateway are the same for it.
 *   2. Anything else, once, and the connection is node:http's from then on, with what was read of it.
 *   3. One request at a time: what comes before the answer waits, and makes the connection node:http's.
 */
export interface ShortWay {
  /** Whether a request of this method, path (without its query) and headers may come this way. */
  takes(method: string, path: string, headers: Headers): boolean;
  handle(request: WholeRequest, response: WholeResponse): void;
  /** Epoch milliseconds, for the Date of answers. */
  nowMs(): number;
}

export interface ShortWayTimes {
  /** Until the first request. */
  readonly firstMs: number;
  /** Between an answer and the next request. */
  readonly idleMs: number;
}

/** As much of an IncomingMessage as the gateway's steps for short paths look at. */
export class WholeRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly whole: Uint8Array;
  readonly socket: Socket;

  constructor(method: string, url: string, headers: Headers, whole: Uint8Array, socket: Socket) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.whole = whole;
    this.socket = socket;
  }

  /** There is no rest to discard. */
  resume(): this {
    return this;
  }
}

/** As much of a ServerResponse as answering with one body takes. */
export class WholeResponse {
  headersSent = false;
  writableEnded = false;
  #head = "";
  readonly #listeners: (() => void)[] = [];
  readonly #connection: ShortConnection;

  constructor(connection: ShortConnection) {
    this.#connection = connection;
  }

  get destroyed(): boolean {
    return this.#connection.socket.destroyed;
  }

  get closed(): boolean {
    return this.#connection.socket.closed;
  }

  once(event: "close", listener: () => void): this {
    this.#connection.socket.once(event, listener);
    this.#listeners.push(listener);
    return this;
  }

  writeHead(status: number, headers: Readonly<Record<string, string>>): this {
    this.#head = this.#connection.headOf(status, headers);
    this.headersSent = true;
    return this;
  }

  end(body: string | Uint8Array): this {
    this.writableEnded = true;
    for (const listener of this.#listeners) this.#connection.socket.off("close", listener);
    this.#connection.answer(this.#head, body);
    return this;
  }

  destroy(): this {
    this.#connection.socket.destroy();
    return this;
  }
}

/**
 * Called once: without bytes when the connection is closed, or when it is somebody else's from now on, with
 * what was read of it and lies in its buffer again.
 */
export type Leave = (connection: ShortConnection, read: Buffer | undefined) => void;

const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** One connection for as long as it comes the short way. */
export class ShortConnection {
  readonly socket: Socket;
  readonly #way: ShortWay;
  readonly #times: ShortWayTimes;
  readonly #leave: Leave;
  #busy = false;
  /** What came before the answer to the request before it. */
  #held: Buffer[] = [];

  constructor(socket: Socket, way: ShortWay, times: ShortWayTimes, leave: Leave) {
    this.socket = socket;
    this.#way = way;
    this.#times = times;
    this.#leave = leave;
    socket.setTimeout(times.firstMs);
    socket.on("data", this.#onData);
    socket.on("end", this.#onEnd);
    socket.on("error", this.#onError);
    socket.on("timeout", this.#onTimeout);
    socket.on("close", this.#onClose);
  }

  get busy(): boolean {
    return this.#busy;
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#busy) {
      this.#held.push(chunk);
      this.socket.pause();
      return;
    }
    const head = readWhole(chunk);
    if (head === undefined || !this.#way.takes(head.method, pathOf(head.url), head.headers))
      return this.#handOver(chunk);
    this.#busy = true;
    const request = new WholeRequest(
      head.method,
      head.url,
      head.headers,
      chunk.subarray(head.bodyAt),
      this.socket,
    );
    this.#way.handle(request, new WholeResponse(this));
  };

  /** Who says no more is gone, as for node:http: a poll that waits for them must end. */
  readonly #onEnd = (): void => void this.socket.end();

  readonly #onError = (): void => void this.socket.destroy();

  readonly #onTimeout = (): void => {
    if (!this.#busy) this.socket.destroy();
  };

  readonly #onClose = (): void => this.#leave(this, undefined);

  headOf(status: number, headers: Readonly<Record<string, string>>): string {
    let head = `HTTP/1.1 ${String(status)} ${http.STATUS_CODES[status] ?? "Unknown"}\r\n`;
    for (const name in headers) {
      const value = headers[name] as string;
      if (!HEADER_VALUE.test(value))
        throw new TypeError(`the header ${name} has characters no header may have`);
      head += `${name}: ${value}\r\n`;
    }
    const seconds = String(Math.floor(this.#times.idleMs / 1000));
    return `${head}Date: ${dateText(this.#way.nowMs())}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n`;
  }

  answer(head: string, body: string | Uint8Array): void {
    const { socket } = this;
    const bytes = typeof body === "string" ? Buffer.from(body) : body;
    const whole = Buffer.allocUnsafe(head.length + bytes.length);
    whole.write(head, 0, "latin1");
    whole.set(bytes, head.length);
    this.#busy = false;
    if (!socket.writable) return;
    const isRoom = socket.write(whole);
    if (this.#held.length > 0) {
      this.#handOver(Buffer.concat(this.#held));
    } else if (!isRoom) {
      // Nothing more is read of a client that does not read its answers.
      socket.pause();
      socket.once("drain", () => socket.resume());
    } else if (socket.timeout !== this.#times.idleMs) {
      socket.setTimeout(this.#times.idleMs);
    }
  }

  #handOver(read: Buffer): void {
    const { socket } = this;
    this.#held = [];
    socket.setTimeout(0);
    socket.off("data", this.#onData);
    socket.off("end", this.#onEnd);
    socket.off("error", this.#onError);
    socket.off("timeout", this.#onTimeout);
    socket.off("close", this.#onClose);
    socket.pause();
    socket.unshift(read);
    this.#leave(this, read);
  }
}

function pathOf(url: string): string {
  const mark = url.indexOf("?");
  return mark < 0 ? url : url.slice(0, mark);
}

/** The steps of the gateway for short paths look at no more than a WholeRequest and a WholeResponse have. */
export function asHttp(
  handle: (request: IncomingMessage, response: ServerResponse) => void,
): ShortWay["handle"] {
  return handle as unknown as ShortWay["handle"];
}

let dated = { second: 0, text: "" };

/** https://www.rfc-editor.org/rfc/rfc9110#field.date; made once a second. */
function dateText(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (dated.second !== second) dated = { second, text: new Date(nowMs).toUTCString() };
  return dated.text;
}
