/**
 * The inner loop of CRC-64/NVME as WebAssembly, which has the 64-bit integers that JavaScript's numbers
 * lack: eight bytes a step, several times as fast. The module is small enough to be written down here.
 *
 * Memory: eight tables of 256 64-bit entries, then the bytes.
 */

const PAGE_BYTES = 65_536;
const TABLES_BYTES = 8 * 256 * 8;
/** Bytes that fit behind the tables. */
export const ROOM_BYTES: number = 2 * PAGE_BYTES - TABLES_BYTES;

/** As much of the global as is used; its types are the browser's. */
interface Wasm {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => {
    readonly exports: { readonly m: { readonly buffer: ArrayBuffer }; readonly s: Step };
  };
}

type Step = (from: number, to: number, crc: bigint) => bigint;

export interface Crc64Engine {
  /** The CRC (not yet inverted) after these bytes, whose number is a multiple of 8 and fits in. */
  step(bytes: Uint8Array, crc: bigint): bigint;
}

/** Unsigned LEB128. */
function leb(value: number): number[] {
  const bytes: number[] = [];
  let left = value;
  do {
    const byte = left & 0x7f;
    left >>>= 7;
    bytes.push(left === 0 ? byte : byte | 0x80);
  } while (left !== 0);
  return bytes;
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...leb(content.length), ...content];
}

/** Entry of table `7 - index` for byte `index` of the local 2. */
function lookup(index: number): number[] {
  const shift = index === 0 ? [] : [0x42, index * 8, 0x88]; // i64.const, i64.shr_u
  const address = [0xa7, 0x41, 0xff, 0x01, 0x71, 0x41, 0x03, 0x74]; // i32.wrap, & 255, << 3
  const load = [0x29, 0x03, ...leb((7 - index) * 2048)]; // i64.load
  return [0x20, 0x02, ...shift, ...address, ...load, ...(index === 0 ? [] : [0x85])]; // i64.xor
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const loop = [
    ...[0x20, 0x00, 0x20, 0x01, 0x4f, 0x0d, 0x01], // from >= to: out of the block
    ...[0x20, 0x02, 0x20, 0x00, 0x29, 0x03, 0x00, 0x85, 0x21, 0x02], // crc ^= eight bytes
    ...[0, 1, 2, 3, 4, 5, 6, 7].flatMap(lookup),
    ...[0x21, 0x02, 0x20, 0x00, 0x41, 0x08, 0x6a, 0x21, 0x00, 0x0c, 0x00], // crc = …; from += 8; again
  ];
  const code = [0x00, 0x02, 0x40, 0x03, 0x40, ...loop, 0x0b, 0x0b, 0x20, 0x02, 0x0b];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 3, 0x7f, 0x7f, 0x7e, 1, 0x7e]), // (i32, i32, i64) -> i64
    ...section(3, [1, 0]),
    ...section(5, [1, 0x00, 2]), // two pages
    ...section(7, [2, 1, 0x6d, 0x02, 0, 1, 0x73, 0x00, 0]), // exports m (memory) and s (step)
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

/** `low` and `high` are the halves of the eight tables, one after the other. */
export function createCrc64Engine(low: Uint32Array, high: Uint32Array): Crc64Engine {
  const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: Wasm };
  const { m: memory, s: step } = new wasm.Instance(new wasm.Module(moduleBytes())).exports;
  const view = new DataView(memory.buffer);
  for (let at = 0; at < low.length; at += 1) {
    view.setUint32(at * 8, low[at] ?? 0, true);
    view.setUint32(at * 8 + 4, high[at] ?? 0, true);
  }
  const room = new Uint8Array(memory.buffer, TABLES_BYTES);
  return {
    step(bytes, crc) {
      room.set(bytes);
      return step(TABLES_BYTES, TABLES_BYTES + bytes.length, crc);
    },
  };
}
