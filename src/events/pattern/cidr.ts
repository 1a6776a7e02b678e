/** Blocks of IP addresses, version 4 and 6. */
import { isIPv4, isIPv6 } from "node:net";

export interface Cidr {
  readonly bits: number;
  readonly address: bigint;
  readonly mask: number;
}

/** The address as one number, undefined when it is none. */
export function addressOf(text: string): { readonly bits: number; readonly value: bigint } | undefined {
  if (isIPv4(text)) return { bits: 32, value: join(text.split(".").map(Number), 8) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const dotted = text.replace(
    /(\d+)\.(\d+)\.(\d+)\.(\d+)$/u,
    (_all, a: string, b: string, c: string, d: string) =>
      [Number(a) * 256 + Number(b), Number(c) * 256 + Number(d)].map((part) => part.toString(16)).join(":"),
  );
  const [head = "", tail] = dotted.split("::");
  const groups = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  const zeros = Array.from({ length: 8 - front.length - back.length }, () => 0);
  return { bits: 128, value: join([...front, ...zeros, ...back], 16) };
}

function join(parts: readonly number[], width: number): bigint {
  return parts.reduce((all, part) => (all << BigInt(width)) | BigInt(part), 0n);
}

export function cidrContains(block: Cidr, text: string): boolean {
  const address = addressOf(text);
  if (address === undefined || address.bits !== block.bits) return false;
  const shift = BigInt(block.bits - block.mask);
  return address.value >> shift === block.address >> shift;
}
