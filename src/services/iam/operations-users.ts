import type { User } from "@aws-sdk/client-iam";
import type { Operations, RequestContext } from "../../aws/service.ts";
import { accessKeyId, secretAccessKey, uniqueId } from "../../kernel/unique-id.ts";
import * as attached from "./attached.ts";
import { type Deps, entityOf, keyOf, userNameOf } from "./deps.ts";
import type { EntityKey } from "./entity-store.ts";
import * as errors from "./errors.ts";
import {
  type AccessKey,
  checkRoom,
  checkTags,
  type Entity,
  nameKey,
  paginate,
  QUOTAS,
  wholeSeconds,
} from "./model.ts";
import { accessKeyOutput, boundaryOutput, tagsOutput, userOutput } from "./output.ts";

type UserOperations = Operations<typeof import("@aws-sdk/client-iam")>;

export function userOperations(deps: Deps): UserOperations {
  const { entities } = deps;
  const key = (context: { accountId: string }, name: string | undefined): EntityKey =>
    keyOf(context, "user", name);

  return {
    async CreateUser(input, context) {
      checkTags("user", input.Tags ?? []);
      await attached.checkBoundary(deps, context, input.PermissionsBoundary);
      const user: Entity = {
        ...key(context, input.UserName),
        id: uniqueId("AIDA", context.random),
        path: input.Path ?? "/",
        createdAt: wholeSeconds(context.clock.now()),
        boundaryArn: input.PermissionsBoundary,
        description: undefined,
        maxSessionSeconds: 0,
        trustPolicy: "",
      };
      checkRoom("user", await entities.count(context.accountId, "user"));
      if (!(await entities.create(user, input.Tags ?? []))) throw errors.entityExists("user", user.name);
      return { User: { ...userOutput(user), ...boundaryOutput(user), ...tagsOutput(input.Tags ?? []) } };
    },

    async GetUser(input, context) {
      if (input.UserName === undefined && context.caller.kind === "root") return { User: rootUser(context) };
      const user = await entityOf(deps, key(context, userNameOf(context, input.UserName)));
      return {
        User: { ...userOutput(user), ...boundaryOutput(user), ...tagsOutput(await entities.tags(user)) },
      };
    },

    async ListUsers(input, context) {
      const users = await entities.list(context.accountId, "user", input.PathPrefix ?? "/");
      const { items, paging } = paginate(users, input, (user) => nameKey(user.name));
      return { Users: items.map(userOutput), ...paging };
    },

    async UpdateUser(input, context) {
      const user = await entityOf(deps, key(context, input.UserName));
      const name = input.NewUserName;
      const changes = {
        ...(name === undefined ? {} : { name }),
        ...(input.NewPath === undefined ? {} : { path: input.NewPath }),
      };
      if (Object.keys(changes).length === 0) return {};
      const taken = name !== undefined && nameKey(name) !== nameKey(user.name);
      if (taken && (await entities.find(key(context, name))) !== undefined)
        throw errors.entityExists("user", name);
      if (!(await entities.update(user, changes))) throw errors.concurrentModification();
      deps.keys.forgetCached();
      return {};
    },

    DeleteUser: (input, context) => attached.deleteEntity(deps, key(context, input.UserName)),

    PutUserPolicy: (input, context) =>
      attached.putInline(
        deps,
        key(context, input.UserName),
        input.PolicyName ?? "",
        input.PolicyDocument ?? "",
      ),
    async GetUserPolicy(input, context) {
      const found = await attached.getInline(deps, key(context, input.UserName), input.PolicyName ?? "");
      const { entityName, ...policy } = found;
      return { UserName: entityName, ...policy };
    },
    DeleteUserPolicy: (input, context) =>
      attached.deleteInline(deps, key(context, input.UserName), input.PolicyName ?? ""),
    ListUserPolicies: (input, context) => attached.listInline(deps, key(context, input.UserName), input),

    AttachUserPolicy: (input, context) =>
      attached.attach(deps, key(context, input.UserName), input.PolicyArn ?? ""),
    DetachUserPolicy: (input, context) =>
      attached.detach(deps, key(context, input.UserName), input.PolicyArn ?? ""),
    ListAttachedUserPolicies: (input, context) =>
      attached.listAttached(deps, key(context, input.UserName), input),

    PutUserPermissionsBoundary: (input, context) =>
      attached.putBoundary(deps, context, key(context, input.UserName), input.PermissionsBoundary ?? ""),
    DeleteUserPermissionsBoundary: (input, context) =>
      attached.deleteBoundary(deps, key(context, input.UserName)),

    TagUser: (input, context) => attached.putTags(deps, key(context, input.UserName), input.Tags ?? []),
    UntagUser: (input, context) =>
      attached.removeTags(deps, key(context, input.UserName), input.TagKeys ?? []),
    ListUserTags: (input, context) => attached.listTags(deps, key(context, input.UserName), input),
  };
}

