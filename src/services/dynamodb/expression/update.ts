/** Update expressions: what makes one invalid, in AWS's order, and what it makes of an item. */
import { validation } from "../errors.ts";
import { base64 } from "../value/compare.ts";
import { typeOf, type AttributeValue, type Item, type TypeName } from "../value/item.ts";
import { addNumbers, formatNumber, negate, parseNumber } from "../value/number.ts";
import { orderedBinaries, orderedNumbers, orderedStrings } from "../value/sets.ts";
import type { Action, Operand, Path, RawAction, RawArithmetic, RawCall, RawOperand } from "./ast.ts";
import { refuseSame, resolveOperand, valueAt } from "./condition.ts";
import { parseUpdate } from "./parser.ts";
import { refuseOverlaps } from "./paths.ts";
import { refuseReserved, type Placeholders } from "./placeholders.ts";
import { invalidExpression } from "./tokens.ts";

const KIND = "UpdateExpression";
const CONDITION_FUNCTIONS: ReadonlySet<string> = new Set([
  "attribute_exists",
  "attribute_not_exists",
  "attribute_type",
  "begins_with",
  "contains",
  "size",
]);
const SPELLED: Readonly<Record<TypeName, string>> = {
  S: "STRING",
  N: "NUMBER",
  B: "BINARY",
  SS: "STRING_SET",
  NS: "NUMBER_SET",
  BS: "BINARY_SET",
  L: "LIST",
  M: "MAP",
  BOOL: "BOOLEAN",
  NULL: "NULL",
};
const ADDABLE: ReadonlySet<TypeName> = new Set(["N", "SS", "NS", "BS"]);
const DELETABLE: ReadonlySet<TypeName> = new Set(["SS", "NS", "BS"]);

/** Errors: ValidationException for the first thing that is wrong with it. */
export function readUpdate(text: string, placeholders: Placeholders): Action[] {
  const raw = parseUpdate(text);
  for (const action of raw) refuseFunctions(callsOf(action.value), action.value);
  for (const action of raw) for (const path of pathsOf(action)) refuseReserved(KIND, path);
  const paths = raw.map((action) => placeholders.path(KIND, action.path));
  const actions = raw.map((action, index) => resolveAction(action, paths[index] as Path, placeholders));
  refuseOverlaps(KIND, paths);
  // Of several wrong operands AWS names the last.
  for (const action of actions.toReversed()) refuseOperands(action);
  return actions;
}

type RawAssigned = RawOperand | RawArithmetic | undefined;

function callsOf(node: RawAssigned): RawCall[] {
  if (node === undefined || node.kind === "path" || node.kind === "value") return [];
  const inner = node.operands.flatMap(callsOf);
  return node.kind === "call" ? [node, ...inner] : inner;
}

function pathsOf({ path, value }: RawAction): Extract<RawOperand, { kind: "path" }>[] {
  const inside = (node: RawAssigned): Extract<RawOperand, { kind: "path" }>[] => {
    if (node === undefined || node.kind === "value") return [];
    return node.kind === "path" ? [node] : node.operands.flatMap(inside);
  };
  return [path, ...inside(value)];
}

function refuseFunctions(calls: readonly RawCall[], top: RawAssigned): void {
  for (const { name } of calls) {
    if (CONDITION_FUNCTIONS.has(name)) {
      throw invalidExpression(KIND, `The function is not allowed in an update expression; function: ${name}`);
    }
    if (name !== "if_not_exists" && name !== "list_append") {
      throw invalidExpression(KIND, `Invalid function name; function: ${name}`);
    }
  }
  for (const call of calls) {
    if (call.name === "list_append" && call !== top) {
      throw invalidExpression(
        KIND,
        "The function is not allowed to be used this way in an expression; function: list_append",
      );
    }
  }
}

function resolveAction({ section, value }: RawAction, path: Path, placeholders: Placeholders): Action {
  if (value === undefined) return { section, path };
  if (value.kind !== "arithmetic") return { section, path, value: resolveOperand(KIND, value, placeholders) };
  const operands = value.operands.map((operand) => resolveOperand(KIND, operand, placeholders));
  return { section, path, value: { kind: "arithmetic", operator: value.operator, operands } };
}

