import type { Operations } from "../../aws/service.ts";
import { uniqueId } from "../../kernel/unique-id.ts";
import * as attached from "./attached.ts";
import { type Deps, entityOf, keyOf } from "./deps.ts";
import type { EntityChanges, EntityKey } from "./entity-store.ts";
import * as errors from "./errors.ts";
import {
  checkRoom,
  checkTags,
  type Entity,
  entityArn,
  MAX_SESSION_SECONDS_DEFAULT,
  nameKey,
  paginate,
  QUOTAS,
  wholeSeconds,
} from "./model.ts";
import { boundaryOutput, roleOutput, tagsOutput } from "./output.ts";
import { parsePolicy, type Statement } from "./policy-document.ts";
import { SERVICE_ROLE_PATH } from "./service-linked-roles.ts";

type RoleOperations = Operations<typeof import("@aws-sdk/client-iam")>;

export function roleOperations(deps: Deps): RoleOperations {
  const { entities } = deps;
  const key = (context: { accountId: string }, name: string | undefined): EntityKey =>
    keyOf(context, "role", name);

  /** Errors: UnmodifiableEntity for the role of a service. */
  async function changeable(context: { accountId: string }, name: string | undefined): Promise<EntityKey> {
    const role = await entities.find(key(context, name));
    if (role?.path.startsWith(SERVICE_ROLE_PATH) === true) throw errors.protectedRole(role.name);
    return key(context, name);
  }

  async function change(role: EntityKey, changes: EntityChanges): Promise<void> {
    const real = Object.values(changes).some((value) => value !== undefined);
    if (!real) return void (await entityOf(deps, role));
    if (!(await entities.update(role, changes))) throw errors.entityNotFound("role", role.name);
  }

  return {
    async CreateRole(input, context) {
      const trustPolicy = input.AssumeRolePolicyDocument ?? "";
      await checkTrustPolicy(deps, context.accountId, trustPolicy);
      checkTags("role", input.Tags ?? []);
      await attached.checkBoundary(deps, context, input.PermissionsBoundary);
      const role: Entity = {
        ...key(context, input.RoleName),
        id: uniqueId("AROA", context.random),
        path: input.Path ?? "/",
        createdAt: wholeSeconds(context.clock.now()),
        boundaryArn: input.PermissionsBoundary,
        description: input.Description,
        maxSessionSeconds: input.MaxSessionDuration ?? MAX_SESSION_SECONDS_DEFAULT,
        trustPolicy,
      };
      checkRoom("role", await entities.count(context.accountId, "role"));
      if (!(await entities.create(role, input.Tags ?? []))) throw errors.entityExists("role", role.name);
      const session =
        input.MaxSessionDuration === undefined ? {} : { MaxSessionDuration: role.maxSessionSeconds };
      return {
        Role: { ...roleOutput(role), ...session, ...boundaryOutput(role), ...tagsOutput(input.Tags ?? []) },
      };
    },

    async GetRole(input, context) {
      const role = await entityOf(deps, key(context, input.RoleName));
      const tags = tagsOutput(await entities.tags(role));
      const extras = { MaxSessionDuration: role.maxSessionSeconds, RoleLastUsed: {} };
      return { Role: { ...roleOutput(role), ...extras, ...boundaryOutput(role), ...tags } };
    },

    async ListRoles(input, context) {
      const roles = await entities.list(context.accountId, "role", input.PathPrefix ?? "/");
      const { items, paging } = paginate(roles, input, (role) => nameKey(role.name));
      return {
        Roles: items.map((role) => ({ ...roleOutput(role), MaxSessionDuration: role.maxSessionSeconds })),
        ...paging,
      };
    },

    DeleteRole: async (input, context) =>
      attached.deleteEntity(deps, await changeable(context, input.RoleName)),

    async UpdateRole(input, context) {
      await change(key(context, input.RoleName), {
        ...(input.Description === undefined ? {} : { description: input.Description }),
        ...(input.MaxSessionDuration === undefined ? {} : { maxSessionSeconds: input.MaxSessionDuration }),
      });
      return {};
    },

    async UpdateRoleDescription(input, context) {
      const role = key(context, input.RoleName);
      await change(role, { description: input.Description ?? "" });
      const changed = await entityOf(deps, role);
      return { Role: { ...roleOutput(changed), MaxSessionDuration: changed.maxSessionSeconds } };
    },

    async UpdateAssumeRolePolicy(input, context) {
      const trustPolicy = input.PolicyDocument ?? "";
      const role = await entityOf(deps, await changeable(context, input.RoleName));
      await checkTrustPolicy(deps, context.accountId, trustPolicy);
      await change(role, { trustPolicy });
      return {};
    },

    PutRolePolicy: async (input, context) =>
      attached.putInline(
        deps,
        await changeable(context, input.RoleName),
        input.PolicyName ?? "",
        input.PolicyDocument ?? "",
      ),
    async GetRolePolicy(input, context) {
      const found = await attached.getInline(deps, key(context, input.RoleName), input.PolicyName ?? "");
      const { entityName, ...policy } = found;
      return { RoleName: entityName, ...policy };
    },
    DeleteRolePolicy: async (input, context) =>
      attached.deleteInline(deps, await changeable(context, input.RoleName), input.PolicyName ?? ""),
    ListRolePolicies: (input, context) => attached.listInline(deps, key(context, input.RoleName), input),

    AttachRolePolicy: async (input, context) =>
      attached.attach(deps, await changeable(context, input.RoleName), input.PolicyArn ?? ""),
    DetachRolePolicy: async (input, context) =>
      attached.detach(deps, await changeable(context, input.RoleName), input.PolicyArn ?? ""),
    ListAttachedRolePolicies: (input, context) =>
      attached.listAttached(deps, key(context, input.RoleName), input),

    PutRolePermissionsBoundary: async (input, context) =>
      attached.putBoundary(
        deps,
        context,
        await changeable(context, input.RoleName),
        input.PermissionsBoundary ?? "",
      ),
    DeleteRolePermissionsBoundary: async (input, context) =>
      attached.deleteBoundary(deps, await changeable(context, input.RoleName)),

    TagRole: (input, context) => attached.putTags(deps, key(context, input.RoleName), input.Tags ?? []),
    UntagRole: (input, context) =>
      attached.removeTags(deps, key(context, input.RoleName), input.TagKeys ?? []),
    ListRoleTags: (input, context) => attached.listTags(deps, key(context, input.RoleName), input),
  };
}

