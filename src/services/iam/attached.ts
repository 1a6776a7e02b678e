/** What roles and users have alike: inline policies, attached policies, tags, permissions boundaries. */
import type { AttachedPolicy, Tag } from "@aws-sdk/client-iam";
import type { RequestContext } from "../../aws/service.ts";
import { type Deps, entityOf, findPolicy } from "./deps.ts";
import type { EntityKey } from "./entity-store.ts";
import * as errors from "./errors.ts";
import {
  AWS_OWNED,
  checkTagCount,
  checkTags,
  type Entity,
  paginate,
  type PageRequest,
  parsePolicyArn,
  policyLength,
  QUOTAS,
  tagNorm,
} from "./model.ts";
import { encodeDocument, parsePolicy } from "./policy-document.ts";

type Done = Record<string, never>;

const ATTACHED_QUOTA: Readonly<Record<errors.EntityKind, string>> = {
  role: "PoliciesPerRole",
  user: "PoliciesPerUser",
  group: "PoliciesPerGroup",
};

export async function putInline(deps: Deps, key: EntityKey, name: string, document: string): Promise<Done> {
  parsePolicy(document, "identity");
  const entity = await entityOf(deps, key);
  const others = (await deps.entities.inlinePolicies(key)).filter((policy) => policy.name !== name);
  const length = [...others.map((policy) => policy.document), document].reduce(
    (sum, text) => sum + policyLength(text),
    0,
  );
  const limit = QUOTAS.inlineLength[key.kind];
  if (length > limit) {
    throw errors.limitExceeded(
      `Maximum policy size of ${limit} bytes exceeded for ${key.kind} ${entity.name}`,
    );
  }
  if (!(await deps.entities.putInlinePolicy(key, { name, document })))
    throw errors.entityNotFound(key.kind, key.name);
  return {};
}

export async function getInline(
  deps: Deps,
  key: EntityKey,
  name: string,
): Promise<{ entityName: string; PolicyName: string; PolicyDocument: string }> {
  const entity = await entityOf(deps, key);
  const found = (await deps.entities.inlinePolicies(key)).find((policy) => policy.name === name);
  if (found === undefined) throw errors.inlinePolicyNotFound(key.kind, name);
  return { entityName: entity.name, PolicyName: found.name, PolicyDocument: encodeDocument(found.document) };
}

export async function deleteInline(deps: Deps, key: EntityKey, name: string): Promise<Done> {
  await entityOf(deps, key);
  const deleted = await deps.entities.deleteInlinePolicy(key, name);
  if (!deleted) throw errors.inlinePolicyNotFound(key.kind, name);
  return {};
}

export async function listInline(
  deps: Deps,
  key: EntityKey,
  request: PageRequest,
): Promise<{ PolicyNames: string[]; IsTruncated: boolean; Marker?: string }> {
  await entityOf(deps, key);
  const names = (await deps.entities.inlinePolicies(key)).map((policy) => policy.name);
  const { items, paging } = paginate(names, request, (name) => name);
  return { PolicyNames: [...items], ...paging };
}

export async function attach(deps: Deps, key: EntityKey, arn: string): Promise<Done> {
  const parsed = parsePolicyArn(arn);
  await entityOf(deps, key);
  if ((await findPolicy(deps, key.accountId, arn)) === undefined) throw errors.policyNotAttachable(arn);
  const attached = await deps.entities.attachments(key);
  if (!attached.includes(arn) && attached.length >= QUOTAS.policiesPerEntity) {
    throw errors.quotaExceeded(ATTACHED_QUOTA[key.kind], QUOTAS.policiesPerEntity);
  }
  const policyExists = parsed.accountId === AWS_OWNED ? undefined : deps.policies.stillThere(parsed);
  if (!(await deps.entities.attach(key, arn, policyExists))) throw errors.concurrentModification();
  return {};
}

export async function detach(deps: Deps, key: EntityKey, arn: string): Promise<Done> {
  parsePolicyArn(arn);
  await entityOf(deps, key);
  if (!(await deps.entities.detach(key, arn))) throw errors.policyNotFound(arn);
  return {};
}

