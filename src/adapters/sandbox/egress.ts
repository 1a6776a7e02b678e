import { spawn } from "node:child_process";
import { access, readFile, writeFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { ownerIsDead, ownerName } from "./owner.ts";

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

/** Before the owner's name, in the name of a chain that holds no rule. */
const OWNER = "owner-";

const startOf = (index: number): number => RANGE_START + index * SANDBOXES * SUBNET;
const rangeOf = (index: number): string => `${dotted(startOf(index))}/19`;
const prefixOf = (index: number): string => `lmb${index.toString(16)}-`;
const tableOf = (index: number): string => `lambent_${index}`;

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** Numbers of which no interface of this machine has an address, in the order in which to try them. */
function candidates(): number[] {
  const taken = new Set<number>();
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) {
      const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
      taken.add(Math.floor((number - RANGE_START) / (SANDBOXES * SUBNET)));
    }
  }
  return Array.from({ length: SERVERS }, (_none, step) => (process.pid + step) % SERVERS).filter(
    (index) => !taken.has(index),
  );
}

/**
 * What may pass: from a sandbox to the world, and the answers. Not to the host's own addresses, not
 * to another sandbox, not to link-local addresses (the metadata service of a cloud machine).
 */
export function egressRules(table: string, prefix: string, range: string, owner: string): string {
  const from = `iifname "${prefix}*"`;
  return `create table inet ${table}
table inet ${table} {
  chain ${OWNER}${owner} { }
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

async function nft(program: string, script: string): Promise<string> {
  const child = spawn(program, ["-f", "-"], { stdio: ["pipe", "pipe", "pipe"] });
  let complaint = "";
  let answer = "";
  child.stdout.on("data", (part: Buffer) => (answer += part.toString()));
  child.stderr.on("data", (part: Buffer) => (complaint += part.toString()));
  child.stdin.on("error", () => undefined);
  child.stdin.end(script);
  const code = await new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(-1));
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`nft: ${complaint.trim().split("\n")[0] ?? code}`);
  return answer;
}

/** Removes the tables of dead servers. One that another removes, or takes over, meanwhile is left alone. */
async function sweepTables(program: string): Promise<void> {
  const listed = await nft(program, "list tables\n");
  for (const [, table = ""] of listed.matchAll(/^table inet (lambent_\d+)$/gm)) {
    const rules = await nft(program, `list table inet ${table}\n`).catch(() => "");
    const owner = new RegExp(`chain (${OWNER}[\\d-]+) `).exec(rules)?.[1];
    if (owner === undefined || !(await ownerIsDead(owner))) continue;
    // One transaction: without the owner's chain nothing of it is done.
    await nft(program, `delete chain inet ${table} ${owner}\ndelete table inet ${table}\n`).catch(
      () => undefined,
    );
  }
}

/** The first number whose table can be created: the kernel lets only one server do so. */
async function claim(program: string): Promise<number> {
  const owner = await ownerName();
  for (const index of candidates()) {
    try {
      await nft(program, egressRules(tableOf(index), prefixOf(index), rangeOf(index), owner));
      return index;
    } catch (error) {
      if (!(error instanceof Error && error.message.includes("File exists"))) throw error;
    }
  }
  throw new Error("all of 198.18.0.0/15 is in use on this machine");
}

/** Errors: Error naming what is missing; the sandboxes are then closed to the outside. */
export async function openEgress(): Promise<Egress> {
  const program = await findNft();
  if ((await readFile(FORWARDING, "latin1")).trim() !== "1") await writeFile(FORWARDING, "1");
  await sweepTables(program);
  const index = await claim(program);
  return {
    helperArguments: (slot) =>
      slot < SANDBOXES
        ? [`interface=${prefixOf(index)}${slot}`, `subnet=${startOf(index) + slot * SUBNET}`]
        : [],
    async close() {
      await nft(program, `delete table inet ${tableOf(index)}\n`).catch(() => undefined);
    },
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
