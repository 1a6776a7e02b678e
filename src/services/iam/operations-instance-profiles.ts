import type { InstanceProfile as Shown, Tag } from "@aws-sdk/client-iam";
import type { Operations } from "../../aws/service.ts";
import { uniqueId } from "../../kernel/unique-id.ts";
import { type Deps, entityOf, keyOf } from "./deps.ts";
import * as errors from "./errors.ts";
import type { InstanceProfile } from "./instance-profile-store.ts";
import { checkRoom, checkTagCount, checkTags, nameKey, paginate, tagNorm, wholeSeconds } from "./model.ts";
import { roleOutput, tagsOutput } from "./output.ts";
import { SERVICE_ROLE_PATH } from "./service-linked-roles.ts";

type ProfileOperations = Operations<typeof import("@aws-sdk/client-iam")>;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html */
export function instanceProfileOperations(deps: Deps): ProfileOperations {
  const { entities, profiles } = deps;

  /** Errors: NoSuchEntity. */
  async function profileOf(context: { accountId: string }, name = ""): Promise<InstanceProfile> {
    const found = await profiles.find(context.accountId, name);
    if (found === undefined) throw errors.instanceProfileNotFound(name);
    return found;
  }

  const ownerOf = (profile: InstanceProfile) =>
    ({ accountId: profile.accountId, kind: "instance-profile", name: profile.name }) as const;

  async function shown(profile: InstanceProfile, tags: readonly Tag[] = []): Promise<Shown> {
    const { accountId, roleKey } = profile;
    const role = roleKey === undefined ? undefined : await entities.find(keyOf(profile, "role", roleKey));
    return {
      Path: profile.path,
      InstanceProfileName: profile.name,
      InstanceProfileId: profile.id,
      Arn: `arn:aws:iam::${accountId}:instance-profile${profile.path}${profile.name}`,
      CreateDate: new Date(profile.createdAt),
      Roles: role === undefined ? [] : [roleOutput(role)],
      ...tagsOutput(tags),
    };
  }

  return {
    async CreateInstanceProfile(input, context) {
      const tags = input.Tags ?? [];
      checkTags("instance-profile", tags);
      const profile: InstanceProfile = {
        accountId: context.accountId,
        name: input.InstanceProfileName ?? "",
        id: uniqueId("AIPA", context.random),
        path: input.Path ?? "/",
        createdAt: wholeSeconds(context.clock.now()),
        roleKey: undefined,
      };
      checkRoom("instance-profile", await profiles.count(context.accountId));
      if (!(await profiles.create(profile, tags))) throw errors.instanceProfileExists(profile.name);
      return { InstanceProfile: await shown(profile, tags) };
    },

    async GetInstanceProfile(input, context) {
      const profile = await profileOf(context, input.InstanceProfileName);
      return { InstanceProfile: await shown(profile, await entities.tags(ownerOf(profile))) };
    },

    async ListInstanceProfiles(input, context) {
      const prefix = input.PathPrefix ?? "/";
      const all = (await profiles.list(context.accountId)).filter(({ path }) => path.startsWith(prefix));
      const { items, paging } = paginate(all, input, ({ name }) => nameKey(name));
      return { InstanceProfiles: await Promise.all(items.map((one) => shown(one))), ...paging };
    },

    async ListInstanceProfilesForRole(input, context) {
      const role = await entityOf(deps, keyOf(context, "role", input.RoleName));
      const all = await profiles.ofRole(context.accountId, role.name);
      const { items, paging } = paginate(all, input, ({ name }) => nameKey(name));
      return { InstanceProfiles: await Promise.all(items.map((one) => shown(one))), ...paging };
    },

    async DeleteInstanceProfile(input, context) {
      const profile = await profileOf(context, input.InstanceProfileName);
      if (profile.roleKey !== undefined) throw errors.mustRemoveRoles();
      if (!(await profiles.delete(context.accountId, profile.name))) throw errors.concurrentModification();
      return {};
    },

    async AddRoleToInstanceProfile(input, context) {
      const profile = await profileOf(context, input.InstanceProfileName);
      const role = await entityOf(deps, keyOf(context, "role", input.RoleName));
      if (role.path.startsWith(SERVICE_ROLE_PATH)) throw errors.protectedRole(role.name);
      if (profile.roleKey !== undefined) {
        throw errors.quotaExceeded("InstanceSessionsPerInstanceProfile", 1);
      }
      if (!(await profiles.addRole(context.accountId, profile.name, role.name))) {
        throw errors.concurrentModification();
      }
      return {};
    },

    async RemoveRoleFromInstanceProfile(input, context) {
      const profile = await profileOf(context, input.InstanceProfileName);
      const role = input.RoleName ?? "";
      if (!(await profiles.removeRole(context.accountId, profile.name, role))) {
        throw errors.entityNotFound("role", role);
      }
      return {};
    },

    async TagInstanceProfile(input, context) {
      const tags = input.Tags ?? [];
      checkTags("instance-profile", tags);
      const owner = ownerOf(await profileOf(context, input.InstanceProfileName));
      checkTagCount("instance-profile", await entities.tags(owner), tags);
      await entities.putTags(owner, tags);
      return {};
    },

    async UntagInstanceProfile(input, context) {
      const owner = ownerOf(await profileOf(context, input.InstanceProfileName));
      await entities.removeTags(owner, input.TagKeys ?? []);
      return {};
    },

    async ListInstanceProfileTags(input, context) {
      const owner = ownerOf(await profileOf(context, input.InstanceProfileName));
      const key = (tag: Tag): string => tagNorm("instance-profile", tag.Key);
      const { items, paging } = paginate(await entities.tags(owner), input, key);
      return { Tags: [...items], ...paging };
    },
  };
}
