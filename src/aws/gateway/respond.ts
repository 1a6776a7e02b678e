import type { ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { crc32 } from "node:zlib";

import { headerText, HINT_HEADER } from "../hint.ts";
import type { WireResponse } from "../protocol/types.ts";

export interface ResponseExtras {
  readonly requestId: string;
  readonly isS3: boolean;
  readonly checksum: boolean;
  readonly hint: string | undefined;
  /** The Origin to answer to; undefined for everything but an allowed browser page. */
  readonly origin: string | undefined;
}

/** Answers that are JSON, XML or a payload have their length stated; streams are chunked. */
export function send(
  response: ServerResponse,
  wire: WireResponse,
  extras: ResponseExtras,
): void | Promise<void> {
  const { headers, body } = wire;
  if (extras.isS3) {
    headers["x-amz-request-id"] = extras.requestId;
    headers["x-amz-id-2"] = extras.requestId;
    headers["Server"] = "AmazonS3";
  } else headers["x-amzn-RequestId"] ??= extras.requestId;
  if (extras.hint !== undefined) headers[HINT_HEADER] = headerText(extras.hint);
  if (extras.origin !== undefined) Object.assign(headers, corsHeaders(extras.origin));
  if (typeof body === "string" || body instanceof Uint8Array) {
    if (extras.checksum) headers["x-amz-crc32"] = String(crc32(body));
    if (wire.status !== 204 && wire.status !== 304) {
      const length = typeof body === "string" ? Buffer.byteLength(body) : body.length;
      headers["Content-Length"] ??= String(length);
    }
    response.writeHead(wire.status, headers);
    response.end(body);
    return;
  }
  response.writeHead(wire.status, headers);
  // Events must not wait for the first of them to fill a packet with the headers.
  response.flushHeaders();
  const source = body instanceof Readable ? body : Readable.from(body, { objectMode: false });
  source.pipe(response);
  source.once("error", () => response.destroy());
  response.once("close", () => source.destroy());
  return finished(response).catch(() => undefined);
}

export function corsHeaders(origin: string): Record<string, string> {
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Expose-Headers":
      "*, x-amzn-RequestId, x-amzn-ErrorType, x-amz-request-id, x-lambent-hint",
    Vary: "Origin",
  };
}

export function preflightHeaders(origin: string, asked: string | undefined): Record<string, string> {
  return {
    ...corsHeaders(origin),
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": headerText(asked ?? "*"),
    "Access-Control-Max-Age": "600",
  };
}
