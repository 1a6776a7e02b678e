import { loadModel } from "../model/model.ts";
import { encodeOutput, prepare } from "../protocol/codec.ts";
import type { Value, WireResponse } from "../protocol/types.ts";
import type { Service } from "../service.ts";
import type { Admission } from "./admission.ts";
import type { Answers } from "./answers.ts";
import { authenticate, type AuthenticateOptions } from "./authenticate.ts";
import type { Exchange } from "./exchange.ts";

export interface WebsiteDeps {
  readonly admission: Admission;
  readonly answers: Answers;
  readonly authentication: AuthenticateOptions;
}

/** A reader of the website that a bucket is. Whatever the request brings, nobody has signed it. */
export async function serveWebsite(
  exchange: Exchange,
  service: Service,
  bucket: string,
  { admission, answers, authentication }: WebsiteDeps,
): Promise<WireResponse> {
  const { method, path, query, headers, requestId, request } = exchange;
  request.resume();
  const model = await loadModel(service.name);
  exchange.service = service.name;
  exchange.protocol = model.protocols[0] ?? exchange.protocol;
  exchange.model = model;
  const { protocol } = exchange;
  await prepare(protocol);
  const host = headers.host ?? "";
  const answer = await service.website?.(
    { bucket, method, path, headers, host, requestId },
    async (operation, input) => {
      exchange.operation = operation;
      const parts = { method, path, query, headers, body: undefined, protocol, bucket };
      const identity = await authenticate({ kind: "unsigned" }, parts, authentication, 0);
      const context = admission.contextOf(exchange, identity);
      await admission.authorize(exchange, input as Value, context);
      return context;
    },
  );
  const { status = 500, body = "", object } = answer ?? {};
  const operation = object === undefined ? undefined : model.operations.get(object.operation);
  if (object === undefined || operation === undefined) {
    return { status, headers: { ...answer?.headers }, body };
  }
  const wire = encodeOutput(operation, protocol, object.output as Value, requestId, (cause) =>
    answers.failureOf(exchange, cause),
  );
  // What is only a part of the object says so itself.
  return {
    ...wire,
    status: status === 200 ? wire.status : status,
    headers: { ...wire.headers, ...answer?.headers },
  };
}
