/**
 * MD5 beside the event loop: it cannot be made faster, takes longer than all else that is done to a large
 * body, and nobody needs it before the body's end.
 */
export interface Hasher {
  /** Begins a hash; end it with `digest` or `abandon`. */
  start(): RunningHash;
  close(): Promise<void>;
}

export interface RunningHash {
  /** Copies the bytes. A promise means that too much waits to be hashed: await it before the next. */
  update(bytes: Uint8Array): Promise<void> | undefined;
  /** Lower-case hex. Rejects when the thread ended. */
  digest(): Promise<string>;
  abandon(): void;
}