/** Errors: MalformedPolicyDocument, LimitExceeded. */
async function checkTrustPolicy(deps: Deps, accountId: string, document: string): Promise<void> {
  const { Statement: statements } = parsePolicy(document, "trust");
  if (document.replace(/\s/g, "").length > QUOTAS.trustPolicyLength) {
    throw errors.quotaExceeded("ACLSizePerRole", QUOTAS.trustPolicyLength);
  }
  for (const arn of statements.flatMap(trustedArns)) {
    // Who is in another account cannot be known.
    const [, owner, kind = "", name = ""] =
      /^arn:[^:]+:iam::(\d{12}):([a-z-]+)\/(?:.*\/)?([^/]+)$/.exec(arn) ?? [];
    if (owner !== accountId) continue;
    const found =
      kind === "user" || kind === "role" ? await deps.entities.find({ accountId, kind, name }) : undefined;
    if (found === undefined || arn.split(":").at(-1) !== entityArn(found).split(":").at(-1))
      throw errors.malformedPolicy(`Invalid principal in policy: "AWS":"${arn}"`);
  }
}

function trustedArns({ Principal: principal, NotPrincipal: not }: Statement): string[] {
  return [principal, not].flatMap((who) => {
    const named = typeof who === "object" && who !== null && "AWS" in who ? who.AWS : [];
    return (Array.isArray(named) ? named : [named]).map(String);
  });
}