function refuseOperands({ section, value }: Action): void {
  if (value === undefined) return;
  if (section === "ADD" || section === "DELETE") {
    const type = value.kind === "value" ? typeOf(value.value) : "S";
    if (!(section === "ADD" ? ADDABLE : DELETABLE).has(type)) {
      throw invalidExpression(
        KIND,
        `Incorrect operand type for operator or function; operator: ${section}, operand type: ${SPELLED[type]}, typeSet: ALLOWED_FOR_${section}_OPERAND`,
      );
    }
    return;
  }
  if (value.kind === "arithmetic") {
    for (const operand of value.operands) refuseType(value.operator, operand, "N");
  }
  if (value.kind === "arithmetic" || value.kind === "call") refuseCalls(value);
}

function refuseCalls(node: NonNullable<Action["value"]>): void {
  if (node.kind === "path" || node.kind === "value") return;
  if (node.kind === "call") {
    const { name, operands } = node;
    if (operands.length !== 2) {
      throw invalidExpression(
        KIND,
        `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${String(operands.length)}`,
      );
    }
    if (name === "if_not_exists" && operands[0]?.kind !== "path") {
      throw invalidExpression(
        KIND,
        "Operator or function requires a document path; operator or function: if_not_exists",
      );
    }
    if (name === "if_not_exists") refuseSame(KIND, name, operands);
    if (name === "list_append") for (const operand of operands) refuseType(name, operand, "L");
  }
  for (const operand of node.operands) refuseCalls(operand);
}

function refuseType(operator: string, operand: Operand, wanted: TypeName): void {
  if (operand.kind !== "value" || typeOf(operand.value) === wanted) return;
  throw invalidExpression(
    KIND,
    `Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${typeOf(operand.value)}`,
  );
}

// ---- what it does

const incorrectType = (): Error =>
  validation("An operand in the update expression has an incorrect data type");
const invalidPath = (): Error =>
  validation("The document path provided in the update expression is invalid for update");

/** A list under change: what is appended and what is taken out is settled when all actions are through. */
interface Draft {
  L?: (MutableValue | undefined)[];
  M?: Record<string, MutableValue>;
}
type MutableValue = AttributeValue & Draft;
interface Append {
  readonly list: (MutableValue | undefined)[];
  readonly index: number;
  readonly value: MutableValue;
}

/**
 * The item after all actions; every operand is read from the item as it was before.
 * Errors: ValidationException where types or paths do not fit the item.
 */
export function applyUpdate(item: Item, actions: readonly Action[]): Item {
  const touched = new Set(actions.map(({ path }) => String(path[0])));
  const after: Record<string, MutableValue> = Object.fromEntries(
    Object.entries(item).map(([name, value]) => [
      name,
      touched.has(name) ? draft(value) : (value as MutableValue),
    ]),
  );
  // Everything is found and read before anything is changed; no path lies within another.
  const steps = actions.map((action) => ({
    ...action,
    place: placeOf(after, action.path),
    assigned:
      action.section === "SET" && action.value !== undefined ? assignedValue(action.value, item) : undefined,
  }));
  const appends: Append[] = [];
  const removedFrom = new Set<(MutableValue | undefined)[]>();
  for (const { section, path, value, place, assigned } of steps) {
    const operand = value?.kind === "value" ? value.value : undefined;
    if (assigned !== undefined) put(place, assigned, appends);
    else if (section === "REMOVE") remove(place, removedFrom);
    else if (operand !== undefined) {
      const old = valueAt(item, path);
      const result = section === "ADD" ? added(old, operand) : subtracted(old, operand);
      if (result !== undefined) put(place, result, appends);
      else if (old !== undefined) remove(place, removedFrom);
    }
  }
  // Beyond the end of a list there are no gaps: what is set there goes to the end, in the order of indexes.
  for (const { list, value } of appends.toSorted((a, b) => a.index - b.index)) list.push(value);
  for (const list of removedFrom)
    list.splice(0, list.length, ...list.filter((element) => element !== undefined));
  return after;
}

function draft(value: AttributeValue): MutableValue {
  if (value.L !== undefined) return { L: value.L.map(draft) } as MutableValue;
  if (value.M === undefined) return value as MutableValue;
  const M = Object.fromEntries(Object.entries(value.M).map(([name, inner]) => [name, draft(inner)]));
  return { M } as MutableValue;
}

type Place =
  | { readonly map: Record<string, MutableValue>; readonly name: string }
  | { readonly list: (MutableValue | undefined)[]; readonly index: number };

function placeOf(root: Record<string, MutableValue>, path: Path): Place {
  let map: Record<string, MutableValue> | undefined = root;
  let list: (MutableValue | undefined)[] | undefined;
  for (const part of path.slice(0, -1)) {
    const next: MutableValue | undefined =
      typeof part === "number" ? list?.[part] : map === undefined ? undefined : own(map, part);
    map = next?.M;
    list = next?.L;
  }
  const last = path.at(-1);
  if (typeof last === "number" && list !== undefined) return { list, index: last };
  if (typeof last === "string" && map !== undefined) return { map, name: last };
  throw invalidPath();
}

