import type { RunningChecksum } from "./checksums.ts";

/**
 * CRC-64/NVME, eight bytes a step. A JavaScript number has no 64 bits, so each table is two: the low
 * and the high half.
 */

const POLY_LOW = 0xac4bc9b5;
const POLY_HIGH = 0x9a6c9329;

interface Tables {
  /** Eight tables of 256 entries, one after the other. */
  readonly low: Uint32Array;
  readonly high: Uint32Array;
}

function makeTables(): Tables {
  const low = new Uint32Array(8 * 256);
  const high = new Uint32Array(8 * 256);
  for (let n = 0; n < 256; n += 1) {
    let a = n;
    let b = 0;
    for (let bit = 0; bit < 8; bit += 1) {
      const carry = a & 1;
      a = (a >>> 1) | ((b & 1) << 31);
      b >>>= 1;
      if (carry === 1) {
        a ^= POLY_LOW;
        b ^= POLY_HIGH;
      }
    }
    low[n] = a;
    high[n] = b;
  }
  for (let at = 256; at < 8 * 256; at += 1) {
    const a = low[at - 256] as number;
    const b = high[at - 256] as number;
    low[at] = ((a >>> 8) | (b << 24)) ^ (low[a & 0xff] as number);
    high[at] = (b >>> 8) ^ (high[a & 0xff] as number);
  }
  return { low, high };
}

let tables: Tables | undefined;

export class Crc64Nvme implements RunningChecksum {
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array): void {
    const { low, high } = (tables ??= makeTables());
    let a = this.#low;
    let b = this.#high;
    let at = 0;
    const end = bytes.length - 7;
    for (; at < end; at += 8) {
      a ^=
        (bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24);
      b ^=
        (bytes[at + 4] as number) |
        ((bytes[at + 5] as number) << 8) |
        ((bytes[at + 6] as number) << 16) |
        ((bytes[at + 7] as number) << 24);
      const i0 = 1792 + (a & 0xff);
      const i1 = 1536 + ((a >>> 8) & 0xff);
      const i2 = 1280 + ((a >>> 16) & 0xff);
      const i3 = 1024 + (a >>> 24);
      const i4 = 768 + (b & 0xff);
      const i5 = 512 + ((b >>> 8) & 0xff);
      const i6 = 256 + ((b >>> 16) & 0xff);
      const i7 = b >>> 24;
      a =
        (low[i0] as number) ^
        (low[i1] as number) ^
        (low[i2] as number) ^
        (low[i3] as number) ^
        (low[i4] as number) ^
        (low[i5] as number) ^
        (low[i6] as number) ^
        (low[i7] as number);
      b =
        (high[i0] as number) ^
        (high[i1] as number) ^
        (high[i2] as number) ^
        (high[i3] as number) ^
        (high[i4] as number) ^
        (high[i5] as number) ^
        (high[i6] as number) ^
        (high[i7] as number);
    }
    for (; at < bytes.length; at += 1) {
      const index = (a ^ (bytes[at] as number)) & 0xff;
      a = ((a >>> 8) | (b << 24)) ^ (low[index] as number);
      b = (b >>> 8) ^ (high[index] as number);
    }
    this.#low = a;
    this.#high = b;
  }

  digest(): Buffer {
    const bytes = Buffer.alloc(8);
    bytes.writeUInt32BE(~this.#high >>> 0, 0);
    bytes.writeUInt32BE(~this.#low >>> 0, 4);
    return bytes;
  }
}
