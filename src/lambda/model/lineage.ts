/**
 * How often one chain of events has come by the same function: the `Lineage` of a trace header. SDKs send
 * a function's header with all it asks for; queues, topics and buckets hand it on with what they deliver;
 * the next invocation counts on from there.
 *
 *   Lineage=<hops>:<resource>:<loops>     hops: invocations of the chain so far
 *                                         resource: eight hexadecimal digits of the function watched
 *                                         loops: how often the chain came back to it
 *
 * One place is there to watch one function, and the first of a chain need not be part of its loop. So, as
 * in Brent's search for cycles, the watch moves on to whoever comes at hop 2, 4, 8, … while nobody has
 * come back; even if somebody did, once that one may recur, or from hop 256 on, since a loop so long has
 * not ended the chain.
 * https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
 */
import { createHash } from "node:crypto";
import { LIMITS } from "../../kernel/limits.ts";

export interface Lineage {
  readonly hops: number;
  readonly resource: string;
  readonly loops: number;
}

/** As far as AWS's own counters go. */
const HOPS_MAX = 32_767;
const LOOPS_MAX = 255;
const HOPS_OF_SHORT_LOOPS = 256;
const FIELD = /(?:^|;)\s*Lineage=(\d{1,5}):([\da-f]{8}):(\d{1,3})\s*(?=;|$)/iu;

/** Of a function's unqualified ARN: all its versions are one place of a loop. */
export function resourceOf(functionArn: string): string {
  return createHash("sha256").update(functionArn).digest("hex").slice(0, 8);
}

/** Undefined without one, or with one that cannot be read: the chain then begins here. */
export function lineageOf(header: string | undefined): Lineage | undefined {
  const [, hops, resource, loops] = header === undefined ? [] : (FIELD.exec(header) ?? []);
  if (hops === undefined || resource === undefined || loops === undefined) return undefined;
  return { hops: Number(hops), resource: resource.toLowerCase(), loops: Number(loops) };
}

/** The chain, one invocation of `resource` further. */
export function further(before: Lineage | undefined, resource: string): Lineage {
  if (before === undefined) return { hops: 1, resource, loops: 0 };
  const hops = Math.min(before.hops + 1, HOPS_MAX);
  const { loops } = before;
  if (before.resource === resource) return { hops, resource, loops: Math.min(loops + 1, LOOPS_MAX) };
  const isSettled = loops > 0 && loops < LIMITS.recursiveInvocations && hops < HOPS_OF_SHORT_LOOPS;
  return isPowerOfTwo(hops) && !isSettled ? { hops, resource, loops: 0 } : { ...before, hops };
}

/** Whether the invocation of `resource` that made this lineage is one too many: the one after the sixteenth. */
export function isLoop(lineage: Lineage, resource: string): boolean {
  return lineage.resource === resource && lineage.loops >= LIMITS.recursiveInvocations;
}

/** The header with this lineage in place of its own. */
export function withLineage(header: string, lineage: Lineage): string {
  const kept = header.split(";").filter((field) => !/^\s*Lineage=/iu.test(field) && field !== "");
  const { hops, resource, loops } = lineage;
  return [...kept, `Lineage=${String(hops)}:${resource}:${String(loops)}`].join(";");
}

/**
 * The header of a batch: that of the chain which has come least far, so that no event is stopped for the
 * chain of another. Undefined when one of them has no header.
 */
export function leastFar(headers: readonly (string | undefined)[]): string | undefined {
  let least: { readonly header: string; readonly loops: number; readonly hops: number } | undefined;
  for (const header of headers) {
    if (header === undefined) return undefined;
    const { loops, hops } = lineageOf(header) ?? { loops: 0, hops: 0 };
    if (least === undefined || loops < least.loops || (loops === least.loops && hops < least.hops)) {
      least = { header, loops, hops };
    }
  }
  return least?.header;
}

const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;
