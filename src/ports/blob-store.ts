/**
 * Content-addressed bytes: code archives, later S3 objects. A blob is referenced by its SHA-256
 * (lower-case hex) and never changes.
 *
 * Guarantees: when `put` resolves, the blob survives power loss (file and folder are fsynced before
 * anything can reference it). Putting the same bytes twice is free.
 */
export interface BlobStore {
  put(body: Uint8Array | AsyncIterable<Uint8Array>, options?: BlobPutOptions): Promise<BlobInfo>;
  /** Undefined when there is no such blob. */
  get(sha256: string): Promise<Uint8Array | undefined>;
  stream(
    sha256: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<AsyncIterable<Uint8Array> | undefined>;
  has(sha256: string): Promise<boolean>;
  delete(sha256: string): Promise<void>;
  /** Every stored hash, for the sweep of unreferenced blobs. */
  list(): AsyncIterable<string>;
}

export interface BlobPutOptions {
  /**
   * A name instead of the hash, 64 hexadecimal characters that no other blob has: for stores whose rows
   * say who shares what. The bytes are not hashed then.
   */
  readonly name?: string;
}

export interface BlobInfo {
  readonly sha256: string;
  readonly bytes: number;
}
