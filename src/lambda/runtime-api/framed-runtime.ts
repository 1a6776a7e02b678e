import type { Socket } from "node:net";
import { LIMITS } from "../../kernel/limits.ts";
import { FrameType, type InitMessage, type InvokeMessage } from "./frames.ts";
import {
  decodeLog,
  decodeTagged,
  encodeFrame,
  encodeInit,
  encodeInvoke,
  FrameParser,
} from "./frame-codec.ts";
import { errorJson, RESPONSE_TOO_LARGE, type RuntimeEvents, type RuntimeLink } from "./link.ts";

/** The framed interface over the socket that the sandbox's first process holds as descriptor 3. */
export class FramedRuntime implements RuntimeLink {
  readonly #socket: Socket;
  readonly #events: RuntimeEvents;
  /** The id an answer must carry; undefined between invocations. */
  #requestId: string | undefined;
  #closed = false;

  constructor(socket: Socket, events: RuntimeEvents) {
    this.#socket = socket;
    this.#events = events;
    const parser = new FrameParser((type, body) => this.#onFrame(type, body));
    socket.on("data", (chunk: Buffer) => {
      if (this.#closed) return;
      try {
        parser.push(chunk);
      } catch (error) {
        this.#violation(error instanceof Error ? error.message : String(error));
      }
    });
    // The end of the process is told by the sandbox; a broken pipe only precedes it.
    socket.on("error", () => undefined);
  }

  init(message: InitMessage): void {
    this.#write(encodeInit(message));
  }

  invoke(message: InvokeMessage, payload: Uint8Array): void {
    this.#requestId = message.requestId;
    this.#write(encodeInvoke(message, payload));
  }

  shutdown(): void {
    this.#write(encodeFrame(FrameType.shutdown));
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #write(frame: Buffer): void {
    if (!this.#closed && this.#socket.writable) this.#socket.write(frame);
  }

  #violation(reason: string): void {
    this.#closed = true;
    this.#events.onViolation(reason);
  }

  #onFrame(type: FrameType, body: Buffer): void {
    if (this.#closed) return;
    switch (type) {
      case FrameType.response:
        return this.#onAnswer(body, false);
      case FrameType.error:
        return this.#onAnswer(body, true);
      case FrameType.log:
        return this.#events.onLog(decodeLog(body));
      case FrameType.booted:
        return this.#events.onBooted();
      case FrameType.ready:
        return this.#events.onReady();
      case FrameType.initError:
        return this.#events.onInitError(body, undefined);
      case FrameType.fatal:
        return this.#events.onFatal(decodeTagged(body).rest);
      case FrameType.init:
      case FrameType.invoke:
      case FrameType.shutdown:
        return this.#violation("a runtime sent a frame that only the server sends");
    }
  }

  #onAnswer(body: Buffer, isError: boolean): void {
    const { tag, rest } = decodeTagged(body);
    if (this.#requestId === undefined || tag !== this.#requestId) {
      return this.#violation("a runtime answered a request id that it was not given");
    }
    this.#requestId = undefined;
    if (rest.length > LIMITS.syncResponseBytes) this.#events.onError(responseTooLarge(), RESPONSE_TOO_LARGE);
    else if (isError) this.#events.onError(rest, undefined);
    else this.#events.onResponse(rest);
    this.#events.onIdle();
  }
}

export function responseTooLarge(): Buffer {
  return errorJson(
    RESPONSE_TOO_LARGE,
    `Response payload size exceeded maximum allowed payload size (${String(LIMITS.syncResponseBytes)} bytes).`,
  );
}
