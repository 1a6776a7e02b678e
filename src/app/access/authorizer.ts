/**
 * The step "authorize" of every request, from the wire or from within.
 *
 *   1. off: nothing. The account itself in warn: nothing (but for AssumeRole, which a trust policy decides)
 *   2. what the operation needs, by the service's access table
 *   3. the caller's policies (kept until IAM changes), the resource's policy
 *   4. the decision, kept for as long as nothing but action, resource and these policies decides;
 *      where nothing allows and nothing denies, the resource's access control list may still allow
 *   5. a denial: `enforce` throws AWS's refusal; `warn` returns a hint for the answer and says it in
 *      the log, once for each principal, action and resource
 */
import { type Denial, remedyOf } from "../../authorize/denial.ts";
import { type Decision, evaluate, type Policies } from "../../authorize/evaluate.ts";
import type { Keys } from "../../authorize/pattern.ts";
import { compilePolicy, type Policy, type Request } from "../../authorize/policy.ts";
import type { AccessRule, RequestContext, Service } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { Logger } from "../../kernel/log.ts";
import type { IamReader } from "../../services/index.ts";
import { obstacleTo, ownRoleInstead } from "./assumed-roles.ts";
import { accountOf, type Input, type Need, needsOf, singleNeeds } from "./needs.ts";
import { createPrincipalPolicies, type KnownPrincipal } from "./principal-policies.ts";
import { refusalOf } from "./refusal.ts";
import { requestKeys } from "./request-keys.ts";
import { ToldOnce } from "./told-once.ts";

export interface AuthorizerDeps {
  readonly mode: "off" | "warn" | "enforce";
  readonly reader: IamReader;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of every request that a user's key signed. */
  readonly noteKeyUse: (accessKeyId: string, service: string, region: string) => void;
}

export interface AccessCall {
  readonly service: Service;
  readonly operation: string;
  /** Decoded; not validated yet when it comes from the wire. */
  readonly input: Input;
  readonly context: RequestContext;
}

/**
 * Resolves with a hint when AWS would have refused what is allowed here.
 * Errors: the service's AccessDenied, in `enforce`.
 */
export type Authorizer = (call: AccessCall) => string | undefined | Promise<string | undefined>;

/** One need, decided. */
interface Judged {
  /** With the whole ARN. */
  readonly need: Need;
  /** Account of the resource. */
  readonly owner: string;
  /** The resource has a policy; a role without one does not exist. */
  readonly hasPolicy: boolean;
  readonly decision: Decision;
}

const DECISIONS_MAX = 1000;
const COMPILED_MAX = 500;

