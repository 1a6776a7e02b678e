import { ServiceError } from "../../kernel/errors.ts";
import type { List, MapShape, Operation, Scalar, Shape, Structure } from "../model/model.ts";
import type { Constraints } from "../model/table.ts";
import { WIRE_HABITS, type WireHabits } from "./habits.ts";
import type { Value } from "./types.ts";

/**
 * Checks a decoded input against the model's constraints and says what is wrong in AWS's sentence:
 * `1 validation error detected: Value '0' at 'timeout' failed to satisfy constraint: Member must
 * have value greater than or equal to 1`. Several faults are told at once, joined by semicolons.
 * Throws the service's validation error; types were checked while decoding.
 */
export function validateInput(operation: Operation, input: Value): void {
  const faults: string[] = [];
  const habits = WIRE_HABITS[operation.service.name] ?? {};
  if (habits.malformedCode !== undefined) {
    const inBody = operation.input.members.filter((member) => member.at === undefined);
    checkStructure({ ...operation.input, members: inBody }, input, "", faults, habits);
    if (faults.length > 0) throw malformedBody(habits.malformedCode);
    return;
  }
  if (habits.missingMember !== undefined) refuseMissing(operation, input, habits.missingMember);
  checkStructure(operation.input, input, "", faults, habits);
  if (faults.length === 0) return;
  const noun = faults.length === 1 ? "error" : "errors";
  const message = `${faults.length} validation ${noun} detected: ${faults.join("; ")}`;
  throw new ServiceError(validationCode(operation, habits), 400, message);
}

function refuseMissing(
  { input: shape }: Operation,
  input: Value,
  { code, sentence: says, except }: NonNullable<WireHabits["missingMember"]>,
): void {
  const missing = shape.members.find(
    ({ name, required }) => required && (input[name] ?? undefined) === undefined && !except.has(name),
  );
  if (missing !== undefined) throw new ServiceError(code, 400, says(missing.name));
}

function malformedBody(code: string): ServiceError {
  return new ServiceError(
    code,
    400,
    "The XML you provided was not well-formed or did not validate against our published schema",
  );
}

function validationCode(operation: Operation, habits: WireHabits): string {
  if (habits.validationCode !== undefined) return habits.validationCode;
  return operation.service.protocols[0] === "awsQuery" ? "ValidationError" : "ValidationException";
}

/** AWS writes a member with a small first letter, whatever the rest looks like. */
function memberPath(prefix: string, name: string): string {
  return `${prefix}${name.charAt(0).toLowerCase()}${name.slice(1)}`;
}

function checkStructure(
  shape: Structure,
  value: Value,
  prefix: string,
  faults: string[],
  habits: WireHabits,
): void {
  for (const member of shape.members) {
    const item = value[member.name];
    if (item === undefined || item === null) {
      // A token is filled in by clients; without one the request is merely not idempotent.
      if (member.required && !member.token && habits.missingMember === undefined) {
        faults.push(
          `Value null at '${memberPath(prefix, member.name)}' failed to satisfy constraint: Member must not be null`,
        );
      }
      continue;
    }
    const isOpen = habits.openEnums?.has(`${shape.name}.${member.name}`) === true;
    checkValue(
      isOpen ? openShape(member.shape) : member.shape,
      item,
      memberPath(prefix, member.name),
      faults,
      habits,
    );
  }
}

/** The shape without its enumeration. */
function openShape(shape: Shape): Shape {
  const { enum: _enum, ...open } = shape as Scalar;
  return open;
}

function checkValue(shape: Shape, value: unknown, path: string, faults: string[], habits: WireHabits): void {
  switch (shape.type) {
    case "structure":
      if (!shape.eventStream) checkStructure(shape, value as Value, `${path}.`, faults, habits);
      return;
    case "list":
      checkList(shape, value as unknown[], path, faults, habits);
      return;
    case "map":
      checkMap(shape, value as Value, path, faults, habits);
      return;
    default:
      for (const broken of brokenRules(shape, value))
        faults.push(sentence(shape, value, path, broken, habits));
  }
}

function sentence(shape: Shape, value: unknown, path: string, rule: string, habits: WireHabits): string {
  const shown = habits.hidesValues === true ? "Value" : `Value '${show(value, shape, habits)}'`;
  return `${shown} at '${path}' failed to satisfy constraint: ${rule}`;
}

