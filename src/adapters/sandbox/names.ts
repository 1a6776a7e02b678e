/**
 * Names inside sandboxes. A name server that a sandbox can reach by itself is written into its
 * resolv.conf. One that it cannot (on the host's loopback, as with dnsmasq or in Docker; an address of
 * the host's own; link-local, as on cloud machines; IPv6) is asked by the server: the helper makes
 * port 53 inside and hands it over, as it does with the other ports inside.
 */
import { createSocket } from "node:dgram";
import type { RemoteInfo, Socket as Datagrams } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import type { Server, Socket } from "node:net";
import type { Clock } from "../../kernel/clock.ts";

export interface NamePlan {
  /** Content of /etc/resolv.conf inside. */
  readonly resolvConf: string;
  /** Name servers of the host to be asked for the sandbox; empty where it reaches one by itself. */
  readonly forwardTo: readonly string[];
}

const SERVERS_MAX = 3;
/** What egress.ts closes. */
const UNREACHABLE = /^(127\.|169\.254\.|198\.1[89]\.|0\.0\.0\.0$)|:/;

/** `texts`: resolv.conf files in the order of their weight. `own`: addresses of this machine. */
export function planNames(texts: readonly string[], own: ReadonlySet<string>): NamePlan {
  let forwardTo: readonly string[] = [];
  let settings = "";
  for (const text of texts) {
    const lines = text.split("\n");
    const servers = lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
    const reachable = servers.filter((address) => !UNREACHABLE.test(address) && !own.has(address));
    const others = lines
      .filter((line) => /^\s*(search|options|domain)\s/.test(line))
      .map((line) => `${line}\n`);
    if (reachable.length > 0) {
      const named = reachable.map((address) => `nameserver ${address}\n`);
      return { resolvConf: [...named, ...others].join(""), forwardTo: [] };
    }
    if (forwardTo.length === 0 && servers.length > 0) {
      forwardTo = servers.slice(0, SERVERS_MAX);
      settings = others.join("");
    }
  }
  if (forwardTo.length === 0) return { resolvConf: "", forwardTo };
  return { resolvConf: `nameserver 127.0.0.1\n${settings}`, forwardTo };
}

const PORT = 53;
/** After this the next name server is asked; a resolver itself waits for 5 s. */
const PATIENCE_MS = 1_500;
/** Of one sandbox, under way at once; what comes beyond is dropped, as by a busy name server. */
const QUESTIONS_MAX = 64;
const CONNECTIONS_MAX = 16;
const CONNECTION_MS = 10_000;

export interface NamePorts {
  readonly datagrams: Datagrams;
  readonly connections: Server;
}

/** Answers on these ports by asking `servers`, one after the other. `close` ends both. */
export function forwardNames(ports: NamePorts, servers: readonly string[], clock: Clock): { close(): void } {
  const open = new Set<{ close(): void }>();
  let closed = false;

  /** One question, one socket: an answer that comes there is the answer to it. */
  function ask(question: Buffer, from: RemoteInfo, at: number): void {
    const address = servers[at];
    if (closed || address === undefined) return;
    const upstream = createSocket(isIPv6(address) ? "udp6" : "udp4");
    const asked = {
      close(): void {
        patience.cancel();
        if (open.delete(asked)) upstream.close();
      },
    };
    const next = (): void => {
      if (!open.has(asked)) return;
      asked.close();
      ask(question, from, at + 1);
    };
    const patience = clock.timer(PATIENCE_MS, next);
    open.add(asked);
    upstream.on("error", next);
    upstream.on("message", (answer) => {
      if (!open.has(asked)) return;
      asked.close();
      if (!closed) ports.datagrams.send(answer, from.port, from.address, () => undefined);
    });
    // A connected socket hears only the one it asked, and of a port where nobody listens. One that could not
    // be connected (no way to an IPv6 or link-local address) is told of here, not by 'error'.
    upstream.connect(PORT, address, (refusal?: Error) => {
      if (refusal !== undefined) return next();
      if (open.has(asked)) upstream.send(question, (error) => (error === null ? undefined : next()));
    });
  }

  function pass(inside: Socket): void {
    const address = servers[0];
    if (closed || address === undefined || open.size >= CONNECTIONS_MAX) return void inside.destroy();
    const outside = connect(PORT, address);
    const passed = {
      close(): void {
        patience.cancel();
        open.delete(passed);
        inside.destroy();
        outside.destroy();
      },
    };
    const patience = clock.timer(CONNECTION_MS, () => passed.close());
    open.add(passed);
    for (const one of [inside, outside]) one.on("error", passed.close).on("close", passed.close);
    inside.pipe(outside).pipe(inside);
  }

  ports.datagrams.on("error", () => undefined);
  ports.datagrams.on("message", (question, from) => {
    if (open.size < QUESTIONS_MAX) ask(question, from, 0);
  });
  ports.connections.on("connection", pass);
  return {
    close() {
      closed = true;
      for (const one of [...open]) one.close();
      ports.datagrams.close();
      ports.connections.close();
    },
  };
}
