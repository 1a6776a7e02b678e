import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";

import { machineNow } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { loadModel, type ServiceModel } from "../model/model.ts";
import type { ProtocolId } from "../model/table.ts";
import { decodeInput, encodeOutput, prepare } from "../protocol/codec.ts";
import { encodeError } from "../protocol/errors.ts";
import { WIRE_HABITS } from "../protocol/habits.ts";
import type { Headers, Route, Value, WireResponse } from "../protocol/types.ts";
import { validateInput } from "../protocol/validate.ts";
import type { CrossOriginAnswer, Service, ShortPath } from "../service.ts";
import { readSignature, type SignatureReading } from "../sigv4/signature.ts";
import { chunkKeyOf, unchunked } from "./aws-chunked.ts";
import { authenticate, authenticateForm, type Identity } from "./authenticate.ts";
import { askServices, crossOriginRequest } from "./cross-origin.ts";
import { type BodyBudget, readBody } from "./body.ts";
import { Context, type Surroundings } from "./context.ts";
import { createGuard } from "./guard.ts";
import { GATEWAY_LIMITS, type Gateway, type GatewayOptions, type RequestOrigin } from "./options.ts";
import { notImplemented, tooLarge, unknownOperation } from "./refusals.ts";
import { withQueryHeaders } from "./presigned.ts";
import { preflightHeaders, send } from "./respond.ts";
import { routeRequest, type Routing } from "./route.ts";
import { asHttp } from "./short-way.ts";

export type {
  AuthorizeRequest,
  Gateway,
  GatewayLimits,
  GatewayOptions,
  RequestOrigin,
  RequestRecord,
} from "./options.ts";
export { GATEWAY_LIMITS } from "./options.ts";

