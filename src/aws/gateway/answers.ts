import { Readable } from "node:stream";

import { ServiceError } from "../../kernel/errors.ts";
import { HINT_HEADER, hintText } from "../hint.ts";
import { loadModel, type ServiceModel } from "../model/model.ts";
import { prepare } from "../protocol/codec.ts";
import { encodeError } from "../protocol/errors.ts";
import { WIRE_HABITS } from "../protocol/habits.ts";
import type { WireResponse } from "../protocol/types.ts";
import type { AnsweredRequest, Service } from "../service.ts";
import { regionOf } from "./admission.ts";
import type { BodyBudget } from "./body.ts";
import { sourceAddress } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import type { GatewayOptions, RequestRecord } from "./options.ts";
import { send } from "./respond.ts";

/** The last steps: encode what an operation came to, send it, account for it. */
export interface Answers {
  /** Sends what a request came to, whatever that is. */
  serve(exchange: Exchange, answer: Promise<WireResponse>): void;
  /** The error to answer with; what is no ServiceError is a bug, and logged as one. */
  failureOf(exchange: Exchange, cause: unknown): ServiceError;
}

export function createAnswers(
  options: GatewayOptions,
  services: ReadonlyMap<string, Service>,
  budget: BodyBudget,
  guard: Guard,
): Answers {
  const { clock, log, onRequest, defaultAccountId } = options;

  function serve(exchange: Exchange, answer: Promise<WireResponse>): void {
    answer
      .then(
        (wire) => finish(exchange, wire, undefined),
        (cause: unknown) => finish(exchange, undefined, failureOf(exchange, cause)),
      )
      .catch((cause: unknown) => {
        log.error({ cause: String(cause), requestId: exchange.requestId }, "a response could not be sent");
        exchange.response.destroy();
      });
  }

  /** A promise only where something is waited for: answers in one piece never are. */
  function finish(
    exchange: Exchange,
    wire: WireResponse | undefined,
    error: ServiceError | undefined,
  ): void | Promise<void> {
    budget.held -= exchange.heldBytes;
    exchange.heldBytes = 0;
    if (wire !== undefined) return answerWith(exchange, wire, error);
    return encodeFailure(exchange, error).then((encoded) => answerWith(exchange, encoded, error));
  }

  function answerWith(
    exchange: Exchange,
    answer: WireResponse,
    error: ServiceError | undefined,
  ): void | Promise<void> {
    const { service, operation, requestId, response } = exchange;
    const habits = WIRE_HABITS[service];
    if (response.headersSent || response.destroyed) {
      // What would have been sent may be an open file.
      if (answer.body instanceof Readable) answer.body.destroy();
      return;
    }
    if (exchange.cors !== undefined) Object.assign(answer.headers, exchange.cors);
    const hint = error?.hint ?? exchange.hint;
    const sent = send(response, answer, {
      requestId,
      isS3: exchange.protocol === "restXml",
      checksum: habits?.checksum === true,
      hint,
      origin: exchange.cors === undefined ? exchange.headers.origin : undefined,
    });
    services.get(service)?.answered?.(() => answeredRequest(exchange, answer, error));
    onRequest?.({
      service,
      operation,
      status: answer.status,
      ms: clock.monotonic() - exchange.startedMs,
      requestId,
      accountId: exchange.identity?.accountId ?? defaultAccountId,
      region: regionOf(exchange, options.defaultRegion),
      fromSandbox: exchange.origin.fromSandbox,
      ...(error === undefined ? {} : { errorCode: error.code }),
      ...told(hint ?? hintOf(answer), exchange),
    });
    return sent;
  }

  function answeredRequest(
    exchange: Exchange,
    answer: WireResponse,
    error: ServiceError | undefined,
  ): AnsweredRequest {
    const { method, path, query, headers, requestId, signature, identity, origin, request } = exchange;
    const host = headers.host ?? "";
    const site = guard.websiteOf(host);
    const ms = clock.monotonic() - exchange.startedMs;
    const answered = Object.entries(answer.headers).map(([name, value]) => [name.toLowerCase(), value]);
    return {
      hostBucket: site ?? guard.bucketOf(host),
      isWebsite: site !== undefined,
      method,
      path,
      query,
      headers,
      signature: signature.kind === "signed" ? "SigV4" : signature.kind === "signed-v2" ? "SigV2" : undefined,
      isPresigned: headers.authorization === undefined,
      sourceIp: sourceAddress(request, origin.fromSandbox),
      accountId: identity?.accountId ?? defaultAccountId,
      caller: identity?.caller,
      requestId,
      receivedMs: clock.now() - ms,
      ms,
      status: answer.status,
      errorCode: error?.code,
      answered: Object.fromEntries(answered) as Record<string, string>,
    };
  }

  async function encodeFailure(exchange: Exchange, error: ServiceError | undefined): Promise<WireResponse> {
    const failure = error ?? internalFailure(exchange);
    // A failure before the tables were looked at, or of a service that has none, needs no more than a name.
    const model =
      exchange.model ?? (services.has(exchange.service) ? await loadModel(exchange.service) : NO_MODEL);
    const wire = encodeError(
      model,
      exchange.protocol,
      failure,
      exchange.requestId,
      await prepare(exchange.protocol),
    );
    Object.assign(wire.headers, failure.headers);
    return wire;
  }

  function failureOf(exchange: Exchange, cause: unknown): ServiceError {
    if (cause instanceof ServiceError) return cause;
    const { service, operation, requestId } = exchange;
    const stack = cause instanceof Error ? cause.stack : String(cause);
    log.error({ service, operation, requestId, stack }, "an operation failed because of a bug");
    return internalFailure(exchange);
  }

  return { serve, failureOf };
}

/** The hint that an operation gave its answer. */
function hintOf({ headers }: WireResponse): string | undefined {
  const header = headers[HINT_HEADER];
  return header === undefined ? undefined : hintText(header);
}

function told(hint: string | undefined, { headers }: Exchange): Partial<RequestRecord> {
  return hint === undefined ? {} : { hint, userAgent: headers["user-agent"] ?? "" };
}

function internalFailure({ model, requestId }: Exchange): ServiceError {
  const code = ["ServiceException", "InternalServerError", "ServiceUnavailableException"].find(
    (name) => (model?.errors.get(name)?.status ?? 0) >= 500,
  );
  const hint = `a bug of Lambent: look for ${requestId} in its log and report it`;
  return new ServiceError(code ?? "InternalFailure", 500, "The service encountered an internal error.", {
    hint,
  });
}

/** Stands in for the model of a service without a table: its errors have a code and a message. */
const NO_MODEL: ServiceModel = {
  name: "",
  title: "",
  apiVersion: "",
  signingName: "",
  endpointPrefix: "",
  protocols: [],
  operations: new Map(),
  errors: new Map(),
};
