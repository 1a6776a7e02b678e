import type { IncomingMessage, ServerResponse } from "node:http";

import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { Random } from "../../kernel/random.ts";
import type { Headers } from "../protocol/types.ts";
import type { Caller, RequestContext } from "../service.ts";

/** What the context of every request shares. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A sandbox connects on its own loopback; in events and policies it is a neighbour, not this machine. */
const SANDBOX_ADDRESS = "10.0.0.1";

/** Of a caller that has hung up meanwhile: no address that a policy could trust. */
const GONE_ADDRESS = "0.0.0.0";

/** See RequestContext.sourceIp. */
export function sourceAddress(request: IncomingMessage, fromSandbox: boolean): string {
  if (fromSandbox) return SANDBOX_ADDRESS;
  return (request.socket.remoteAddress ?? GONE_ADDRESS).replace(/^::ffff:/i, "");
}

/** A class, so that the abort signal is only made for operations that ask for it. */
export class Context implements RequestContext {
  readonly accountId: string;
  readonly region: string;
  readonly requestId: string;
  readonly service: string;
  readonly operation: string;
  readonly caller: Caller;
  readonly endpoint: string;
  readonly fromSandbox: boolean;
  readonly headers: Headers;
  readonly #around: Surroundings;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  #controller: AbortController | undefined;

  constructor(
    fields: Omit<RequestContext, "sourceIp" | "signal" | "clock" | "random" | "log">,
    around: Surroundings,
    request: IncomingMessage,
    response: ServerResponse,
  ) {
    this.accountId = fields.accountId;
    this.region = fields.region;
    this.requestId = fields.requestId;
    this.service = fields.service;
    this.operation = fields.operation;
    this.caller = fields.caller;
    this.endpoint = fields.endpoint;
    this.fromSandbox = fields.fromSandbox;
    this.headers = fields.headers;
    this.#around = around;
    this.#request = request;
    this.#response = response;
  }

  get sourceIp(): string {
    return sourceAddress(this.#request, this.fromSandbox);
  }

  get clock(): Clock {
    return this.#around.clock;
  }

  get random(): Random {
    return this.#around.random;
  }

  get log(): Logger {
    return this.#around.log;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      const response = this.#response;
      this.#controller = controller;
      const onClose = (): void => {
        if (!response.writableEnded) controller.abort(new Error("the caller hung up"));
      };
      if (response.closed || response.destroyed) onClose();
      else response.once("close", onClose);
    }
    return this.#controller.signal;
  }
}
