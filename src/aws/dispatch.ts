/**
 * Operations called from within the process: the gateway's list of steps without the wire. Route and
 * decode fall away, because the caller names the operation and gives its input; authorize, validate
 * and operation are the same.
 */
import type { Clock } from "../kernel/clock.ts";
import { ServiceError } from "../kernel/errors.ts";
import type { Logger } from "../kernel/log.ts";
import type { Random } from "../kernel/random.ts";
import type { Scope } from "../kernel/scope.ts";
import { loadModel, type Operation } from "./model/model.ts";
import type { Value } from "./protocol/types.ts";
import { validateInput } from "./protocol/validate.ts";
import type { Caller, RequestContext, Service } from "./service.ts";

export interface DispatchOptions {
  readonly services: readonly Service[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Base URL of the endpoint. */
  readonly endpoint: () => string;
  /** Throws the refusal; by default everybody may do everything. A text is what AWS would refuse it for. */
  readonly authorize?: (call: AuthorizeCall) => string | undefined | Promise<string | undefined>;
}

export interface AuthorizeCall {
  readonly service: Service;
  readonly operation: string;
  readonly input: Readonly<Value>;
  readonly context: RequestContext;
}

export interface DispatchCall {
  readonly service: string;
  readonly operation: string;
  /** As the SDK of JavaScript spells it. */
  readonly input: Readonly<Value>;
  readonly scope: Scope;
  readonly caller: Caller;
  readonly traceHeader?: string;
  readonly signal?: AbortSignal;
  /** Told when the call is allowed here and AWS would refuse it. */
  readonly onHint?: (hint: string) => void;
}

/** Errors: the ServiceError that would have gone onto the wire. */
export interface Dispatch {
  call(call: DispatchCall): Promise<Value>;
  /** Authorizes and runs nothing. */
  permit(call: DispatchCall): Promise<void>;
}

const NEVER_ABORTED = new AbortController().signal;

export function createDispatch(options: DispatchOptions): Dispatch {
  const { clock, random, log } = options;
  const services = new Map(options.services.map((service) => [service.name, service]));

  function serviceOf(call: DispatchCall): Service {
    const service = services.get(call.service);
    if (service?.operations[call.operation] !== undefined) return service;
    const what = `${call.service}:${call.operation}`;
    throw new ServiceError("NotImplemented", 501, `${what} is not implemented by Lambent`);
  }

  function contextOf(call: DispatchCall): RequestContext {
    return {
      ...call.scope,
      requestId: random.uuid(),
      service: call.service,
      operation: call.operation,
      caller: call.caller,
      endpoint: options.endpoint(),
      fromSandbox: false,
      signal: call.signal ?? NEVER_ABORTED,
      clock,
      random,
      log,
      headers: call.traceHeader === undefined ? {} : { "x-amzn-trace-id": call.traceHeader },
    };
  }

  /** The context of a call that is allowed. */
  async function admit(service: Service, call: DispatchCall): Promise<RequestContext> {
    const context = contextOf(call);
    const { operation, input } = call;
    const decision = options.authorize?.({ service, operation, input, context });
    const hint = decision instanceof Promise ? await decision : decision;
    if (hint !== undefined) call.onHint?.(hint);
    return context;
  }

  return {
    async call(call) {
      const service = serviceOf(call);
      const operation = await operationOf(call);
      const context = await admit(service, call);
      validateInput(operation, call.input);
      const output = await service.operations[call.operation]?.(call.input as never, context);
      return (output ?? {}) as Value;
    },
    async permit(call) {
      await admit(serviceOf(call), call);
    },
  };
}

async function operationOf(call: DispatchCall): Promise<Operation> {
  const operation = (await loadModel(call.service)).operations.get(call.operation);
  if (operation === undefined) {
    throw new ServiceError(
      "UnknownOperationException",
      400,
      `${call.service} has no operation ${call.operation}`,
    );
  }
  return operation;
}
