import type { Timer } from "../../kernel/clock.ts";
import type { ServiceError } from "../../kernel/errors.ts";
import { loadModel } from "../model/model.ts";
import { encodeError } from "../protocol/errors.ts";
import type { WireResponse } from "../protocol/types.ts";
import type { ShortPath } from "../service.ts";
import type { GatewayOptions } from "./options.ts";
import { send } from "./respond.ts";
import type { ShortWay, WholeRequest, WholeResponse } from "./short-way.ts";

/**
 * Where whole requests of a short path wait while the server is overloaded, before guard, signature and
 * permissions cost anything.
 *
 *   1. There is room, and nobody waits: the request goes on at once.
 *   2. Else it waits, in turn. Every few milliseconds those who came first go on, as far as there is room.
 *   3. Who has waited for a second is refused, with an answer that is made once: it is the same for
 *      everybody, so it tells nobody anything.
 *
 * Refusing at once would be worse than the load: a turn of the event loop would read and refuse a thousand
 * requests for each two that functions answer, and clients would send the next ones. Who waits is quiet.
 * Pages go on at once: the guard is quicker with them.
 */
export interface ShortPathOf {
  readonly service: string;
  readonly shortPath: ShortPath;
}

interface Waiting {
  readonly request: WholeRequest;
  readonly response: WholeResponse;
  readonly path: ShortPathOf;
  readonly sinceMs: number;
}

const WAIT_MS = 1000;
const LOOK_MS = 5;
/** Of a look, so that no turn of the event loop gets long. */
const ADMITTED_MAX = 50;
const REFUSED_MAX = 20;
/** Whoever comes when so many wait is refused at once. */
const WAITING_MAX = 10_000;

export function createWaitingRoom(
  options: Pick<GatewayOptions, "clock" | "random" | "onRequest" | "defaultAccountId" | "defaultRegion">,
  shortPaths: readonly ShortPathOf[],
  goOn: ShortWay["handle"],
): ShortWay["handle"] {
  const { clock, random, onRequest } = options;
  const encoded = new WeakMap<ServiceError, WireResponse>();
  let waiting: Waiting[] = [];
  let timer: Timer | undefined;

  function pathOf({ method, url }: WholeRequest): ShortPathOf | undefined {
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    return shortPaths.find(({ shortPath }) => shortPath.match(method, path) !== undefined);
  }

  function look(): void {
    timer = undefined;
    const overdueMs = clock.monotonic() - WAIT_MS;
    let admitted = 0;
    let refused = 0;
    let next = 0;
    for (; next < waiting.length; next += 1) {
      const { request, response, path, sinceMs } = waiting[next] as Waiting;
      if (response.destroyed) continue;
      if (path.shortPath.isFull?.(request.headers) !== true) {
        if (admitted >= ADMITTED_MAX) break;
        admitted += 1;
        goOn(request, response);
      } else if (sinceMs <= overdueMs && refused < REFUSED_MAX) {
        refused += 1;
        refuse(request, response, path);
      } else break;
    }
    waiting = waiting.slice(next);
    if (waiting.length > 0) timer = clock.timer(LOOK_MS, look);
  }

  /** The answer is made once; who is refused before that goes the ordinary way. */
  function refuse(request: WholeRequest, response: WholeResponse, { service, shortPath }: ShortPathOf): void {
    const error = shortPath.refusal?.();
    const answer = error === undefined ? undefined : encoded.get(error);
    if (error !== undefined && answer === undefined) {
      void loadModel(service).then((model) => encoded.set(error, encodeError(model, "restJson1", error, "")));
    }
    if (error === undefined || answer === undefined) return goOn(request, response);
    const requestId = random.uuid();
    const extras = { requestId, isS3: false, checksum: false, hint: error.hint, origin: undefined };
    void send(
      response as unknown as Parameters<typeof send>[0],
      { ...answer, headers: { ...answer.headers } },
      extras,
    );
    onRequest?.({
      service,
      operation: shortPath.operation,
      status: answer.status,
      ms: WAIT_MS,
      requestId,
      accountId: options.defaultAccountId,
      region: options.defaultRegion,
      fromSandbox: false,
      errorCode: error.code,
    });
  }

  return (request, response) => {
    const path = request.headers.origin === undefined ? pathOf(request) : undefined;
    if (path?.shortPath.isFull === undefined) return goOn(request, response);
    if (waiting.length === 0 && !path.shortPath.isFull(request.headers)) return goOn(request, response);
    if (waiting.length >= WAITING_MAX) return refuse(request, response, path);
    waiting.push({ request, response, path, sinceMs: clock.monotonic() });
    timer ??= clock.timer(LOOK_MS, look);
  };
}
