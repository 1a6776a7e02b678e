/** Blocks travel to the thread full and come back empty; neither way copies them. */
export interface ToHashThread {
  readonly id: number;
  /** Undefined: nobody waits for this hash any more. */
  readonly block: ArrayBuffer | undefined;
  /** Bytes of the block that are meant. */
  readonly length: number;
  readonly isLast: boolean;
}

export interface FromHashThread {
  readonly id: number;
  readonly block: ArrayBuffer;
  readonly digest: string | undefined;
}
