/**
 * Posts notifications to web servers. A redirect is a failure, and so is everything but 2xx; what the
 * server itself is at fault for (5xx, 429, no connection, no answer in time) is worth another attempt.
 * https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
 */
import { lookup, type LookupAddress } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { http, https } from "../../kernel/built-in.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Delivery } from "../../ports/outbox.ts";
import { isOfTheLink, isPublic, ownAddresses } from "./addresses.ts";

const TIMEOUT_MS = 15_000;
const ANSWER_BYTES_MAX = 65_536;
const DOWN = "start the web server, or unsubscribe it with aws sns unsubscribe";
const SLOW = "answer first and work afterwards";
const REFUSED = "see the web server's own log; every answer but 2xx is a failure, redirects too";

const FROM_OUTSIDE =
  "aws sns subscribe … from outside of the function opens it, for the same topic and endpoint";

/** Why nothing is posted to an address; undefined when it is open. */
function closed(host: string, address: string, publicOnly: boolean): ServiceError | undefined {
  const refused = (why: string, hint?: string): ServiceError =>
    new ServiceError("EndpointForbidden", 403, why, hint === undefined ? {} : { hint });
  const named = address === host ? host : `${host} (${address})`;
  if (isOfTheLink(address)) return refused(`${named} is an address of the link, nobody's web server`);
  if (!publicOnly || isPublic(address, ownAddresses())) return undefined;
  return refused(`${named} is not a public address, and a function made this subscription`, FROM_OUTSIDE);
}

/** Finds the addresses of a name, and refuses them all if one of them is closed. */
function lookupOpen(publicOnly: boolean): LookupFunction {
  return (host, options, callback) => {
    lookup(host, options, (error, found: string | LookupAddress[], family) => {
      const addresses = typeof found === "string" ? [found] : (found ?? []).map(({ address }) => address);
      const refusals = addresses.map((address) => closed(host, address, publicOnly));
      callback(refusals.find((one) => one !== undefined) ?? error, found, family);
    });
  };
}

export interface HttpSender {
  send(delivery: Delivery): Promise<void>;
  /** With which status the web server answered the delivery last. */
  statusOf(delivery: Delivery): number | undefined;
  /** Breaks off what is under way: those deliveries will be tried again. */
  close(): void;
}

export function createHttpSender(clock: Clock): HttpSender {
  const closing = new AbortController();
  const statuses = new WeakMap<Delivery, number>();

  /** Resolves with the status. Both exchange and what is left of its answer end after the timeout. */
  function post(delivery: Delivery, timeout: AbortController): Promise<number> {
    return new Promise((resolve, reject) => {
      const url = new URL(delivery.targetArn);
      const publicOnly = delivery.publicOnly === true;
      const host = url.hostname.replace(/^\[|\]$/gu, "");
      // Of a literal address nobody asks for the address.
      const refusal = isIP(host) === 0 ? undefined : closed(host, host, publicOnly);
      if (refusal !== undefined) throw refusal;
      const body = Buffer.from(delivery.body, "utf8");
      const timer = clock.timer(TIMEOUT_MS, () => timeout.abort());
      const outgoing = (url.protocol === "https:" ? https() : http).request(url, {
        method: "POST",
        // A connection of its own: one that was kept may have been closed at the other end.
        agent: false,
        lookup: lookupOpen(publicOnly),
        signal: AbortSignal.any([timeout.signal, closing.signal]),
        headers: {
          ...delivery.headers,
          "Content-Length": String(body.length),
          "User-Agent": "Amazon Simple Notification Service Agent",
          "Accept-Encoding": "gzip,deflate",
        },
      });
      outgoing.once("close", () => timer.cancel());
      outgoing.on("error", reject);
      outgoing.once("response", (response) => {
        resolve(response.statusCode ?? 0);
        // Only the status counts; a short answer is read, so that the server can end in peace.
        let bytes = 0;
        response.on("error", () => undefined);
        response.on("data", (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > ANSWER_BYTES_MAX) response.destroy();
        });
      });
      outgoing.end(body);
    });
  }

  return {
    async send(delivery) {
      const timeout = new AbortController();
      let status: number;
      try {
        status = await post(delivery, timeout);
      } catch (error) {
        if (error instanceof ServiceError) throw error;
        if (timeout.signal.aborted) {
          throw failed("Timeout", 504, "the endpoint did not answer within 15 seconds", SLOW);
        }
        throw failed(
          "EndpointUnreachable",
          503,
          error instanceof Error ? error.message : String(error),
          DOWN,
        );
      }
      statuses.set(delivery, status);
      if (status >= 200 && status < 300) return;
      throw failed("EndpointFailure", severity(status), `the endpoint answered ${String(status)}`, REFUSED);
    },
    statusOf: (delivery) => statuses.get(delivery),
    close: () => closing.abort(),
  };
}

/** Only what the relay takes for the receiver's own fault (5xx, 429) is tried again. */
function severity(status: number): number {
  if (status === 429) return status;
  return status >= 500 ? 502 : 400;
}

function failed(code: string, status: number, message: string, hint: string): ServiceError {
  return new ServiceError(code, status, message, { hint });
}
