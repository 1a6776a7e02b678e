import type { IncomingMessage, ServerResponse } from "node:http";

import type { ServiceModel } from "../model/model.ts";
import type { ProtocolId } from "../model/table.ts";
import type { Headers } from "../protocol/types.ts";
import { readSignature, type SignatureReading } from "../sigv4/signature.ts";
import type { Identity } from "./authenticate.ts";
import type { Surroundings } from "./context.ts";
import type { RequestOrigin } from "./options.ts";
import { withQueryHeaders } from "./presigned.ts";

/** A request on its way through the steps. Filled in as they learn more. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly origin: RequestOrigin;
  readonly requestId: string;
  readonly startedMs: number;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Headers;
  readonly signature: SignatureReading;
  service: string;
  operation: string;
  protocol: ProtocolId;
  model: ServiceModel | undefined;
  identity: Identity | undefined;
  /** Of an answer that AWS would have refused to give. */
  hint: string | undefined;
  heldBytes: number;
  /** A foreign page's request that the bucket's own rules let in. */
  isInvited: boolean;
  /** Takes the place of the usual headers for pages. */
  cors: Readonly<Record<string, string>> | undefined;
}

/** The first step: what the head of a request says. */
export function identify(
  request: IncomingMessage,
  response: ServerResponse,
  origin: RequestOrigin,
  { clock, random }: Pick<Surroundings, "clock" | "random">,
): Exchange {
  const url = request.url ?? "/";
  const mark = url.indexOf("?");
  const query = mark < 0 ? "" : url.slice(mark + 1);
  const headers = withQueryHeaders(request.headers as Headers, query);
  return {
    request,
    response,
    origin,
    requestId: random.uuid(),
    startedMs: clock.monotonic(),
    method: request.method ?? "GET",
    path: mark < 0 ? url : url.slice(0, mark),
    query,
    headers,
    signature: readSignature(headers, query),
    service: "",
    operation: "",
    protocol: "restJson1",
    model: undefined,
    identity: undefined,
    hint: undefined,
    heldBytes: 0,
    isInvited: false,
    cors: undefined,
  };
}
