import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";

import { ServiceError } from "../../kernel/errors.ts";
import type { Headers } from "../protocol/types.ts";

const LINE_MAX = 16_384;

/**
 * The body of a streamed upload, with AWS's own chunking undone where the client used it: each chunk
 * is `<hex size>[;chunk-signature=…]CRLF bytes CRLF`, a chunk of size 0 ends it, trailers follow.
 */
export function unchunked(request: IncomingMessage, headers: Headers): Readable {
  const isChunked =
    headers["content-encoding"]?.includes("aws-chunked") === true ||
    headers["x-amz-content-sha256"]?.startsWith("STREAMING-") === true;
  if (!isChunked) return request;
  return Readable.from(chunkBodies(request), { objectMode: false });
}

function malformed(): ServiceError {
  return new ServiceError("IncompleteBody", 400, "The request body terminated unexpectedly");
}

export async function* chunkBodies(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held = Buffer.alloc(0);
  /** Bytes of the current chunk that are still to come; undefined between chunks. */
  let left: number | undefined;
  let ended = false;
  for await (const piece of source) {
    if (ended) continue;
    held = held.length === 0 ? Buffer.from(piece) : Buffer.concat([held, piece]);
    while (held.length > 0 && !ended) {
      if (left === undefined) {
        const line = held.indexOf("\r\n");
        if (line < 0) {
          if (held.length > LINE_MAX) throw malformed();
          break;
        }
        const [text = ""] = held.toString("latin1", 0, line).split(";");
        held = held.subarray(line + 2);
        if (!/^[0-9a-fA-F]{1,8}$/u.test(text)) throw malformed();
        left = Number.parseInt(text, 16);
        if (left === 0) ended = true;
      } else if (left > 0) {
        const part = held.subarray(0, left);
        left -= part.length;
        held = held.subarray(part.length);
        yield part;
      } else {
        if (held.length < 2) break;
        if (held[0] !== 13 || held[1] !== 10) throw malformed();
        held = held.subarray(2);
        left = undefined;
      }
    }
  }
  if (!ended) throw malformed();
}
