/**
 * Server-side encryption with the customer's own key (SSE-C).
 *
 * The key comes with every request and is never kept. An object remembers a random salt and the HMAC
 * of the key's MD5 under it, which tells whether a later request brings the same key. Bytes are
 * encrypted blob by blob with AES-256-CTR, so that ranges can be read: each blob has a key of its own,
 * the HMAC of its random name under the customer's key, and its counter begins at zero. Whoever alters
 * a blob is found out by the object's checksum, which is of the plain bytes.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
 */
import { createCipheriv, createHmac, hash, timingSafeEqual } from "node:crypto";
import type { ServiceError } from "../../kernel/errors.ts";
import type { Random } from "../../kernel/random.ts";
import * as errors from "./errors.ts";
import type { KeyCheck } from "./model.ts";

/** A key that has been checked against its MD5. */
export interface CustomerKey {
  readonly bytes: Uint8Array;
  /** Base64, as it is sent and answered. */
  readonly md5: string;
}

/** What a request says of a key: its three headers. */
export interface KeyHeaders {
  readonly algorithm?: string | undefined;
  /** Base64. */
  readonly key?: string | undefined;
  /** Base64. */
  readonly md5?: string | undefined;
}

export interface KeyInput {
  readonly SSECustomerAlgorithm?: string | undefined;
  readonly SSECustomerKey?: string | undefined;
  readonly SSECustomerKeyMD5?: string | undefined;
}

export interface SourceKeyInput {
  readonly CopySourceSSECustomerAlgorithm?: string | undefined;
  readonly CopySourceSSECustomerKey?: string | undefined;
  readonly CopySourceSSECustomerKeyMD5?: string | undefined;
}

export function keyHeaders(input: KeyInput): KeyHeaders {
  return { algorithm: input.SSECustomerAlgorithm, key: input.SSECustomerKey, md5: input.SSECustomerKeyMD5 };
}

/** Those of the object that is copied. */
export function sourceKeyHeaders(input: SourceKeyInput): KeyHeaders {
  return {
    algorithm: input.CopySourceSSECustomerAlgorithm,
    key: input.CopySourceSSECustomerKey,
    md5: input.CopySourceSSECustomerKeyMD5,
  };
}

function isAbsent({ algorithm, key, md5 }: KeyHeaders): boolean {
  return algorithm === undefined && key === undefined && md5 === undefined;
}

const KEY_BYTES = 32;
const REQUESTS = "Requests specifying Server Side Encryption with Customer provided keys must provide";

function badKey(message: string): ServiceError {
  return errors.invalidArgument(message, "x-amz-server-side-encryption");
}

/**
 * The key that a request brings; undefined when it brings none.
 * Errors: InvalidArgument, InvalidEncryptionAlgorithmError.
 */
export function readKey(headers: KeyHeaders): CustomerKey | undefined {
  if (isAbsent(headers)) return undefined;
  const { algorithm, key, md5 } = headers;
  if (algorithm === undefined) throw badKey(`${REQUESTS} a valid encryption algorithm.`);
  if (key === undefined) throw badKey(`${REQUESTS} an appropriate secret key.`);
  if (algorithm !== "AES256") throw errors.invalidEncryption(algorithm);
  if (md5 === undefined) throw badKey(`${REQUESTS} the client calculated MD5 of the secret key.`);
  const bytes = Buffer.from(key, "base64");
  if (bytes.length !== KEY_BYTES) throw badKey("The secret key was invalid for the specified algorithm.");
  if (hash("md5", bytes, "base64") !== md5) {
    throw badKey("The calculated MD5 hash of the key did not match the hash that was provided.");
  }
  return { bytes, md5 };
}

function keyHmac(salt: string, md5: string): Buffer {
  return createHmac("sha256", Buffer.from(salt, "base64")).update(md5).digest();
}

/** What is kept of a key. */
export function keyCheckOf({ md5 }: CustomerKey, random: Pick<Random, "hex">): KeyCheck {
  const salt = Buffer.from(random.hex(32), "hex").toString("base64");
  return { salt, hmac: keyHmac(salt, md5).toString("base64") };
}

function isSameKey(check: KeyCheck, md5: string): boolean {
  return timingSafeEqual(keyHmac(check.salt, md5), Buffer.from(check.hmac, "base64"));
}

/**
 * The key an object is read with: the one it was written with. AWS compares the MD5 first and looks at
 * the rest after it.
 * Errors: InvalidRequest (none for an encrypted object, or one for another), AccessDenied (another key),
 * and those of `readKey`.
 */
export function keyForReading(check: KeyCheck | undefined, headers: KeyHeaders): CustomerKey | undefined {
  if (check === undefined) {
    if (isAbsent(headers)) return undefined;
    throw errors.invalidRequest("The encryption parameters are not applicable to this object.");
  }
  if (isAbsent(headers)) {
    throw errors.invalidRequest(
      "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.",
      "the object was written with a key of yours: send it with --sse-customer-algorithm AES256 --sse-customer-key",
    );
  }
  if (headers.md5 !== undefined && !isSameKey(check, headers.md5)) {
    throw errors.accessDenied(`${REQUESTS} the correct secret key.`);
  }
  return readKey(headers);
}

/** The key of a part: its upload's. Errors: InvalidRequest, and those of `readKey`. */
export function keyOfPart(check: KeyCheck | undefined, headers: KeyHeaders): CustomerKey | undefined {
  const key = readKey(headers);
  if ((check === undefined) !== (key === undefined)) {
    throw errors.invalidRequest(
      "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.",
    );
  }
  checkSameKey(check, key);
  return key;
}

/** A key that need not be sent, but is not another's. Errors: InvalidRequest. */
export function checkSameKey(check: KeyCheck | undefined, key: CustomerKey | undefined): void {
  if (key === undefined || (check !== undefined && isSameKey(check, key.md5))) return;
  throw errors.invalidRequest("The provided encryption parameters did not match the ones used originally.");
}

/** What answers say of the encryption: the customer's key, or SSE-S3, which AWS applies to all else. */
export function encryptionMembers(key: CustomerKey | undefined): Record<string, string> {
  if (key === undefined) return { ServerSideEncryption: "AES256" };
  return { SSECustomerAlgorithm: "AES256", SSECustomerKeyMD5: key.md5 };
}

/** S3's ETag of such an object is a name of its bytes and not their MD5, which would tell of them. */
export function sealedEtag(blob: string): string {
  return hash("sha256", blob, "hex").slice(0, 32);
}

const BLOCK_BYTES = 16;

/**
 * Encrypts or decrypts (in this mode they are the same) the bytes of a blob from an offset on.
 * @param offset in bytes
 */
export async function* ciphered(
  body: AsyncIterable<Uint8Array>,
  key: CustomerKey,
  blob: string,
  offset: number,
): AsyncGenerator<Uint8Array> {
  const own = createHmac("sha256", key.bytes).update(blob).digest();
  const counter = Buffer.alloc(BLOCK_BYTES);
  counter.writeBigUInt64BE(BigInt(Math.floor(offset / BLOCK_BYTES)), BLOCK_BYTES - 8);
  const cipher = createCipheriv("aes-256-ctr", own, counter);
  cipher.update(Buffer.alloc(offset % BLOCK_BYTES));
  for await (const chunk of body) yield cipher.update(chunk);
}
