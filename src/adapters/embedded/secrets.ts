import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import type { Secrets } from "../../ports/secrets.ts";
import { writeDurably } from "./sync-files.ts";

const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** First bytes of a sealed text: format 1, then four bytes that tell which key sealed it. */
const FORMAT = 1;
const HEAD_BYTES = 5;

/**
 * AES-256-GCM with the key in `keyFile` (made at first use, mode 0600, synced).
 * Layout: u8 format | 4 bytes key id | 12 bytes IV | ciphertext | 16 bytes tag; the context is authenticated.
 * Errors: Error naming the file when it is damaged, or when a text was sealed with another key.
 */
export async function openSecrets(options: { readonly keyFile: string }): Promise<Secrets> {
  const { keyFile } = options;
  if (!existsSync(keyFile)) await writeDurably(keyFile, `${randomBytes(KEY_BYTES).toString("hex")}\n`, 0o600);
  const key = Buffer.from((await readFile(keyFile, "utf8")).trim(), "hex");
  if (key.length !== KEY_BYTES) {
    throw new Error(`${keyFile} does not hold a key of ${String(KEY_BYTES)} bytes; restore it from a backup`);
  }
  if (process.platform !== "win32" && ((await stat(keyFile)).mode & 0o077) !== 0) {
    throw new Error(`${keyFile} can be read by others; next: chmod 600 ${keyFile}`);
  }
  const id = createHash("sha256").update("key id").update(key).digest().subarray(0, 4);

  return {
    seal(plaintext, context) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv("aes-256-gcm", key, iv);
      cipher.setAAD(Buffer.from(context));
      const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return new Uint8Array(Buffer.concat([Buffer.of(FORMAT), id, iv, body, cipher.getAuthTag()]));
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < HEAD_BYTES + IV_BYTES + TAG_BYTES || bytes[0] !== FORMAT) {
        throw new Error("not a sealed text");
      }
      if (!bytes.subarray(1, HEAD_BYTES).equals(id))
        throw new Error(`sealed with another key than ${keyFile}`);
      const iv = bytes.subarray(HEAD_BYTES, HEAD_BYTES + IV_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", key, iv);
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
      const body = bytes.subarray(HEAD_BYTES + IV_BYTES, bytes.length - TAG_BYTES);
      return new Uint8Array(Buffer.concat([decipher.update(body), decipher.final()]));
    },
    derive: (purpose) => new Uint8Array(hkdfSync("sha256", key, "lambent", purpose, KEY_BYTES)),
  };
}
