/**
 * What the evaluator has to know of callers: their policies, compiled and kept until IAM changes.
 * Another server's changes are seen within a second.
 */
import { compilePolicy, type Policy } from "../../authorize/policy.ts";
import type { Decision } from "../../authorize/evaluate.ts";
import type { Principal } from "../../authorize/principal.ts";
import type { Caller } from "../../aws/service.ts";
import type { Clock } from "../../kernel/clock.ts";
import type { EntityPolicies, IamReader } from "../../services/index.ts";
import { accountOf } from "./needs.ts";

export interface KnownPrincipal {
  readonly principal: Principal;
  /** Roles and users can be missing where any well-formed ARN is accepted. */
  readonly exists: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly identity: readonly Policy[];
  readonly boundary: Policy | undefined;
  readonly session: readonly Policy[];
  readonly asksForTags: boolean;
  /** By action and resource: those that no condition and no variable had a say in. */
  readonly decisions: Map<string, KeptDecision>;
}

export interface KeptDecision {
  /** The resource's policy at the time. */
  readonly text: string | undefined;
  readonly owner: string;
  readonly decision: Decision;
}

const KEPT_MS = 1000;
const KEPT_MAX = 1000;
const NO_POLICIES: EntityPolicies = { inline: [], attached: [], groups: [], boundary: undefined };

interface Kept {
  readonly revision: number;
  readonly at: number;
  readonly known: KnownPrincipal;
}

export interface PrincipalPolicies {
  of(caller: Caller): KnownPrincipal | Promise<KnownPrincipal>;
}

export function createPrincipalPolicies(reader: IamReader, clock: Clock): PrincipalPolicies {
  const kept = new Map<string, Kept>();
  const loading = new Map<string, Promise<KnownPrincipal>>();

  /** Those who ask while it is being read share one reading, unless IAM changed since that began. */
  function load(caller: Caller, key: string): Promise<KnownPrincipal> {
    const revision = reader.revision();
    const name = `${String(revision)} ${key}`;
    const under = loading.get(name);
    if (under !== undefined) return under;
    const at = clock.now();
    const reading = read(caller)
      .then((known) => {
        if (kept.size >= KEPT_MAX) kept.clear();
        kept.set(key, { revision, at, known });
        return known;
      })
      .finally(() => loading.delete(name));
    loading.set(name, reading);
    return reading;
  }

  async function read(caller: Caller): Promise<KnownPrincipal> {
    const kind = caller.kind;
    const accountId = accountOf(caller.arn) ?? "";
    if (kind !== "role" && kind !== "user") return plain(caller, accountId);
    const name = nameOf(caller);
    const entity = kind === "role" ? await reader.role(accountId, name) : await reader.user(accountId, name);
    const policies = entity === undefined ? NO_POLICIES : await reader.policiesOf(accountId, kind, name);
    const tags = entity === undefined ? {} : await reader.tagsOf(accountId, kind, name);
    const roleArn = entity?.arn ?? caller.session?.roleArn ?? `arn:aws:iam::${accountId}:role/${name}`;
    const principal: Principal = {
      kind,
      arn: caller.arn,
      accountId,
      userId: caller.userId,
      ...(kind === "role" ? { roleArn } : {}),
    };
    return withPolicies(principal, entity !== undefined, tags, policies, await sessionOf(caller, accountId));
  }

  async function sessionOf(caller: Caller, accountId: string): Promise<readonly Policy[]> {
    const { policy, policyArns = [] } = caller.session ?? {};
    const documents = await Promise.all(
      policyArns.map(async (arn) => [await reader.policyDocument(accountId, arn), arn] as const),
    );
    const given = [[policy, "given to AssumeRole"] as const, ...documents];
    const compiled = given.flatMap(([document, name]) => compilePolicy(document, name) ?? []);
    // One that cannot be read allows nothing, rather than everything.
    const isRestricted = policy !== undefined || policyArns.length > 0;
    return isRestricted && compiled.length === 0
      ? [{ name: "session", statements: [], asksForTags: false }]
      : compiled;
  }

  return {
    of(caller) {
      const restricted = caller.session?.policy !== undefined || caller.session?.policyArns !== undefined;
      const tagged = caller.session?.tags !== undefined || caller.session?.sourceIdentity !== undefined;
      const key = restricted || tagged ? `${caller.arn} ${caller.accessKeyId ?? ""}` : caller.arn;
      const found = kept.get(key);
      const isFresh =
        found !== undefined && found.revision === reader.revision() && clock.now() - found.at < KEPT_MS;
      return isFresh ? found.known : load(caller, key);
    },
  };
}

/** The role's or user's name in the caller's ARN. */
function nameOf(caller: Caller): string {
  const resource = caller.arn.split(":").slice(5).join(":");
  const parts = resource.split("/");
  return (caller.kind === "role" ? parts[1] : parts.at(-1)) ?? "";
}

function plain(caller: Caller, accountId: string): KnownPrincipal {
  const principal = { kind: caller.kind, arn: caller.arn, accountId, userId: caller.userId };
  return withPolicies(principal, true, {}, NO_POLICIES, []);
}

function withPolicies(
  principal: Principal,
  exists: boolean,
  tags: Readonly<Record<string, string>>,
  policies: EntityPolicies,
  session: readonly Policy[],
): KnownPrincipal {
  const identity = grantsOf(policies);
  const bound = policies.boundary;
  const boundary = bound === undefined ? undefined : compilePolicy(bound.document, bound.arn);
  const all = [...identity, ...session, ...(boundary === undefined ? [] : [boundary])];
  const asksForTags = all.some((policy) => policy.asksForTags);
  return { principal, exists, tags, identity, boundary, session, asksForTags, decisions: new Map() };
}

function grantsOf(policies: EntityPolicies): Policy[] {
  const inline = policies.inline.flatMap(({ name, document }) => compilePolicy(document, name) ?? []);
  const attached = policies.attached.flatMap(({ arn, document }) => compilePolicy(document, arn) ?? []);
  return [...inline, ...attached, ...policies.groups.flatMap((group) => grantsOf(group.policies))];
}
