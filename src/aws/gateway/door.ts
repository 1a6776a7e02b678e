import type { CrossOriginAnswer, Service } from "../service.ts";
import { askServices, crossOriginRequest } from "./cross-origin.ts";
import type { Exchange } from "./exchange.ts";
import type { Guard } from "./guard.ts";
import type { GatewayOptions } from "./options.ts";
import { preflightHeaders } from "./respond.ts";

const INTERNAL_PATH = /^\/_(?:lambent|localstack)(?:\/|$)/u;

/** What stands before the steps of an AWS request, and keeps to itself what never becomes one. */
export interface Door {
  /**
   * Asks the services about a page's request to one of their resources: true once it is answered. Undefined
   * for everything else, which nobody needs to wait for. Errors: the refusal in the service's own words.
   */
  ask(exchange: Exchange): Promise<boolean> | undefined;
  /** Guard, preflight and the server's own routes: true when the request is answered. */
  isAnswered(exchange: Exchange): boolean;
}

export function createDoor(
  guard: Guard,
  services: ReadonlyMap<string, Service>,
  internalRoutes: GatewayOptions["internalRoutes"],
): Door {
  function ask(exchange: Exchange): Promise<boolean> | undefined {
    const { method, path, headers } = exchange;
    if (headers.origin === undefined && method !== "OPTIONS") return undefined;
    const host = headers.host ?? "";
    const hostBucket = guard.bucketOf(host) ?? guard.websiteOf(host);
    const asked = crossOriginRequest({ method, path, headers, hostBucket });
    if (asked === undefined) return undefined;
    return askServices(services.values(), asked).then((answer) => judge(exchange, asked.isPreflight, answer));
  }

  /** A page's request to a bucket with CORS rules: those decide where the guard would refuse. True: it is answered. */
  function judge(exchange: Exchange, isPreflight: boolean, answer: CrossOriginAnswer | undefined): boolean {
    const { request, response, headers, requestId, signature } = exchange;
    if (answer === undefined || guard.refusal(headers, true) !== undefined) return false;
    const isLetIn = headers.origin !== undefined && guard.refusal(headers) === undefined;
    if (answer.isWithoutRules === true && isLetIn) return false;
    exchange.cors = answer.headers ?? {};
    if (!isPreflight) {
      const isForeign = guard.refusal(headers) !== undefined;
      // Nobody's request acts as the account here, so a foreign page needs a signature.
      const mayAsk = signature.kind !== "unsigned" || answer.isPublic;
      exchange.isInvited = isForeign && answer.headers !== undefined && mayAsk;
      return false;
    }
    request.resume();
    if (answer.headers === undefined && answer.refusal !== undefined) {
      exchange.protocol = "restXml";
      throw answer.refusal;
    }
    response.writeHead(200, {
      "x-amz-request-id": requestId,
      "x-amz-id-2": requestId,
      ...answer.headers,
      "Content-Length": "0",
    });
    response.end();
    return true;
  }

  function isAnswered(exchange: Exchange): boolean {
    const { request, response, headers, path, origin, requestId } = exchange;
    const refused = guard.refusal(headers, exchange.isInvited);
    if (refused !== undefined) {
      refuse(exchange, "AccessDeniedException", refused);
      return true;
    }
    if (!path.startsWith("/")) {
      refuse(exchange, "BadRequest", "this endpoint is no proxy: ask for a path", 400);
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
      refuse(exchange, "AccessDeniedException", "functions may not call the server's own routes");
      return true;
    }
    if (internalRoutes?.(request, response, origin) === true) return true;
    refuse(exchange, "NotFound", `there is no ${path.replaceAll(/[^\x20-\x7e]/gu, "?")}`, 404);
    return true;
  }

  return { ask, isAnswered };
}

function refuse({ request, response, requestId }: Exchange, code: string, why: string, status = 403): void {
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
