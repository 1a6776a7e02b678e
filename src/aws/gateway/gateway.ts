import type { IncomingMessage, ServerResponse } from "node:http";

import { machineNow } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import { loadModel } from "../model/model.ts";
import { decodeInput, encodeOutput, prepare } from "../protocol/codec.ts";
import { WIRE_HABITS } from "../protocol/habits.ts";
import type { Headers, Route, Value, WireResponse } from "../protocol/types.ts";
import { validateInput } from "../protocol/validate.ts";
import type { Service, ShortPath } from "../service.ts";
import { createAdmission } from "./admission.ts";
import { createAnswers } from "./answers.ts";
import { chunkKeyOf, unchunked } from "./aws-chunked.ts";
import { type BodyBudget, readBody } from "./body.ts";
import type { Context } from "./context.ts";
import { createDoor } from "./door.ts";
import { type Exchange, identify } from "./exchange.ts";
import { formService, serveForm } from "./form-upload.ts";
import { createGuard } from "./guard.ts";
import { GATEWAY_LIMITS, type Gateway, type GatewayOptions, type RequestOrigin } from "./options.ts";
import { notImplemented, tooLarge, unknownOperation } from "./refusals.ts";
import { routeRequest, type Routing, serviceOfTarget, speaksRest } from "./route.ts";
import { asHttp } from "./short-way.ts";
import { createWaitingRoom } from "./waiting-room.ts";
import { serveWebsite } from "./website.ts";

export type {
  AuthorizeRequest,
  Gateway,
  GatewayLimits,
  GatewayOptions,
  RequestOrigin,
  RequestRecord,
} from "./options.ts";
export { GATEWAY_LIMITS } from "./options.ts";

const FORM = "application/x-www-form-urlencoded";

/**
 * The steps of a request, in their order:
 *
 *   1. identify       exchange.ts: what its head says
 *   2. guard          door.ts: pages by their origin, Host and Origin, preflights, the server's own routes
 *   3. route          route.ts: service and operation (`pass`: or a short path)
 *   4. authenticate   admission.ts, once the body is here (body.ts)
 *   5. decode         the codec of the protocol
 *   6. authorize      admission.ts
 *   7. validate
 *   8. operation      the service's function
 *   9. encode, send, account for it   answers.ts
 */
