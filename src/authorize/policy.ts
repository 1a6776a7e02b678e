/** Policy documents, made ready for evaluation: parsed and compiled once, matched often. */
import { compileCondition, type Condition, holds } from "./condition.ts";
import { compilePattern, type Keys, matches, type Pattern } from "./pattern.ts";
import {
  compilePrincipal,
  type Grade,
  gradeOf,
  isNamed,
  type Principal,
  type PrincipalRule,
} from "./principal.ts";

interface Selection {
  readonly patterns: readonly Pattern[];
  /** NotAction, NotResource, NotPrincipal. */
  readonly negated: boolean;
}

export interface PolicyStatement {
  readonly sid: string | undefined;
  readonly effect: "Allow" | "Deny";
  readonly principal: { readonly rule: PrincipalRule; readonly negated: boolean } | undefined;
  readonly actions: Selection;
  /** Undefined where the document says none: trust policies are about their own role. */
  readonly resources: Selection | undefined;
  readonly conditions: readonly Condition[];
}

export interface Policy {
  /** Its ARN or name, for whoever looks for the statement that decided. */
  readonly name: string;
  readonly statements: readonly PolicyStatement[];
  /** It speaks of `aws:ResourceTag/…` or `s3:ExistingObjectTag/…`, which takes a look at the resource. */
  readonly asksForTags: boolean;
}

export interface Request {
  readonly principal: Principal;
  /** `lambda:InvokeFunction`. */
  readonly action: string;
  readonly resource: string;
  readonly keys: Keys;
}

/** @param document JSON text or what was parsed of it. Undefined when it is no policy at all. */
export function compilePolicy(document: unknown, name: string): Policy | undefined {
  const value = typeof document === "string" ? parse(document) : document;
  if (typeof value !== "object" || value === null || !("Statement" in value)) return undefined;
  const withVariables = (value as { Version?: unknown }).Version === "2012-10-17";
  const all: readonly unknown[] = Array.isArray(value.Statement) ? value.Statement : [value.Statement];
  const statements = all.flatMap((statement) => {
    const compiled = compileStatement(statement, withVariables);
    return compiled === undefined ? [] : [compiled];
  });
  return { name, statements, asksForTags: /(?:resource|existingobject)tag\//i.test(JSON.stringify(value)) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function compileStatement(value: unknown, withVariables: boolean): PolicyStatement | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const fields = value as Readonly<Record<string, unknown>>;
  const effect = fields["Effect"];
  if (effect !== "Allow" && effect !== "Deny") return undefined;
  const actions = selection(fields, "Action", false);
  if (actions === undefined) return undefined;
  return {
    sid: typeof fields["Sid"] === "string" && fields["Sid"] !== "" ? fields["Sid"] : undefined,
    effect,
    principal: principalOf(fields),
    actions,
    resources: selection(fields, "Resource", withVariables),
    conditions: conditionsOf(fields["Condition"], withVariables),
  };
}

function selection(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  withVariables: boolean,
): Selection | undefined {
  for (const negated of [false, true]) {
    const given = fields[negated ? `Not${name}` : name];
    if (given === undefined) continue;
    const list: readonly unknown[] = Array.isArray(given) ? given : [given];
    return { patterns: list.map((text) => compilePattern(String(text), withVariables)), negated };
  }
  return undefined;
}

function principalOf(fields: Readonly<Record<string, unknown>>): PolicyStatement["principal"] {
  if (fields["Principal"] !== undefined)
    return { rule: compilePrincipal(fields["Principal"]), negated: false };
  const not = fields["NotPrincipal"];
  return not === undefined ? undefined : { rule: compilePrincipal(not), negated: true };
}

function conditionsOf(value: unknown, withVariables: boolean): Condition[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([operator, block]) =>
    Object.entries((block ?? {}) as object).map(([key, wanted]) =>
      compileCondition(operator, key, wanted, withVariables),
    ),
  );
}

const NO_KEYS: Keys = new Map();

function selects(selected: Selection | undefined, text: string, keys: Keys, ignoreCase: boolean): boolean {
  if (selected === undefined) return true;
  return selected.patterns.some((pattern) => matches(pattern, text, keys, ignoreCase)) !== selected.negated;
}

/** Action, resource and conditions. Whom it is about is asked apart: see `namesWhom`. */
export function applies(statement: PolicyStatement, request: Request): boolean {
  if (!selects(statement.actions, request.action, NO_KEYS, true)) return false;
  if (!selects(statement.resources, request.resource, request.keys, false)) return false;
  // An operator nobody knows: whatever the statement meant, it must not end in more access.
  return statement.conditions.every(
    (condition) => holds(condition, request.keys) ?? statement.effect === "Deny",
  );
}

/** Undefined when a statement of a resource's policy is about others, or names nobody. */
export function namesWhom(statement: PolicyStatement, who: Principal): Grade | undefined {
  const { principal } = statement;
  if (principal === undefined) return undefined;
  if (principal.negated) return isNamed(principal.rule, who) ? undefined : "everyone";
  return gradeOf(principal.rule, who);
}
