/** Conditions and filters: what makes one invalid, in AWS's order, and whether an item meets it. */
import { base64, compareValues, equalValues } from "../value/compare.ts";
import { attributeOf, typeOf, type AttributeValue, type Item, type TypeName } from "../value/item.ts";
import {
  showPath,
  type Comparator,
  type Condition,
  type Operand,
  type Path,
  type RawCall,
  type RawCondition,
  type RawOperand,
} from "./ast.ts";
import { parseCondition } from "./parser.ts";
import { refuseReserved, type Placeholders } from "./placeholders.ts";
import { invalidExpression, type ExpressionKind } from "./tokens.ts";

const OPERANDS: Readonly<Record<string, number>> = {
  attribute_exists: 1,
  attribute_not_exists: 1,
  attribute_type: 2,
  begins_with: 2,
  contains: 2,
  size: 1,
};
const UPDATE_FUNCTIONS: ReadonlySet<string> = new Set(["if_not_exists", "list_append"]);
/** In the order in which AWS shows them. */
const ATTRIBUTE_TYPES = ["B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"];
const UNORDERED: ReadonlySet<TypeName> = new Set(["BOOL", "NULL", "M", "L", "SS", "NS", "BS"]);
const UNSIZED: ReadonlySet<TypeName> = new Set(["N", "BOOL", "NULL"]);

/** Errors: ValidationException for the first thing that is wrong with it. */
export function readCondition(kind: ExpressionKind, text: string, placeholders: Placeholders): Condition {
  const raw = parseCondition(kind, text);
  const leaves = leavesOf(raw);
  refuseUnknownFunctions(kind, leaves);
  refuseMisusedFunctions(kind, leaves);
  for (const leaf of leaves) eachPath(leaf, (operand) => refuseReserved(kind, operand));
  return resolve(kind, raw, placeholders);
}

type Leaf = Exclude<RawCondition, { kind: "and" } | { kind: "or" } | { kind: "not" }>;

function leavesOf(condition: RawCondition): Leaf[] {
  if (condition.kind === "and" || condition.kind === "or") {
    return [...leavesOf(condition.left), ...leavesOf(condition.right)];
  }
  return condition.kind === "not" ? leavesOf(condition.of) : [condition];
}

function eachPath(
  node: Leaf | RawOperand,
  visit: (path: Extract<RawOperand, { kind: "path" }>) => void,
): void {
  if (node.kind === "path") visit(node);
  else if (node.kind !== "value") for (const operand of node.operands) eachPath(operand, visit);
}

function calls(node: Leaf | RawOperand): RawCall[] {
  if (node.kind === "path" || node.kind === "value") return [];
  const inner = node.operands.flatMap(calls);
  return node.kind === "call" ? [...inner, node] : inner;
}

function refuseUnknownFunctions(kind: ExpressionKind, leaves: readonly Leaf[]): void {
  for (const { name } of leaves.flatMap(calls)) {
    if (UPDATE_FUNCTIONS.has(name)) {
      throw invalidExpression(
        kind,
        `The function is not allowed in a condition expression; function: ${name}`,
      );
    }
    if (!Object.hasOwn(OPERANDS, name))
      throw invalidExpression(kind, `Invalid function name; function: ${name}`);
  }
}

/** `size` is an operand and no condition; all others are conditions and no operands. */
function refuseMisusedFunctions(kind: ExpressionKind, leaves: readonly Leaf[]): void {
  const misused = (name: string): Error =>
    invalidExpression(
      kind,
      `The function is not allowed to be used this way in an expression; function: ${name}`,
    );
  const check = (node: Leaf | RawOperand): void => {
    if (node.kind === "path" || node.kind === "value") return;
    for (const operand of node.operands) {
      if (operand.kind === "call" && operand.name !== "size") throw misused(operand.name);
      check(operand);
    }
  };
  for (const leaf of leaves) {
    if (leaf.kind === "call" && leaf.name === "size") throw misused(leaf.name);
    check(leaf);
  }
}

function resolve(kind: ExpressionKind, raw: RawCondition, placeholders: Placeholders): Condition {
  if (raw.kind === "and" || raw.kind === "or") {
    return {
      kind: raw.kind,
      left: resolve(kind, raw.left, placeholders),
      right: resolve(kind, raw.right, placeholders),
    };
  }
  if (raw.kind === "not") return { kind: "not", of: resolve(kind, raw.of, placeholders) };
  const operands = raw.operands.map((operand) => resolveOperand(kind, operand, placeholders));
  const name = nameOf(raw);
  if (raw.kind === "call") refuseCall(kind, raw.name, operands);
  if (raw.kind === "compare") refuseUnordered(kind, raw.operator, operands);
  if (raw.kind === "between") refuseBounds(kind, operands);
  refuseSame(kind, name, operands);
  return { ...raw, operands };
}

