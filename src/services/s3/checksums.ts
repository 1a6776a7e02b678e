import { createHash } from "node:crypto";
import { crc32 as zlibCrc32 } from "node:zlib";
import { crc32c } from "./crc32c.ts";
import { Crc64Nvme } from "./crc64nvme.ts";

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html */
export const CHECKSUM_ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];
export type ChecksumType = "FULL_OBJECT" | "COMPOSITE";

/** What S3 computes when nobody asked for another. */
export const DEFAULT_ALGORITHM: ChecksumAlgorithm = "CRC64NVME";

const BYTES: Readonly<Record<ChecksumAlgorithm, number>> = {
  CRC32: 4,
  CRC32C: 4,
  CRC64NVME: 8,
  SHA1: 20,
  SHA256: 32,
};

export interface RunningChecksum {
  update(chunk: Uint8Array): void;
  digest(): Buffer;
}

/** Starts a checksum that is fed chunk by chunk. */
export function startChecksum(algorithm: ChecksumAlgorithm): RunningChecksum {
  switch (algorithm) {
    case "CRC32":
      return running32((chunk, value) => zlibCrc32(chunk, value));
    case "CRC32C":
      return running32(crc32c);
    case "CRC64NVME":
      return new Crc64Nvme();
    case "SHA1":
    case "SHA256": {
      const hash = createHash(algorithm.toLowerCase());
      return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() };
    }
  }
}

function running32(step: (chunk: Uint8Array, value: number) => number): RunningChecksum {
  let value = 0;
  return {
    update(chunk) {
      value = step(chunk, value);
    },
    digest() {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(value);
      return bytes;
    },
  };
}

export function checksumOf(algorithm: ChecksumAlgorithm, bytes: Uint8Array): string {
  const running = startChecksum(algorithm);
  running.update(bytes);
  return running.digest().toString("base64");
}

export function isAlgorithm(text: string): text is ChecksumAlgorithm {
  return (CHECKSUM_ALGORITHMS as readonly string[]).includes(text);
}

/** True when the text is base64 of as many bytes as the algorithm gives. */
export function isWellFormed(algorithm: ChecksumAlgorithm, value: string): boolean {
  const bytes = Buffer.from(value, "base64");
  return bytes.length === BYTES[algorithm] && bytes.toString("base64") === value;
}

/** Parts of a CRC can be put together without their bytes; those of a SHA cannot. */
export function canBeFullObject(algorithm: ChecksumAlgorithm): boolean {
  return algorithm.startsWith("CRC");
}

/** `COMPOSITE` unless the algorithm knows only whole objects. */
export function defaultType(algorithm: ChecksumAlgorithm): ChecksumType {
  return algorithm === "CRC64NVME" ? "FULL_OBJECT" : "COMPOSITE";
}

export interface PartChecksum {
  readonly value: string;
  readonly bytes: number;
}

/** The checksum of checksums, with the number of parts behind it, as S3 shows it. */
export function composite(algorithm: ChecksumAlgorithm, parts: readonly PartChecksum[]): string {
  const all = Buffer.concat(parts.map((part) => Buffer.from(part.value, "base64")));
  return `${checksumOf(algorithm, all)}-${String(parts.length)}`;
}

const REFLECTED: Readonly<Partial<Record<ChecksumAlgorithm, readonly [poly: bigint, width: bigint]>>> = {
  CRC32: [0xedb88320n, 32n],
  CRC32C: [0x82f63b78n, 32n],
  CRC64NVME: [0x9a6c9329ac4bc9b5n, 64n],
};

/** The CRC of the whole from those of its parts, in order: shifting by a length is a product in GF(2). */
export function combined(algorithm: ChecksumAlgorithm, parts: readonly PartChecksum[]): string {
  const [poly, width] = REFLECTED[algorithm] ?? [0n, 0n];
  if (width === 0n) throw new Error(`${algorithm} cannot be combined`);
  let whole = 0n;
  for (const part of parts) {
    const value = BigInt(`0x${Buffer.from(part.value, "base64").toString("hex")}`);
    whole = multiply(powerOfX(BigInt(part.bytes) * 8n, poly, width), whole, poly, width) ^ value;
  }
  return Buffer.from(whole.toString(16).padStart(Number(width) / 4, "0"), "hex").toString("base64");
}

/** a·b modulo the polynomial, all with their highest power in the lowest bit. */
function multiply(a: bigint, b: bigint, poly: bigint, width: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 1n << (width - 1n); bit !== 0n; bit >>= 1n) {
    if ((a & bit) !== 0n) product ^= shifted;
    shifted = (shifted & 1n) === 0n ? shifted >> 1n : (shifted >> 1n) ^ poly;
  }
  return product;
}

function powerOfX(exponent: bigint, poly: bigint, width: bigint): bigint {
  let power = 1n << (width - 1n);
  let square = 1n << (width - 2n);
  for (let left = exponent; left !== 0n; left >>= 1n) {
    if ((left & 1n) === 1n) power = multiply(square, power, poly, width);
    square = multiply(square, square, poly, width);
  }
  return power;
}