function own(map: Record<string, MutableValue>, name: string): MutableValue | undefined {
  return Object.hasOwn(map, name) ? map[name] : undefined;
}

function put(place: Place, value: AttributeValue, appends: Append[]): void {
  const fresh = draft(value);
  if ("map" in place) {
    // Defined, not assigned: a name may be `__proto__`.
    Object.defineProperty(place.map, place.name, {
      value: fresh,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else if (place.index < place.list.length) place.list[place.index] = fresh;
  else appends.push({ ...place, value: fresh });
}

function remove(place: Place, removedFrom: Set<(MutableValue | undefined)[]>): void {
  if ("map" in place) delete place.map[place.name];
  else if (place.index < place.list.length) {
    place.list[place.index] = undefined;
    removedFrom.add(place.list);
  }
}

function assignedValue(value: NonNullable<Action["value"]>, item: Item): AttributeValue {
  if (value.kind !== "arithmetic") return operandValue(value, item);
  const [left, right] = value.operands.map((operand) => operandValue(operand, item));
  if (left?.N === undefined || right?.N === undefined) throw incorrectType();
  const second = parseNumber(right.N);
  return {
    N: formatNumber(addNumbers(parseNumber(left.N), value.operator === "+" ? second : negate(second))),
  };
}

function operandValue(operand: Operand, item: Item): AttributeValue {
  if (operand.kind === "value") return operand.value;
  if (operand.kind === "path") {
    const found = valueAt(item, operand.path);
    if (found === undefined) {
      throw validation("The provided expression refers to an attribute that does not exist in the item");
    }
    return found;
  }
  const [first, second] = operand.operands as [Operand, Operand];
  if (operand.name === "if_not_exists") {
    // The second operand has to be there even when it is not needed.
    const otherwise = operandValue(second, item);
    return (first.kind === "path" ? valueAt(item, first.path) : undefined) ?? otherwise;
  }
  const head = operandValue(first, item).L;
  const tail = operandValue(second, item).L;
  if (head === undefined || tail === undefined) throw incorrectType();
  return { L: [...head, ...tail] };
}

/** ADD: a sum of numbers, a union of sets; nothing there counts as zero or the empty set. */
function added(old: AttributeValue | undefined, more: AttributeValue): AttributeValue {
  if (old === undefined) return more;
  if (old.N !== undefined && more.N !== undefined) {
    return { N: formatNumber(addNumbers(parseNumber(old.N), parseNumber(more.N))) };
  }
  if (old.SS !== undefined && more.SS !== undefined)
    return { SS: orderedStrings(new Set([...old.SS, ...more.SS])) };
  if (old.NS !== undefined && more.NS !== undefined)
    return { NS: orderedNumbers(new Set([...old.NS, ...more.NS])) };
  if (old.BS !== undefined && more.BS !== undefined) {
    const members = new Map([...old.BS, ...more.BS].map((bytes) => [base64(bytes), bytes]));
    return { BS: orderedBinaries(members.values()) };
  }
  throw incorrectType();
}

/** DELETE: what is left of a set; undefined when that is nothing. */
function subtracted(old: AttributeValue | undefined, less: AttributeValue): AttributeValue | undefined {
  if (old === undefined) return undefined;
  const { SS: texts, NS: numbers, BS: blobs } = less;
  if (old.SS !== undefined && texts !== undefined)
    return setOf(
      "SS",
      old.SS.filter((one) => !texts.includes(one)),
    );
  if (old.NS !== undefined && numbers !== undefined)
    return setOf(
      "NS",
      old.NS.filter((one) => !numbers.includes(one)),
    );
  if (old.BS !== undefined && blobs !== undefined) {
    const gone = new Set(blobs.map(base64));
    return setOf(
      "BS",
      old.BS.filter((one) => !gone.has(base64(one))),
    );
  }
  throw incorrectType();
}

function setOf(type: "SS" | "NS" | "BS", members: readonly unknown[]): AttributeValue | undefined {
  return members.length === 0 ? undefined : ({ [type]: members } as unknown as AttributeValue);
}

/** What UPDATED_OLD and UPDATED_NEW show: the paths of the actions, as far as they are there. */
export function updatedPaths(actions: readonly Action[]): Path[] {
  return actions.map(({ path }) => path);
}

export function updatesAttribute(actions: readonly Action[], name: string): boolean {
  return actions.some(({ path }) => path[0] === name);
}
