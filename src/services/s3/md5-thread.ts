/** Computes MD5s in a thread of its own: several bodies at once, each under its id. */
import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import type { FromMd5Thread, ToMd5Thread } from "./md5.ts";

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread");
const send = (message: FromMd5Thread): void => port.postMessage(message);
const running = new Map<number, Hash>();

function take(id: number): Hash {
  let hash = running.get(id);
  if (hash === undefined) running.set(id, (hash = createHash("md5")));
  return hash;
}

port.on("message", (message: ToMd5Thread) => {
  const { id } = message;
  if (message.kind === "bytes") {
    take(id).update(message.bytes);
    send({ kind: "taken", id, bytes: message.bytes.length });
  } else {
    if (message.kind === "end") send({ kind: "md5", id, md5: take(id).digest("hex") });
    running.delete(id);
  }
});
