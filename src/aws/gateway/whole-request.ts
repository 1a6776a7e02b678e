import type { Headers } from "../protocol/types.ts";

/** A request that came in one piece: its head, and where its body starts. */
export interface WholeHead {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Lower-case names. */
  readonly headers: Headers;
  readonly bodyAt: number;
}

const HEAD_BYTES_MAX = 16_384;
const FIELDS_MAX = 64;
const REQUEST_LINE = /(POST) (\/[\x21-\x7e]*) HTTP\/1\.1\r\n/y;
/** A name, and a value without space around it: https://www.rfc-editor.org/rfc/rfc9112#section-5 */
const FIELD = /([!#$%&'*+\-.^_`|~0-9A-Za-z]+): ?((?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)?)\r\n/y;
const LENGTH = /^\d{1,9}$/;
/** Their meaning is node:http's business. */
const NEVER: ReadonlySet<string> = new Set([
  "__proto__",
  "connection",
  "expect",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Reads exactly one whole, plain POST: HTTP/1.1, a Host, no field twice, nothing about the connection (but
 * `Connection: keep-alive`, which says nothing), a stated length, the body in the same piece and nothing
 * behind it. Whatever is not surely that is undefined here and for node:http to judge.
 */
export function readWhole(chunk: Buffer): WholeHead | undefined {
  const text = chunk.toString("latin1", 0, Math.min(chunk.length, HEAD_BYTES_MAX));
  REQUEST_LINE.lastIndex = 0;
  const line = REQUEST_LINE.exec(text);
  if (line === null) return undefined;
  const headers: Record<string, string> = {};
  let at = REQUEST_LINE.lastIndex;
  for (let count = 0; !text.startsWith("\r\n", at); count += 1) {
    FIELD.lastIndex = at;
    const field = FIELD.exec(text);
    if (field === null || count >= FIELDS_MAX) return undefined;
    const name = (field[1] as string).toLowerCase();
    const value = field[2] as string;
    at = FIELD.lastIndex;
    if (name === "connection" && value.toLowerCase() === "keep-alive") continue;
    if (NEVER.has(name) || headers[name] !== undefined) return undefined;
    headers[name] = value;
  }
  const bodyAt = at + 2;
  const length = headers["content-length"];
  if (headers["host"] === undefined || length === undefined) return undefined;
  if (!LENGTH.test(length) || Number(length) !== chunk.length - bodyAt) return undefined;
  return { method: line[1] as string, url: line[2] as string, headers, bodyAt };
}
