import type { Clock } from "../../kernel/clock.ts";

/** Numbers a millisecond has room for; they stay below 2^53 until the year 2109. */
const PER_MS = 2048;
/** Makes sequence numbers as long as AWS's: 20 digits. */
const BASE = 10_000_000_000_000_000_000n;

/**
 * Numbers that only grow, also over restarts: they are made of the time, and start after the largest
 * that is stored, should the clock have gone back.
 */
export function createSequence(clock: Clock, largest: number): () => number {
  let last = largest;
  return () => (last = Math.max(last + 1, clock.now() * PER_MS));
}

/** What Publish and the messages show of it. */
export function sequenceNumber(seq: number): string {
  return String(BASE + BigInt(seq));
}