function nameOf(raw: Leaf): string {
  return raw.kind === "call" ? raw.name : raw.kind === "compare" ? raw.operator : raw.kind.toUpperCase();
}

export function resolveOperand(kind: ExpressionKind, raw: RawOperand, placeholders: Placeholders): Operand {
  if (raw.kind === "path") return { kind: "path", path: placeholders.path(kind, raw) };
  if (raw.kind === "value") return { kind: "value", value: placeholders.value(kind, raw.name) };
  const operands = raw.operands.map((operand) => resolveOperand(kind, operand, placeholders));
  if (raw.name === "size") refuseCall(kind, raw.name, operands);
  return { kind: "call", name: raw.name, operands };
}

/** What is known of an operand's type without an item. */
function staticType(operand: Operand | undefined): TypeName | undefined {
  if (operand?.kind === "value") return typeOf(operand.value);
  return operand?.kind === "call" && operand.name === "size" ? "N" : undefined;
}

function refuseCall(kind: ExpressionKind, name: string, operands: readonly Operand[]): void {
  const wrongType = (type: string): Error =>
    invalidExpression(
      kind,
      `Incorrect operand type for operator or function; operator or function: ${name}, operand type: ${type}`,
    );
  if (operands.length !== OPERANDS[name]) {
    throw invalidExpression(
      kind,
      `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${String(operands.length)}`,
    );
  }
  refuseSame(kind, name, operands);
  const [first, second] = operands.map(staticType);
  if (name.startsWith("attribute_") && name !== "attribute_type" && operands[0]?.kind !== "path") {
    throw invalidExpression(
      kind,
      `Operator or function requires a document path; operator or function: ${name}`,
    );
  }
  if (name === "size" && first !== undefined && UNSIZED.has(first)) throw wrongType(first);
  if (name === "begins_with") {
    for (const type of [first, second])
      if (type !== undefined && type !== "S" && type !== "B") throw wrongType(type);
  }
  if (name === "attribute_type") {
    if (second !== "S") throw wrongType(second ?? "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}");
    const asked = operands[1]?.kind === "value" ? (operands[1].value.S ?? "") : "";
    if (!ATTRIBUTE_TYPES.includes(asked)) {
      throw invalidExpression(
        kind,
        `Invalid attribute type name found; type: ${asked}, valid types: {${ATTRIBUTE_TYPES.join(",")}}`,
      );
    }
  }
}

/** Errors: ValidationException when another operand is the same path as the first. */
export function refuseSame(kind: ExpressionKind, operator: string, operands: readonly Operand[]): void {
  const [first, ...rest] = operands;
  if (first?.kind !== "path") return;
  const shown = showPath(first.path);
  if (rest.some((operand) => operand.kind === "path" && showPath(operand.path) === shown)) {
    throw invalidExpression(
      kind,
      `The first operand must be distinct from the remaining operands for this operator or function; operator: ${operator}, first operand: ${shown}`,
    );
  }
}

function refuseUnordered(kind: ExpressionKind, operator: Comparator, operands: readonly Operand[]): void {
  if (operator === "=" || operator === "<>") return;
  for (const type of operands.map(staticType)) {
    if (type !== undefined && UNORDERED.has(type)) {
      throw invalidExpression(
        kind,
        `Incorrect operand type for operator or function; operator or function: ${operator}, operand type: ${type}`,
      );
    }
  }
}

function refuseBounds(kind: ExpressionKind, operands: readonly Operand[]): void {
  const [, lower, upper] = operands;
  for (const type of operands.map(staticType)) {
    if (type !== undefined && UNORDERED.has(type)) {
      throw invalidExpression(
        kind,
        `Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: ${type}`,
      );
    }
  }
  if (lower?.kind !== "value" || upper?.kind !== "value") return;
  const bounds = `lower bound operand: AttributeValue: ${show(lower.value)}, upper bound operand: AttributeValue: ${show(upper.value)}`;
  if (typeOf(lower.value) !== typeOf(upper.value)) {
    throw invalidExpression(
      kind,
      `The BETWEEN operator requires same data type for lower and upper bounds; ${bounds}`,
    );
  }
  if ((compareValues(lower.value, upper.value) ?? 0) > 0) {
    throw invalidExpression(
      kind,
      `The BETWEEN operator requires upper bound to be greater than or equal to lower bound; ${bounds}`,
    );
  }
}

