import { createHash } from "node:crypto";

/** Users of the sandboxes of one server: one each, so that neighbours stay strangers. */
export const USERS_PER_SERVER = 60_000;
const SERVERS = 1024;

/** Where no distribution puts users; ids are 32 bits, but many programs stop at 31. */
const FIRST: Readonly<Record<"namespaces" | "process", number>> = {
  namespaces: 1_900_000_000,
  process: 2_000_000_000,
};

/**
 * The first of a server's users. The kernel counts processes, pipes and watches per user over the
 * whole machine, so two servers must not use the same ones. `server` is any name of its own.
 */
export function firstUser(driver: keyof typeof FIRST, server: string): number {
  const block = createHash("sha256").update(server).digest().readUInt32BE() % SERVERS;
  return FIRST[driver] + block * USERS_PER_SERVER;
}