function checkList(list: List, items: unknown[], path: string, faults: string[], habits: WireHabits): void {
  for (const rule of lengthRules(list, items.length)) faults.push(sentence(list, items, path, rule, habits));
  const of = list.member.shape;
  if (isComposite(of)) {
    for (const [index, item] of items.entries()) {
      const at = `${path}.${index + 1}.member`;
      if (item === null) {
        faults.push(`Value null at '${at}' failed to satisfy constraint: Member must not be null`);
      } else checkValue(of, item, at, faults, habits);
    }
    return;
  }
  if (!items.every((item) => item !== null && brokenRules(of, item).length === 0)) {
    const rules = [...allRules(of), "Member must not be null"].join(", ");
    faults.push(sentence(list, items, path, `Member must satisfy constraint: [${rules}]`, habits));
  }
}

function checkMap(map: MapShape, value: Value, path: string, faults: string[], habits: WireHabits): void {
  const keys = Object.keys(value);
  for (const rule of lengthRules(map, keys.length)) faults.push(sentence(map, value, path, rule, habits));
  const keyShape = map.key.shape as Scalar;
  if (!keys.every((key) => brokenRules(keyShape, key).length === 0)) {
    const rules = allRules(keyShape).join(", ");
    faults.push(sentence(map, value, path, `Map keys must satisfy constraint: [${rules}]`, habits));
  }
  const of = map.value.shape;
  if (of.type === "list" && Object.values(value).some((item) => isWrongLength(of, item))) {
    // Of lists in maps AWS tells all limits at the map.
    const rules = allRules(of).join(", ");
    faults.push(sentence(map, value, path, `Map value must satisfy constraint: [${rules}]`, habits));
    return;
  }
  if (isComposite(of)) {
    for (const [key, item] of Object.entries(value)) {
      const at = `${path}.${key}.member`;
      if (item === null) {
        faults.push(`Value null at '${at}' failed to satisfy constraint: Member must not be null`);
      } else checkValue(of, item, at, faults, habits);
    }
    return;
  }
  if (!Object.values(value).every((item) => item !== null && brokenRules(of, item).length === 0)) {
    const rules = [...allRules(of), "Member must not be null"].join(", ");
    faults.push(sentence(map, value, path, `Map value must satisfy constraint: [${rules}]`, habits));
  }
}

function isWrongLength(limits: Constraints, item: unknown): boolean {
  return Array.isArray(item) && lengthRules(limits, item.length).length > 0;
}

function isComposite(shape: Shape): shape is Structure | List | MapShape {
  return shape.type === "structure" || shape.type === "list" || shape.type === "map";
}

function bound(value: number, shape: Scalar): string {
  const isFraction = shape.type === "double" || shape.type === "float";
  return isFraction && Number.isInteger(value) ? `${value}.0` : String(value);
}

function measureRule(kind: "length" | "value", order: "less" | "greater", limit: string): string {
  return `Member must have ${kind} ${order} than or equal to ${limit}`;
}

function lengthRules(limits: Constraints, length: number): string[] {
  const rules: string[] = [];
  if (limits.max !== undefined && length > limits.max) {
    rules.push(measureRule("length", "less", String(limits.max)));
  }
  if (limits.min !== undefined && length < limits.min) {
    rules.push(measureRule("length", "greater", String(limits.min)));
  }
  return rules;
}

function isNumeric(shape: Scalar): boolean {
  return (
    shape.type === "integer" || shape.type === "long" || shape.type === "float" || shape.type === "double"
  );
}

