import { machineNow } from "../../kernel/clock.ts";
import { WIRE_HABITS } from "../protocol/habits.ts";
import type { Value } from "../protocol/types.ts";
import type { Service } from "../service.ts";
import { authenticate, type AuthenticateOptions, type Identity } from "./authenticate.ts";
import { Context, type Surroundings } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import type { GatewayOptions } from "./options.ts";

/** The steps that say who asks, and whether they may. Promises only where something is waited for. */
export interface Admission {
  /** Authenticate; the same for the short path and for everything else. */
  admit(exchange: Exchange, bytes: Uint8Array | undefined): Context | Promise<Context>;
  contextOf(exchange: Exchange, identity: Identity): Context;
  /** Throws the refusal; what is allowed although AWS would refuse it gets its hint into the exchange. */
  authorize(exchange: Exchange, input: Value, context: Context): void | Promise<void>;
}

export function createAdmission(
  options: GatewayOptions,
  services: ReadonlyMap<string, Service>,
  guard: Guard,
  authentication: AuthenticateOptions,
): Admission {
  const { clock, random, log } = options;
  const around: Surroundings = { clock, random, log };

  function admit(exchange: Exchange, bytes: Uint8Array | undefined): Context | Promise<Context> {
    const { method, path, query, headers, protocol } = exchange;
    const bucket = guard.bucketOf(headers.host ?? "");
    const isLink = WIRE_HABITS[exchange.service]?.linkedActions?.has(exchange.operation) === true;
    const parts = { method, path, query, headers, body: bytes, protocol, bucket, isLink };
    const claim = authenticate(exchange.signature, parts, authentication, machineNow(clock));
    return claim instanceof Promise
      ? claim.then((identity) => contextOf(exchange, identity))
      : contextOf(exchange, claim);
  }

  function contextOf(exchange: Exchange, identity: Identity): Context {
    const { headers, service, operation, origin } = exchange;
    exchange.identity = identity;
    const { caller, accountId } = identity;
    const region = regionOf(exchange, options.defaultRegion);
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
      exchange.request,
      exchange.response,
    );
  }

  function authorize(exchange: Exchange, input: Value, context: Context): void | Promise<void> {
    const service = services.get(exchange.service);
    if (options.authorize === undefined || service === undefined) return;
    const { operation, origin } = exchange;
    const hint = options.authorize({ service, operation, input, context, origin });
    if (hint instanceof Promise) return hint.then((text) => void (exchange.hint = text));
    exchange.hint = hint;
  }

  return { admit, contextOf, authorize };
}

/** Where a request was signed for. */
export function regionOf({ signature }: Exchange, defaultRegion: string): string {
  return signature.kind === "signed" ? signature.signature.region : defaultRegion;
}
