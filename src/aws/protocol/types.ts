import type { Readable } from "node:stream";

import type { Operation } from "../model/model.ts";
import type { ProtocolId } from "../model/table.ts";

export type Headers = Readonly<Record<string, string | undefined>>;

/** A request as the codec sees it: bytes in memory, or a stream where the input has a streamed body. */
export interface WireRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  readonly headers: Headers;
  readonly body: Uint8Array | Readable | AsyncIterable<Uint8Array>;
}

export type WireBody = string | Uint8Array | Readable | AsyncIterable<Uint8Array>;

export interface WireResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: WireBody;
}

/** What the router found out about a request. */
export interface Route {
  readonly operation: Operation;
  readonly protocol: ProtocolId;
  /** Path labels, decoded. REST only. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A decoded structure: member names to values. */
export type Value = Record<string, unknown>;