/** A request on its way through the steps. Filled in as they learn more. */
interface Exchange {
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

const INTERNAL_PATH = /^\/_(?:lambent|localstack)(?:\/|$)/u;
const FORM = "application/x-www-form-urlencoded";

export function createGateway(options: GatewayOptions): Gateway {
  const limits = { ...GATEWAY_LIMITS, ...options.limits };
  const { clock, random, log } = options;
  const around: Surroundings = { clock, random, log };
  const guard = createGuard({
    publicSuffix: options.publicSuffix,
    allowedOrigins: options.allowedOrigins ?? [],
    anyHost: options.anyHost === true,
  });
  const services = new Map(options.services.map((service) => [service.name, service]));
  const shortPaths = options.services.flatMap((service) =>
    (service.shortPaths ?? []).map((shortPath) => ({ service: service.name, shortPath })),
  );
  const budget: BodyBudget = { held: 0, max: limits.bufferedBytes };
  const authentication = {
    keys: options.keys,
    defaultAccountId: options.defaultAccountId,
    requireKnownKeys: options.requireKnownKeys === true,
  };

  /** The steps, in their order: identify, guard, route, authenticate, decode, authorize, validate, operation, encode, account. */
  function handle(request: IncomingMessage, response: ServerResponse, origin: RequestOrigin): void {
    const exchange = identify(request, response, origin);
    const { method, path, headers } = exchange;
    if (headers.origin === undefined) return pass(exchange);
    const asked = crossOriginRequest({
      method,
      path,
      headers,
      hostBucket: guard.bucketOf(headers.host ?? ""),
    });
    if (asked === undefined) return pass(exchange);
    askServices(services.values(), asked).then(
      (answer) => passCrossOrigin(exchange, asked.isPreflight, answer),
      (cause: unknown) => serve(exchange, Promise.reject(failureOf(exchange, cause))),
    );
  }

  /** A page's request to a bucket with CORS rules: those decide where the guard would refuse. */
  function passCrossOrigin(
    exchange: Exchange,
    isPreflight: boolean,
    answer: CrossOriginAnswer | undefined,
  ): void {
    const { request, response, headers, requestId, signature } = exchange;
    if (answer === undefined || guard.refusal(headers, true) !== undefined) return pass(exchange);
    exchange.cors = answer.headers ?? {};
    if (!isPreflight) {
      const isForeign = guard.refusal(headers) !== undefined;
      // Nobody's request acts as the account here, so a foreign page needs a signature.
      const mayAsk = signature.kind !== "unsigned" || answer.isPublic;
      exchange.isInvited = isForeign && answer.headers !== undefined && mayAsk;
      return pass(exchange);
    }
    request.resume();
    if (answer.headers === undefined && answer.refusal !== undefined) {
      exchange.protocol = "restXml";
      return serve(exchange, Promise.reject(answer.refusal));
    }
    response.writeHead(200, {
      "x-amz-request-id": requestId,
      "x-amz-id-2": requestId,
      ...answer.headers,
      "Content-Length": "0",
    });
    response.end();
  }

  function pass(exchange: Exchange): void {
    if (isAnsweredAtTheDoor(exchange)) return;
    for (const { service, shortPath } of shortPaths) {
      const labels = shortPath.match(exchange.method, exchange.path);
      if (labels !== undefined) {
        exchange.service = service;
        exchange.operation = shortPath.operation;
        exchange.protocol = "restJson1";
        serve(exchange, serveShortPath(exchange, shortPath, labels));
        return;
      }
    }
    serve(exchange, serveOperation(exchange));
  }

  function identify(request: IncomingMessage, response: ServerResponse, origin: RequestOrigin): Exchange {
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

  /** Guard, preflight and the server's own routes: what never becomes an AWS request. */
  function isAnsweredAtTheDoor(exchange: Exchange): boolean {
    const { request, response, headers, path, origin, requestId } = exchange;
    const refused = guard.refusal(headers, exchange.isInvited);
    if (refused !== undefined) {
      refuseAtDoor(exchange, "AccessDeniedException", refused);
      return true;
    }
    if (!path.startsWith("/")) {
      refuseAtDoor(exchange, "BadRequest", "this endpoint is no proxy: ask for a path", 400);
      return true;
    }
    if (exchange.method === "OPTIONS" && headers.origin !== undefined) {
      request.resume();
      response.writeHead(204, {
        "x-amzn-RequestId": requestId,
        ...preflightHeaders(headers.origin, headers["access-control-request-headers"]),
      });
      response.end();
      return true;
    }
    if (!INTERNAL_PATH.test(path)) return false;
    if (origin.fromSandbox) {
      refuseAtDoor(exchange, "AccessDeniedException", "functions may not call the server's own routes");
      return true;
    }
    if (options.internalRoutes?.(request, response, origin) === true) return true;
    refuseAtDoor(exchange, "NotFound", `there is no ${path.replaceAll(/[^\x20-\x7e]/gu, "?")}`, 404);
    return true;
  }

  function refuseAtDoor(
    { request, response, requestId }: Exchange,
    code: string,
    why: string,
    status = 403,
  ): void {
    request.resume();
    const body = JSON.stringify({ message: why });
    response.writeHead(status, {
      "Content-Type": "application/json",
      "Content-Length": String(Buffer.byteLength(body)),
      "x-amzn-ErrorType": code,
      "x-amzn-RequestId": requestId,
    });
    response.end(body);
  }

  /** Sends what a request came to, whatever that is, and accounts for it. */
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
    const sent = send(response, answer, {
      requestId,
      isS3: exchange.protocol === "restXml",
      checksum: habits?.checksum === true,
      hint: error?.hint ?? exchange.hint,
      origin: exchange.cors === undefined ? exchange.headers.origin : undefined,
    });
    options.onRequest?.({
      service,
      operation,
      status: answer.status,
      ms: clock.monotonic() - exchange.startedMs,
      requestId,
      accountId: exchange.identity?.accountId ?? options.defaultAccountId,
      region: regionOf(exchange),
      fromSandbox: exchange.origin.fromSandbox,
      ...(error === undefined ? {} : { errorCode: error.code }),
    });
    return sent;
  }

  async function encodeFailure(exchange: Exchange, error: ServiceError | undefined): Promise<WireResponse> {
    const failure = error ?? internalFailure(exchange);
    // A failure before the tables were looked at, or of a service that has none, needs no more than a name.
    const model =
      exchange.model ?? (services.has(exchange.service) ? await loadModel(exchange.service) : NO_MODEL);
    return encodeError(
      model,
      exchange.protocol,
      failure,
      exchange.requestId,
      await prepare(exchange.protocol),
    );
  }

  function failureOf(exchange: Exchange, cause: unknown): ServiceError {
    if (cause instanceof ServiceError) return cause;
    const { service, operation, requestId } = exchange;
    const stack = cause instanceof Error ? cause.stack : String(cause);
    log.error({ service, operation, requestId, stack }, "an operation failed because of a bug");
    return internalFailure(exchange);
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

  function regionOf({ signature }: Exchange): string {
    return signature.kind === "signed" ? signature.signature.region : options.defaultRegion;
  }

  function body(exchange: Exchange, max: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      readBody(exchange.request, max, budget, (bytes, failure, held) => {
        exchange.heldBytes += held;
        if (failure === undefined) resolve(bytes);
        else reject(tooLarge(failure, max, exchange.operation));
      });
    });
  }

