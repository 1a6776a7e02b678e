/**
 * Shard iterators: the stream's ARN, a version, and what is needed to go on, in base64. They say where to
 * read, they grant nothing: whoever holds one still needs the permission to read.
 */

export interface ShardIterator {
  readonly arn: string;
  readonly shardId: string;
  /** Records after this place. */
  readonly after: number;
  /** Epoch ms; they are good for 15 minutes. */
  readonly madeAt: number;
  /** It points before what is kept: reading it is refused, not skipped. */
  readonly isExact: boolean;
}

export const ITERATOR_MS: number = 15 * 60_000;

export function writeIterator({ arn, shardId, after, madeAt, isExact }: ShardIterator): string {
  const state = JSON.stringify([shardId, after, madeAt, isExact ? 1 : 0]);
  return `${arn}|1|${Buffer.from(state).toString("base64")}`;
}

/** undefined for what is none. */
export function readIterator(text: string): ShardIterator | undefined {
  const [arn, version, state] = text.split("|");
  if (arn === undefined || version !== "1" || state === undefined) return undefined;
  try {
    const [shardId, after, madeAt, isExact] = JSON.parse(
      Buffer.from(state, "base64").toString("utf8"),
    ) as unknown[];
    if (typeof shardId !== "string" || typeof after !== "number" || typeof madeAt !== "number")
      return undefined;
    return { arn, shardId, after, madeAt, isExact: isExact === 1 };
  } catch {
    return undefined;
  }
}