export function accessKeyOperations(deps: Deps): UserOperations {
  const { keys } = deps;

  async function keyOfUser(
    context: RequestContext,
    id: string,
    userName: string | undefined,
  ): Promise<AccessKey> {
    const found = await keys.find(id);
    const here = found !== undefined && found.accountId === context.accountId;
    const mine = userName === undefined || nameKey(userName) === nameKey(found?.userName ?? "");
    if (!here || !mine) throw errors.accessKeyNotFound(id);
    return found;
  }

  return {
    async CreateAccessKey(input, context) {
      const user = await entityOf(deps, keyOf(context, "user", userNameOf(context, input.UserName)));
      const made: AccessKey = {
        accessKeyId: accessKeyId("AKIA", context.accountId, context.random),
        accountId: context.accountId,
        userName: user.name,
        status: "Active",
        createdAt: wholeSeconds(context.clock.now()),
        lastUsed: undefined,
      };
      const secret = secretAccessKey(context.random);
      if (!(await keys.create(made, secret, QUOTAS.accessKeysPerUser))) {
        throw errors.quotaExceeded("AccessKeysPerUser", QUOTAS.accessKeysPerUser);
      }
      const { UserName, AccessKeyId, Status, CreateDate } = accessKeyOutput(made);
      return { AccessKey: { UserName, AccessKeyId, Status, SecretAccessKey: secret, CreateDate } };
    },

    async ListAccessKeys(input, context) {
      const user = await entityOf(deps, keyOf(context, "user", userNameOf(context, input.UserName)));
      const all = await keys.list(context.accountId, user.name);
      const { items, paging } = paginate(all, input, (each) => `${each.createdAt}/${each.accessKeyId}`);
      return { AccessKeyMetadata: items.map(accessKeyOutput), ...paging };
    },

    async UpdateAccessKey(input, context) {
      const found = await keyOfUser(context, input.AccessKeyId ?? "", input.UserName);
      if (input.Status !== "Active" && input.Status !== "Inactive") {
        throw errors.invalidInput(`Status ${input.Status ?? ""} cannot be set by a request.`);
      }
      await keys.setStatus(found.accessKeyId, input.Status);
      return {};
    },

    async DeleteAccessKey(input, context) {
      const found = await keyOfUser(context, input.AccessKeyId ?? "", input.UserName);
      await keys.delete(found.accessKeyId);
      return {};
    },

    async GetAccessKeyLastUsed(input, context) {
      const found = await keyOfUser(context, input.AccessKeyId ?? "", undefined);
      const used = found.lastUsed;
      const last =
        used === undefined
          ? { ServiceName: "N/A", Region: "N/A" }
          : { LastUsedDate: new Date(used.at), ServiceName: used.service, Region: used.region };
      return { UserName: found.userName, AccessKeyLastUsed: last as typeof last & { LastUsedDate: Date } };
    },
  };
}

/** GetUser of the account itself has no name and no path. */
function rootUser(context: RequestContext): User {
  const { accountId } = context;
  const root = { UserId: accountId, Arn: `arn:aws:iam::${accountId}:root`, CreateDate: new Date(0) };
  return root as User;
}
