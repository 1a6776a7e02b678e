/** Random patterns and events: the matcher against one that simply tries everything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compilePattern } from "./compile.ts";
import { JsonSyntaxError, scanJson } from "./json-tokens.ts";
import { matches } from "./pattern.ts";

type Json = unknown;
type Fields = Readonly<Record<string, Json>>;

/** A small generator that a number starts: the same number, the same cases. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

const NAMES = ["a", "b", "c", "a.b"];
const SCALARS: readonly Json[] = ["x", "xy", "", 1, 2, true, null];

function randomEvent(roll: (sides: number) => number, depth: number): Fields {
  const fields: Record<string, Json> = {};
  for (const name of NAMES) if (roll(3) > 0) fields[name] = randomValue(roll, depth);
  return fields;
}

function randomValue(roll: (sides: number) => number, depth: number): Json {
  const kind = depth === 0 ? 0 : roll(4);
  if (kind <= 1) return SCALARS[roll(SCALARS.length)];
  if (kind === 2) return randomEvent(roll, depth - 1);
  return Array.from({ length: roll(4) }, () => randomValue(roll, depth - 1));
}

const LEAVES: readonly Json[] = [
  ...SCALARS,
  { exists: true },
  { exists: false },
  { prefix: "x" },
  { suffix: "y" },
  { "anything-but": ["x"] },
  { "anything-but": { prefix: "x" } },
  { numeric: [">", 1] },
  { wildcard: "x*" },
  { "equals-ignore-case": "X" },
];

function randomPattern(roll: (sides: number) => number, depth: number): Fields {
  const fields: Record<string, Json> = {};
  for (const name of NAMES) {
    if (roll(3) > 0) continue;
    fields[name] =
      depth > 0 && roll(2) === 0
        ? randomPattern(roll, depth - 1)
        : Array.from({ length: 1 + roll(2) }, () => LEAVES[roll(LEAVES.length)]);
  }
  if (depth > 0 && roll(4) === 0) {
    fields["$or"] = [randomPattern(roll, depth - 1), randomPattern(roll, depth - 1)];
  }
  return Object.keys(fields).length === 0 ? { a: [LEAVES[roll(LEAVES.length)]] } : fields;
}

interface Leaf {
  readonly path: string;
  readonly value: Json;
  /** `list number` to index. */
  readonly within: ReadonlyMap<number, number>;
}

function leavesOf(event: Fields): Leaf[] {
  const found: Leaf[] = [];
  let lists = 0;
  const walk = (value: Json, path: string, within: ReadonlyMap<number, number>): void => {
    if (Array.isArray(value)) {
      const list = (lists += 1);
      value.forEach((element, index) => {
        // Only what is in an element is bound to it: a value of the list is not.
        const isInner = typeof element === "object" && element !== null;
        walk(element, path, isInner ? new Map([...within, [list, index]]) : within);
      });
    } else if (typeof value === "object" && value !== null) {
      for (const [name, inner] of Object.entries(value))
        walk(inner, path === "" ? name : `${path}.${name}`, within);
    } else found.push({ path, value, within });
  };
  walk(event, "", new Map());
  return found;
}

/** All branches of a pattern, each a map from paths to alternatives. */
function branchesOf(pattern: Fields): ReadonlyMap<string, readonly Json[]>[] {
  let branches: ReadonlyMap<string, readonly Json[]>[] = [new Map()];
  const walk = (fields: Fields, path: string): void => {
    for (const [name, value] of Object.entries(fields)) {
      const here = path === "" ? name : `${path}.${name}`;
      if (name === "$or") {
        const before = branches;
        branches = (value as Fields[]).flatMap((one) => {
          branches = before;
          walk(one, path);
          return branches;
        });
      } else if (Array.isArray(value)) branches = branches.map((branch) => new Map(branch).set(here, value));
      else walk(value as Fields, here);
    }
  };
  walk(pattern, "");
  return branches;
}