function show(value: AttributeValue): string {
  const type = typeOf(value);
  const text = value.B === undefined ? String(value.S ?? value.N) : base64(value.B);
  return `{${type}:${text}}`;
}

// ---- evaluation

export function valueAt(item: Item, path: Path): AttributeValue | undefined {
  const [head, ...rest] = path;
  let value = attributeOf(item, String(head));
  for (const part of rest) {
    if (value === undefined) return undefined;
    value =
      typeof part === "number"
        ? value.L?.[part]
        : value.M === undefined
          ? undefined
          : attributeOf(value.M, part);
  }
  return value;
}

/** An absent item is one without attributes. */
export function meets(condition: Condition, item: Item): boolean {
  switch (condition.kind) {
    case "and":
      return meets(condition.left, item) && meets(condition.right, item);
    case "or":
      return meets(condition.left, item) || meets(condition.right, item);
    case "not":
      return !meets(condition.of, item);
    case "compare": {
      const [left, right] = condition.operands.map((operand) => operandValue(operand, item));
      return compare(condition.operator, left, right);
    }
    case "between": {
      const [value, lower, upper] = condition.operands.map((operand) => operandValue(operand, item));
      return compare(">=", value, lower) && compare("<=", value, upper);
    }
    case "in": {
      const [value, ...list] = condition.operands.map((operand) => operandValue(operand, item));
      return list.some((candidate) => compare("=", value, candidate));
    }
    case "call":
      return holds(
        condition.name,
        condition.operands.map((operand) => operandValue(operand, item)),
      );
  }
}

function operandValue(operand: Operand, item: Item): AttributeValue | undefined {
  if (operand.kind === "value") return operand.value;
  if (operand.kind === "path") return valueAt(item, operand.path);
  const [of] = operand.operands;
  const measured = of === undefined ? undefined : operandValue(of, item);
  const size = measured === undefined ? undefined : sizeOf(measured);
  return size === undefined ? undefined : { N: String(size) };
}

/** Bytes of a binary, characters of a string, elements of everything else that has some. */
function sizeOf(value: AttributeValue): number | undefined {
  if (value.S !== undefined) return value.S.length;
  if (value.M !== undefined) return Object.keys(value.M).length;
  return (value.B ?? value.SS ?? value.NS ?? value.BS ?? value.L)?.length;
}

function compare(
  operator: Comparator,
  left: AttributeValue | undefined,
  right: AttributeValue | undefined,
): boolean {
  if (left === undefined || right === undefined) return operator === "<>";
  if (operator === "=") return equalValues(left, right);
  if (operator === "<>") return !equalValues(left, right);
  const order = compareValues(left, right);
  if (order === undefined) return false;
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

function holds(name: string, [first, second]: readonly (AttributeValue | undefined)[]): boolean {
  if (name === "attribute_exists") return first !== undefined;
  if (name === "attribute_not_exists") return first === undefined;
  if (first === undefined || second === undefined) return false;
  if (name === "attribute_type") return typeOf(first) === second.S;
  return name === "begins_with" ? beginsWith(first, second) : contains(first, second);
}

function beginsWith(value: AttributeValue, prefix: AttributeValue): boolean {
  if (value.S !== undefined && prefix.S !== undefined) return value.S.startsWith(prefix.S);
  if (value.B === undefined || prefix.B === undefined) return false;
  return Buffer.compare(value.B.subarray(0, prefix.B.length), prefix.B) === 0;
}

function contains(value: AttributeValue, part: AttributeValue): boolean {
  if (value.S !== undefined) return part.S !== undefined && value.S.includes(part.S);
  if (value.B !== undefined)
    return part.B !== undefined && Buffer.from(value.B).includes(Buffer.from(part.B));
  if (value.SS !== undefined) return part.S !== undefined && value.SS.includes(part.S);
  if (value.NS !== undefined) return part.N !== undefined && value.NS.includes(part.N);
  const { B: bytes } = part;
  if (value.BS !== undefined)
    return bytes !== undefined && value.BS.some((one) => Buffer.compare(one, bytes) === 0);
  return value.L?.some((element) => equalValues(element, part)) === true;
}
