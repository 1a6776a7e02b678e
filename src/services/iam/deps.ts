import type { Scope } from "../../kernel/scope.ts";
import type { RequestContext } from "../../aws/service.ts";
import { AWS_MANAGED } from "./aws-managed/index.ts";
import type { EntityKey, EntityStore } from "./entity-store.ts";
import * as errors from "./errors.ts";
import type { InstanceProfileStore } from "./instance-profile-store.ts";
import type { KeyStore } from "./key-store.ts";
import type { LoginProfileStore } from "./login-profile-store.ts";
import {
  AWS_OWNED,
  type Entity,
  type EntityKind,
  type ManagedPolicy,
  parsePolicyArn,
  policyArn,
} from "./model.ts";
import type { PolicyStore } from "./policy-store.ts";
import type { ServiceCredentialStore } from "./service-credential-store.ts";

/** What the operations work with. */
export interface Deps {
  readonly entities: EntityStore;
  readonly policies: PolicyStore;
  readonly keys: KeyStore;
  readonly profiles: InstanceProfileStore;
  readonly credentials: ServiceCredentialStore;
  readonly loginProfiles: LoginProfileStore;
}

export function keyOf(
  scope: Pick<Scope, "accountId">,
  kind: EntityKind,
  name: string | undefined,
): EntityKey {
  return { accountId: scope.accountId, kind, name: name ?? "" };
}

/** Errors: NoSuchEntity. */
export async function entityOf(deps: Deps, key: EntityKey): Promise<Entity> {
  const found = await deps.entities.find(key);
  if (found === undefined) throw errors.entityNotFound(key.kind, key.name);
  return found;
}

/** A policy of AWS's or of the account; undefined when there is none of this ARN. Errors: ValidationError. */
export async function findPolicy(
  deps: Deps,
  accountId: string,
  arn: string,
): Promise<ManagedPolicy | undefined> {
  const parsed = parsePolicyArn(arn);
  if (parsed.accountId === AWS_OWNED) return AWS_MANAGED.get(arn);
  if (parsed.accountId !== accountId) return undefined;
  const found = await deps.policies.find(parsed);
  return found !== undefined && policyArn(found) === arn ? found : undefined;
}

/** Errors: NoSuchEntity, ValidationError. */
export async function policyOf(
  deps: Deps,
  context: RequestContext,
  arn: string | undefined,
): Promise<ManagedPolicy> {
  const found = await findPolicy(deps, context.accountId, arn ?? "");
  if (found === undefined) throw errors.policyNotFound(arn ?? "");
  return found;
}

/** A policy that may be changed: AWS's own may not. */
export async function ownPolicyOf(
  deps: Deps,
  context: RequestContext,
  arn: string | undefined,
): Promise<ManagedPolicy> {
  const found = await policyOf(deps, context, arn);
  if (found.accountId === AWS_OWNED) {
    throw errors.invalidInput(`Policy ${arn ?? ""} is managed by AWS and cannot be changed.`);
  }
  return found;
}

/** The user a request means when it names none: the one who signed it. Errors: ValidationError. */
export function userNameOf(context: RequestContext, given: string | undefined): string {
  if (given !== undefined) return given;
  if (context.caller.kind !== "user") throw errors.userNameNeeded();
  return context.caller.arn.split("/").at(-1) ?? "";
}