export async function listAttached(
  deps: Deps,
  key: EntityKey,
  request: PageRequest & { readonly PathPrefix?: string | undefined },
): Promise<{ AttachedPolicies: AttachedPolicy[]; IsTruncated: boolean; Marker?: string }> {
  await entityOf(deps, key);
  const policies = (await deps.entities.attachments(key))
    .map(parsePolicyArn)
    .filter((policy) => policy.path.startsWith(request.PathPrefix ?? "/"));
  const { items, paging } = paginate(policies, request, (policy) => policy.arn);
  return {
    AttachedPolicies: items.map(({ name, arn }) => ({ PolicyName: name, PolicyArn: arn })),
    ...paging,
  };
}

export async function putTags(deps: Deps, key: EntityKey, tags: readonly Tag[]): Promise<Done> {
  checkTags(key.kind, tags);
  await entityOf(deps, key);
  checkTagCount(key.kind, await deps.entities.tags(key), tags);
  await deps.entities.putTags(key, tags);
  return {};
}

export async function removeTags(deps: Deps, key: EntityKey, keys: readonly string[]): Promise<Done> {
  await entityOf(deps, key);
  await deps.entities.removeTags(key, keys);
  return {};
}

export async function listTags(
  deps: Deps,
  key: EntityKey,
  request: PageRequest,
): Promise<{ Tags: Tag[]; IsTruncated: boolean; Marker?: string }> {
  await entityOf(deps, key);
  const { items, paging } = paginate(await deps.entities.tags(key), request, (tag) =>
    tagNorm(key.kind, tag.Key),
  );
  return { Tags: [...items], ...paging };
}

/** Errors: ValidationError, NoSuchEntity when the policy does not exist. */
export async function checkBoundary(
  deps: Deps,
  context: RequestContext,
  arn: string | undefined,
): Promise<void> {
  if (arn === undefined) return;
  const policy = await findPolicy(deps, context.accountId, arn);
  if (policy === undefined) {
    throw errors.policyNotAttachable(arn);
  }
}

export async function putBoundary(
  deps: Deps,
  context: RequestContext,
  key: EntityKey,
  arn: string,
): Promise<Done> {
  await checkBoundary(deps, context, arn);
  if (!(await deps.entities.update(key, { boundaryArn: arn })))
    throw errors.entityNotFound(key.kind, key.name);
  return {};
}

export async function deleteBoundary(deps: Deps, key: EntityKey): Promise<Done> {
  if (!(await deps.entities.update(key, { boundaryArn: null })))
    throw errors.entityNotFound(key.kind, key.name);
  return {};
}

async function inGroups(deps: Deps, entity: Entity): Promise<boolean> {
  if (entity.kind === "user") return (await deps.entities.groupsOf(entity.accountId, entity.name)).length > 0;
  return entity.kind === "group" && (await deps.entities.members(entity.accountId, entity.name)).length > 0;
}

/** Errors: DeleteConflict naming what is in the way, NoSuchEntity. */
export async function deleteEntity(deps: Deps, key: EntityKey): Promise<Done> {
  const entity = await entityOf(deps, key);
  if ((await deps.entities.attachments(key)).length > 0)
    throw errors.mustDetachPolicies(key.kind, entity.name);
  if ((await deps.entities.inlinePolicies(key)).length > 0)
    throw errors.mustDeletePolicies(key.kind, entity.name);
  if (key.kind === "user" && (await deps.keys.list(key.accountId, entity.name)).length > 0) {
    throw errors.mustDeleteAccessKeys(entity.name);
  }
  if (key.kind === "user" && (await deps.loginProfiles.find(entity.id)) !== undefined) {
    throw errors.mustDeleteLoginProfile(entity.name);
  }
  if (key.kind === "user" && (await deps.credentials.ofUser(entity.id)).length > 0) {
    throw errors.mustRemoveReferenced(entity.name);
  }
  if (key.kind === "role" && (await deps.profiles.ofRole(key.accountId, entity.name)).length > 0) {
    throw errors.mustRemoveRoles();
  }
  if (await inGroups(deps, entity)) throw errors.mustRemoveFromGroup(key.kind, entity.name);
  if (!(await deps.entities.delete(key))) throw errors.concurrentModification();
  deps.keys.forgetCached();
  return {};
}
