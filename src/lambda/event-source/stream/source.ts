/** A stream as pollers see it, whatever service keeps it. */
export interface StreamRecord {
  /** Decimal digits; grows within a shard. */
  readonly sequenceNumber: string;
  readonly arrivedAtMs: number;
  /** Records of one key keep their order. */
  readonly partitionKey: string;
  /** The record as the function gets it, and as the filters see it. */
  readonly event: Readonly<Record<string, unknown>>;
}

export interface Shard {
  readonly id: string;
  readonly parentId: string | undefined;
}

export type Position =
  | { readonly kind: "TRIM_HORIZON" }
  | { readonly kind: "LATEST" }
  | { readonly kind: "AFTER"; readonly sequenceNumber: string };

export interface ReadResult {
  readonly records: readonly StreamRecord[];
  /** Undefined: the shard is closed and everything in it was read. */
  readonly next: string | undefined;
}

/** Errors: ServiceError as the service words them (ExpiredIteratorException, TrimmedDataAccessException, …). */
export interface StreamSource {
  shards(signal: AbortSignal): Promise<readonly Shard[]>;
  iterator(shardId: string, position: Position): Promise<string>;
  read(iterator: string, limit: number): Promise<ReadResult>;
  /** How long a record is kept. */
  readonly retentionMs: number;
  /** What a failed batch is told as: the member's name in the record of the failure. */
  readonly batchInfoName: string;
}