/** The rules a scalar breaks, in AWS's order: pattern, largest, smallest, enumeration. */
export function brokenRules(shape: Scalar, value: unknown): string[] {
  if (isNumeric(shape)) {
    const rules: string[] = [];
    const number = value as number;
    if (shape.max !== undefined && number > shape.max) {
      rules.push(measureRule("value", "less", bound(shape.max, shape)));
    }
    if (shape.min !== undefined && number < shape.min) {
      rules.push(measureRule("value", "greater", bound(shape.min, shape)));
    }
    return rules;
  }
  if (shape.type === "blob") return value instanceof Uint8Array ? lengthRules(shape, value.length) : [];
  if (shape.type !== "string") return [];
  const text = value as string;
  const length = lengthRules(shape, text.length);
  // The patterns are AWS's, the text is anybody's, and V8 backtracks: what is refused for its length
  // anyway, and long, is not matched as well.
  const longest = shape.max === undefined ? UNLIMITED_MATCH_MAX : Math.max(shape.max, REFUSED_MATCH_MAX);
  const isMatched = text.length > longest || matches(shape.pattern, text);
  const rules = isMatched ? length : [patternRule(shape.pattern ?? ""), ...length];
  if (shape.enum !== undefined && !shape.enum.includes(text)) rules.push(enumRule(shape.enum));
  return rules;
}

const UNLIMITED_MATCH_MAX = 10_000;
/** Up to here AWS's two sentences (length and pattern) are both given. */
const REFUSED_MATCH_MAX = 400;

/** Every rule of a scalar, as AWS lists them inside lists and maps: largest, smallest, pattern. */
function allRules(shape: Scalar | List): string[] {
  if (shape.type === "list") return [...lengthRules(shape, Infinity), ...lengthRules(shape, -1)];
  const kind = isNumeric(shape) ? "value" : "length";
  const rules: string[] = [];
  if (shape.max !== undefined) rules.push(measureRule(kind, "less", bound(shape.max, shape)));
  if (shape.min !== undefined) rules.push(measureRule(kind, "greater", bound(shape.min, shape)));
  if (shape.pattern !== undefined) rules.push(patternRule(shape.pattern));
  if (shape.enum !== undefined) rules.push(enumRule(shape.enum));
  return rules;
}

function patternRule(pattern: string): string {
  return `Member must satisfy regular expression pattern: ${pattern}`;
}

function enumRule(values: readonly string[]): string {
  return `Member must satisfy enum value set: [${enumOrder(values).join(", ")}]`;
}

/** AWS prints an enumeration in the order of a hash table of 32 chains over Java's string hash. */
export function enumOrder(values: readonly string[]): string[] {
  const chain = (text: string): number => {
    let hash = 0;
    for (let index = 0; index < text.length; index += 1) {
      hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
    }
    return hash & 31;
  };
  return values
    .map((value) => ({ value, at: chain(value) }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

const compiled = new Map<string, RegExp | undefined>();

/** Patterns are Java's. What neither of JavaScript's dialects can read is not enforced. */
function compile(pattern: string): RegExp | undefined {
  if (compiled.has(pattern)) return compiled.get(pattern);
  let expression: RegExp | undefined;
  for (const flags of ["su", "s"]) {
    try {
      expression = new RegExp(`^(?:${pattern})$`, flags);
      break;
    } catch {
      continue;
    }
  }
  compiled.set(pattern, expression);
  return expression;
}

function matches(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  return compile(pattern)?.test(text) ?? true;
}

/** A value as Java's toString writes it. */
function show(value: unknown, shape: Shape, habits: WireHabits): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "number") return isComposite(shape) ? String(value) : bound(value, shape);
  if (value instanceof Date) return value.toUTCString();
  if (value instanceof Uint8Array)
    return `java.nio.HeapByteBuffer[pos=0 lim=${value.length} cap=${value.length}]`;
  if (shape.type === "list" && Array.isArray(value)) {
    return `[${value.map((item) => show(item, shape.member.shape, habits)).join(", ")}]`;
  }
  if (shape.type === "map") {
    const pairs = Object.entries(value).map(
      ([key, item]) => `${key}=${show(item, shape.value.shape, habits)}`,
    );
    return `{${pairs.join(", ")}}`;
  }
  if (shape.type === "structure") {
    const fields = shape.members.map((member) => {
      const name = member.name.charAt(0).toLowerCase() + member.name.slice(1);
      return `${name}=${show((value as Value)[member.name], member.shape, habits)}`;
    });
    const unmodelled = (habits.unmodelled?.[shape.name] ?? []).map((name) => `${name}=null`);
    return `${shape.name}(${[...fields, ...unmodelled].join(", ")})`;
  }
  return typeof value === "string" ? value : JSON.stringify(value);
}
