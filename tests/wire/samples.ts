import type { Member, Shape, Structure } from "../../src/aws/model/model.ts";
import type { Value } from "../../src/aws/protocol/types.ts";

/** A small seeded generator (mulberry32): the same seed gives the same samples everywhere. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function isScalar({ type }: Shape): boolean {
  return type !== "structure" && type !== "list" && type !== "map";
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
/** Beyond depth, structures keep to what they must have, so that recursive shapes end. */
const DEPTH_FULL = 3;
const DEPTH_MAX = 8;

/**
 * Random values of a shape: well typed, but of no particular meaning. Only members that `knows`
 * admits are given: the tables may be newer than the SDK under test.
 */
export function createSampler(
  random: () => number,
  knows: (structure: string, member: string) => boolean = () => true,
): (shape: Structure) => Value {
  const count = (max: number): number => 1 + Math.floor(random() * max);
  const word = (): string =>
    Array.from({ length: 3 + count(6) }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join("");

  function text(member: Member | undefined): string {
    const isPlain =
      member === undefined || member.at !== undefined || member.attribute || member.name === "member";
    return isPlain ? word() : `${word()} <&>"' é${word()}`;
  }

  function value(shape: Shape, member: Member | undefined, depth: number): unknown {
    switch (shape.type) {
      case "structure":
        return structure(shape, depth + 1);
      case "list":
        return Array.from({ length: count(2) }, () => value(shape.member.shape, undefined, depth + 1));
      case "map":
        return Object.fromEntries(
          Array.from({ length: count(2) }, () => [word(), value(shape.value.shape, undefined, depth + 1)]),
        );
      case "string":
        return shape.enum?.[0] ?? text(member);
      case "boolean":
        return random() < 0.5;
      case "integer":
      case "long":
        return count(1000);
      case "float":
      case "double":
        return count(4000) / 4;
      case "blob":
        return Uint8Array.from({ length: count(20) }, () => Math.floor(random() * 256));
      case "timestamp":
        return new Date(count(2_000_000_000) * 1000);
      case "document":
        return { [word()]: [count(9), word()] };
    }
  }

  function structure(shape: Structure, depth: number): Value {
    const result: Value = {};
    const members = shape.members.filter((member) => knows(shape.name, member.name));
    if ((shape.union || shape.eventStream) && members.length > 0) {
      // An error among the events would be told as an exception.
      const events = shape.eventStream ? members.filter((m) => !m.shape.name.endsWith("Exception")) : members;
      // The simplest of a union's members come first to hand when it is deep already.
      const scalars = events.filter((m) => m.shape.type !== "structure" && m.shape.type !== "list");
      const pool = depth > DEPTH_FULL && scalars.length > 0 ? scalars : events;
      const member = pool[Math.floor(random() * pool.length)];
      if (member !== undefined) result[member.name] = value(member.shape, member, depth);
      return result;
    }
    for (const member of members) {
      const isDeep = depth > DEPTH_FULL;
      const isComposite = !isScalar(member.shape);
      if (depth > DEPTH_MAX && isComposite) continue;
      const isWanted =
        member.required ||
        member === shape.payload ||
        member.at === "uri" ||
        (random() < 0.5 && !(isDeep && isComposite));
      if (member.at === "statusCode") result[member.name] = 200;
      else if (isWanted) result[member.name] = value(member.shape, member, depth);
    }
    // An empty structure inside a list cannot be said in the query protocol.
    const [first] = members;
    if (depth > 0 && first !== undefined && Object.keys(result).length === 0) {
      const simple = members.find((member) => isScalar(member.shape)) ?? first;
      result[simple.name] = value(simple.shape, simple, depth);
    }
    return result;
  }

  return (shape) => structure(shape, 0);
}
