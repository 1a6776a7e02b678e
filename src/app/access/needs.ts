/** What a request needs to be allowed, as the service's access table says. */
import type { AccessNeed, RequestContext, Service } from "../../aws/service.ts";
import { partitionOf, type Scope } from "../../kernel/scope.ts";

export type Input = Readonly<Record<string, unknown>>;
export type ConditionValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/** One action on one resource. */
export interface Need {
  readonly action: string;
  readonly resource: string;
  readonly conditions: ConditionValues;
}

const NO_CONDITIONS: ConditionValues = {};
const EVERYTHING = ["*"] as const;
/** No ARN is longer: what is, no operation will take, and no pattern shall be tried on it. */
const ARN_LENGTH_MAX = 2048;

/**
 * The input was decoded and not validated yet: AWS, too, refuses before it looks closer. A rule that
 * cannot read it asks for everything, which only a policy for everything allows.
 */
export function needsOf(service: Service, operation: string, input: Input, scope: RequestContext): Need[] {
  const { access } = service;
  const prefix = access?.prefix ?? service.name;
  const rule = access?.rules[operation];
  if (rule === undefined)
    return [{ action: `${prefix}:${operation}`, resource: "*", conditions: NO_CONDITIONS }];
  const partition = partitionOf(scope.region);
  try {
    const actions = rule.actions?.(input) ?? [`${prefix}:${operation}`];
    const conditions = rule.conditions?.(input, scope) ?? NO_CONDITIONS;
    const needs = cross(actions, rule.resources(input, scope), conditions, partition);
    return [...needs, ...singleNeeds(rule.also?.(input, scope) ?? [], scope)];
  } catch {
    return cross([`${prefix}:${operation}`], EVERYTHING, NO_CONDITIONS, partition);
  }
}

/** Each action on each resource by itself. */
export function singleNeeds(needs: readonly AccessNeed[], { region }: Pick<Scope, "region">): Need[] {
  return needs.flatMap((need) =>
    cross(need.actions, need.resources, need.conditions ?? NO_CONDITIONS, partitionOf(region)),
  );
}

function cross(
  actions: readonly string[],
  resources: readonly string[],
  conditions: ConditionValues,
  partition: string,
): Need[] {
  const known = resources.map((resource) =>
    resource.length > ARN_LENGTH_MAX ? "*" : inPartition(resource, partition),
  );
  return actions.flatMap((action) => known.map((resource) => ({ action, resource, conditions })));
}

/**
 * Operations do not look at an ARN's partition: one that is spelled otherwise must not slip past a
 * policy. IAM's and S3's are `aws` here, wherever they are asked from.
 */
function inPartition(arn: string, partition: string): string {
  const [, spelled] = /^arn:([^:]*):/u.exec(arn) ?? [];
  if (spelled === undefined || spelled === "aws" || spelled === partition) return arn;
  return `arn:${partition}${arn.slice("arn:".length + spelled.length)}`;
}

/** The account in an ARN; undefined when it names none (buckets, `*`). */
export function accountOf(arn: string): string | undefined {
  const account = arn.split(":", 5)[4];
  return account !== undefined && /^\d{12}$/.test(account) ? account : undefined;
}
