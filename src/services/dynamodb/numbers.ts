/** Numbers that are given once. */
import type { Clock } from "../../kernel/clock.ts";
import type { Random } from "../../kernel/random.ts";

/** Of tables, indexes and streams: 48 random bits, so that no counter is shared; the rows' keys are unique. */
export function storeNumber(random: Random): number {
  return parseInt(random.hex(12), 16) + 1;
}

/**
 * Versions of items: they grow within this process and start above those of any earlier one, so that a
 * deleted and newly written item never has the version somebody read before.
 */
export function versions(clock: Clock): () => number {
  let last = clock.now() * 1000;
  return () => (last += 1);
}
