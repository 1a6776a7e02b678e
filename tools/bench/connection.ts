/** One kept connection, one request after the other; sees the moment an answer is whole. */
import { connect } from "node:net";
import process from "node:process";

export interface TimedAnswer {
  readonly status: number;
  readonly bodyBytes: number;
  /** CLOCK_MONOTONIC in nanoseconds: one clock for all processes of this machine. */
  readonly answeredNs: bigint;
}

export interface Connection {
  ask(request: Uint8Array): Promise<TimedAnswer>;
  close(): void;
}

const CRLF2 = Buffer.from("\r\n\r\n");

export function openConnection(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    let head: Buffer = Buffer.alloc(0);
    /** Bytes of the body that are still to come; undefined while the head is read. */
    let missing: number | undefined;
    let bodyBytes = 0;
    let status = 0;
    let answered: PromiseWithResolvers<TimedAnswer> | undefined;
    socket.on("data", (chunk: Buffer) => {
      if (missing === undefined) {
        head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
        const end = head.indexOf(CRLF2);
        if (end < 0) return;
        const text = head.toString("latin1", 0, end);
        status = Number(text.slice(9, 12));
        bodyBytes = Number(/^content-length: *(\d+)/im.exec(text)?.[1] ?? 0);
        missing = bodyBytes - (head.length - end - CRLF2.length);
      } else missing -= chunk.length;
      if (missing > 0) return;
      head = Buffer.alloc(0);
      missing = undefined;
      answered?.resolve({ status, bodyBytes, answeredNs: process.hrtime.bigint() });
    });
    socket.once("error", reject);
    socket.on("close", () => answered?.reject(new Error("the connection was closed")));
    socket.once("connect", () =>
      resolve({
        ask(request) {
          answered = Promise.withResolvers();
          socket.write(request);
          return answered.promise;
        },
        close: () => socket.destroy(),
      }),
    );
  });
}
