import type { Random } from "./random.ts";

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

export function base32(bytes: Uint8Array): string {
  let text = "";
  let buffer = 0;
  let bits = 0;
  for (const byte of bytes) {
    buffer = (buffer << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32[(buffer >> bits) & 31] ?? "";
    }
    buffer &= (1 << bits) - 1;
  }
  return text;
}

/** Prefixes of unique ids: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html */
export type UniqueIdPrefix = "ACCA" | "AIDA" | "AROA" | "AIPA" | "ANPA" | "AGPA";

/** A unique id of 21 characters, as IAM gives roles, users and policies; never used twice. */
export function uniqueId(prefix: UniqueIdPrefix, random: Random): string {
  return prefix + base32(Buffer.from(random.hex(22), "hex")).slice(0, 17);
}

/**
 * An access key id of 20 characters. As in AWS's, the account is readable in it: 40 bits after the
 * leading one. `AKIA` is a user's lasting key, `ASIA` a session's.
 */
export function accessKeyId(prefix: "AKIA" | "ASIA", accountId: string, random: Random): string {
  const bytes = Buffer.from(random.hex(20), "hex");
  const noise = BigInt(bytes[5] ?? 0) & 0x7fn;
  const head = (1n << 47n) | (BigInt(accountId) << 7n) | noise;
  for (let i = 0; i < 6; i++) bytes[i] = Number((head >> BigInt(8 * (5 - i))) & 0xffn);
  return prefix + base32(bytes);
}

/** 40 characters, as AWS's secret keys are. */
export function secretAccessKey(random: Random): string {
  return Buffer.from(random.hex(60), "hex").toString("base64");
}
