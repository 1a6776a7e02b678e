/**
 * An X.509 certificate for a key of one's own, in the encoding the standard asks for (DER). Node reads
 * certificates and makes none.
 * https://www.rfc-editor.org/rfc/rfc5280#section-4.1
 */
import { createPublicKey, sign, type KeyObject } from "node:crypto";

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const NULL = 0x05;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;
const VERSION_3 = 0xa0;

/** `sha256WithRSAEncryption`, 1.2.840.113549.1.1.11. */
const SHA256_RSA = Buffer.from("2a864886f70d01010b", "hex");
/** `commonName`, 2.5.4.3. */
const COMMON_NAME = Buffer.from("550403", "hex");

/** Tag, length, contents. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const contents = Buffer.concat(parts);
  const { length } = contents;
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), contents]);
  const size = Buffer.from(length.toString(16).padStart(length > 0xff ? 4 : 2, "0"), "hex");
  return Buffer.concat([Buffer.of(tag, 0x80 | size.length), size, contents]);
}

function name(commonName: string): Buffer {
  const attribute = der(
    SEQUENCE,
    der(OBJECT_IDENTIFIER, COMMON_NAME),
    der(UTF8_STRING, Buffer.from(commonName, "utf8")),
  );
  return der(SEQUENCE, der(SET, attribute));
}

/** `20260102030405Z` */
function time(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replaceAll(/[-T:]|\.\d+/gu, "");
  return der(GENERALIZED_TIME, Buffer.from(digits, "ascii"));
}

/**
 * PEM text of a certificate that the key has signed for itself.
 * @param serial some bytes that no other certificate of this issuer has
 */
export function selfSigned(
  privateKey: KeyObject,
  options: {
    readonly commonName: string;
    readonly serial: Uint8Array;
    readonly fromMs: number;
    readonly toMs: number;
  },
): string {
  const { commonName, serial, fromMs, toMs } = options;
  const publicKey = createPublicKey(privateKey).export({ type: "spki", format: "der" });
  const algorithm = der(SEQUENCE, der(OBJECT_IDENTIFIER, SHA256_RSA), der(NULL));
  const body = der(
    SEQUENCE,
    der(VERSION_3, der(INTEGER, Buffer.of(2))),
    // A leading one keeps it positive and free of leading zeros.
    der(INTEGER, Buffer.of(1), serial),
    algorithm,
    name(commonName),
    der(SEQUENCE, time(fromMs), time(toMs)),
    name(commonName),
    publicKey,
  );
  const signature = der(BIT_STRING, Buffer.of(0), sign("sha256", body, privateKey));
  const base64 = der(SEQUENCE, body, algorithm, signature).toString("base64");
  const lines = base64.match(/.{1,64}/gu) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
