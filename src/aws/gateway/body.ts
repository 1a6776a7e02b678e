import type { IncomingMessage } from "node:http";

import type { WholeRequest } from "./short-way.ts";

/** Bytes of bodies held at once, over all requests: what slow clients can hold is this and no more. */
export interface BodyBudget {
  held: number;
  readonly max: number;
}

export type BodyFailure = "too-large" | "no-room" | "aborted";

const EMPTY = new Uint8Array();

/**
 * Collects a body of at most `max` bytes. A stated length is allocated once, and only when its first
 * bytes have come; pages that are never written cost nothing. The bytes count against the budget
 * until `release` is called.
 */
export function readBody(
  request: IncomingMessage & Partial<Pick<WholeRequest, "whole">>,
  max: number,
  budget: BodyBudget,
  done: (body: Uint8Array, failure: BodyFailure | undefined, heldBytes: number) => void,
): void {
  if (request.whole !== undefined) {
    const bytes = request.whole.length;
    if (budget.held + bytes > budget.max) return done(EMPTY, "no-room", 0);
    budget.held += bytes;
    return done(request.whole, undefined, bytes);
  }
  const stated = request.headers["content-length"];
  const length = stated === undefined ? undefined : Number(stated);
  if (length === 0 || (length === undefined && request.headers["transfer-encoding"] === undefined)) {
    // There is nothing to come, but `end` must be consumed for the connection to be reused.
    request.resume();
    done(EMPTY, undefined, 0);
    return;
  }
  if (length !== undefined && length > max) {
    discard(request);
    done(EMPTY, "too-large", 0);
    return;
  }
  let held = 0;
  let received = 0;
  let whole: Uint8Array | undefined;
  const chunks: Uint8Array[] = [];

  function finish(body: Uint8Array, failure: BodyFailure | undefined): void {
    request.off("data", onData);
    request.off("end", onEnd);
    request.off("close", onClose);
    if (failure !== undefined) {
      budget.held -= held;
      held = 0;
      if (failure !== "aborted") discard(request);
    }
    done(body, failure, held);
  }

  function onData(chunk: Buffer): void {
    received += chunk.length;
    if (received > max) return finish(EMPTY, "too-large");
    if (budget.held + chunk.length > budget.max) return finish(EMPTY, "no-room");
    held += chunk.length;
    budget.held += chunk.length;
    if (length === undefined || chunk.length === length) {
      chunks.push(chunk);
      return;
    }
    whole ??= Buffer.allocUnsafeSlow(length);
    whole.set(chunk, received - chunk.length);
  }

  function onEnd(): void {
    const [first] = chunks;
    finish(whole ?? (chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks)), undefined);
  }

  function onClose(): void {
    finish(EMPTY, "aborted");
  }

  request.on("data", onData);
  request.on("end", onEnd);
  request.on("close", onClose);
}

const DISCARD_MAX = 256 * 1024 * 1024;

/** Reads on without keeping: a client that is still sending would not see an answer otherwise. */
function discard(request: IncomingMessage): void {
  let left = DISCARD_MAX;
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) request.destroy();
  });
  request.resume();
}
