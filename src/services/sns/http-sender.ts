/**
 * Posts notifications to web servers. A redirect is a failure, and so is everything but 2xx; what the
 * server itself is at fault for (5xx, 429, no connection, no answer in time) is worth another attempt.
 * https://docs.aws.amazon.com/sns/latest/dg/SendMessageToHttp.prepare.html
 */
import { lookup, type LookupAddress } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { http, https } from "../../kernel/built-in.ts";
import type { Clock } from "../../kernel/clock.ts";
import { ServiceError } from "../../kernel/errors.ts";
import type { Delivery } from "../../ports/outbox.ts";

const TIMEOUT_MS = 15_000;
const ANSWER_BYTES_MAX = 65_536;
const DOWN = "start the web server, or unsubscribe it with aws sns unsubscribe";
const SLOW = "answer first and work afterwards";
const REFUSED = "see the web server's own log; every answer but 2xx is a failure, redirects too";

/**
 * Addresses of the link belong to the machine: clouds hand out its credentials there. A function that may
 * subscribe must not reach through the server what its sandbox closes.
 */
const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LINK_LOCAL.addSubnet("fe80::", 10, "ipv6");
LINK_LOCAL.addAddress("fd00:ec2::254", "ipv6");

export function isLinkLocal(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && LINK_LOCAL.check(address, family === 4 ? "ipv4" : "ipv6");
}

const linkLocal = (host: string): ServiceError =>
  new ServiceError("EndpointForbidden", 403, `${host} is an address of the link, nobody's web server`);

const lookupOutside: LookupFunction = (host, options, callback) => {
  lookup(host, options, (error, found: string | LookupAddress[], family) => {
    const addresses = typeof found === "string" ? [found] : (found ?? []).map(({ address }) => address);
    callback(addresses.some(isLinkLocal) ? linkLocal(host) : error, found, family);
  });
};

export interface HttpSender {
  send(delivery: Delivery): Promise<void>;
  /** Breaks off what is under way: those deliveries will be tried again. */
  close(): void;
}

export function createHttpSender(clock: Clock): HttpSender {
  const closing = new AbortController();

  /** Resolves with the status. Both exchange and what is left of its answer end after the timeout. */
  function post(delivery: Delivery, timeout: AbortController): Promise<number> {
    return new Promise((resolve, reject) => {
      const url = new URL(delivery.targetArn);
      const host = url.hostname.replace(/^\[|\]$/gu, "");
      // Of a literal address nobody asks for the address.
      if (isLinkLocal(host)) throw linkLocal(host);
      const body = Buffer.from(delivery.body, "utf8");
      const timer = clock.timer(TIMEOUT_MS, () => timeout.abort());
      const outgoing = (url.protocol === "https:" ? https() : http).request(url, {
        method: "POST",
        // A connection of its own: one that was kept may have been closed at the other end.
        agent: false,
        lookup: lookupOutside,
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
      if (status >= 200 && status < 300) return;
      throw failed("EndpointFailure", severity(status), `the endpoint answered ${String(status)}`, REFUSED);
    },
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