export function createAuthorizer(deps: AuthorizerDeps): Authorizer {
  const { mode } = deps;
  const principals = createPrincipalPolicies(deps.reader, deps.clock);
  const told = new ToldOnce();
  const compiled = new Map<string, Policy | undefined>();

  async function decideAll(call: AccessCall): Promise<string | undefined> {
    const { service, context } = call;
    const needs = needsOf(service, call.operation, call.input, context);
    if (needs.length === 0) return undefined;
    const found = principals.of(context.caller);
    const known = found instanceof Promise ? await found : found;
    const hint = (await refusesAny(call, known, needs)) ?? (await refusesLate(call, known));
    return hint ?? (await checkAssumed(call, needs[0]?.resource ?? "*"));
  }

  async function refusesAny(
    call: AccessCall,
    known: KnownPrincipal,
    needs: readonly Need[],
  ): Promise<string | undefined> {
    let hint: string | undefined;
    for (const need of needs) {
      const judged = await decide(call, known, need);
      if (!judged.decision.allowed) hint ??= refuse(call, known, judged, judged.decision);
    }
    return hint;
  }

  /** What is needed for what is there. */
  async function refusesLate(call: AccessCall, known: KnownPrincipal): Promise<string | undefined> {
    const { access } = call.service;
    if (access?.lateNeeds === undefined || known.principal.kind === "root") return undefined;
    const needs = await access.lateNeeds(call.operation, call.input);
    return needs.length === 0 ? undefined : refusesAny(call, known, singleNeeds(needs, call.context));
  }

  /** The role an AWS service is to act as, if the operation names one. */
  async function checkAssumed(call: AccessCall, sourceArn: string): Promise<string | undefined> {
    const assumed = ruleOf(call)?.assumes?.(call.input);
    const obstacle = assumed && (await obstacleTo(assumed, deps.reader, sourceArn));
    if (assumed === undefined || obstacle === undefined) return undefined;
    const refusal = assumed.refusal(obstacle);
    if (mode === "enforce") throw refusal;
    if (told.news(`assumes ${assumed.roleArn}`, "") !== undefined) {
      deps.log.warn(
        { role: assumed.roleArn, remedy: obstacle },
        `AWS would refuse this call: ${refusal.message}`,
      );
    }
    return `--iam enforce would refuse this (${refusal.message}): ${obstacle}`;
  }

  async function decide(call: AccessCall, known: KnownPrincipal, asked: Need): Promise<Judged> {
    const { service, context } = call;
    const { access } = service;
    const resource = (await access?.fullArn?.(asked.resource)) ?? asked.resource;
    const need = { ...asked, resource };
    const isOwnAction = asked.action.startsWith(`${access?.prefix ?? service.name}:`);
    const about = { operation: call.operation, ...need };
    const text = isOwnAction ? await access?.resourcePolicy?.(resource, about) : undefined;
    // ARNs without an account are the account's for which the operation runs, unless the service knows.
    const owner = accountOf(resource) ?? (await access?.ownerOf?.(resource, about)) ?? context.accountId;
    const kept = known.decisions.get(`${asked.action} ${resource}`);
    const judged = { need, owner, hasPolicy: text !== undefined };
    if (kept !== undefined && kept.text === text && kept.owner === owner) {
      return { ...judged, decision: kept.decision };
    }

    const policy = text === undefined ? undefined : compile(text, resource);
    const isTrust = service.name === "sts" && call.operation === "AssumeRole";
    const policies: Policies = { ...known, resource: policy === undefined ? [] : [policy], isTrust };
    const asksForTags = known.asksForTags || policy?.asksForTags === true;
    const tags = asksForTags && isOwnAction ? await access?.resourceTags?.(resource, about) : undefined;
    const keys = new LateKeys(() => requestKeys(sourceOf(call, known), need, tags, access?.tagKeys));
    const request = { principal: known.principal, action: need.action, resource, keys };
    const decision = evaluate(request, policies, owner);
    if (!decision.allowed && decision.kind === "implicit" && isOwnAction && access?.acl !== undefined) {
      // Lists change with every object: what they decide is not kept.
      const list = await access.acl(about);
      const grants = compilePolicy(list?.policy, `ACL of ${resource}`);
      if (list === undefined || grants === undefined) return { ...judged, decision };
      const listed = { ...policies, resource: [...policies.resource, grants] };
      const turned = evaluate(request, listed, owner);
      if (turned.allowed && list.missing !== undefined) throw list.missing;
      return { ...judged, decision: turned };
    }
    if (!keys.wereRead) {
      if (known.decisions.size >= DECISIONS_MAX) known.decisions.clear();
      known.decisions.set(`${asked.action} ${resource}`, { text, owner, decision });
    }
    return { ...judged, decision };
  }

  function sourceOf(call: AccessCall, known: KnownPrincipal): Parameters<typeof requestKeys>[0] {
    const { context, input } = call;
    return {
      context,
      principal: known.principal,
      principalTags: known.tags,
      input,
    };
  }

  function compile(text: string, arn: string): Policy | undefined {
    let policy = compiled.get(text);
    if (policy === undefined) {
      if (compiled.size >= COMPILED_MAX) compiled.clear();
      compiled.set(text, (policy = compilePolicy(text, `of ${arn}`)));
    }
    return policy;
  }

  /** Throws, or says what AWS would have said. */
  function refuse(
    call: AccessCall,
    known: KnownPrincipal,
    { need, owner, hasPolicy }: Judged,
    denial: Denial,
  ): string {
    const { service } = call;
    const { principal } = known;
    const request: Request = { principal, ...need, keys: requestKeys(sourceOf(call, known), need) };
    const isForeign = owner !== principal.accountId;
    const refusal = refusalOf(service.name, request, denial, isForeign);
    if (mode === "enforce") throw refusal;
    const remedy = remedyFor(known, request, denial, hasPolicy);
    tell(call, known, need, refusal.message, remedy);
    return `--iam enforce would refuse this (${need.action} on ${need.resource}): ${remedy}`;
  }

  function tell(call: AccessCall, known: KnownPrincipal, need: Need, sentence: string, remedy: string): void {
    const { principal } = known;
    const news = known.exists
      ? told.news(`${principal.arn} ${need.action}`, need.resource)
      : told.news(principal.roleArn ?? principal.arn, "");
    if (news === undefined) return;
    const session =
      principal.kind === "role" ? principal.arn.slice(principal.arn.lastIndexOf("/") + 1) : undefined;
    // A function's session is named after it.
    const who = session === undefined ? {} : { [call.context.fromSandbox ? "function" : "session"]: session };
    deps.log.warn(
      {
        principal: principal.roleArn ?? principal.arn,
        ...who,
        action: need.action,
        resource: need.resource,
        remedy,
        ...(news === "last" ? { note: "other resources of this action are not told any more" } : {}),
      },
      `AWS would refuse this call: ${sentence}`,
    );
  }

  return (call) => {
    const { caller, region } = call.context;
    // The account itself may do everything; what is left are roles, which trust whom they trust.
    if (caller.kind === "root" && mode !== "enforce" && !isAboutRoles(call)) return undefined;
    if (caller.kind === "user" && caller.verified && caller.accessKeyId !== undefined) {
      deps.noteKeyUse(caller.accessKeyId, call.service.name, region);
    }
    return mode === "off" ? undefined : decideAll(call);
  };
}

/** Made when the first condition asks: most decisions need none, and then hold for the next request. */
class LateKeys implements Keys {
  readonly #make: () => Keys;
  #made: Keys | undefined;

  constructor(make: () => Keys) {
    this.#make = make;
  }

  get wereRead(): boolean {
    return this.#made !== undefined;
  }

  get(name: string): readonly string[] | undefined {
    this.#made ??= this.#make();
    return this.#made.get(name);
  }
}

function remedyFor(known: KnownPrincipal, request: Request, denial: Denial, hasPolicy: boolean): string {
  const { principal, exists } = known;
  if (denial.policyType === "trust" && !hasPolicy)
    return `there is no ${request.resource}: create the role first`;
  const { action, resource, keys } = request;
  if (action === "iam:PassRole" && (accountOf(resource) ?? principal.accountId) !== principal.accountId) {
    const by = keys.get("iam:passedtoservice")?.[0] ?? "lambda.amazonaws.com";
    return ownRoleInstead(resource, principal.accountId, by);
  }
  if (exists) return remedyOf(request, denial);
  return `${principal.roleArn ?? principal.arn} does not exist here: create it with a policy that allows this`;
}

function ruleOf({ service, operation }: AccessCall): AccessRule | undefined {
  return service.access?.rules[operation];
}

function isAboutRoles(call: AccessCall): boolean {
  return call.operation === "AssumeRole" || ruleOf(call)?.assumes !== undefined;
}
