/**
 * Event patterns: one language with three users, each with operators of its own.
 *
 * A pattern is an object whose leaves are lists of alternatives; `$or` makes branches. An event
 * matches when one branch does, and that when each of its fields has a value for which one alternative
 * holds. Names are dotted paths: `{"a.b": …}` is `{"a": {"b": …}}`, in patterns and in events. Of lists
 * in events the elements are looked at, and all fields of a branch must agree on one element of each
 * list. Fields are decided in the order of their paths, which matters for absence: it holds when there
 * is no value in the elements chosen so far.
 *
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
import type { Test } from "./test.ts";

/** A compiled pattern. */
export interface Pattern {
  /** One of them must hold; of each, all fields, in the order of their paths. */
  readonly branches: readonly (readonly Field[])[];
  /** The paths that are asked for and all their beginnings: the rest of an event is not looked at. */
  readonly paths: ReadonlySet<string>;
}

export interface Field {
  readonly path: string;
  readonly tests: readonly Test[];
  readonly mayBeAbsent: boolean;
}

export function makePattern(branches: readonly ReadonlyMap<string, readonly Test[]>[]): Pattern {
  const paths = new Set<string>();
  const compiled = branches.map((branch) =>
    [...branch.keys()].toSorted(byCodeUnits).map((path) => {
      for (let end = path.indexOf("."); end >= 0; end = path.indexOf(".", end + 1)) {
        paths.add(path.slice(0, end));
      }
      paths.add(path);
      const tests = branch.get(path) ?? [];
      return { path, tests, mayBeAbsent: tests.some((test) => test.ofAbsence) };
    }),
  );
  return { branches: compiled, paths };
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One value of an event, and which element of each list around it it is in. */
interface Leaf {
  readonly value: unknown;
  readonly places: Places;
}

/** Index by list; lists are numbered as they are met. */
type Places = ReadonlyMap<number, number>;

/** An event's values by path, as far as somebody asks for them. */
export type FlatEvent = ReadonlyMap<string, readonly Leaf[]>;

const NOWHERE: Places = new Map();

/** Deeper than AWS takes events; what is there matches nothing. */
const DEPTH_MAX = 1_100;

/** `paths` of all patterns that will be asked. The event is what JSON.parse gives. */
export function flatten(event: unknown, paths: ReadonlySet<string>): FlatEvent {
  const flat = new Map<string, Leaf[]>();
  let lists = 0;

  function enter(value: unknown, path: string, places: Places, depth: number): void {
    if (depth > DEPTH_MAX) return;
    if (Array.isArray(value)) {
      const list = (lists += 1);
      for (const [index, element] of value.entries()) {
        const isInner = typeof element === "object" && element !== null;
        enter(element, path, isInner ? new Map(places).set(list, index) : places, depth + 1);
      }
    } else if (typeof value === "object" && value !== null) {
      enterObject(value as Readonly<Record<string, unknown>>, `${path}.`, places, depth + 1);
    } else {
      const leaves = flat.get(path);
      if (leaves === undefined) flat.set(path, [{ value, places }]);
      else leaves.push({ value, places });
    }
  }

  function enterObject(
    object: Readonly<Record<string, unknown>>,
    before: string,
    places: Places,
    depth: number,
  ): void {
    for (const name in object) {
      const path = before + name;
      if (paths.has(path) && Object.hasOwn(object, name)) enter(object[name], path, places, depth);
    }
  }

  if (typeof event === "object" && event !== null && !Array.isArray(event)) {
    enterObject(event as Readonly<Record<string, unknown>>, "", NOWHERE, 1);
  }
  return flat;
}

/** Whether the event, as JSON.parse gives it, matches. */
export function matches(pattern: Pattern, event: unknown): boolean {
  if (typeof event !== "object" || event === null || Array.isArray(event)) return false;
  return matchesFlat(pattern, flatten(event, pattern.paths));
}

export function matchesFlat(pattern: Pattern, event: FlatEvent): boolean {
  return pattern.branches.some((fields) => new BranchMatch(fields, event).holds(0, NOWHERE));
}

/** What hostile events could make of it ends here, and does not match. */
const STEPS_MAX = 500_000;

/** Looks for a choice of leaves on which all fields agree; remembers from where there was none. */
class BranchMatch {
  readonly #fields: readonly Field[];
  readonly #event: FlatEvent;
  readonly #failed = new Set<string>();
  /** Lists in which a field or one behind it has values. */
  readonly #shared: ReadonlySet<number>[] = [];
  #steps = 0;

  constructor(fields: readonly Field[], event: FlatEvent) {
    this.#fields = fields;
    this.#event = event;
  }

  holds(index: number, places: Places): boolean {
    const field = this.#fields[index];
    if (field === undefined) return true;
    const state = places.size === 0 ? undefined : this.#state(index, places);
    if (state !== undefined && this.#failed.has(state)) return false;
    if (this.#fieldHolds(field, index, places)) return true;
    if (state !== undefined) this.#failed.add(state);
    return false;
  }

  #fieldHolds(field: Field, index: number, places: Places): boolean {
    const leaves = this.#event.get(field.path) ?? [];
    let isAbsent = true;
    // Leaves in the same places lead to the same: one of them is enough.
    const tried = new Set<string>();
    for (const leaf of leaves) {
      if ((this.#steps += 1) > STEPS_MAX) return false;
      if (!agree(places, leaf.places)) continue;
      isAbsent = false;
      if (!field.tests.some((test) => !test.ofAbsence && test.holds(leaf.value))) continue;
      if (index + 1 === this.#fields.length) return true;
      const joined = leaf.places.size === 0 ? places : new Map([...places, ...leaf.places]);
      const key = this.#state(index + 1, joined);
      if (tried.has(key)) continue;
      tried.add(key);
      if (this.holds(index + 1, joined)) return true;
    }
    return isAbsent && field.mayBeAbsent && this.holds(index + 1, places);
  }

  /** Only places that a later field could disagree with tell states apart. */
  #state(index: number, places: Places): string {
    const shared = this.#sharedFrom(index);
    let state = String(index);
    for (const [list, at] of places) if (shared.has(list)) state += ` ${String(list)}:${String(at)}`;
    return state;
  }

  #sharedFrom(index: number): ReadonlySet<number> {
    const known = this.#shared[index];
    if (known !== undefined) return known;
    const lists = new Set<number>();
    for (const { path } of this.#fields.slice(index)) {
      for (const { places } of this.#event.get(path) ?? []) for (const list of places.keys()) lists.add(list);
    }
    return (this.#shared[index] = lists);
  }
}

function agree(a: Places, b: Places): boolean {
  if (a.size === 0 || b.size === 0) return true;
  for (const [list, index] of b) {
    const other = a.get(list);
    if (other !== undefined && other !== index) return false;
  }
  return true;
}
