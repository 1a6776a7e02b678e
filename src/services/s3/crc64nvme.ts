import type { RunningChecksum } from "./checksums.ts";
import { type Crc64Engine, createCrc64Engine, ROOM_BYTES } from "./crc64nvme-wasm.ts";

/**
 * CRC-64/NVME. A JavaScript number has no 64 bits, so each table is two: the low and the high half.
 * Long inputs go through WebAssembly.
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

/** Below this a call into WebAssembly costs more than it saves. */
const ENGINE_BYTES_MIN = 512;

let engine: Crc64Engine | undefined;

export class Crc64Nvme implements RunningChecksum {
  #low = -1;
  #high = -1;

  update(bytes: Uint8Array): void {
    const all = (tables ??= makeTables());
    let at = 0;
    while (bytes.length - at >= ENGINE_BYTES_MIN) {
      engine ??= createCrc64Engine(all.low, all.high);
      const end = at + Math.min(ROOM_BYTES, (bytes.length - at) & ~7);
      const crc = (BigInt(this.#high >>> 0) << 32n) | BigInt(this.#low >>> 0);
      const next = engine.step(bytes.subarray(at, end), crc);
      this.#low = Number(BigInt.asIntN(32, next));
      this.#high = Number(BigInt.asIntN(32, next >> 32n));
      at = end;
    }
    this.#updateSmall(bytes.subarray(at), all);
  }

  #updateSmall(bytes: Uint8Array, { low, high }: Tables): void {
    let a = this.#low;
    let b = this.#high;
    for (const byte of bytes) {
      const index = (a ^ byte) & 0xff;
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
