/** The thread of `hasher.ts`: one MD5 for each body under way, fed in the order of the messages. */
import { createHash, type Hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import type { FromHashThread, ToHashThread } from "./hash-protocol.ts";

const port = parentPort;
if (port === null) throw new Error("this file runs as a worker thread");
const hashes = new Map<number, Hash>();

port.on("message", ({ id, block, length, isLast }: ToHashThread) => {
  if (block === undefined) {
    hashes.delete(id);
    return;
  }
  const hash = hashes.get(id) ?? createHash("md5");
  hash.update(new Uint8Array(block, 0, length));
  if (isLast) hashes.delete(id);
  else hashes.set(id, hash);
  // The block goes back to be filled again.
  const answer: FromHashThread = { id, block, digest: isLast ? hash.digest("hex") : undefined };
  port.postMessage(answer, [block]);
});
