/** The policy of a bus, statement by statement: pure. */
import { partitionOf } from "../../kernel/scope.ts";
import * as errors from "./errors.ts";
import { EVENTS_LIMITS } from "./model.ts";
import { busArn, type BusKey } from "./names.ts";

interface Statement {
  readonly Sid?: string;
}

interface Policy {
  readonly Version?: string;
  readonly Statement: readonly Statement[];
}

export interface PermissionInput {
  readonly Action?: string | undefined;
  readonly Principal?: string | undefined;
  readonly StatementId?: string | undefined;
  readonly Condition?: { readonly Type?: string; readonly Key?: string; readonly Value?: string } | undefined;
  readonly Policy?: string | undefined;
}

/** The policy after PutPermission. Errors: ValidationException, PolicyLengthExceededException. */
export function withPermission(bus: BusKey, before: string | undefined, input: PermissionInput): string {
  const text = input.Policy === undefined ? withStatement(bus, before, input) : wholePolicy(input.Policy);
  if (text.length > EVENTS_LIMITS.policyBytes) throw errors.policyTooLong();
  return text;
}

function wholePolicy(text: string): string {
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    throw errors.validation("This policy contains invalid Json");
  }
  if (typeof policy !== "object" || policy === null || !("Statement" in policy)) {
    throw errors.validation("This policy contains invalid Json", "a policy has a Statement");
  }
  return JSON.stringify(policy);
}

function withStatement(bus: BusKey, before: string | undefined, input: PermissionInput): string {
  for (const name of ["Action", "Principal", "StatementId"] as const) {
    if (input[name] === undefined) {
      throw errors.validation(
        `Parameter(s) ${name} must be specified.`,
        "give Policy, or Action, Principal and StatementId",
      );
    }
  }
  if (input.Action !== "events:PutEvents") {
    throw errors.validation("Provided value in parameter 'action' is not supported.");
  }
  const { Principal: principal = "", Condition: condition } = input;
  const statement = {
    Sid: input.StatementId ?? "",
    Effect: "Allow",
    Principal: principal === "*" ? "*" : { AWS: `arn:${partitionOf(bus.region)}:iam::${principal}:root` },
    Action: input.Action,
    Resource: busArn(bus),
    ...(condition === undefined
      ? {}
      : { Condition: { [condition.Type ?? ""]: { [condition.Key ?? ""]: condition.Value ?? "" } } }),
  };
  const others = statementsOf(before).filter(({ Sid }) => Sid !== statement.Sid);
  return JSON.stringify({ Version: "2012-10-17", Statement: [...others, statement] });
}

/** The policy without a statement; undefined when none is left. Errors: ResourceNotFoundException. */
export function withoutStatement(before: string | undefined, id: string | undefined): string | undefined {
  if (before === undefined) throw errors.noPolicy();
  const all = statementsOf(before);
  const left = all.filter(({ Sid }) => Sid !== id);
  if (left.length === all.length) throw errors.statementNotFound();
  return left.length === 0
    ? undefined
    : JSON.stringify({ ...(JSON.parse(before) as Policy), Statement: left });
}

function statementsOf(text: string | undefined): readonly Statement[] {
  if (text === undefined) return [];
  const { Statement: found } = JSON.parse(text) as { readonly Statement: Statement | readonly Statement[] };
  return Array.isArray(found) ? (found as readonly Statement[]) : [found as Statement];
}
