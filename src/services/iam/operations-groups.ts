import type { Operations } from "../../aws/service.ts";
import { uniqueId } from "../../kernel/unique-id.ts";
import * as attached from "./attached.ts";
import { type Deps, entityOf, keyOf } from "./deps.ts";
import type { EntityKey } from "./entity-store.ts";
import * as errors from "./errors.ts";
import { checkRoom, type Entity, nameKey, paginate, QUOTAS, wholeSeconds } from "./model.ts";
import { groupOutput, userOutput } from "./output.ts";

type GroupOperations = Operations<typeof import("@aws-sdk/client-iam")>;

export function groupOperations(deps: Deps): GroupOperations {
  const { entities } = deps;
  const key = (context: { accountId: string }, name: string | undefined): EntityKey =>
    keyOf(context, "group", name);

  return {
    async CreateGroup(input, context) {
      const group: Entity = {
        ...key(context, input.GroupName),
        id: uniqueId("AGPA", context.random),
        path: input.Path ?? "/",
        createdAt: wholeSeconds(context.clock.now()),
        boundaryArn: undefined,
        description: undefined,
        maxSessionSeconds: 0,
        trustPolicy: "",
      };
      checkRoom("group", await entities.count(context.accountId, "group"));
      if (!(await entities.create(group, []))) throw errors.entityExists("group", group.name);
      return { Group: groupOutput(group) };
    },

    async GetGroup(input, context) {
      const group = await entityOf(deps, key(context, input.GroupName));
      const members = await entities.members(context.accountId, group.name);
      const { items, paging } = paginate(members, input, (user) => nameKey(user.name));
      return { Group: groupOutput(group), Users: items.map(userOutput), ...paging };
    },

    async ListGroups(input, context) {
      const groups = await entities.list(context.accountId, "group", input.PathPrefix ?? "/");
      const { items, paging } = paginate(groups, input, (group) => nameKey(group.name));
      return { Groups: items.map(groupOutput), ...paging };
    },

    async UpdateGroup(input, context) {
      const group = await entityOf(deps, key(context, input.GroupName));
      const name = input.NewGroupName;
      const changes = {
        ...(name === undefined ? {} : { name }),
        ...(input.NewPath === undefined ? {} : { path: input.NewPath }),
      };
      if (Object.keys(changes).length === 0) return {};
      const moved = name !== undefined && nameKey(name) !== nameKey(group.name);
      const taken = moved && (await entities.find(key(context, name))) !== undefined;
      if (taken) throw errors.entityExists("group", name);
      if (!(await entities.update(group, changes))) throw errors.concurrentModification();
      return {};
    },

    DeleteGroup: (input, context) => attached.deleteEntity(deps, key(context, input.GroupName)),

    async AddUserToGroup(input, context) {
      const group = await entityOf(deps, key(context, input.GroupName));
      const user = await entityOf(deps, keyOf(context, "user", input.UserName));
      const groups = await entities.groupsOf(context.accountId, user.name);
      const isIn = groups.some((each) => nameKey(each.name) === nameKey(group.name));
      if (!isIn && groups.length >= QUOTAS.groupsPerUser)
        throw errors.quotaExceeded("GroupsPerUser", QUOTAS.groupsPerUser);
      const added = await entities.addMember(context.accountId, group.name, user.name);
      if (!added) throw errors.concurrentModification();
      return {};
    },

    async RemoveUserFromGroup(input, context) {
      const group = await entityOf(deps, key(context, input.GroupName));
      const user = await entityOf(deps, keyOf(context, "user", input.UserName));
      const removed = await entities.removeMember(context.accountId, group.name, user.name);
      if (!removed) throw errors.notInGroup(user.name, group.name);
      return {};
    },

    async ListGroupsForUser(input, context) {
      const user = await entityOf(deps, keyOf(context, "user", input.UserName));
      const groups = await entities.groupsOf(context.accountId, user.name);
      const { items, paging } = paginate(groups, input, (group) => nameKey(group.name));
      return { Groups: items.map(groupOutput), ...paging };
    },

    PutGroupPolicy: (input, context) =>
      attached.putInline(
        deps,
        key(context, input.GroupName),
        input.PolicyName ?? "",
        input.PolicyDocument ?? "",
      ),
    async GetGroupPolicy(input, context) {
      const found = await attached.getInline(deps, key(context, input.GroupName), input.PolicyName ?? "");
      const { entityName, ...policy } = found;
      return { GroupName: entityName, ...policy };
    },
    DeleteGroupPolicy: (input, context) =>
      attached.deleteInline(deps, key(context, input.GroupName), input.PolicyName ?? ""),
    ListGroupPolicies: (input, context) => attached.listInline(deps, key(context, input.GroupName), input),

    AttachGroupPolicy: (input, context) =>
      attached.attach(deps, key(context, input.GroupName), input.PolicyArn ?? ""),
    DetachGroupPolicy: (input, context) =>
      attached.detach(deps, key(context, input.GroupName), input.PolicyArn ?? ""),
    ListAttachedGroupPolicies: (input, context) =>
      attached.listAttached(deps, key(context, input.GroupName), input),
  };
}