  function maxBytes(service: string): number {
    return limits.requestBytesOf[service] ?? limits.requestBytes;
  }

  /** Authenticate; the same for the short path and for everything else. */
  function admit(exchange: Exchange, bytes: Uint8Array | undefined): Context | Promise<Context> {
    const { method, path, query, headers, protocol } = exchange;
    const bucket = guard.bucketOf(headers.host ?? "");
    const parts = { method, path, query, headers, body: bytes, protocol, bucket };
    const claim = authenticate(exchange.signature, parts, authentication, machineNow(clock));
    return claim instanceof Promise
      ? claim.then((identity) => contextOf(exchange, identity))
      : contextOf(exchange, claim);
  }

  function contextOf(exchange: Exchange, identity: Identity): Context {
    const { headers, service, operation, origin } = exchange;
    exchange.identity = identity;
    const { caller, accountId } = identity;
    const region = regionOf(exchange);
    return new Context(
      {
        accountId,
        region,
        requestId: exchange.requestId,
        service,
        operation,
        caller,
        endpoint: options.endpoint(headers.host),
        fromSandbox: origin.fromSandbox,
        headers,
      },
      around,
      exchange.response,
    );
  }

  /** Throws the refusal; what is allowed although AWS would refuse it gets its hint into the exchange. */
  function authorize(exchange: Exchange, input: Value, context: Context): void | Promise<void> {
    const service = services.get(exchange.service);
    if (options.authorize === undefined || service === undefined) return;
    const { operation, origin, request } = exchange;
    const sourceIp = (): string | undefined => request.socket.remoteAddress;
    const hint = options.authorize({ service, operation, input, context, origin, sourceIp });
    if (hint instanceof Promise) return hint.then((text) => void (exchange.hint = text));
    exchange.hint = hint;
  }

  async function serveShortPath(
    exchange: Exchange,
    shortPath: ShortPath,
    labels: Readonly<Record<string, string>>,
  ): Promise<WireResponse> {
    const { method, path, query, headers } = exchange;
    const bytes = await body(exchange, maxBytes(exchange.service));
    const admitted = admit(exchange, bytes);
    const context = admitted instanceof Promise ? await admitted : admitted;
    const asked = query === "" ? labels : { ...Object.fromEntries(new URLSearchParams(query)), ...labels };
    const permitted = authorize(exchange, asked, context);
    if (permitted !== undefined) await permitted;
    return shortPath.handle(labels, { method, path, query, headers, body: bytes }, context);
  }

