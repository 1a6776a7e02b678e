import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CHECKSUM_ALGORITHMS,
  checksumOf,
  combined,
  composite,
  isWellFormed,
  startChecksum,
} from "./checksums.ts";

/** Of `123456789`, as catalogues of checksums give them. */
const CHECK = {
  CRC32: "cbf43926",
  CRC32C: "e3069283",
  CRC64NVME: "ae8b14860a799888",
  SHA1: "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
  SHA256: "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
} as const;

test("known values, however the bytes are cut", () => {
  const bytes = Buffer.from("123456789");
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const expected = Buffer.from(CHECK[algorithm], "hex").toString("base64");
    assert.equal(checksumOf(algorithm, bytes), expected);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const running = startChecksum(algorithm);
      running.update(bytes.subarray(0, cut));
      running.update(bytes.subarray(cut));
      assert.equal(running.digest().toString("base64"), expected, `${algorithm} cut at ${String(cut)}`);
    }
    assert.equal(isWellFormed(algorithm, expected), true);
    assert.equal(isWellFormed(algorithm, "TEST"), false);
  }
});

test("CRCs of parts make the CRC of the whole", () => {
  const parts = ["", "a", "bc".repeat(5000), "d".repeat(300_001)].map((text) => Buffer.from(text));
  for (const algorithm of ["CRC32", "CRC32C", "CRC64NVME"] as const) {
    const sums = parts.map((part) => ({ value: checksumOf(algorithm, part), bytes: part.length }));
    assert.equal(combined(algorithm, sums), checksumOf(algorithm, Buffer.concat(parts)));
  }
  assert.match(composite("SHA256", [{ value: checksumOf("SHA256", Buffer.from("x")), bytes: 1 }]), /-1$/u);
});

test("long inputs give what short pieces give", () => {
  const bytes = Buffer.from(Array.from({ length: 200_003 }, (_, index) => (index * 31) & 0xff));
  const pieces = startChecksum("CRC64NVME");
  for (let at = 0; at < bytes.length; at += 100) pieces.update(bytes.subarray(at, at + 100));
  assert.equal(checksumOf("CRC64NVME", bytes), pieces.digest().toString("base64"));
});