function holds(alternative: Json, value: Json): boolean {
  if (typeof alternative !== "object" || alternative === null) return alternative === value;
  const [[operator, operand] = ["", undefined]] = Object.entries(alternative) as [string, Json][];
  const text = typeof value === "string" ? value : undefined;
  switch (operator) {
    case "exists":
      return operand === true;
    case "prefix":
      return text?.startsWith(String(operand)) ?? false;
    case "suffix":
      return text?.endsWith(String(operand)) ?? false;
    case "wildcard":
      return text?.startsWith("x") ?? false;
    case "equals-ignore-case":
      return text?.toLowerCase() === "x";
    case "numeric":
      return typeof value === "number" && value > 1;
    default:
      return Array.isArray(operand) ? !operand.includes(value) : !(text?.startsWith("x") ?? false);
  }
}

/** Tries every leaf for every field. */
function referenceMatches(pattern: Fields, event: Fields): boolean {
  const leaves = leavesOf(event);
  const isAbsence = (alternative: Json): boolean => JSON.stringify(alternative) === '{"exists":false}';
  function chosen(
    fields: readonly (readonly [string, readonly Json[]])[],
    within: ReadonlyMap<number, number>,
  ): boolean {
    const [field, ...rest] = fields;
    if (field === undefined) return true;
    const [path, alternatives] = field;
    const possible = leaves.filter(
      (leaf) =>
        leaf.path === path &&
        [...leaf.within].every(([list, index]) => (within.get(list) ?? index) === index),
    );
    if (possible.length === 0 && alternatives.some(isAbsence) && chosen(rest, within)) return true;
    return possible.some(
      (leaf) =>
        alternatives.some((one) => !isAbsence(one) && holds(one, leaf.value)) &&
        chosen(rest, new Map([...within, ...leaf.within])),
    );
  }
  return branchesOf(pattern).some((branch) =>
    chosen(
      [...branch].toSorted(([a], [b]) => (a < b ? -1 : 1)),
      new Map(),
    ),
  );
}

test("random patterns match what trying everything finds", () => {
  const roll = dice(20_261_121);
  let matched = 0;
  for (let round = 0; round < 6_000; round += 1) {
    const pattern = randomPattern(roll, 2);
    const event = randomEvent(roll, 3);
    const expected = referenceMatches(pattern, event);
    if (expected) matched += 1;
    const found = matches(compilePattern(JSON.stringify(pattern)), event);
    assert.equal(found, expected, `${JSON.stringify(pattern)} of ${JSON.stringify(event)}`);
  }
  // Both answers are frequent: else nothing was compared.
  assert.ok(matched > 500 && matched < 5_500, String(matched));
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function isScanned(text: string): boolean {
  try {
    scanJson(text);
    return true;
  } catch (error) {
    assert.ok(error instanceof JsonSyntaxError, String(error));
    return false;
  }
}

test("the reader takes what JSON.parse takes, and damaged texts as it does", () => {
  const roll = dice(7);
  const marks = ['"', "{", "}", "[", "]", ",", ":", "\\", "u", "1", "-", ".", "e", "t", " ", "\n", "é"];
  let refused = 0;
  for (let round = 0; round < 4_000; round += 1) {
    const whole = JSON.stringify([randomEvent(roll, 3), 'a"\\\u0001é', -1.5e-7], undefined, roll(3));
    assert.ok(isScanned(whole), whole);
    const at = roll(whole.length);
    const damaged = whole.slice(0, at) + (marks[roll(marks.length)] ?? "") + whole.slice(at + roll(2));
    // Several values one after the other are no single text of JSON: a list around them is not closed early.
    const inList = `[${damaged}]`;
    if (!isJson(inList)) refused += 1;
    assert.equal(isScanned(inList), isJson(inList), inList);
  }
  assert.ok(refused > 500, String(refused));
});
