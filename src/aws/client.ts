import { randomUUID } from "node:crypto";

import type { Clock } from "../kernel/clock.ts";
import { ServiceError } from "../kernel/errors.ts";
import { loadModel } from "./model/model.ts";
import { readResponse } from "./protocol/client-read.ts";
import { writeRequest } from "./protocol/client-write.ts";
import type { Value } from "./protocol/types.ts";
import { type Credentials, signRequest } from "./sigv4/sign.ts";

export interface ClientOptions {
  /** Base URL, e.g. `http://127.0.0.1:4566`. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  /** Default: the machine's time. */
  readonly clock?: Pick<Clock, "now">;
  /** Default: Node's own. */
  readonly fetch?: typeof fetch;
}

export interface Client {
  /**
   * Calls an operation of a service (`lambda`, `Invoke`). Input and output have the shapes of the AWS
   * SDK for JavaScript. Throws a ServiceError with AWS's code, status and message, and our hint; a
   * connection that fails throws as `fetch` does.
   */
  call(service: string, operation: string, input?: Readonly<Value>): Promise<Value>;
}

const machine = { now: (): number => performance.timeOrigin + performance.now() };

/** A small client over the same tables as the server's, for the command line and for adapters. */
export function createClient(options: ClientOptions): Client {
  const base = new URL(options.endpoint);
  const clock = options.clock ?? machine;
  const send = options.fetch ?? fetch;
  return {
    async call(service, name, input = {}) {
      const model = await loadModel(service);
      const operation = model.operations.get(name);
      if (operation === undefined) {
        throw new ServiceError("UnknownOperationException", 400, `${model.title} has no operation ${name}`);
      }
      const request = writeRequest(operation, withTokens(operation.input.members, input));
      const headers = signRequest({
        ...request,
        headers: { ...request.headers, host: base.host },
        region: options.region,
        service: model.signingName,
        credentials: options.credentials,
        nowMs: clock.now(),
      });
      const query = request.query === "" ? "" : `?${request.query}`;
      const hasBody = request.method !== "GET" && request.method !== "HEAD";
      const { host: _, ...sent } = headers;
      const response = await send(`${base.origin}${request.path}${query}`, {
        method: request.method,
        headers: sent,
        ...(hasBody ? { body: request.body } : {}),
      });
      const body = new Uint8Array(await response.arrayBuffer());
      return readResponse(operation, response.status, Object.fromEntries(response.headers), body);
    },
  };
}

/** Idempotency tokens that the caller left out. */
function withTokens(
  members: readonly { readonly name: string; readonly token: boolean }[],
  input: Readonly<Value>,
): Value {
  const filled: Value = { ...input };
  for (const { name, token } of members) if (token) filled[name] ??= randomUUID();
  return filled;
}
