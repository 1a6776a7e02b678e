import { spawn } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";

/** The way out of the sandboxes of one server: a cable each, and translation of their addresses. */
export interface Egress {
  /** Arguments for the helper of the sandbox with this number; none when all addresses are taken. */
  helperArguments(slot: number): readonly string[];
  close(): Promise<void>;
}

/** 198.18.0.0/15 is set aside for tests of networks and routed nowhere. 16 servers of 2,048 sandboxes. */
const RANGE_START = 0xc6_12_00_00;
const SERVERS = 16;
const SUBNET = 4;
const SANDBOXES = 2048;
const FORWARDING = "/proc/sys/net/ipv4/ip_forward";

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

function firstFree(): number | undefined {
  const taken = new Set<number>();
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) {
      const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
      taken.add(Math.floor((number - RANGE_START) / (SANDBOXES * SUBNET)));
    }
  }
  const start = process.pid % SERVERS;
  for (let step = 0; step < SERVERS; step++) {
    const index = (start + step) % SERVERS;
    if (!taken.has(index)) return index;
  }
  return undefined;
}

/**
 * What may pass: from a sandbox to the world, and the answers. Not to the host's own addresses, not
 * to another sandbox, not to link-local addresses (the metadata service of a cloud machine).
 */
export function egressRules(table: string, prefix: string, range: string): string {
  const from = `iifname "${prefix}*"`;
  return `table inet ${table} {
  chain nat { type nat hook postrouting priority 100; ip saddr ${range} oifname != "${prefix}*" masquerade; }
  chain input { type filter hook input priority -10; ${from} drop; }
  chain forward { type filter hook forward priority -10;
    ${from} ip saddr != ${range} drop;
    ${from} ip daddr { 169.254.0.0/16, 127.0.0.0/8, 198.18.0.0/15 } drop;
    ${from} oifname "lmb*" drop;
    ${from} meta nfproto ipv6 drop;
    oifname "${prefix}*" ct state != { established, related } drop;
  }
}
`;
}

async function nft(program: string, script: string): Promise<void> {
  const child = spawn(program, ["-f", "-"], { stdio: ["pipe", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (part: Buffer) => (complaint += part.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.end(script);
  const code = await new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(-1));
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`nft: ${complaint.trim().split("\n")[0] ?? code}`);
}

/** Errors: Error naming what is missing; the sandboxes are then closed to the outside. */
export async function openEgress(): Promise<Egress> {
  const program = await findNft();
  const index = firstFree();
  if (index === undefined) throw new Error("all of 198.18.0.0/15 is in use on this machine");
  if ((await readFile(FORWARDING, "latin1")).trim() !== "1") await writeFile(FORWARDING, "1");
  const start = RANGE_START + index * SANDBOXES * SUBNET;
  const range = `${dotted(start)}/19`;
  const prefix = `lmb${index.toString(16)}-`;
  const table = `lambent_${index}`;
  // A dead server's table of this range may still be there: replaced in one transaction.
  await nft(
    program,
    `table inet ${table} {}\ndelete table inet ${table}\n${egressRules(table, prefix, range)}`,
  );
  return {
    helperArguments: (slot) =>
      slot < SANDBOXES ? [`interface=${prefix}${slot}`, `subnet=${start + slot * SUBNET}`] : [],
    close: () => nft(program, `delete table inet ${table}\n`).catch(() => undefined),
  };
}

async function findNft(): Promise<string> {
  for (const file of ["/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft"]) {
    const found = await access(file).then(
      () => true,
      () => false,
    );
    if (found) return file;
  }
  throw new Error("nft is missing (package nftables)");
}
