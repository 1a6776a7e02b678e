/** What an expression says, before its placeholders are filled in. */
import type { AttributeValue } from "../value/item.ts";

/** Names are as written (`#n` still a placeholder); numbers are list indexes. */
export interface RawPath {
  readonly kind: "path";
  readonly parts: readonly (string | number)[];
}

export interface RawValue {
  readonly kind: "value";
  /** With its colon. */
  readonly name: string;
}

export interface RawCall {
  readonly kind: "call";
  readonly name: string;
  readonly operands: readonly RawOperand[];
}

export type RawOperand = RawPath | RawValue | RawCall;

export type Comparator = "=" | "<>" | "<" | "<=" | ">" | ">=";

export type RawCondition =
  | { readonly kind: "and"; readonly left: RawCondition; readonly right: RawCondition }
  | { readonly kind: "or"; readonly left: RawCondition; readonly right: RawCondition }
  | { readonly kind: "not"; readonly of: RawCondition }
  | { readonly kind: "compare"; readonly operator: Comparator; readonly operands: readonly RawOperand[] }
  | { readonly kind: "between" | "in"; readonly operands: readonly RawOperand[] }
  | RawCall;

export interface RawArithmetic {
  readonly kind: "arithmetic";
  readonly operator: "+" | "-";
  readonly operands: readonly [RawOperand, RawOperand];
}

export type Section = "SET" | "REMOVE" | "ADD" | "DELETE";

export interface RawAction {
  readonly section: Section;
  readonly path: RawPath;
  /** Of SET, ADD and DELETE. */
  readonly value?: RawOperand | RawArithmetic;
}

/** The same with real names and values. */
export type Path = readonly (string | number)[];

export type Operand =
  | { readonly kind: "path"; readonly path: Path }
  | { readonly kind: "value"; readonly value: AttributeValue }
  | { readonly kind: "call"; readonly name: string; readonly operands: readonly Operand[] };

export type Condition =
  | { readonly kind: "and"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "or"; readonly left: Condition; readonly right: Condition }
  | { readonly kind: "not"; readonly of: Condition }
  | { readonly kind: "compare"; readonly operator: Comparator; readonly operands: readonly Operand[] }
  | { readonly kind: "between" | "in"; readonly operands: readonly Operand[] }
  | Extract<Operand, { kind: "call" }>;

export interface Action {
  readonly section: Section;
  readonly path: Path;
  readonly value?:
    | Operand
    | { readonly kind: "arithmetic"; readonly operator: "+" | "-"; readonly operands: readonly Operand[] };
}

/** As AWS shows a path in its refusals: `[a, [1], b]`. */
export function showPath(path: Path): string {
  return `[${path.map((part) => (typeof part === "number" ? `[${String(part)}]` : part)).join(", ")}]`;
}
