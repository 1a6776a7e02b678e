import type { ServerResponse } from "node:http";

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
  readonly #response: ServerResponse;
  #controller: AbortController | undefined;

  constructor(
    fields: Omit<RequestContext, "signal" | "clock" | "random" | "log">,
    around: Surroundings,
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
    this.#response = response;
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
