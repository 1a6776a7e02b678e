import type { Clock } from "../../kernel/clock.ts";

/** Numbers a millisecond has room for; they stay below 2^53 until the year 2109. */
const PER_MS = 2048;
/** Makes sequence numbers as long as AWS's: 20 digits. */
const BASE = 10_000_000_000_000_000_000n;

/**
 * Numbers that only grow: they are made of the time, and greater than `floor`, what others have used
 * already (another server, or this one before the clock went back).
 */
export function createSequence(clock: Clock): (floor?: number) => number {
  let last = 0;
  return (floor = 0) => (last = Math.max(last + 1, floor + 1, clock.now() * PER_MS));
}

/** What Publish and the messages show of it. */
export function sequenceNumber(seq: number): string {
  return String(BASE + BigInt(seq));
}
