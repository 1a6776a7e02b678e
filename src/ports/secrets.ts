/**
 * Encryption at rest with a key that is kept outside the database. `context` is authenticated with
 * the text (a ciphertext moved to another row does not open).
 */
export interface Secrets {
  seal(plaintext: Uint8Array | string, context: string): Uint8Array;
  /** Throws when the key or the context is another. */
  open(sealed: Uint8Array, context: string): Uint8Array;
  /** 32 bytes derived from the key for one purpose; the same after a restart. */
  derive(purpose: string): Uint8Array;
}
