/**
 * The policy simulator: what the evaluator decides about policies that are handed to it, and which
 * statements made it decide so.
 * https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html
 */
import type { EvaluationResult, PolicyEvaluationDecisionType, Statement } from "@aws-sdk/client-iam";
import { evaluate, type Policies } from "../../authorize/evaluate.ts";
import { applies, compilePolicy, namesWhom, type Policy, type Request } from "../../authorize/policy.ts";
import type { Principal } from "../../authorize/principal.ts";
import { contextKeysOf } from "../../authorize/context-keys.ts";
import { statementSpans } from "../../authorize/statement-positions.ts";

export interface SimulatedPolicy {
  /** `PolicyInputList.1`, a policy's name. */
  readonly id: string;
  /** As it was stored or sent: statements are pointed at in this text. */
  readonly text: string;
}

export interface Simulation {
  readonly identity: readonly SimulatedPolicy[];
  readonly boundary: readonly SimulatedPolicy[];
  readonly resource: SimulatedPolicy | undefined;
  readonly principal: Principal;
  /** Whose the resources are that do not say so. */
  readonly resourceAccount: string | undefined;
  /** Lower case names. */
  readonly context: ReadonlyMap<string, readonly string[]>;
  /** Of a principal that exists: its account belongs to no organization that could refuse. */
  readonly isOfAccount: boolean;
}

interface Outcome {
  readonly decision: PolicyEvaluationDecisionType;
  readonly matched: Statement[];
  readonly boundaryAllows: boolean;
}

/** From the one that counts most when several resources are asked for at once. */
const RESTRICTIVE: readonly PolicyEvaluationDecisionType[] = ["explicitDeny", "implicitDeny", "allowed"];

/** One result for an action, with one for each resource inside unless all (`*`) are meant. */
export function simulateAction(
  simulation: Simulation,
  action: string,
  resources: readonly string[],
): EvaluationResult {
  const missing = missingKeys(simulation);
  const organizations = simulation.isOfAccount
    ? { OrganizationsDecisionDetail: { AllowedByOrganizations: true } }
    : {};
  const outcomes = resources.map((resource) => outcomeOf(simulation, action, resource));
  const decision =
    RESTRICTIVE.find((one) => outcomes.some((outcome) => outcome.decision === one)) ?? "allowed";
  const deciding = outcomes.find((outcome) => outcome.decision === decision);
  const boundary = (allowed: boolean): object =>
    simulation.boundary.length === 0
      ? {}
      : { PermissionsBoundaryDecisionDetail: { AllowedByPermissionsBoundary: allowed } };
  const isWhole = resources.length === 1 && resources[0] === "*";
  return {
    EvalActionName: action,
    EvalResourceName: resources.length === 1 ? resources[0] : "*",
    EvalDecision: decision,
    MatchedStatements: deciding?.matched ?? [],
    MissingContextValues: isWhole ? missing : [],
    ...organizations,
    ...boundary(outcomes.every((outcome) => outcome.boundaryAllows)),
    ...(isWhole
      ? {}
      : {
          EvalDecisionDetails: {},
          ResourceSpecificResults: resources.map((resource, index) => ({
            EvalResourceName: resource,
            EvalResourceDecision: outcomes[index]?.decision ?? "implicitDeny",
            MatchedStatements: outcomes[index]?.matched ?? [],
            MissingContextValues: missing,
            ...boundary(outcomes[index]?.boundaryAllows === true),
          })),
        }),
  };
}

function outcomeOf(simulation: Simulation, action: string, resource: string): Outcome {
  const { principal, context: keys } = simulation;
  const request: Request = { principal, action, resource, keys };
  const compile = ({ id, text }: SimulatedPolicy): Policy[] => {
    const policy = compilePolicy(text, id);
    return policy === undefined ? [] : [policy];
  };
  const boundary = simulation.boundary.flatMap(compile);
  const policies: Policies = {
    identity: simulation.identity.flatMap(compile),
    boundary: undefined,
    // Several boundaries may be sent; like session policies any of them may allow.
    session: boundary,
    resource: simulation.resource === undefined ? [] : compile(simulation.resource),
  };
  const decided = evaluate(request, policies, simulation.resourceAccount);
  const boundaryAllows = boundary.length === 0 || matchedIn(boundary, "Allow", request).length > 0;
  if (decided.allowed) return { decision: "allowed", matched: statements("Allow"), boundaryAllows };
  if (decided.kind === "explicit")
    return { decision: "explicitDeny", matched: statements("Deny"), boundaryAllows };
  return { decision: "implicitDeny", matched: [], boundaryAllows };

  function statements(effect: "Allow" | "Deny"): Statement[] {
    const own = matchedIn(policies.identity, effect, request);
    const bounds = effect === "Deny" ? matchedIn(boundary, effect, request) : [];
    const named = policies.resource.flatMap((policy) =>
      matchedIn([policy], effect, request).filter(([, index]) => {
        const statement = policy.statements[index];
        return statement !== undefined && namesWhom(statement, principal) !== undefined;
      }),
    );
    const texts = new Map(
      [...simulation.identity, ...simulation.boundary].map((policy) => [policy.id, policy.text] as const),
    );
    return [
      ...named.map(([id, index]) => pointed(id, index, simulation.resource?.text ?? "", "Resource Policy")),
      ...[...own, ...bounds].map(([id, index]) => pointed(id, index, texts.get(id) ?? "", "IAM Policy")),
    ];
  }
}

function matchedIn(
  policies: readonly Policy[],
  effect: "Allow" | "Deny",
  request: Request,
): (readonly [id: string, index: number])[] {
  return policies.flatMap((policy) =>
    policy.statements.flatMap((statement, index) =>
      statement.effect === effect && applies(statement, request) ? [[policy.name, index] as const] : [],
    ),
  );
}

function pointed(id: string, index: number, text: string, type: string): Statement {
  const span = statementSpans(text)[index];
  return {
    SourcePolicyId: id,
    // AWS answers these words, whatever the enum of its model says.
    SourcePolicyType: type as NonNullable<Statement["SourcePolicyType"]>,
    ...(span === undefined ? {} : { StartPosition: span.start, EndPosition: span.end }),
  };
}

/** Keys the policies ask for and nobody gave. */
function missingKeys(simulation: Simulation): string[] {
  const { identity, boundary, resource, context } = simulation;
  const all = [...identity, ...boundary, ...(resource === undefined ? [] : [resource])];
  const asked = all.flatMap(({ text }) => contextKeysOf(JSON.parse(text)));
  const byName = new Map(asked.map((key) => [key.toLowerCase(), key] as const));
  return [...byName].filter(([name]) => !context.has(name)).map(([, key]) => key);
}
