import { ServiceError } from "../../kernel/errors.ts";
import { WIRE_HABITS } from "../protocol/habits.ts";
import type { BodyFailure } from "./body.ts";
import type { Routing } from "./route.ts";

const NEXT = "COMPATIBILITY.md lists what is served";

/** AWS has the operation (or the service), Lambent does not: said by name, never faked. */
export function notImplemented(routing: Routing, isServed: boolean): ServiceError {
  const [service, operation] =
    routing.kind === "operation"
      ? [routing.model.title, routing.route.operation.name]
      : [routing.kind === "unknown-service" ? routing.service : routing.model.title, routing.operation];
  const message = isServed
    ? `The operation ${operation} of ${service} is not implemented by Lambent.`
    : `The service ${service} (operation ${operation}) is not implemented by Lambent.`;
  const isXml = (routing.kind === "operation" ? routing.route.protocol : routing.protocol) === "restXml";
  return new ServiceError(isXml ? "NotImplemented" : "NotImplementedException", 501, message, { hint: NEXT });
}

/** No operation of that name or path exists at AWS either, as far as the tables know. */
export function unknownOperation(
  routing: Extract<Routing, { kind: "unknown-operation" }>,
  isServed: boolean,
): ServiceError {
  const { model, operation, protocol } = routing;
  if (!isServed) return notImplemented(routing, false);
  const hint = `${operation} is not implemented by Lambent: ${model.title} has no operation of that name or path`;
  if (protocol === "awsQuery") {
    const says = WIRE_HABITS[model.name]?.unknownAction;
    const message =
      says?.(operation) ?? `Could not find operation ${operation} for version ${model.apiVersion}`;
    return new ServiceError("InvalidAction", 400, message, { hint });
  }
  const status = protocol === "restJson1" ? 404 : protocol === "restXml" ? 405 : 400;
  const code = protocol === "restXml" ? "MethodNotAllowed" : "UnknownOperationException";
  const message = `${operation} is not an operation of ${model.title}, or is not implemented by Lambent.`;
  return new ServiceError(code, status, message, { hint });
}

export function tooLarge(failure: BodyFailure, max: number, operation: string): ServiceError {
  if (failure === "too-large") {
    const message = `Request must be smaller than ${max} bytes for the ${operation || "requested"} operation`;
    return new ServiceError("RequestEntityTooLargeException", 413, message);
  }
  if (failure === "no-room") {
    return new ServiceError(
      "ServiceUnavailableException",
      503,
      "The request bodies being received fill the memory set aside for them.",
      {
        hint: "send fewer large requests at once",
      },
    );
  }
  return new ServiceError("RequestTimeout", 400, "The caller hung up before its request was complete.");
}
