import { randomBytes, randomUUID } from "node:crypto";

/** Chance as an argument: tests pass a seeded one. */
export interface Random {
  /** In [0, 1). */
  number(): number;
  uuid(): string;
  /** `length` characters out of lower-case hex. */
  hex(length: number): string;
}

export function systemRandom(): Random {
  return {
    number: () => randomBytes(4).readUInt32BE(0) / 2 ** 32,
    uuid: () => randomUUID(),
    hex: (length) =>
      randomBytes(Math.ceil(length / 2))
        .toString("hex")
        .slice(0, length),
  };
}