  async function serveOperation(exchange: Exchange): Promise<WireResponse> {
    const { signature, headers } = exchange;
    const scopeService = signature.kind === "signed" ? signature.signature.service : undefined;
    // Only the query protocol says in its body what is asked for.
    const isForm =
      headers["content-type"]?.startsWith(FORM) === true && headers["x-amz-target"] === undefined;
    const form = isForm && !isRestScope(scopeService) ? await body(exchange, limits.requestBytes) : undefined;
    const routing = await routeRequest({
      method: exchange.method,
      path: exchange.path,
      query: exchange.query,
      headers,
      scopeService,
      body: form,
      bucket: guard.bucketOf(headers.host ?? ""),
    });
    const takesForms = formService(exchange, routing);
    if (takesForms !== undefined) return serveForm(exchange, takesForms);
    const route = settle(exchange, routing);
    if (exchange.isInvited && services.get(exchange.service)?.crossOrigin === undefined) {
      throw new ServiceError("AccessDenied", 403, "Pages of other sites may only ask for what invites them.");
    }
    const { operation, protocol } = route;
    await prepare(protocol);
    const isStreamed =
      operation.input.payload?.stream === true && WIRE_HABITS[exchange.service]?.streamsBodies === true;
    const bytes = isStreamed ? undefined : (form ?? (await body(exchange, maxBytes(exchange.service))));
    const context = await admit(exchange, bytes);
    const handler = services.get(exchange.service)?.operations[operation.name];
    if (handler === undefined) throw notImplemented(routing, services.has(exchange.service));
    const chunkKey = chunkKeyOf(signature, exchange.identity?.secretAccessKey);
    const input = decodeInput(route, {
      method: exchange.method,
      path: exchange.path,
      query: exchange.query,
      headers,
      body: bytes ?? form ?? unchunked(exchange.request, headers, chunkKey),
    });
    await authorize(exchange, input, context);
    try {
      validateInput(operation, input);
    } catch (error) {
      throw withHint(error, services.get(exchange.service)?.hintFor, input, context);
    }
    const output = (await handler(input as never, context)) as Value | undefined;
    return encodeOutput(operation, protocol, output ?? {}, exchange.requestId, (cause) =>
      failureOf(exchange, cause),
    );
  }

  /** The service that takes a form where the model knows no operation. */
  function formService(exchange: Exchange, routing: Routing): Service | undefined {
    const { method, headers } = exchange;
    if (routing.kind !== "unknown-operation" || method !== "POST") return undefined;
    if (headers["content-type"]?.startsWith("multipart/form-data") !== true) return undefined;
    const service = services.get(routing.model.name);
    return service?.formUpload === undefined ? undefined : service;
  }

  /** A browser's form: its own fields say who sends it. */
  async function serveForm(exchange: Exchange, service: Service): Promise<WireResponse> {
    const { headers, path, request } = exchange;
    exchange.service = service.name;
    exchange.operation = "PutObject";
    exchange.protocol = "restXml";
    exchange.model = await loadModel(service.name);
    const [, first = ""] = path.split("/");
    const upload = {
      bucket: guard.bucketOf(headers.host ?? "") ?? first,
      contentType: headers["content-type"] ?? "",
      body: request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>,
    };
    const raw = await service.formUpload?.(upload, async (fields, input) => {
      const context = contextOf(exchange, await authenticateForm(fields, authentication));
      await authorize(exchange, input, context);
      return context;
    });
    request.resume();
    return { status: raw?.status ?? 500, headers: { ...raw?.headers }, body: raw?.body ?? "" };
  }

  /** Writes into the exchange what the router found; throws for what nobody serves. */
  function settle(exchange: Exchange, routing: Routing): Route {
    if (routing.kind === "operation") {
      exchange.service = routing.model.name;
      exchange.operation = routing.route.operation.name;
      exchange.protocol = routing.route.protocol;
      exchange.model = routing.model;
      return routing.route;
    }
    exchange.protocol = routing.protocol;
    exchange.operation = routing.operation;
    exchange.request.resume();
    if (routing.kind === "unknown-operation") {
      exchange.service = routing.model.name;
      exchange.model = routing.model;
      throw unknownOperation(routing, services.has(exchange.service));
    }
    exchange.service = routing.service;
    throw notImplemented(routing, false);
  }

  function isRestScope(scope: string | undefined): boolean {
    return scope === "lambda" || scope === "s3";
  }

  return {
    handle,
    shortWay: {
      takes: (method, path) =>
        shortPaths.some(({ shortPath }) => shortPath.match(method, path) !== undefined),
      handle: asHttp((request, response) => handle(request, response, { fromSandbox: false })),
      nowMs: () => machineNow(clock),
    },
    async warm(...names) {
      for (const name of names) await loadModel(name);
    },
  };
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

/** The validator's refusal with the service's next step beside it. */
function withHint(error: unknown, hintFor: Service["hintFor"], input: Value, context: Context): unknown {
  if (!(error instanceof ServiceError)) return error;
  const hint = hintFor?.(input, error, context);
  if (hint === undefined) return error;
  return new ServiceError(error.code, error.status, error.message, { members: error.members, hint });
}