export function createGateway(options: GatewayOptions): Gateway {
  const limits = { ...GATEWAY_LIMITS, ...options.limits };
  const { clock } = options;
  const services = new Map(options.services.map((service) => [service.name, service]));
  const shortPaths = options.services.flatMap((service) =>
    (service.shortPaths ?? []).map((shortPath) => ({ service: service.name, shortPath })),
  );
  const guard = createGuard({
    publicSuffix: options.publicSuffix,
    allowedOrigins: options.allowedOrigins ?? [],
    anyHost: options.anyHost === true,
  });
  const budget: BodyBudget = { held: 0, max: limits.bufferedBytes };
  const authentication = {
    keys: options.keys,
    defaultAccountId: options.defaultAccountId,
    requireKnownKeys: options.requireKnownKeys === true,
  };
  const door = createDoor(guard, services, options.internalRoutes);
  const admission = createAdmission(options, services, guard, authentication);
  const answers = createAnswers(options, services, budget, guard);

  function handle(request: IncomingMessage, response: ServerResponse, origin: RequestOrigin): void {
    const exchange = identify(request, response, origin, options);
    const asked = door.ask(exchange);
    if (asked === undefined) return pass(exchange);
    asked.then(
      (isAnswered) => void (isAnswered || pass(exchange)),
      (cause: unknown) => answers.serve(exchange, Promise.reject(answers.failureOf(exchange, cause))),
    );
  }

  function pass(exchange: Exchange): void {
    if (door.isAnswered(exchange)) return;
    for (const { service, shortPath } of shortPaths) {
      const labels = shortPath.match(exchange.method, exchange.path);
      if (labels !== undefined) {
        exchange.service = service;
        exchange.operation = shortPath.operation;
        exchange.protocol = "restJson1";
        answers.serve(exchange, serveShortPath(exchange, shortPath, labels));
        return;
      }
    }
    answers.serve(exchange, serveOperation(exchange));
  }

  async function serveShortPath(
    exchange: Exchange,
    shortPath: ShortPath,
    labels: Readonly<Record<string, string>>,
  ): Promise<WireResponse> {
    const { method, path, query, headers } = exchange;
    const bytes = await body(exchange, maxBytes(exchange.service));
    const admitted = admission.admit(exchange, bytes);
    const context = admitted instanceof Promise ? await admitted : admitted;
    const asked = query === "" ? labels : { ...Object.fromEntries(new URLSearchParams(query)), ...labels };
    const permitted = admission.authorize(exchange, asked, context);
    if (permitted !== undefined) await permitted;
    return shortPath.handle(labels, { method, path, query, headers, body: bytes }, context);
  }

  async function serveOperation(exchange: Exchange): Promise<WireResponse> {
    const { signature, headers } = exchange;
    const site = guard.websiteOf(headers.host ?? "");
    const serving = site === undefined ? undefined : options.services.find((one) => one.website);
    if (site !== undefined && serving !== undefined) {
      return serveWebsite(exchange, serving, site, { admission, answers, authentication });
    }
    const scopeService = signature.kind === "signed" ? signature.signature.service : undefined;
    // Only the query protocol says in its body what is asked for.
    const isForm =
      headers["content-type"]?.startsWith(FORM) === true && headers["x-amz-target"] === undefined;
    const form = isForm && !speaksRest(scopeService) ? await body(exchange, limits.requestBytes) : undefined;
    const routing = await routeRequest({
      method: exchange.method,
      path: exchange.path,
      query: exchange.query,
      headers,
      scopeService,
      body: form,
      bucket: guard.bucketOf(headers.host ?? ""),
    });
    const takesForms = formService(services, exchange, routing);
    if (takesForms !== undefined)
      return serveForm(exchange, takesForms, { guard, authentication, admission });
    const route = settle(exchange, routing, services);
    if (exchange.isInvited && services.get(exchange.service)?.crossOrigin === undefined) {
      throw new ServiceError("AccessDenied", 403, "Pages of other sites may only ask for what invites them.");
    }
    const { operation, protocol } = route;
    await prepare(protocol);
    const isStreamed =
      operation.input.payload?.stream === true && WIRE_HABITS[exchange.service]?.streamsBodies === true;
    const bytes = isStreamed ? undefined : (form ?? (await body(exchange, maxBytes(exchange.service))));
    const context = await admission.admit(exchange, bytes);
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
    await admission.authorize(exchange, input, context);
    try {
      validateInput(operation, input);
    } catch (error) {
      throw withHint(error, services.get(exchange.service)?.hintFor, input, context);
    }
    const output = (await handler(input as never, context)) as Value | undefined;
    return encodeOutput(operation, protocol, output ?? {}, exchange.requestId, (cause) =>
      answers.failureOf(exchange, cause),
    );
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

  const goOn = asHttp((request, response) => handle(request, response, { fromSandbox: false }));

  return {
    handle,
    shortWay: {
      takes: (method, path, headers) =>
        answersInOnePiece(method, path, headers) ||
        shortPaths.some(({ shortPath }) => shortPath.match(method, path) !== undefined),
      handle: createWaitingRoom(options, shortPaths, goOn),
      nowMs: () => machineNow(clock),
    },
    async warm(...names) {
      for (const name of names) await loadModel(name);
    },
  };
}

function answersInOnePiece(method: string, path: string, headers: Headers): boolean {
  if (method !== "POST" || path !== "/") return false;
  const target = headers["x-amz-target"];
  if (target === undefined) return headers["content-type"]?.startsWith(FORM) === true;
  const service = serviceOfTarget(target);
  return service !== undefined && WIRE_HABITS[service]?.answersInOnePiece === true;
}

/** Writes into the exchange what the router found; throws for what nobody serves. */
function settle(exchange: Exchange, routing: Routing, services: ReadonlyMap<string, Service>): Route {
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

/** The validator's refusal with the service's next step beside it. */
function withHint(error: unknown, hintFor: Service["hintFor"], input: Value, context: Context): unknown {
  if (!(error instanceof ServiceError)) return error;
  const hint = hintFor?.(input, error, context);
  if (hint === undefined) return error;
  return new ServiceError(error.code, error.status, error.message, { members: error.members, hint });
}
